/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/shards.c -- checkpoints of several files, and folders that contain one, as transformers writes them. An
 * index (model.safetensors.index.json, pytorch_model.bin.index.json) has a dict `weight_map`, which gives the file of
 * each array.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/forms.h"

enum { MOST_SHARDS = 1024 };
static const size_t most_index = (size_t)64 << 20; /* bytes */

/* ---- the index --------------------------------------------------------------------------------------------------- */

/* One row of `weight_map`. */
typedef struct {
    const char *array, *file;
} Row;

typedef struct {
    DfCheckpoint *ck; /* its arena holds the texts */
    DfJson *json;
    Row *rows;
    size_t n, capacity;
} Index;

/* A name of a file beside the index, and nothing else: the index may come from anywhere. */
static bool is_plain_name(const char *name, size_t length)
{
    const bool plain = length && length < 256 && strlen(name) == length && !strchr(name, '/') && name[0] != '.';
    return plain && !df_ends_with(name, ".index.json");
}

static int read_row(Index *index, const DfJsonValue *key)
{
    DfJsonValue value;
    if (strlen(key->text) != key->length)
        return df_json_fail(index->json, DF_EFORMAT, "a name contains a zero byte");
    const char *array = df_arena_copy(index->ck->arena, key->text, key->length);
    const DfJsonEvent event = df_json_next(index->json, &value);
    if (event == DF_JSON_ERROR)
        return DF_EFORMAT;
    if (event != DF_JSON_TEXT || !is_plain_name(value.text, value.length))
        return df_json_fail(index->json, DF_EFORMAT, "weight_map: want the name of a file in the same folder");
    const char *file = df_arena_copy(index->ck->arena, value.text, value.length);
    if (!array || !file || !df_grow((void **)&index->rows, &index->capacity, index->n, sizeof *index->rows))
        return df_fail_memory("the index of a checkpoint");
    index->rows[index->n++] = (Row){ array, file };
    return DF_OK;
}

static int read_weight_map(Index *index)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(index->json, &value);
    int error = DF_OK;
    if (event != DF_JSON_OBJECT)
        return event == DF_JSON_ERROR ? DF_EFORMAT
                                      : df_json_fail(index->json, DF_EFORMAT, "weight_map: want an object");
    while (error == DF_OK && (event = df_json_next(index->json, &value)) == DF_JSON_KEY)
        error = read_row(index, &value);
    return event == DF_JSON_ERROR ? DF_EFORMAT : error;
}

static int read_index(Index *index)
{
    DfJsonValue value;
    DfJsonEvent event = df_json_next(index->json, &value);
    int error = DF_OK;
    if (event != DF_JSON_OBJECT)
        return event == DF_JSON_ERROR ? DF_EFORMAT : df_json_fail(index->json, DF_EFORMAT, "want an object");
    while (error == DF_OK && (event = df_json_next(index->json, &value)) == DF_JSON_KEY)
        error = strcmp(value.text, "weight_map") == 0 ? read_weight_map(index) : df_json_skip(index->json);
    if (event == DF_JSON_ERROR)
        return DF_EFORMAT;
    if (error == DF_OK && df_json_next(index->json, &value) != DF_JSON_END)
        return DF_EFORMAT;
    if (error == DF_OK && index->n == 0)
        return df_json_fail(index->json, DF_EFORMAT, "want `weight_map`, which says where each array is");
    return error;
}

/* ---- the files that it names ------------------------------------------------------------------------------------- */

static int compare_files(const void *a, const void *b)
{
    const Row *x = a, *y = b;
    const int order = strcmp(x->file, y->file);
    return order ? order : strcmp(x->array, y->array);
}

