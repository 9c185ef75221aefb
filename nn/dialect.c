/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/dialect.c -- finds the parameter of a model that a key of a checkpoint belongs to, and chooses the dialect in
 * which a file is read.
 */
#include "nn/dialect.h"

#include <stdio.h>
#include <string.h>

/* ---- names by hash ----------------------------------------------------------------------------------------------- */

int nn_index_new(NnIndex *index, const NnModel *model)
{
    const int params = nn_model_count(model);
    const int buckets = params ? params : 1;
    *index = (NnIndex){ .model = model, .n = buckets };
    index->bucket = df_malloc((size_t)buckets * sizeof(int));
    index->next = df_malloc((size_t)buckets * sizeof(int));
    if (!index->bucket || !index->next) {
        nn_index_free(index);
        return df_fail_memory("an index of parameters");
    }
    for (int i = 0; i < buckets; i++)
        index->bucket[i] = -1;
    for (int i = 0; i < params; i++) {
        int *bucket = &index->bucket[df_hash(nn_model_at(model, i)->name) % (uint64_t)buckets];
        index->next[i] = *bucket;
        *bucket = i;
    }
    return DF_OK;
}

void nn_index_free(NnIndex *index)
{
    df_free(index->bucket);
    df_free(index->next);
    index->bucket = index->next = NULL;
}

int nn_index_find(const NnIndex *index, const char *name)
{
    int i = index->bucket[df_hash(name) % (uint64_t)index->n];
    while (i >= 0 && strcmp(nn_model_at(index->model, i)->name, name) != 0)
        i = index->next[i];
    return i;
}

/* ---- dialects ---------------------------------------------------------------------------------------------------- */

/* Writes to `name` our name of the array that `key` becomes, or of the first one if it becomes several. */
static void spell(const NnReading *r, const char *key, char name[NN_NAME])
{
    char ours[NN_NAME], own[NN_NAME];
    bool found = false;
    for (int part = 0; part < 2 && !found; part++) /* we may lack the first part */
        found = nn_translate_name(&r->place, false, key, part, ours);
    if (!found && df_starts_with(key, r->place.cut))
        key += strlen(r->place.cut);
    if (found)
        key = ours;
    if (r->own.dialect && nn_translate_name(&r->own, true, key, 0, own))
        key = own;
    snprintf(name, NN_NAME, "%s%.480s", r->add, key);
}

static int count_known(const NnIndex *index, const NnArrays *file, const NnReading *r)
{
    int known = 0;
    for (int i = 0; i < file->n; i++) {
        char name[NN_NAME];
        spell(r, file->at[i].array.name, name);
        known += nn_index_find(index, name) >= 0;
    }
    return known;
}

int nn_reading_choose(const NnIndex *index, const NnArrays *file, NnReading *out)
{
    static const char *const added[] = { "", "backbone." };
    NnPlace own;
    const int error = nn_place_of_model(index->model, &own);
    NnPlace *place = error == DF_OK ? df_malloc(NN_PLACES * sizeof *place) : NULL;
    if (!place)
        return df_fail_memory("the names of a checkpoint");
    const int n = nn_places(file, place);
    int most = -1;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < (own.dialect ? 4 : 2); j++) {
            NnReading reading = { .place = place[i], .add = added[j % 2], .own = { .at = "" } };
            if (j >= 2)
                reading.own = (NnPlace){ .dialect = own.dialect, .at = added[j % 2][0] ? "" : own.at };
            const int known = count_known(index, file, &reading);
            if (known > most) {
                most = known;
                *out = reading;
            }
        }
    df_free(place);
    return DF_OK;
}

/* mmdet 1 stored the offsets of a deformable convolution beside it: conv2_offset.weight is now
 * conv2.conv_offset.weight. mmcv reads both. */
int nn_index_find_older(const NnIndex *index, const char *name)
{
    static const char older[] = "_offset.";
    const char *at = strstr(name, older);
    char now[512];
    if (!at)
        return -1;
    snprintf(now, sizeof now, "%.*s.conv_offset.%s", (int)(at - name), name, at + strlen(older));
    return nn_index_find(index, now);
}

/* ---- patterns ---------------------------------------------------------------------------------------------------- */

bool nn_name_matches(const char *pattern, const char *name)
{
    for (; *pattern; pattern++, name++) {
        if (*pattern == '*') {
            for (; *name; name++)
                if (nn_name_matches(pattern + 1, name))
                    return true;
            return pattern[1] == 0;
        }
        if (*pattern != *name)
            return false;
    }
    return *name == 0;
}
