/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/write.c -- writes a checkpoint in the format of its file suffix.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/forms.h"

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
    return df_checkpoint_write_from(NULL, path, arrays, n, metadata, n_metadata);
}

int df_checkpoint_write_from(const DfCheckpoint *source, const char *path, const DfArray *arrays, int n,
                             const char *const *metadata, int n_metadata)
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
    error =
        (safetensors ? df_safetensors_write : df_pth_write)(writer, arrays, (size_t)n, metadata, (size_t)n_metadata);
    if (error < 0)
        df_fail_in(error, "%s: ", path);
    else if (source)
        error = df_checkpoint_check(source);
    if (error == DF_OK)
        return df_writer_commit(writer);
    df_writer_drop(writer);
    return error;
}
