/* SPDX-License-Identifier: Apache-2.0
 *
 * checkpoint/table.c -- the arrays of a checkpoint by name, and its metadata.
 */
#include <stdlib.h>
#include <string.h>

#include "checkpoint/forms.h"

/* Whether the arrays so far and this one are as many bytes as a file like this may stand for. */
static int check_taken(DfCheckpoint *ck, const DfArray *array)
{
    const uint64_t stored = ck->size + ck->inflated;
    const uint64_t most = DF_CHECKPOINT_MOST_REPEATED * stored + DF_CHECKPOINT_FREE;
    const uint64_t bytes = (uint64_t)df_array_count(array) * df_dtype_size(array->dtype);
    if (bytes > most - ck->taken)
        return df_fail(DF_EFORMAT,
                       "'%.200s' repeats what is stored: with it the arrays would take %llu bytes, want at most %llu "
                       "(%d times the %llu bytes that are stored, and %llu)", array->name,
                       (unsigned long long)(ck->taken + bytes), (unsigned long long)most, DF_CHECKPOINT_MOST_REPEATED,
                       (unsigned long long)stored, (unsigned long long)DF_CHECKPOINT_FREE);
    ck->taken += bytes;
    return DF_OK;
}

int df_checkpoint_add(DfCheckpoint *ck, const DfArray *array)
{
    const int error = check_taken(ck, array);
    if (error < 0)
        return error;
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

int df_checkpoint_index(DfCheckpoint *ck)
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

int df_checkpoint_classes(const DfCheckpoint *ck, const char *const **names)
{
    *names = ck->classes;
    return (int)ck->n_classes;
}
