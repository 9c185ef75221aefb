/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/pth_legacy.c -- reads the .pth of PyTorch before 1.6 (torch/serialization.py, _legacy_save): several
 * pickles in sequence -- magic number, protocol version, machine, the object, the list of its storages' keys -- then
 * each storage as an int64 count and its elements. Only the order of the list tells where a storage begins.
 *
 * A file with one pickle, a dict of numpy arrays, is the .pkl of detectron2's model zoo. Its numbers are in the
 * pickle.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/forms.h"

enum { PROTOCOL = 1001 };

typedef struct {
    const DfCheckpoint *ck;
    size_t at; /* bytes read so far */
} Stream;

static int next_pickle(DfPickle *out, Stream *s)
{
    const int error = df_unpickle(out, s->ck->arena, s->ck->bytes + s->at, s->ck->size - s->at);
    if (error == DF_OK)
        s->at += out->used;
    return error;
}

static bool is_magic(const DfPy *value)
{
    static const uint8_t binary[] = { 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19 };
    static const char decimal[] = "119547037146038801333356";
    if (value->kind != DF_PY_LONG)
        return false;
    const DfPyText text = value->text;
    return (text.size == sizeof binary && memcmp(text.bytes, binary, sizeof binary) == 0) ||
           (text.size == sizeof decimal - 1 && memcmp(text.bytes, decimal, sizeof decimal - 1) == 0);
}

/* What follows the magic number. */
static int read_head(Stream *s)
{
    DfPickle version, machine;
    int error;
    if ((error = next_pickle(&version, s)) < 0)
        return error;
    if (version.value->kind != DF_PY_INT || version.value->integer != PROTOCOL)
        return df_fail(DF_EFORMAT, "is not of PyTorch's protocol version %d", PROTOCOL);
    if ((error = next_pickle(&machine, s)) < 0)
        return error;
    const DfPy *little_endian = df_py_get(machine.value, "little_endian");
    if (little_endian && little_endian->kind == DF_PY_BOOL && !little_endian->integer)
        return df_fail(DF_EFORMAT, "was written on a big-endian machine, want little-endian numbers");
    return DF_OK;
}

/* ---- storages ---------------------------------------------------------------------------------------------------- */

static int compare_texts(DfPyText a, DfPyText b)
{
    const int order = memcmp(a.bytes, b.bytes, a.size < b.size ? a.size : b.size);
    return order ? order : (a.size > b.size) - (a.size < b.size);
}

static int compare_storages(const void *a, const void *b)
{
    return compare_texts((*(DfPyStorage *const *)a)->key, (*(DfPyStorage *const *)b)->key);
}

/* Every tensor names its storage again: all of them, sorted by key. */
static int sort_storages(DfPyStorage ***out, size_t *n, DfPyStorage *list)
{
    size_t count = 0;
    for (const DfPyStorage *s = list; s; s = s->next)
        count++;
    DfPyStorage **sorted = *out = df_calloc(count + 1, sizeof *sorted);
    if (!sorted)
        return df_fail_memory("the storages of a checkpoint");
    *n = count;
    for (count = 0; list; list = list->next)
        sorted[count++] = list;
    qsort(sorted, count, sizeof *sorted, compare_storages);
    return DF_OK;
}

