/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/numpy_objects.c -- arrays of numpy in a pickle: numpy/core/multiarray.py's _reconstruct() with
 * the state that is built into it, _frombuffer() of protocol 5, scalar(), dtype; in the modules of numpy 1 and 2.
 * Their numbers are bytes of the pickle itself.
 */
#include <string.h>

#include "checkpoint/pickle/numpy_objects.h"

/* numpy.dtype by the text that it is made of. */
static const DfPyType types[] = {
    { "f4", 4, true, DF_F32 }, { "f2", 2, true, DF_F16 }, { "f8", 8, true, DF_F64 }, { "i8", 8, true, DF_I64 },
    { "i4", 4, true, DF_I32 }, { "i2", 2, true, DF_I16 }, { "i1", 1, true, DF_I8 },  { "u1", 1, true, DF_U8 },
    { "u2", 2, true, DF_U16 }, { "u4", 4, true, DF_U32 }, { "u8", 8, true, DF_U64 }, { "b1", 1, true, DF_BOOL },
};
static const DfPyType unknown = { "another numpy dtype", 1, false, DF_U8 };

static int made(const DfPyHeap *heap, const DfPy *value)
{
    if (value)
        return DF_OK;
    return heap->budget == 0 ? DF_EFORMAT : DF_ENOMEM;
}

static int refuse(const char *function)
{
    return df_fail(DF_EFORMAT, "its pickle calls numpy's %s with arguments that do not fit", function);
}

/* ---- dtype ------------------------------------------------------------------------------------------------------- */

