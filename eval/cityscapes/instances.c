/* SPDX-License-Identifier: Apache-2.0
 *
 * eval/cityscapes/instances.c -- computes the overlaps of predictions and objects in each picture.
 */
#include "eval/cityscapes/instances.h"

#include <string.h>

#include "eval/cityscapes/data.h"

/* ---- labels ------------------------------------------------------------------------------------------------------ */

typedef enum { NOT_SCORED, STUFF, OBJECTS } Role;
typedef struct {
    Role role;
    int class;
} Label;

/* By id, 0 unlabeled to 33 bicycle; caravan (29) and trailer (30) have instances that are not scored. */
static const Label labels[LABELS] = {
    [7] = { STUFF, 0 },    [8] = { STUFF, 0 },    [11] = { STUFF, 0 },   [12] = { STUFF, 0 },   [13] = { STUFF, 0 },
    [17] = { STUFF, 0 },   [19] = { STUFF, 0 },   [20] = { STUFF, 0 },   [21] = { STUFF, 0 },   [22] = { STUFF, 0 },
    [23] = { STUFF, 0 },   [24] = { OBJECTS, 0 }, [25] = { OBJECTS, 1 }, [26] = { OBJECTS, 2 }, [27] = { OBJECTS, 3 },
    [28] = { OBJECTS, 4 }, [31] = { OBJECTS, 5 }, [32] = { OBJECTS, 6 }, [33] = { OBJECTS, 7 },
};

const char *df_cityscapes_class(int k)
{
    static const char *const names[DF_CITYSCAPES_CLASSES] = { "person", "rider", "car", "truck",
                                                              "bus", "train", "motorcycle", "bicycle" };
    return names[k];
}

bool df_cityscapes_is_void(uint32_t value)
{
    return value < LABELS && labels[value].role == NOT_SCORED;
}

bool df_cityscapes_is_object(const Truth *t)
{
    return t->value >= GROUPS && t->pixels >= LEAST_PIXELS;
}

/* ---- pictures ---------------------------------------------------------------------------------------------------- */

int df_cityscapes_new(DfCityscapes **out)
{
    DfCityscapes *const c = *out = df_calloc(1, sizeof *c);
    if (c && (c->count = df_calloc(VALUES, sizeof *c->count)))
        return DF_OK;
    df_free(c);
    *out = NULL;
    return df_fail_memory("instances");
}

void df_cityscapes_free(DfCityscapes *c)
{
    if (!c)
        return;
    df_free(c->truths);
    df_free(c->founds);
    df_free(c->overlaps);
    df_free(c->count);
    df_free(c);
}

static int add_truth(DfCityscapes *c, uint32_t value, uint32_t pixels)
{
    const uint32_t label = value < GROUPS ? value : value / GROUPS;
    if (label >= LABELS)
        return df_fail(DF_EVALUE, "a value of %u: want labels of Cityscapes, 0 to 33, or label * 1000 + number", value);
    if (labels[label].role != OBJECTS)
        return DF_OK;
    if (!df_grow((void **)&c->truths, &c->truths_capacity, c->n_truths, sizeof *c->truths))
        return df_fail_memory("instances");
    c->truths[c->n_truths++] = (Truth){ value, pixels, labels[label].class };
    return DF_OK;
}

int df_cityscapes_truth(DfCityscapes *c, const uint16_t *ids, size_t pixels)
{
    int error = DF_OK;
    c->picture = c->n_truths;
    c->ids = ids;
    c->pixels = pixels;
    for (size_t i = 0; i < pixels; i++)
        c->count[ids[i]]++;
    for (uint32_t value = 0; error == DF_OK && value < VALUES; value++)
        if (c->count[value])
            error = add_truth(c, value, c->count[value]);
    memset(c->count, 0, VALUES * sizeof *c->count);
    return error;
}

/* Counts the mask's pixels by value; gives them all. */
static uint32_t count_mask(DfCityscapes *c, const uint8_t *mask)
{
    uint32_t all = 0;
    for (size_t i = 0; i < c->pixels; i++)
        if (mask[i]) {
            c->count[c->ids[i]]++;
            all++;
        }
    return all;
}

static int add_overlaps(DfCityscapes *c, Found *f)
{
    f->first = c->n_overlaps;
    for (size_t t = c->picture; t < c->n_truths; t++) {
        const Truth *const truth = &c->truths[t];
        if (truth->class != f->class || c->count[truth->value] == 0)
            continue;
        if (!df_grow((void **)&c->overlaps, &c->overlaps_capacity, c->n_overlaps, sizeof *c->overlaps))
            return df_fail_memory("instances");
        c->overlaps[c->n_overlaps++] = (Overlap){ t, c->n_founds, c->count[truth->value] };
    }
    f->n = c->n_overlaps - f->first;
    return DF_OK;
}

static int add_found(DfCityscapes *c, Found f)
{
    for (uint32_t value = 0; value < LABELS; value++)
        if (df_cityscapes_is_void(value))
            f.on_void += c->count[value];
    const int error = add_overlaps(c, &f);
    if (error < 0)
        return error;
    if (!df_grow((void **)&c->founds, &c->founds_capacity, c->n_founds, sizeof *c->founds))
        return df_fail_memory("instances");
    c->founds[c->n_founds++] = f;
    return DF_OK;
}

int df_cityscapes_found(DfCityscapes *c, const uint8_t *mask, int label, double score)
{
    if (label < -1 || label >= LABELS)
        return df_fail(DF_EVALUE, "a label of %d: want one of Cityscapes, -1 to 33", label);
    if (label < 0 || labels[label].role != OBJECTS)
        return DF_OK;
    Found f = { .score = score, .class = labels[label].class };
    f.pixels = count_mask(c, mask);
    const int error = f.pixels ? add_found(c, f) : DF_OK;
    memset(c->count, 0, VALUES * sizeof *c->count);
    return error;
}

/* ---- several ----------------------------------------------------------------------------------------------------- */

static bool reserve(DfCityscapes *c, size_t truths, size_t founds, size_t overlaps)
{
    return (truths == 0 ||
            df_grow((void **)&c->truths, &c->truths_capacity, c->n_truths + truths - 1, sizeof *c->truths)) &&
           (founds == 0 ||
            df_grow((void **)&c->founds, &c->founds_capacity, c->n_founds + founds - 1, sizeof *c->founds)) &&
           (overlaps == 0 ||
            df_grow((void **)&c->overlaps, &c->overlaps_capacity, c->n_overlaps + overlaps - 1, sizeof *c->overlaps));
}

int df_cityscapes_merge(DfCityscapes *into, const DfCityscapes *from)
{
    if (!reserve(into, from->n_truths, from->n_founds, from->n_overlaps))
        return df_fail_memory("instances");
    for (size_t i = 0; i < from->n_founds; i++) {
        Found f = from->founds[i];
        f.first += into->n_overlaps;
        into->founds[into->n_founds + i] = f;
    }
    for (size_t i = 0; i < from->n_overlaps; i++) {
        Overlap o = from->overlaps[i];
        o.truth += into->n_truths;
        o.found += into->n_founds;
        into->overlaps[into->n_overlaps + i] = o;
    }
    for (size_t i = 0; i < from->n_truths; i++)
        into->truths[into->n_truths + i] = from->truths[i];
    into->n_truths += from->n_truths;
    into->n_founds += from->n_founds;
    into->n_overlaps += from->n_overlaps;
    return DF_OK;
}
