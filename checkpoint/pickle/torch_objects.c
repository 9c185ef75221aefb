/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pickle/torch_objects.c -- the calls in a pickle that the unpickler understands: those of torch/_utils.py
 * that rebuild tensors, ordered dicts, and storages by persistent id (torch/serialization.py). Every other call gives
 * an opaque object.
 */
#include <string.h>

#include "checkpoint/pickle/numpy_objects.h"
#include "checkpoint/pickle/torch_objects.h"

/* Typed storages, by class name. The size matters even where the type is not read: legacy files lay storages end to
 * end. */
static const DfPyType storage_types[] = {
    { "FloatStorage", 4, true, DF_F32 },       { "HalfStorage", 2, true, DF_F16 },
    { "BFloat16Storage", 2, true, DF_BF16 },   { "DoubleStorage", 8, true, DF_F64 },
    { "LongStorage", 8, true, DF_I64 },        { "IntStorage", 4, true, DF_I32 },
    { "ShortStorage", 2, true, DF_I16 },       { "CharStorage", 1, true, DF_I8 },
    { "ByteStorage", 1, true, DF_U8 },         { "BoolStorage", 1, true, DF_BOOL },
    { "UntypedStorage", 1, true, DF_U8 },      { "ComplexFloatStorage", 8, false, DF_U8 },
    { "ComplexDoubleStorage", 16, false, DF_U8 }, { "QInt8Storage", 1, false, DF_U8 },
    { "QUInt8Storage", 1, false, DF_U8 },      { "QInt32Storage", 4, false, DF_U8 },
    { "QUInt4x2Storage", 1, false, DF_U8 },    { "QUInt2x4Storage", 1, false, DF_U8 },
};

/* torch.dtype, as _rebuild_tensor_v3 is given it. */
static const DfPyType dtypes[] = {
    { "float32", 4, true, DF_F32 }, { "float16", 2, true, DF_F16 }, { "bfloat16", 2, true, DF_BF16 },
    { "float64", 8, true, DF_F64 }, { "int64", 8, true, DF_I64 },   { "int32", 4, true, DF_I32 },
    { "int16", 2, true, DF_I16 },   { "int8", 1, true, DF_I8 },     { "uint8", 1, true, DF_U8 },
    { "uint16", 2, true, DF_U16 },  { "uint32", 4, true, DF_U32 },  { "uint64", 8, true, DF_U64 },
    { "bool", 1, true, DF_BOOL },
};

static bool equals(DfPyText text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.bytes, word, text.size) == 0;
}

static const DfPyType *find_type(const DfPyType *types, size_t n, DfPyText name)
{
    for (size_t i = 0; i < n; i++)
        if (equals(name, types[i].name))
            return &types[i];
    return NULL;
}

/* Every copy of a value counts, so that a short pickle cannot copy a long list again and again. */
static int charge(DfPyHeap *heap, size_t n)
{
    if (n >= heap->budget)
        return df_fail(DF_EFORMAT, "its pickle makes too many values");
    heap->budget -= n;
    return DF_OK;
}

static int made(const DfPyHeap *heap, const DfPy *value)
{
    if (value)
        return DF_OK;
    return heap->budget == 0 ? DF_EFORMAT : DF_ENOMEM;
}

/* ---- tensors ----------------------------------------------------------------------------------------------------- */

static int bad_arguments(const char *function)
{
    return df_fail(DF_EFORMAT, "its pickle calls %s with arguments that do not fit", function);
}

/* (storage, offset, size, stride, ..); `type` overrides the storage's. */
static int new_tensor(DfPyHeap *heap, DfPy **out, const DfPy *args, const DfPyType *type, const char *function)
{
    DfPy *const *a = args->items.at;
    if (args->items.n < 4 || a[0]->kind != DF_PY_STORAGE || a[1]->kind != DF_PY_INT || a[2]->kind != DF_PY_TUPLE ||
        a[3]->kind != DF_PY_TUPLE || a[2]->items.n != a[3]->items.n)
        return bad_arguments(function);
    DfPy *value = *out = df_py_new(heap, DF_PY_TENSOR);
    if (!value)
        return made(heap, value);
    value->tensor = df_arena_alloc(heap->arena, 1, sizeof *value->tensor);
    if (!value->tensor)
        return df_fail_memory("a tensor of a pickle");
    *value->tensor = (DfPyTensor){ a[0]->storage, type ? *type : a[0]->storage->type, a[1]->integer, a[2], a[3] };
    return DF_OK;
}

static int rebuild_tensor(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    return new_tensor(heap, out, args, NULL, "_rebuild_tensor");
}

/* (storage, offset, size, stride, requires_grad, hooks, dtype, ..): the storage is bytes, `dtype` says what they are.
 */