static const DfPyType *find_type(const DfPy *name)
{
    DfPyText text = name->kind == DF_PY_TEXT ? name->text : (DfPyText){ "", 0 };
    if (text.size > 1 && (text.bytes[0] == '<' || text.bytes[0] == '|')) {
        text.bytes++;
        text.size--;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (text.size == 2 && memcmp(text.bytes, types[i].name, 2) == 0)
            return &types[i];
    return &unknown;
}

int df_numpy_dtype(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    DfPy *value = *out = df_py_new(heap, DF_PY_DTYPE);
    if (!value)
        return made(heap, value);
    value->type = args->items.n ? find_type(args->items.at[0]) : &unknown;
    return DF_OK;
}

/* (3, byte order, ..) */
static void build_dtype(DfPy *dtype, const DfPy *state)
{
    if (state->kind == DF_PY_TUPLE && state->items.n >= 2 && df_py_is(state->items.at[1], ">") && dtype->type->size > 1)
        dtype->type = &unknown;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* Strides of an array without gaps, in elements. */
static int make_strides(DfPyHeap *heap, DfPy **out, const DfPy *shape, bool fortran)
{
    DfPy *stride[DF_ARRAY_DIMS] = { NULL };
    const int n = (int)shape->items.n;
    int64_t step = 1;
    for (int i = 0; i < n; i++) {
        const int at = fortran ? i : n - 1 - i;
        const DfPy *side = shape->items.at[at];
        if (side->kind != DF_PY_INT || side->integer < 0 || (side->integer && step > INT64_MAX / side->integer))
            return refuse("arrays");
        if (!(stride[at] = df_py_new(heap, DF_PY_INT)))
            return made(heap, NULL);
        stride[at]->integer = step;
        step *= side->integer ? side->integer : 1;
    }
    DfPy *tuple = *out = df_py_new(heap, DF_PY_TUPLE);
    return tuple ? df_py_append(heap, tuple, stride, (size_t)n) : made(heap, tuple);
}

/* The array of these bytes of the pickle. */
static int fill(DfPyHeap *heap, DfPy *array, const DfPy *shape, const DfPy *dtype, bool fortran, const DfPy *bytes)
{
    if (shape->kind != DF_PY_TUPLE || dtype->kind != DF_PY_DTYPE || bytes->kind != DF_PY_TEXT)
        return refuse("arrays");
    if (shape->items.n > DF_ARRAY_DIMS)
        return df_fail(DF_EFORMAT, "its pickle has an array of %u dimensions, want at most %d", shape->items.n,
                       DF_ARRAY_DIMS);
    DfPy *stride = NULL;
    const int error = make_strides(heap, &stride, shape, fortran);
    if (error < 0)
        return error;
    DfPyStorage *storage = df_arena_alloc(heap->arena, 1, sizeof *storage);
    if (!storage)
        return df_fail_memory("an array of a pickle");
    const int64_t numel = (int64_t)(bytes->text.size / dtype->type->size);
    *storage = (DfPyStorage){ .type = *dtype->type, .numel = numel, .view_numel = numel, .in_pickle = true,
                              .data = (const uint8_t *)bytes->text.bytes };
    *array->tensor = (DfPyTensor){ storage, *dtype->type, 0, shape, stride };
    return DF_OK;
}

/* An array that has no numbers yet. */
static int new_array(DfPyHeap *heap, DfPy **out)
{
    DfPy *value = *out = df_py_new(heap, DF_PY_TENSOR);
    if (!value)
        return made(heap, value);
    value->tensor = df_arena_alloc(heap->arena, 1, sizeof *value->tensor);
    return value->tensor ? DF_OK : df_fail_memory("an array of a pickle");
}

int df_numpy_reconstruct(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    (void)args;
    return new_array(heap, out);
}

/* (buffer, dtype, shape, order) */
int df_numpy_frombuffer(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    DfPy *const *a = args->items.at;
    if (args->items.n < 4)
        return refuse("_frombuffer");
    const int error = new_array(heap, out);
    return error < 0 ? error : fill(heap, *out, a[2], a[1], df_py_is(a[3], "F"), a[0]);
}

/* (dtype, bytes) */
int df_numpy_scalar(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    if (args->items.n < 2)
        return refuse("scalar");
    DfPy *shape = df_py_new(heap, DF_PY_TUPLE);
    if (!shape)
        return made(heap, shape);
    const int error = new_array(heap, out);
    return error < 0 ? error : fill(heap, *out, shape, args->items.at[0], false, args->items.at[1]);
}

/* The state of an array: (version, shape, dtype, Fortran order, bytes). */
int df_numpy_build(DfPyHeap *heap, DfPy *object, const DfPy *state)
{
    if (object->kind == DF_PY_DTYPE)
        build_dtype(object, state);
    if (object->kind != DF_PY_TENSOR || object->tensor->storage)
        return DF_OK;
    DfPy *const *s = state->items.at;
    if (state->kind != DF_PY_TUPLE || state->items.n < 5)
        return refuse("arrays");
    return fill(heap, object, s[1], s[2], s[3]->kind == DF_PY_BOOL && s[3]->integer, s[4]);
}

/* ---- bytes as text ----------------------------------------------------------------------------------------------- */

/* One letter of UTF-8 below 256; -1: it is none. */
static int latin1_letter(const char **at, const char *end)
{
    const int first = (unsigned char)*(*at)++;
    if (first < 0x80)
        return first;
    if ((first != 0xc2 && first != 0xc3) || *at == end)
        return -1;
    return ((first & 3) << 6) | ((unsigned char)*(*at)++ & 0x3f);
}

/* _codecs.encode(text, 'latin1'), as protocols 0 to 2 write bytes: each text once in an honest file. */
int df_numpy_encode(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    const DfPy *text = args->items.n ? args->items.at[0] : NULL;
    if (!text || text->kind != DF_PY_TEXT)
        return refuse("bytes");
    if (heap->has_lines)
        return df_fail(DF_EFORMAT, "its pickle has arrays in protocol 0: save it again with protocol 2 or later");
    if (text->text.size > heap->encoded)
        return df_fail(DF_EFORMAT, "its pickle repeats its bytes too often");
    heap->encoded -= text->text.size;
    char *bytes = df_arena_alloc(heap->arena, text->text.size + 1, 1);
    DfPy *value = *out = bytes ? df_py_new(heap, DF_PY_TEXT) : NULL;
    if (!bytes)
        return df_fail_memory("the bytes of a pickle");
    if (!value)
        return made(heap, value);
    const char *at = text->text.bytes;
    const char *end = at + text->text.size;
    size_t n = 0;
    while (at < end) {
        const int letter = latin1_letter(&at, end);
        if (letter < 0)
            return df_fail(DF_EFORMAT, "its pickle has bytes as text with a letter beyond 255");
        bytes[n++] = (char)letter;
    }
    value->text = (DfPyText){ bytes, n };
    return DF_OK;
}

/* bytes(), as protocols 0 to 2 write no bytes. */
int df_numpy_no_bytes(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    DfPy *value = *out = df_py_new(heap, args->items.n ? DF_PY_OBJECT : DF_PY_TEXT);
    if (value && args->items.n == 0)
        value->text = (DfPyText){ "", 0 };
    return made(heap, value);
}
