/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/images_scored.c -- the images that the results of a run cover: after a limit, a shard or a stop these are
 * not all of the ground truth, and an image that was not processed must not count as one without detections.
 */
#include "inference/images_scored.h"

#include <stdlib.h>
#include <string.h>

static const size_t MOST_JOURNAL = (size_t)1 << 34;

typedef struct {
    int64_t *v;
    size_t n, capacity;
} Ids;

static int add(Ids *ids, int64_t id)
{
    if (!df_grow((void **)&ids->v, &ids->capacity, ids->n, sizeof *ids->v))
        return df_fail_memory("the images of a run");
    ids->v[ids->n++] = id;
    return DF_OK;
}

/* ---- written ----------------------------------------------------------------------------------------------------- */

int df_images_scored_write(const char *folder, const int64_t *ids, size_t n)
{
    DfWriter *out;
    char *path = df_path_join(folder, DF_IMAGES_SCORED);
    int error = path ? df_writer_open(&out, path) : df_fail_memory("a path");
    if (error == DF_OK) {
        df_writef(out, "[");
        for (size_t i = 0; i < n; i++)
            df_writef(out, "%s%lld", i ? ", " : "", (long long)ids[i]);
        df_writef(out, "]\n");
        error = df_writer_commit(out);
    }
    df_free(path);
    return error;
}

/* ---- read -------------------------------------------------------------------------------------------------------- */

static int read_list(Ids *ids, const char *path)
{
    DfJson *json;
    DfJsonValue v;
    int error = df_json_open(&json, path);
    if (error < 0)
        return error;
    DfJsonEvent event = df_json_next(json, &v);
    bool good = event == DF_JSON_ARRAY;
    while (error == DF_OK && good && (event = df_json_next(json, &v)) != DF_JSON_CLOSE) {
        good = event == DF_JSON_NUMBER && v.is_integer;
        error = good ? add(ids, v.integer) : DF_OK;
    }
    if (error == DF_OK && !good)
        error =
            event == DF_JSON_ERROR ? df_json_error(json) : df_json_fail(json, DF_EFORMAT, "want a list of image ids");
    df_json_close(json);
    return error;
}

/* Lines that begin with {"index": 3, "image_id": 139, and end whole. */
static int read_journal(Ids *ids, const char *path)
{
    DfFile file;
    int error = df_file_open(&file, path, MOST_JOURNAL);
    if (error < 0)
        return error;
    const char *at = (const char *)file.data;
    const char *end = at + file.size;
    const char *newline;
    while (error == DF_OK && at < end && (newline = memchr(at, '\n', (size_t)(end - at)))) {
        int index;
        long long id;
        char head[96] = "";
        const size_t length = (size_t)(newline - at);
        memcpy(head, at, length < sizeof head ? length : sizeof head - 1);
        if (df_sscanf(head, "{\"index\": %d, \"image_id\": %lld,", &index, &id) == 2)
            error = add(ids, id);
        at = newline + 1;
    }
    df_file_close(&file);
    return error;
}

static int by_value(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int df_images_scored(int64_t **out, size_t *n, const char *folder)
{
    Ids ids = { 0 };
    char *list = df_path_join(folder, DF_IMAGES_SCORED);
    char *journal = df_path_join(folder, "results.jsonl");
    int error = list && journal ? DF_OK : df_fail_memory("a path");
    *out = NULL;
    *n = 0;
    if (error == DF_OK && df_file_exists(list))
        error = read_list(&ids, list);
    else if (error == DF_OK && df_file_exists(journal))
        error = read_journal(&ids, journal);
    df_free(list);
    df_free(journal);
    if (error < 0) {
        df_free(ids.v);
        return error;
    }
    if (ids.n)
        qsort(ids.v, ids.n, sizeof *ids.v, by_value);
    *out = ids.v;
    *n = ids.n;
    return DF_OK;
}