static int rebuild_tensor_v3(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    static const DfPyType unknown = { "unknown", 1, false, DF_U8 };
    if (args->items.n < 7 || args->items.at[6]->kind != DF_PY_GLOBAL)
        return bad_arguments("_rebuild_tensor_v3");
    const DfPyType *type = find_type(dtypes, sizeof dtypes / sizeof *dtypes, args->items.at[6]->global->name);
    return new_tensor(heap, out, args, type ? type : &unknown, "_rebuild_tensor_v3");
}

/* A parameter is its data; requires_grad, hooks and state are of no use here. */
static int rebuild_parameter(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    (void)heap;
    if (args->items.n < 1)
        return bad_arguments("_rebuild_parameter");
    *out = args->items.at[0];
    return DF_OK;
}

static int rebuild_tensor_v2(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    return new_tensor(heap, out, args, NULL, "_rebuild_tensor_v2");
}

/* (function, type, args, state): a subclass of Tensor, which is rebuilt by the function. Only the plain ones, so that
 * calls do not nest. */
static int rebuild_from_type(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    DfPy *const *a = args->items.at;
    if (args->items.n < 3 || a[0]->kind != DF_PY_GLOBAL || a[2]->kind != DF_PY_TUPLE)
        return bad_arguments("_rebuild_from_type");
    if (equals(a[0]->global->name, "_rebuild_tensor_v2"))
        return rebuild_tensor_v2(heap, out, a[2]);
    if (equals(a[0]->global->name, "_rebuild_tensor_v3"))
        return rebuild_tensor_v3(heap, out, a[2]);
    if (equals(a[0]->global->name, "_rebuild_parameter"))
        return rebuild_parameter(heap, out, a[2]);
    *out = df_py_new(heap, DF_PY_OBJECT);
    return made(heap, *out);
}

/* ---- containers -------------------------------------------------------------------------------------------------- */

/* OrderedDict() and, as Python 2 wrote it, OrderedDict([[key, value], ..]). */
static int ordered_dict(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    DfPy *dict = *out = df_py_new(heap, DF_PY_DICT);
    if (!dict || args->items.n == 0)
        return made(heap, dict);
    const DfPy *from = args->items.at[0];
    int error = DF_OK;
    if (from->kind == DF_PY_DICT) {
        if ((error = charge(heap, from->items.n)) == DF_OK)
            error = df_py_append(heap, dict, from->items.at, from->items.n);
        return error;
    }
    if (from->kind != DF_PY_LIST && from->kind != DF_PY_TUPLE)
        return bad_arguments("OrderedDict");
    error = charge(heap, 2 * (size_t)from->items.n);
    for (size_t i = 0; error == DF_OK && i < from->items.n; i++) {
        const DfPy *pair = from->items.at[i];
        if ((pair->kind != DF_PY_LIST && pair->kind != DF_PY_TUPLE) || pair->items.n != 2)
            return bad_arguments("OrderedDict");
        error = df_py_append(heap, dict, pair->items.at, 2);
    }
    return error;
}

/* defaultdict(factory): its items are set afterwards. */
static int default_dict(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    (void)args;
    *out = df_py_new(heap, DF_PY_DICT);
    return made(heap, *out);
}

/* torch.Size((1, 2)) is a tuple; so are tuple([..]), list([..]) and set([..]) for what we need of them. */
static int sequence(DfPyHeap *heap, DfPy **out, DfPy *args)
{
    if (args->items.n == 1 && (args->items.at[0]->kind == DF_PY_TUPLE || args->items.at[0]->kind == DF_PY_LIST)) {
        *out = args->items.at[0];
        return DF_OK;
    }
    *out = df_py_new(heap, DF_PY_TUPLE);
    return made(heap, *out);
}

