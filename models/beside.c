/* SPDX-License-Identifier: Apache-2.0
 *
 * models/beside.c -- opens a config together with its weights.
 */
#include "models/beside.h"

#include <stdio.h>
#include <string.h>

#include "checkpoint/checkpoint.h"

/* The weights are opened when somebody asks for a shape for the first time. */
typedef struct {
    const char *path; /* folder, or config.json in it */
    DfCheckpoint *file;
    bool tried;
    int error;
} Beside;

static int open_weights(Beside *b)
{
    const char *slash = strrchr(b->path, '/');
    const size_t length = slash ? (size_t)(slash - b->path) + 1 : 0;
    if (df_is_directory(b->path))
        return df_checkpoint_open(&b->file, b->path, NULL);
    char *folder = df_malloc(length + 2);
    if (!folder)
        return df_fail_memory("a path");
    memcpy(folder, b->path, length);
    memcpy(folder + length, length ? "" : ".", 2 - (length > 0));
    const int error = df_checkpoint_open(&b->file, folder, NULL);
    df_free(folder);
    return error;
}

static int shape(void *user, const char *name, int64_t out[DF_SHAPE_DIMS])
{
    Beside *b = user;
    if (!b->tried)
        b->error = open_weights(b);
    b->tried = true;
    const DfArray *array = b->file ? df_checkpoint_find(b->file, name) : NULL;
    for (int i = 0; array && i < array->ndim && i < DF_SHAPE_DIMS; i++)
        out[i] = array->shape[i];
    return array ? array->ndim : -1;
}

/* Weights that cannot be read are no error here: `random` needs none, and who loads them says what is wrong. */
int df_model_config_read(DfConfig **out, const char *path, const char *const *overrides, int n)
{
    Beside beside = { .path = path };
    const DfTensorShapes shapes = { shape, &beside };
    int error = df_config_read_beside(out, path, &shapes, overrides, n);
    df_checkpoint_close(beside.file);
    if (error == DF_OK && beside.error == DF_ENOMEM) {
        df_config_free(*out);
        *out = NULL;
        error = DF_ENOMEM;
    }
    return error;
}

/* Without memory of its own, whose lack would look like a folder of something else. Longer names no system call
 * takes. */
static bool has_file(const char *folder, const char *name)
{
    char path[4096];
    const int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    return n > 0 && (size_t)n < sizeof path && df_file_exists(path);
}

bool df_is_model_folder(const char *path)
{
    static const char *const configs[] = { "config.json", "args.json", "config.yaml" };
    bool found = false;
    for (size_t i = 0; i < sizeof configs / sizeof *configs && df_is_directory(path); i++)
        found = found || has_file(path, configs[i]);
    return found;
}
