/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/open.c -- opens a checkpoint of any format.
 */
#include <string.h>

#include "checkpoint/forms.h"

/* The form shows in the first bytes, whatever the file is called. A .safetensors file begins with the length of its
 * header in eight bytes, of which the upper four are zero, and a brace. */
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
        return df_fail(DF_EFORMAT, "is a tar archive, as PyTorch wrote before 0.2: save it again with a later version");
    if (ck->size >= sizeof lfs && memcmp(b, lfs, sizeof lfs - 1) == 0)
        return df_fail(DF_EFORMAT, "is a Git LFS pointer: want the file itself (git lfs pull)");
    if (b[0] == 0x80 || b[0] == 'L' || b[0] == '(' || b[0] == '}')
        return df_pth_legacy_open(ck, wrapper);
    return df_fail(DF_EFORMAT, "is neither a .pth nor a .safetensors file (its first byte is 0x%02x)", b[0]);
}

static int parse(DfCheckpoint *ck, const char *name, const char *wrapper)
{
    int error = DF_OK;
    if (!(ck->name = df_arena_copy(ck->arena, name, strlen(name))))
        return df_fail_memory("a checkpoint");
    if ((error = read_form(ck, wrapper)) == DF_OK)
        error = df_checkpoint_index(ck);
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
    else
        ck->owners = 1;
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

/* Several files that an index names. */
static int open_index(DfCheckpoint *ck, const char *path, const char *wrapper)
{
    if (!(ck->name = df_arena_copy(ck->arena, path, strlen(path))))
        return df_fail_memory("a checkpoint");
    if (wrapper)
        return df_fail(DF_EVALUE, "%s: is an index of files, which has no '%s' inside", path, wrapper);
    const int error = df_shards_open(ck, path);
    return error < 0 ? error : df_checkpoint_index(ck);
}

static int open_file(DfCheckpoint *ck, const char *path, const char *wrapper)
{
    if (df_ends_with(path, ".index.json"))
        return open_index(ck, path, wrapper);
    int error = df_file_map(&ck->file, path, DF_CHECKPOINT_MAX_FILE);
    if (error < 0)
        return error;
    ck->bytes = ck->file.data;
    ck->size = ck->file.size;
    error = parse(ck, path, wrapper);
    const int changed = df_checkpoint_check(ck); /* says more than what the parser made of it */
    return changed < 0 ? changed : error;
}

static int open_folder(DfCheckpoint *ck, const char *folder, const char *wrapper)
{
    char *path;
    int error = df_folder_weights(&path, folder);
    if (error == DF_OK)
        error = open_file(ck, path, wrapper);
    df_free(path);
    return error;
}

int df_checkpoint_open(DfCheckpoint **out, const char *path, const char *wrapper)
{
    *out = NULL;
    DfCheckpoint *ck = checkpoint_new();
    if (!ck)
        return DF_ENOMEM;
    const int error = df_is_directory(path) ? open_folder(ck, path, wrapper) : open_file(ck, path, wrapper);
    if (error < 0)
        df_checkpoint_close(ck);
    else
        *out = ck;
    return error;
}

void df_checkpoint_close(DfCheckpoint *ck)
{
    if (!ck || --ck->owners > 0)
        return;
    for (size_t i = 0; i < ck->n_parts; i++)
        df_checkpoint_close(ck->parts[i]);
    df_file_close(&ck->file);
    df_free(ck->arrays);
    df_free((void *)ck->metadata);
    df_arena_free(ck->arena);
    df_free(ck);
}

int df_checkpoint_verify(const DfCheckpoint *ck)
{
    const int error = ck->verify ? ck->verify(ck) : DF_OK;
    return error < 0 ? df_fail_in(error, "%s: ", ck->name) : DF_OK;
}

/* ---- files that are mapped --------------------------------------------------------------------------------------- */

DfCheckpoint *df_checkpoint_share(DfCheckpoint *ck)
{
    ck->owners++;
    return ck;
}

/* The file that has the array; NULL: its numbers are a copy, or somebody else's. */
static const DfFile *file_with(const DfCheckpoint *ck, const DfArray *array)
{
    if (df_file_has(&ck->file, array->data))
        return &ck->file;
    for (size_t i = 0; i < ck->n_parts; i++)
        if (df_file_has(&ck->parts[i]->file, array->data))
            return &ck->parts[i]->file;
    return NULL;
}

bool df_checkpoint_maps(const DfCheckpoint *ck, const DfArray *array)
{
    return file_with(ck, array) != NULL;
}

/* From the first element to the end of the last. */
static size_t bytes_spanned(const DfArray *array)
{
    size_t last = 0;
    for (int d = 0; d < array->ndim; d++)
        last += (size_t)(array->shape[d] - 1) * (size_t)array->stride[d];
    return df_array_count(array) ? (last + 1) * df_dtype_size(array->dtype) : 0;
}

void df_checkpoint_release(const DfCheckpoint *ck, const DfArray *array)
{
    const DfFile *file = file_with(ck, array);
    if (file)
        df_file_release(file, array->data, bytes_spanned(array));
}

int df_checkpoint_check(const DfCheckpoint *ck)
{
    int error = df_file_check(&ck->file);
    if (error < 0)
        return df_fail_in(error, "%s: ", ck->name);
    for (size_t i = 0; error == DF_OK && i < ck->n_parts; i++)
        error = df_checkpoint_check(ck->parts[i]);
    return error;
}