static const struct {
    const char *module, *name;
    int (*call)(DfPyHeap *, DfPy **out, DfPy *args);
} functions[] = {
    { "torch._utils", "_rebuild_tensor_v2", rebuild_tensor_v2 },
    { "torch._utils", "_rebuild_tensor", rebuild_tensor },
    { "torch._utils", "_rebuild_tensor_v3", rebuild_tensor_v3 },
    { "torch._utils", "_rebuild_parameter", rebuild_parameter },
    { "torch._utils", "_rebuild_parameter_with_state", rebuild_parameter },
    { "torch._tensor", "_rebuild_from_type_v2", rebuild_from_type },
    { "torch._tensor", "_rebuild_from_type", rebuild_from_type },
    { "collections", "OrderedDict", ordered_dict },
    { "collections", "defaultdict", default_dict },
    { "torch", "Size", sequence },
    { "builtins", "dict", ordered_dict },
    { "__builtin__", "dict", ordered_dict },
    { "builtins", "tuple", sequence },
    { "builtins", "list", sequence },
    { "builtins", "set", sequence },
    { "__builtin__", "set", sequence },
    { "numpy", "dtype", df_numpy_dtype },
    { "numpy.core.multiarray", "_reconstruct", df_numpy_reconstruct },
    { "numpy._core.multiarray", "_reconstruct", df_numpy_reconstruct },
    { "numpy.core.multiarray", "scalar", df_numpy_scalar },
    { "numpy._core.multiarray", "scalar", df_numpy_scalar },
    { "numpy.core.numeric", "_frombuffer", df_numpy_frombuffer },
    { "numpy._core.numeric", "_frombuffer", df_numpy_frombuffer },
    { "_codecs", "encode", df_numpy_encode },
    { "builtins", "bytes", df_numpy_no_bytes },
    { "__builtin__", "bytes", df_numpy_no_bytes },
};

int df_py_call(DfPyHeap *heap, DfPy **out, const DfPy *callable, DfPy *args)
{
    if (callable->kind == DF_PY_GLOBAL && args->kind == DF_PY_TUPLE) {
        const DfPyGlobal *g = callable->global;
        for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
            if (equals(g->name, functions[i].name) && equals(g->module, functions[i].module))
                return functions[i].call(heap, out, args);
    }
    DfPy *object = *out = df_py_new(heap, DF_PY_OBJECT);
    if (object)
        object->items.maker = callable;
    return made(heap, object);
}

/* ---- storages ---------------------------------------------------------------------------------------------------- */

/* (view_key, offset, numel): files of PyTorch before 0.4 could share a storage among several windows. */
static int read_view(DfPyStorage *storage, const DfPy *view)
{
    DfPy *const *v = view->items.at;
    if (view->kind != DF_PY_TUPLE || view->items.n != 3 || v[1]->kind != DF_PY_INT || v[2]->kind != DF_PY_INT)
        return df_fail(DF_EFORMAT, "its pickle has a storage whose view does not read (key, offset, size)");
    const int64_t offset = v[1]->integer, numel = v[2]->integer;
    if (offset < 0 || numel < 0 || offset > storage->numel || numel > storage->numel - offset)
        return df_fail(DF_EFORMAT, "its pickle has a view that is not within its storage");
    storage->view_offset = offset;
    storage->view_numel = numel;
    return DF_OK;
}

static int read_storage(DfPyStorage *storage, const DfPy *id)
{
    DfPy *const *a = id->items.at;
    if (id->items.n < 5 || a[1]->kind != DF_PY_GLOBAL || a[2]->kind != DF_PY_TEXT || a[4]->kind != DF_PY_INT ||
        a[4]->integer < 0)
        return df_fail(DF_EFORMAT,
                       "its pickle has a storage that does not read ('storage', type, key, location, size)");
    const DfPyText class = a[1]->global->name;
    const DfPyType *type = find_type(storage_types, sizeof storage_types / sizeof *storage_types, class);
    if (!type)
        return df_fail(DF_EFORMAT, "its pickle has a storage of the unknown type %.*s", (int)(class.size & 0xff),
                       class.bytes);
    if (a[4]->integer > INT64_MAX / 16)
        return df_fail(DF_EFORMAT, "its pickle has a storage of %lld elements", (long long)a[4]->integer);
    *storage = (DfPyStorage){ .key = a[2]->text, .type = *type, .numel = a[4]->integer, .view_numel = a[4]->integer };
    return id->items.n >= 6 && a[5]->kind != DF_PY_NONE ? read_view(storage, a[5]) : DF_OK;
}

int df_py_persistent(DfPyHeap *heap, DfPy **out, DfPy *id)
{
    if (id->kind != DF_PY_TUPLE || id->items.n < 2)
        return df_fail(DF_EFORMAT, "its pickle has a persistent id that is not a tuple");
    if (df_py_is(id->items.at[0], "module")) { /* ('module', class, file, source): the class */
        *out = id->items.at[1];
        return DF_OK;
    }
    if (!df_py_is(id->items.at[0], "storage"))
        return df_fail(DF_EFORMAT, "its pickle has a persistent id that is neither a storage nor a module");
    DfPy *value = *out = df_py_new(heap, DF_PY_STORAGE);
    if (!value)
        return made(heap, value);
    value->storage = df_arena_alloc(heap->arena, 1, sizeof *value->storage);
    if (!value->storage)
        return df_fail_memory("a storage of a pickle");
    const int error = read_storage(value->storage, id);
    value->storage->next = heap->storages;
    heap->storages = value->storage;
    return error;
}
