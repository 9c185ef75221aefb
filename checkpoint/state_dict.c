/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/state_dict.c -- finds the dict with the weights inside the value of a pickle, and makes named arrays of
 * it.
 */
#include <string.h>

#include "checkpoint/array_parts.h"
#include "checkpoint/forms.h"

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

/* The text keys of a dict as one list for a message: "meta, state_dict, optimizer". */
static const char *list_keys(const DfPy *dict, char *buffer, size_t size)
{
    static const char more[] = ", ..";
    const size_t comma = 2;
    size_t length = 0;
    buffer[0] = 0;
    for (size_t i = 0; i + 1 < dict->items.n; i += 2) {
        const DfPy *key = dict->items.at[i];
        if (key->kind != DF_PY_TEXT || memchr(key->text.bytes, 0, key->text.size))
            continue;
        if (length + comma + key->text.size + sizeof more > size) {
            strcpy(buffer + length, length ? more : more + comma);
            break;
        }
        if (length) {
            memcpy(buffer + length, more, comma);
            length += comma;
        }
        memcpy(buffer + length, key->text.bytes, key->text.size);
        length += key->text.size;
        buffer[length] = 0;
    }
    return buffer[0] ? buffer : "none";
}

/* An array of numpy. Beside tensors it is no weight. */
static bool is_numpy(const DfPy *value)
{
    return value->kind == DF_PY_TENSOR && (!value->tensor->storage || value->tensor->storage->in_pickle);
}

static bool has_tensors(const DfPy *dict)
{
    for (size_t i = 1; i < dict->items.n; i += 2)
        if (dict->items.at[i]->kind == DF_PY_TENSOR && !is_numpy(dict->items.at[i]))
            return true;
    return false;
}

/* The value of a key; if there is none, of "ema.module" the value of module in that of ema. */
static const DfPy *wrapped(const DfPy *dict, const char *wrapper)
{
    char key[256];
    const size_t outer = strcspn(wrapper, ".");
    const DfPy *value = df_py_get(dict, wrapper);
    if (value || !wrapper[outer] || outer >= sizeof key)
        return value;
    memcpy(key, wrapper, outer);
    key[outer] = 0;
    const DfPy *inner = df_py_get(dict, key);
    return inner ? df_py_get(inner, wrapper + outer + 1) : NULL;
}

/* The first wrapper that leads from `dict` to tensors, through so many dicts at most; NULL: none does. A pickle can
 * name one dict again and again: *looks is how many values are looked at. */
static const char *name_wrapper(const DfPy *dict, int depth, char *out, size_t size, size_t *looks)
{
    for (size_t i = 0; i + 1 < dict->items.n; i += 2) {
        const DfPy *key = dict->items.at[i];
        const DfPy *value = dict->items.at[i + 1];
        if (key->kind != DF_PY_TEXT || memchr(key->text.bytes, 0, key->text.size) || !df_py_is_dict(value))
            continue;
        const int n = df_snprintf(out, size, "%.*s", (int)key->text.size, key->text.bytes);
        if (n < 0 || (size_t)n + 2 > size || value->items.n > *looks)
            continue;
        *looks -= value->items.n;
        if (has_tensors(value))
            return out;
        out[n] = '.';
        if (depth > 1 && name_wrapper(value, depth - 1, out + n + 1, size - (size_t)n - 1, looks))
            return out;
    }
    return NULL;
}

static int fail_without_tensors(const DfPy *dict, const char *wrapper)
{
    char keys[512];
    char inner[256];
    size_t looks = 1000000;
    list_keys(dict, keys, sizeof keys);
    if (!name_wrapper(dict, wrapper ? 1 : 2, inner, sizeof inner, &looks))
        return df_fail(DF_EFORMAT, "has no tensors where the state dict should be; the keys there are: %s", keys);
    return df_fail(DF_EFORMAT,
                   "has no tensors where the state dict should be, but in '%s%s%s': want that as the wrapper; the keys "
                   "there are: %s",
                   wrapper ? wrapper : "", wrapper ? "." : "", inner, keys);
}

