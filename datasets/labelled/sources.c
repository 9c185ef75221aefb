/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/sources.c -- the files that a set was read from, so that no writer replaces one of them.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "datasets/labelled/private.h"

/* A file, whatever its names. */
typedef struct {
    dev_t device;
    ino_t inode;
} Source;

struct DfLabelledSources {
    size_t n, capacity;
    bool sorted;
    Source *file;
};

DfLabelledSources *df_labelled_sources_new(void)
{
    return df_calloc(1, sizeof(DfLabelledSources));
}

void df_labelled_sources_free(DfLabelledSources *sources)
{
    if (sources)
        df_free(sources->file);
    df_free(sources);
}

static int add(DfLabelledSources *to, Source file)
{
    if (!df_grow((void **)&to->file, &to->capacity, to->n, sizeof *to->file))
        return df_fail_memory("the files of a dataset");
    to->file[to->n++] = file;
    to->sorted = false;
    return DF_OK;
}

int df_labelled_note(const DfLabelled *set, const char *path)
{
    struct stat s;
    return stat(path, &s) == 0 ? add(set->sources, (Source){ s.st_dev, s.st_ino }) : DF_OK;
}

int df_labelled_note_all(const DfLabelled *set, const DfLabelled *from)
{
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < from->sources->n; i++)
        error = add(set->sources, from->sources->file[i]);
    return error;
}

int df_labelled_note_pictures(const DfLabelled *set)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++) {
        const char *path = df_labelled_path(set, i);
        error = path ? df_labelled_note(set, path) : DF_EVALUE;
    }
    return error;
}

static int by_number(const void *a, const void *b)
{
    const Source *x = a;
    const Source *y = b;
    if (x->device != y->device)
        return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

int df_labelled_check_target(const DfLabelled *set, const char *path)
{
    struct stat s;
    DfLabelledSources *sources = set->sources;
    if (!sources->n || stat(path, &s) != 0)
        return DF_OK;
    if (!sources->sorted)
        qsort(sources->file, sources->n, sizeof *sources->file, by_number);
    sources->sorted = true;
    const Source wanted = { s.st_dev, s.st_ino };
    if (!bsearch(&wanted, sources->file, sources->n, sizeof *sources->file, by_number))
        return DF_OK;
    return df_fail(DF_EVALUE, "%s: the dataset is read from this file: want another place to write to", path);
}