static int open_shard(DfCheckpoint *ck, const char *folder, const char *file, size_t *bytes)
{
    if (ck->n_parts == MOST_SHARDS)
        return df_fail(DF_EFORMAT, "names more than %d files", MOST_SHARDS);
    char *path = df_path_join(folder, file);
    if (!path)
        return df_fail_memory("a path");
    DfCheckpoint *part = NULL;
    int error = df_is_directory(path) ? df_fail(DF_EIO, "%s: is a folder, want a file", path)
                                      : df_checkpoint_open(&part, path, NULL);
    df_free(path);
    if (error < 0)
        return error;
    ck->parts[ck->n_parts++] = part;
    ck->form = part->form;
    *bytes += part->size;
    if (*bytes > DF_CHECKPOINT_MAX_FILE)
        return df_fail(DF_EFORMAT, "its files have more than %zu bytes together", DF_CHECKPOINT_MAX_FILE);
    ck->size = *bytes;
    ck->inflated += part->inflated;
    return DF_OK;
}

/* Opens each file once, in the order of their names, and takes from it what the index says. */
static int take_arrays(DfCheckpoint *ck, Index *index, const char *folder)
{
    size_t bytes = 0;
    int error = DF_OK;
    qsort(index->rows, index->n, sizeof *index->rows, compare_files);
    ck->parts = df_arena_alloc(ck->arena, MOST_SHARDS, sizeof *ck->parts);
    if (!ck->parts)
        return df_fail_memory("a checkpoint");
    for (size_t i = 0; error == DF_OK && i < index->n; i++) {
        const Row *row = &index->rows[i];
        if (i == 0 || strcmp(row->file, row[-1].file) != 0)
            error = open_shard(ck, folder, row->file, &bytes);
        const DfArray *array = error == DF_OK ? df_checkpoint_find(ck->parts[ck->n_parts - 1], row->array) : NULL;
        if (array)
            error = df_checkpoint_add(ck, array);
        else if (error == DF_OK)
            error = df_fail(DF_EFORMAT, "'%.200s' is not in %s, where the index has it", row->array, row->file);
    }
    return error;
}

static int verify_parts(const DfCheckpoint *ck)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < ck->n_parts; i++)
        error = df_checkpoint_verify(ck->parts[i]);
    return error;
}

/* "folder/" of "folder/name" */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    char *folder = df_malloc(length + 1);
    if (folder) {
        memcpy(folder, path, length);
        folder[length] = 0;
    }
    return folder;
}

int df_shards_open(DfCheckpoint *ck, const char *path)
{
    Index index = { .ck = ck };
    char *text = NULL;
    size_t size = 0;
    char *folder = folder_of(path);
    int error = folder ? df_file_text(&text, &size, path, most_index) : df_fail_memory("a path");
    if (error == DF_OK)
        error = df_json_open_text(&index.json, text, size, path);
    if (error == DF_OK)
        error = read_index(&index);
    df_json_close(index.json);
    df_free(text);
    if (error == DF_OK)
        error = take_arrays(ck, &index, folder) < 0 ? df_fail_in(DF_EFORMAT, "%s: ", path) : DF_OK;
    ck->verify = verify_parts;
    df_free(index.rows);
    df_free(folder);
    return error;
}

/* ---- folders ----------------------------------------------------------------------------------------------------- */

/* In the order in which transformers looks for them; then what timm's training program leaves, and detectron2's. */
int df_folder_weights(char **path, const char *folder)
{
    static const char *const names[] = { "model.safetensors", "model.safetensors.index.json", "pytorch_model.bin",
                                         "pytorch_model.bin.index.json", "model_best.pth.tar", "last.pth.tar",
                                         "checkpoint.pth.tar", "model_final.pkl", "model_final.pth" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        *path = df_path_join(folder, names[i]);
        if (!*path)
            return df_fail_memory("a path");
        if (df_file_exists(*path))
            return DF_OK;
        df_free(*path);
    }
    *path = NULL;
    return df_fail(DF_EIO, "%s: is a directory, and has neither %s nor %s, nor an index of such (%s, %s)", folder,
                   names[0], names[2], names[1], names[3]);
}