/* The dict that the official loaders would take, or the one that was asked for. */
static int choose(const DfPy **out, const DfPy *top, const char *wrapper)
{
    char text[512];
    if (!df_py_is_dict(top))
        return df_fail(DF_EFORMAT, "holds %s, want a dict of tensors", df_py_describe(top, text, sizeof text));
    if (wrapper) {
        const DfPy *inner = wrapped(top, wrapper);
        if (!inner)
            return df_fail(DF_EVALUE, "has no '%s' inside; its keys are: %s", wrapper,
                           list_keys(top, text, sizeof text));
        if (!df_py_is_dict(inner))
            return df_fail(DF_EVALUE, "its '%s' is %s, want a dict of tensors", wrapper,
                           df_py_describe(inner, text, sizeof text));
        *out = inner;
        return DF_OK;
    }
    const DfPy *model = df_py_get(top, "state_dict");
    if (!model || !df_py_is_dict(model))
        model = df_py_get(top, "model");
    *out = model && df_py_is_dict(model) ? model : top;
    return DF_OK;
}

/* A zero-terminated copy. A text of a pickle can be named again and again in two bytes: honest files do that a few
 * times at most, so all copies together have a limit. */
static int copy_text(DfCheckpoint *ck, const char **out, DfPyText text)
{
    if (text.size > ck->text_room)
        return df_fail(DF_EFORMAT, "repeats its names too often");
    ck->text_room -= text.size;
    *out = df_arena_copy(ck->arena, text.bytes, text.size);
    return *out ? DF_OK : df_fail_memory("the names of a checkpoint");
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

static int read_sizes(int64_t *out, const DfPy *tuple)
{
    for (size_t i = 0; i < tuple->items.n; i++) {
        if (tuple->items.at[i]->kind != DF_PY_INT)
            return df_fail(DF_EFORMAT, "its shape or stride contains something that is not an integer");
        out[i] = tuple->items.at[i]->integer;
    }
    return DF_OK;
}

/* The view that a tensor describes; its storage's bytes come from `locate`. */
static int view(DfArray *array, const DfPyTensor *tensor, DfLocate *locate, void *context)
{
    DfPyStorage *storage = tensor->storage;
    if (!storage)
        return df_fail(DF_EFORMAT, "is an array of numpy without its numbers");
    if (!tensor->type.readable)
        return df_fail(DF_EFORMAT, "is a tensor of type %s, want one of floats, integers or bools", tensor->type.name);
    if (tensor->shape->items.n > DF_ARRAY_DIMS)
        return df_fail(DF_EFORMAT, "has %u dimensions, want at most %d", tensor->shape->items.n, DF_ARRAY_DIMS);
    array->dtype = tensor->type.dtype;
    array->ndim = (int)tensor->shape->items.n;
    int error;
    if ((error = read_sizes(array->shape, tensor->shape)) < 0 ||
        (error = read_sizes(array->stride, tensor->stride)) < 0)
        return error;
    const size_t size = df_dtype_size(array->dtype);
    const int64_t room = (int64_t)((uint64_t)storage->view_numel * storage->type.size / size);
    if ((error = df_array_check(array, tensor->offset, room)) < 0)
        return error;
    const uint8_t *data = NULL;
    if (storage->in_pickle)
        data = storage->data;
    else if ((error = locate(context, storage, &data)) < 0)
        return error;
    if (df_array_count(array) > 0) /* `data` is NULL only for storages of no elements */
        data += (uint64_t)storage->view_offset * storage->type.size + (uint64_t)tensor->offset * size;
    array->data = data;
    return DF_OK;
}

/* A Python number as an array without dimensions. The values of the tree last as long as the checkpoint. */
static void scalar(DfArray *array, const DfPy *value)
{
    array->ndim = 0;
    array->dtype = value->kind == DF_PY_FLOAT ? DF_F64 : DF_I64;
    array->data = value->kind == DF_PY_FLOAT ? (const void *)&value->number : (const void *)&value->integer;
}

static bool has_module(DfPyText name)
{
    return name.size >= 7 && memcmp(name.bytes, "module.", 7) == 0;
}

static int add_item(DfCheckpoint *ck, const DfPy *key, const DfPy *value, bool strip, DfLocate *locate, void *context)
{
    const bool is_number = value->kind == DF_PY_INT || value->kind == DF_PY_FLOAT || value->kind == DF_PY_BOOL;
    if (key->kind != DF_PY_TEXT || (value->kind != DF_PY_TENSOR && !is_number))
        return DF_OK;
    DfPyText name = key->text;
    if (memchr(name.bytes, 0, name.size))
        return df_fail(DF_EFORMAT, "has a key that contains a zero byte");
    if (strip && has_module(name)) {
        name.bytes += 7;
        name.size -= 7;
    }
    DfArray array = { 0 };
    int error = copy_text(ck, &array.name, name);
    if (error < 0)
        return error;
    if (is_number)
        scalar(&array, value);
    else
        error = view(&array, value->tensor, locate, context);
    return error < 0 ? df_fail_in(error, "'%s' ", array.name) : df_checkpoint_add(ck, &array);
}

/* ---- what else is in the file ------------------------------------------------------------------------------------ */

static int add_keys(DfCheckpoint *ck, const DfPy *top)
{
    ck->keys = df_arena_alloc(ck->arena, top->items.n / 2 + 1, sizeof *ck->keys);
    if (!ck->keys)
        return df_fail_memory("the keys of a checkpoint");
    for (size_t i = 0; i + 1 < top->items.n; i += 2) {
        const DfPy *key = top->items.at[i];
        if (key->kind != DF_PY_TEXT)
            continue;
        const int error = copy_text(ck, &ck->keys[ck->n_keys], key->text);
        if (error < 0)
            return error;
        ck->n_keys++;
    }
    return DF_OK;
}

/* The texts of the "meta" dict: mmdet's config, time, version. */
static int add_meta(DfCheckpoint *ck, const DfPy *top)
{
    const DfPy *meta = df_py_get(top, "meta");
    if (!meta || !df_py_is_dict(meta))
        return DF_OK;
    for (size_t i = 0; i + 1 < meta->items.n; i += 2) {
        const DfPy *key = meta->items.at[i];
        const DfPy *value = meta->items.at[i + 1];
        if (key->kind != DF_PY_TEXT || value->kind != DF_PY_TEXT)
            continue;
        const char *k = NULL, *v = NULL;
        int error;
        if ((error = copy_text(ck, &k, key->text)) < 0 || (error = copy_text(ck, &v, value->text)) < 0 ||
            (error = df_checkpoint_add_metadata(ck, k, v)) < 0)
            return error;
    }
    return DF_OK;
}

/* meta["CLASSES"] of mmdet 2.x, meta["dataset_meta"]["classes"] or ["CLASSES"] of 3.x. */
static const DfPy *class_list(const DfPy *meta)
{
    const DfPy *data = df_py_get(meta, "dataset_meta");
    const DfPy *names = df_py_get(meta, "CLASSES");
    if (!names && data)
        names = df_py_get(data, "classes");
    if (!names && data)
        names = df_py_get(data, "CLASSES");
    return names && (names->kind == DF_PY_TUPLE || names->kind == DF_PY_LIST) ? names : NULL;
}

/* A list with anything else in it names nothing. */
static int add_classes(DfCheckpoint *ck, const DfPy *top)
{
    const DfPy *meta = df_py_get(top, "meta");
    const DfPy *names = meta && df_py_is_dict(meta) ? class_list(meta) : NULL;
    const size_t n = names ? names->items.n : 0;
    for (size_t i = 0; i < n; i++)
        if (names->items.at[i]->kind != DF_PY_TEXT)
            return DF_OK;
    ck->classes = df_arena_alloc(ck->arena, n + 1, sizeof *ck->classes);
    if (!ck->classes)
        return df_fail_memory("the classes of a checkpoint");
    for (size_t i = 0; i < n; i++) {
        const int error = copy_text(ck, &ck->classes[i], names->items.at[i]->text);
        if (error < 0)
            return error;
    }
    ck->n_classes = n;
    return DF_OK;
}

int df_state_dict(DfCheckpoint *ck, const DfPickle *pickle, const char *wrapper, DfLocate *locate, void *context)
{
    const DfPy *top = pickle->value, *dict = NULL;
    int error;
    ck->text_room = 4 * pickle->used + 65536;
    if ((error = choose(&dict, top, wrapper)) < 0 || (error = add_keys(ck, top)) < 0 ||
        (error = add_meta(ck, top)) < 0 || (error = add_classes(ck, top)) < 0)
        return error;
    const size_t n = dict->items.n;
    const bool strip = n >= 2 && dict->items.at[0]->kind == DF_PY_TEXT && has_module(dict->items.at[0]->text);
    const bool tensors = has_tensors(dict);
    bool any = false;
    for (size_t i = 0; i + 1 < n; i += 2) {
        if (tensors && is_numpy(dict->items.at[i + 1]))
            continue;
        if ((error = add_item(ck, dict->items.at[i], dict->items.at[i + 1], strip, locate, context)) < 0)
            return error;
        any |= dict->items.at[i + 1]->kind == DF_PY_TENSOR;
    }
    return any || n == 0 ? DF_OK : fail_without_tensors(dict, wrapper);
}
