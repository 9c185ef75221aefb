/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/checkpoint.c -- opening a checkpoint of any form, its table of names, and writing one.
 */
#include <stdlib.h>
#include <string.h>

#include "nn/checkpoint_forms.h"

/* ---- the table --------------------------------------------------------------------------------------------------- */

int df_checkpoint_add(DfCheckpoint *ck, const DfArray *array)
{
    if (ck->n >= UINT32_MAX || !df_grow((void **)&ck->arrays, &ck->capacity, ck->n, sizeof *ck->arrays))
        return df_fail_memory("the arrays of a checkpoint");
    ck->arrays[ck->n++] = *array;
    return DF_OK;
}

int df_checkpoint_add_metadata(DfCheckpoint *ck, const char *key, const char *value)
{
    if (!df_grow((void **)&ck->metadata, &ck->metadata_capacity, 2 * ck->n_metadata + 1, sizeof *ck->metadata))
        return df_fail_memory("the metadata of a checkpoint");
    ck->metadata[2 * ck->n_metadata] = key;
    ck->metadata[2 * ck->n_metadata + 1] = value;
    ck->n_metadata++;
    return DF_OK;
}

typedef struct {
    const char *name;
    uint32_t index;
} Named;

static int compare_names(const void *a, const void *b)
{
    const Named *x = a, *y = b;
    const int order = strcmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

/* Of arrays with one name the last one wins and stands where the first stood, as in a Python dict. */
static size_t drop_repeated(DfCheckpoint *ck, Named *sorted)
{
    for (size_t i = 0, next; i < ck->n; i = next) {
        for (next = i + 1; next < ck->n && strcmp(sorted[next].name, sorted[i].name) == 0; next++)
            ck->arrays[sorted[i].index] = ck->arrays[sorted[next].index];
        for (size_t k = i + 1; k < next; k++)
            ck->arrays[sorted[k].index].name = NULL;
    }
    size_t kept = 0;
    for (size_t i = 0; i < ck->n; i++)
        if (ck->arrays[i].name)
            ck->arrays[kept++] = ck->arrays[i];
    return kept;
}

static void sort_names(const DfCheckpoint *ck, Named *sorted)
{
    for (size_t i = 0; i < ck->n; i++)
        sorted[i] = (Named){ ck->arrays[i].name, (uint32_t)i };
    qsort(sorted, ck->n, sizeof *sorted, compare_names);
}

static int index_names(DfCheckpoint *ck)
{
    Named *sorted = df_calloc(ck->n + 1, sizeof *sorted);
    ck->by_name = df_arena_alloc(ck->arena, ck->n + 1, sizeof *ck->by_name);
    if (!sorted || !ck->by_name) {
        df_free(sorted);
        return df_fail_memory("the names of a checkpoint");
    }
    sort_names(ck, sorted);
    const size_t kept = drop_repeated(ck, sorted);
    if (kept < ck->n) {
        ck->n = kept;
        sort_names(ck, sorted);
    }
    for (size_t i = 0; i < ck->n; i++)
        ck->by_name[i] = sorted[i].index;
    df_free(sorted);
    return DF_OK;
}

const DfArray *df_checkpoint_find(const DfCheckpoint *ck, const char *name)
{
    size_t low = 0, high = ck->n;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const DfArray *array = &ck->arrays[ck->by_name[middle]];
        const int order = strcmp(name, array->name);
        if (order == 0)
            return array;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

int df_checkpoint_count(const DfCheckpoint *ck)
{
    return (int)ck->n;
}

const DfArray *df_checkpoint_at(const DfCheckpoint *ck, int i)
{
    return &ck->arrays[i];
}

const char *df_checkpoint_form(const DfCheckpoint *ck)
{
    return ck->form;
}

int df_checkpoint_keys(const DfCheckpoint *ck, const char *const **keys)
{
    *keys = ck->keys;
    return (int)ck->n_keys;
}

const char *df_checkpoint_metadata(const DfCheckpoint *ck, const char *key)
{
    for (size_t i = 0; i < ck->n_metadata; i++)
        if (strcmp(ck->metadata[2 * i], key) == 0)
            return ck->metadata[2 * i + 1];
    return NULL;
}

int df_checkpoint_verify(const DfCheckpoint *ck)
{
    const int error = ck->verify ? ck->verify(ck) : DF_OK;
    return error < 0 ? df_fail_in(error, "%s: ", ck->name) : DF_OK;
}

/* ---- opening ----------------------------------------------------------------------------------------------------- */

/* The form shows in the first bytes, whatever the file is called. A .safetensors file begins with the length of its header in
 * eight bytes, of which the upper four are zero, and a brace. */
static int read_form(DfCheckpoint *ck, const char *wrapper)
{
    static const char lfs[] = "version https://git-lfs";
    const uint8_t *b = ck->bytes;
    if (ck->size == 0)
        return df_fail(DF_EFORMAT, "is empty, want a .pth or .safetensors file");
    if (ck->size >= 9 && b[8] == '{' && !b[4] && !b[5] && !b[6] && !b[7]) {
        if (wrapper)
            return df_fail(DF_EVALUE, "is a .safetensors file, which has no '%s' inside", wrapper);
        return df_safetensors_open(ck);
    }
    if (ck->size >= 4 && b[0] == 'P' && b[1] == 'K')
        return df_pth_zip_open(ck, wrapper);
    if (ck->size >= 262 && memcmp(b + 257, "ustar", 5) == 0)
        return df_fail(DF_EFORMAT, "is a tar archive, the form of PyTorch before 0.2: save it again with a later torch.save");
    if (ck->size >= sizeof lfs && memcmp(b, lfs, sizeof lfs - 1) == 0)
        return df_fail(DF_EFORMAT, "is a Git LFS pointer, want the file that it stands for");
    if (b[0] == 0x80 || b[0] == 'L')
        return df_pth_legacy_open(ck, wrapper);
    return df_fail(DF_EFORMAT, "is neither a .pth nor a .safetensors file (its first byte is 0x%02x)", b[0]);
}

static int parse(DfCheckpoint *ck, const char *name, const char *wrapper)
{
    int error = DF_OK;
    if (!(ck->name = df_arena_copy(ck->arena, name, strlen(name))))
        return df_fail_memory("a checkpoint");
    if ((error = read_form(ck, wrapper)) == DF_OK)
        error = index_names(ck);
    return error < 0 ? df_fail_in(error, "%s: ", name) : DF_OK;
}

static DfCheckpoint *checkpoint_new(void)
{
    DfCheckpoint *ck = df_calloc(1, sizeof *ck);
    if (ck && !(ck->arena = df_arena_new())) {
        df_free(ck);
        ck = NULL;
    }
    if (!ck)
        df_fail_memory("a checkpoint");
    return ck;
}

int df_checkpoint_parse(DfCheckpoint **out, const void *bytes, size_t size, const char *name, const char *wrapper)
{
    *out = NULL;
    DfCheckpoint *ck = checkpoint_new();
    if (!ck)
        return DF_ENOMEM;
    ck->bytes = bytes;
    ck->size = size;
    const int error = parse(ck, name, wrapper);
    if (error < 0)
        df_checkpoint_close(ck);
    else
        *out = ck;
    return error;
}

int df_checkpoint_open(DfCheckpoint **out, const char *path, const char *wrapper)
{
    *out = NULL;
    DfCheckpoint *ck = checkpoint_new();
    if (!ck)
        return DF_ENOMEM;
    int error = df_file_open(&ck->file, path);
    if (error == DF_OK) {
        ck->bytes = ck->file.data;
        ck->size = ck->file.size;
        error = parse(ck, path, wrapper);
    }
    if (error < 0)
        df_checkpoint_close(ck);
    else
        *out = ck;
    return error;
}

void df_checkpoint_close(DfCheckpoint *ck)
{
    if (!ck)
        return;
    df_file_close(&ck->file);
    df_free(ck->arrays);
    df_free((void *)ck->metadata);
    df_arena_free(ck->arena);
    df_free(ck);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

void df_bytes_put(DfBytes *b, const void *bytes, size_t n)
{
    if (n == 0 || b->failed)
        return;
    b->failed = n > SIZE_MAX / 4 - b->n || !df_grow((void **)&b->at, &b->capacity, b->n + n - 1, 1);
    if (b->failed)
        return;
    memcpy(b->at + b->n, bytes, n);
    b->n += n;
}

void df_bytes_text(DfBytes *b, const char *text)
{
    df_bytes_put(b, text, strlen(text));
}

void df_bytes_little(DfBytes *b, uint64_t value, int n)
{
    uint8_t bytes[8];
    for (int i = 0; i < n; i++, value >>= 8)
        bytes[i] = (uint8_t)value;
    df_bytes_put(b, bytes, (size_t)n);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Two arrays of one name would be one when read back. */
static int check_names(const DfArray *arrays, size_t n)
{
    const char **names = df_calloc(n + 1, sizeof *names);
    if (!names)
        return df_fail_memory("the names of a checkpoint");
    for (size_t i = 0; i < n; i++)
        names[i] = arrays[i].name;
    qsort(names, n, sizeof *names, compare_texts);
    int error = DF_OK;
    for (size_t i = 1; i < n && error == DF_OK; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            error = df_fail(DF_EVALUE, "two arrays are named '%s'", names[i]);
    df_free((void *)names);
    return error;
}

int df_checkpoint_write(const char *path, const DfArray *arrays, int n, const char *const *metadata, int n_metadata)
{
    const bool safetensors = df_ends_with(path, ".safetensors");
    if (!safetensors && !df_ends_with(path, ".pth") && !df_ends_with(path, ".pt"))
        return df_fail(DF_EVALUE, "%s: want a name that ends in .safetensors, .pth or .pt", path);
    DfWriter *writer = NULL;
    int error = check_names(arrays, (size_t)n);
    if (error < 0)
        return df_fail_in(error, "%s: ", path);
    if ((error = df_writer_open(&writer, path)) < 0)
        return error;
    error = (safetensors ? df_safetensors_write : df_pth_write)(writer, arrays, (size_t)n, metadata, (size_t)n_metadata);
    if (error < 0) {
        df_writer_drop(writer);
        return df_fail_in(error, "%s: ", path);
    }
    return df_writer_commit(writer);
}