/* The first of the storages with this key; `n` if there is none. */
static size_t find_storage(DfPyStorage *const *sorted, size_t n, DfPyText key)
{
    size_t low = 0, high = n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (compare_texts(sorted[middle]->key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && compare_texts(sorted[low]->key, key) == 0 ? low : n;
}

/* One storage of the file: its count, then its elements. All that go by its key are told where it is. */
static int place_storage(Stream *s, DfPyStorage *const *sorted, size_t n, const DfPy *key)
{
    if (key->kind != DF_PY_TEXT)
        return df_fail(DF_EFORMAT, "its list of storages contains something that is not a key");
    const int length = (int)(key->text.size & 0xff);
    const size_t first = find_storage(sorted, n, key->text);
    if (first == n)
        return df_fail(DF_EFORMAT, "has a storage '%.*s' that no tensor uses", length, key->text.bytes);
    if (sorted[first]->data)
        return df_fail(DF_EFORMAT, "has storage '%.*s' twice", length, key->text.bytes);
    const uint64_t left = s->ck->size - s->at;
    const uint64_t size = sorted[first]->type.size;
    const uint64_t numel = (uint64_t)sorted[first]->numel;
    uint64_t count;
    if (left < sizeof count)
        return df_fail(DF_EFORMAT, "ends before storage '%.*s': the file is truncated", length, key->text.bytes);
    memcpy(&count, s->ck->bytes + s->at, sizeof count);
    if (count != numel)
        return df_fail(DF_EFORMAT, "has storage '%.*s' of %llu elements, want %llu", length, key->text.bytes,
                       (unsigned long long)count, (unsigned long long)numel);
    if (count > (left - sizeof count) / size)
        return df_fail(DF_EFORMAT, "ends within storage '%.*s': the file is truncated", length, key->text.bytes);
    const uint8_t *data = s->ck->bytes + s->at + sizeof count;
    for (size_t i = first; i < n && compare_texts(sorted[i]->key, key->text) == 0; i++) {
        if (sorted[i]->type.size != size || (uint64_t)sorted[i]->numel != numel)
            return df_fail(DF_EFORMAT, "describes storage '%.*s' twice, differently", length, key->text.bytes);
        sorted[i]->data = data;
    }
    s->at += sizeof count + (size_t)(count * size);
    return DF_OK;
}

static int place_storages(Stream *s, DfPyStorage *list, const DfPy *keys)
{
    if (keys->kind != DF_PY_LIST)
        return df_fail(DF_EFORMAT, "has no list of storages after its object");
    DfPyStorage **sorted = NULL;
    size_t n = 0;
    int error = sort_storages(&sorted, &n, list);
    for (size_t i = 0; i < keys->items.n && error == DF_OK; i++)
        error = place_storage(s, sorted, n, keys->items.at[i]);
    df_free((void *)sorted);
    return error;
}

static int locate(void *context, const DfPyStorage *storage, const uint8_t **data)
{
    (void)context;
    if (!storage->data)
        return df_fail(DF_EFORMAT, "wants storage '%.*s', which the file does not have",
                       (int)(storage->key.size & 0xff), storage->key.bytes);
    *data = storage->data;
    return DF_OK;
}

static int open_numpy(DfCheckpoint *ck, const DfPickle *pickle, const char *wrapper)
{
    ck->form = "pickle (numpy)";
    if (!df_py_is_dict(pickle->value))
        return df_fail(DF_EFORMAT, "is a pickle but does not begin with PyTorch's magic number, nor is it a dict of "
                                   "arrays: want a file of torch.save, or a .pkl of detectron2");
    if (df_py_get(pickle->value, "blobs"))
        return df_fail(DF_EFORMAT, "has 'blobs' inside, as Caffe2 wrote: its names are of no network here; want a file "
                                   "of detectron2's model zoo");
    return df_state_dict(ck, pickle, wrapper, locate, NULL);
}

int df_pth_legacy_open(DfCheckpoint *ck, const char *wrapper)
{
    ck->form = "pth (legacy)";
    Stream s = { ck, 0 };
    DfPickle magic, object, keys;
    int error;
    if ((error = next_pickle(&magic, &s)) < 0)
        return error;
    if (!is_magic(magic.value))
        return open_numpy(ck, &magic, wrapper);
    if ((error = read_head(&s)) < 0 || (error = next_pickle(&object, &s)) < 0 || (error = next_pickle(&keys, &s)) < 0 ||
        (error = place_storages(&s, object.storages, keys.value)) < 0)
        return error;
    return df_state_dict(ck, &object, wrapper, locate, NULL);
}
