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

typedef struct {
    const NnIndex *index;
    const NnArrays *file;
    NnPlace *place, own;
    int n;
    bool *within;        /* scratch: of each parameter, whether a name behind the prefix is it */
} Choice;

/* Names without the prefix keep their meaning; of two names of one parameter that behind the prefix counts. */
static int count_known(const Choice *x, const NnReading *r)
{
    int known = 0;
    memset(x->within, 0, (size_t)nn_model_count(x->index->model) * sizeof *x->within);
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < x->file->n; i++) {
            const char *key = x->file->at[i].array.name;
            char name[NN_NAME];
            if (df_starts_with(key, r->place.cut) != (pass == 0))
                continue;
            spell(r, key, name);
            const int k = nn_index_find(x->index, name);
            known += k >= 0 && (pass == 0 || !x->within[k]);
            if (k >= 0 && pass == 0)
                x->within[k] = true;
        }
    return known;
}

/* mmdet's semi-supervised detectors predict with the teacher, whose names come second. */
static bool goes_before(const NnReading *a, const NnReading *b)
{
    return strstr(a->place.cut, "teacher.") && strstr(b->place.cut, "student.");
}

/* The best reading at one place; how many parameters it knows. */
static int read_at(const Choice *x, const NnPlace *place, NnReading *out)
{
    static const char *const added[] = { "", "backbone." };
    int most = -1;
    for (int j = 0; j < (x->own.dialect ? 4 : 2); j++) {
        NnReading reading = { .place = *place, .add = added[j % 2], .own = { .at = "" } };
        if (j >= 2)
            reading.own = (NnPlace){ .dialect = x->own.dialect, .at = added[j % 2][0] ? "" : x->own.at };
        const int known = count_known(x, &reading);
        if (known > most) {
            most = known;
            *out = reading;
        }
    }
    return most;
}

/* Whether no name that begins with `cut` is a parameter. */
static bool leaves_out(const Choice *x, const NnReading *r, const char *cut)
{
    char name[NN_NAME];
    for (int i = 0; i < x->file->n; i++) {
        if (!df_starts_with(x->file->at[i].array.name, cut))
            continue;
        spell(r, x->file->at[i].array.name, name);
        if (nn_index_find(x->index, name) >= 0)
            return false;
    }
    return true;
}

/* Another network beside the one that was chosen. */
static void find_passed(const Choice *x, int most, NnReading *chosen)
{
    NnReading other = { .add = "" };
    for (int i = 0; i < x->n && most > 0; i++) {
        const char *cut = x->place[i].cut;
        if (!cut[0] || !leaves_out(x, chosen, cut) || read_at(x, &x->place[i], &other) < most)
            continue;
        memcpy(chosen->passed, cut, sizeof chosen->passed);
        return;
    }
}

int nn_reading_choose(const NnIndex *index, const NnArrays *file, NnReading *out)
{
    Choice x = { .index = index, .file = file };
    const int error = nn_place_of_model(index->model, &x.own);
    x.place = error == DF_OK ? df_malloc(NN_PLACES * sizeof *x.place) : NULL;
    x.within = x.place ? df_calloc((size_t)nn_model_count(index->model) + 1, sizeof *x.within) : NULL;
    if (!x.within) {
        df_free(x.place);
        return df_fail_memory("the names of a checkpoint");
    }
    x.n = nn_places(file, x.place);
    int most = -1;
    for (int i = 0; i < x.n; i++) {
        NnReading reading = { .add = "" };
        const int known = read_at(&x, &x.place[i], &reading);
        if (known > most || (known == most && goes_before(&reading, out))) {
            most = known;
            *out = reading;
        }
    }
    find_passed(&x, most, out);
    df_free(x.within);
    df_free(x.place);
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
