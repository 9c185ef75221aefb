/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/labelled/divide.c -- divides pictures into parts: at random, or so that each part has its share of every
 * class (iterative stratification: Sechidis, Tsoumakas and Vlahavas, On the Stratification of Multi-label Data, ECML
 * 2011).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "datasets/labelled/private.h"

/* A picture, or the pictures of a group: what goes into one part as a whole. */
typedef struct {
    uint64_t key;          /* by chance: seed and names */
    const char *name;
    size_t pictures;
    size_t first, n;       /* classes in it, of labels[] and counts[] */
    int part;              /* -1: not yet               */
} Unit;

typedef struct {
    const DfLabelled *set;
    const DfLabelledShares *shares;
    Unit *units;
    size_t n_units;
    int *unit_of;          /* [pictures]                */
    int *labels;           /* classes of the units ...  */
    size_t *counts;        /* ... and their objects     */
    size_t n_labels;
    double *wanted;        /* [parts]: pictures         */
    double *wanted_of;     /* [parts][classes]: objects */
    size_t *left;          /* [classes]: units without a part that have it */
} Division;

/* ---- units ------------------------------------------------------------------------------------------------------- */

static const char *group_of(const Division *d, int picture)
{
    return d->shares->group ? d->shares->group[picture] : "";
}

static uint64_t key_of(const Division *d, int picture)
{
    const DfLabelledPicture *p = &d->set->pictures[picture];
    const char *group = group_of(d, picture);
    uint64_t hash = df_hash_add(DF_HASH_START, &d->shares->seed, sizeof d->shares->seed);
    hash = df_hash_add_text(hash, group[0] ? group : p->name);
    hash = (hash ^ hash >> 32) * UINT64_C(0x9e3779b97f4a7c15);
    hash = (hash ^ hash >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    return hash ^ hash >> 32;
}

static int make_units(Division *d)
{
    DfIds groups = { 0 };
    int error = DF_OK;
    d->units = df_calloc((size_t)d->set->n_pictures + 1, sizeof *d->units);
    d->unit_of = df_malloc(((size_t)d->set->n_pictures + 1) * sizeof *d->unit_of);
    if (!d->units || !d->unit_of)
        return df_fail_memory("a division");
    for (int i = 0; error == DF_OK && i < d->set->n_pictures; i++) {
        const char *group = group_of(d, i);
        const DfId id = { group[0] ? 0 : i, group[0] ? group : NULL };
        uint32_t place = 0;
        error = df_ids_add(&groups, id, &place);
        if (error < 0)
            break;
        d->unit_of[i] = (int)place;
        if (place == d->n_units)
            d->units[d->n_units++] = (Unit){ .key = key_of(d, i), .part = -1,
                                             .name = group[0] ? group : d->set->pictures[i].name };
        d->units[place].pictures++;
    }
    df_ids_done(&groups);
    return error;
}

static int by_label(const void *a, const void *b)
{
    const int x = *(const int *)a;
    const int y = *(const int *)b;
    return (x > y) - (x < y);
}

/* The classes of each unit: the labels of its objects, sorted and counted. */
static int count_classes(Division *d)
{
    const size_t n = d->set->n_objects;
    size_t *at = df_calloc(d->n_units + 2, sizeof *at);
    int *all = df_malloc((n + 1) * sizeof *all);
    d->labels = df_malloc((n + 1) * sizeof *d->labels);
    d->counts = df_malloc((n + 1) * sizeof *d->counts);
    const int error = at && all && d->labels && d->counts ? DF_OK : df_fail_memory("a division");
    for (size_t k = 0; error == DF_OK && k < n; k++)
        at[d->unit_of[d->set->objects[k].picture] + 2]++;
    for (size_t u = 0; error == DF_OK && u < d->n_units; u++)
        at[u + 2] += at[u + 1];
    for (size_t k = 0; error == DF_OK && k < n; k++)
        all[at[d->unit_of[d->set->objects[k].picture] + 1]++] = d->set->objects[k].label;
    for (size_t u = 0; error == DF_OK && u < d->n_units; u++) {
        d->units[u].first = d->n_labels;
        qsort(all + at[u], at[u + 1] - at[u], sizeof *all, by_label);
        for (size_t k = at[u]; k < at[u + 1]; k++) {
            const bool again = k > at[u] && all[k] == all[k - 1];
            if (!again) {
                d->labels[d->n_labels] = all[k];
                d->counts[d->n_labels++] = 0;
            }
            d->counts[d->n_labels - 1]++;
        }
        d->units[u].n = d->n_labels - d->units[u].first;
    }
    df_free(at);
    df_free(all);
    return error;
}

static int by_key(const void *a, const void *b)
{
    const Unit *x = *(Unit *const *)a;
    const Unit *y = *(Unit *const *)b;
    return x->key != y->key ? (x->key > y->key) - (x->key < y->key) : strcmp(x->name, y->name);
}

static int shuffle(const Division *d, Unit ***out)
{
    *out = df_malloc((d->n_units + 1) * sizeof **out);
    if (!*out)
        return df_fail_memory("a division");
    for (size_t u = 0; u < d->n_units; u++)
        (*out)[u] = &d->units[u];
    qsort(*out, d->n_units, sizeof **out, by_key);
    return DF_OK;
}

/* ---- shares ------------------------------------------------------------------------------------------------------ */

/* Whole numbers of pictures whose sum is right: those with the largest fractions are rounded up. */
static void whole_shares(Division *d)
{
    const DfLabelledShares *s = d->shares;
    double sum = 0;
    double rest = d->set->n_pictures;
    for (int k = 0; k < s->n; k++)
        sum += s->share[k];
    for (int k = 0; k < s->n; k++) {
        d->wanted[k] = floor(s->share[k] / sum * d->set->n_pictures + 1e-9);
        rest -= d->wanted[k];
    }
    for (; rest > 0.5; rest--) {
        int best = 0;
        double most = -1;
        for (int k = 0; k < s->n; k++) {
            const double missing = s->share[k] / sum * d->set->n_pictures - d->wanted[k];
            if (missing > most + 1e-9) {
                most = missing;
                best = k;
            }
        }
        d->wanted[best]++;
    }
}

static int set_shares(Division *d)
{
    const size_t C = (size_t)d->set->n_classes;
    const size_t K = (size_t)d->shares->n;
    d->wanted = df_malloc((K + 1) * sizeof *d->wanted);
    d->wanted_of = df_calloc(K * C + 1, sizeof *d->wanted_of);
    d->left = df_calloc(C + 1, sizeof *d->left);
    if (!d->wanted || !d->wanted_of || !d->left)
        return df_fail_memory("a division");
    whole_shares(d);
    for (size_t i = 0; i < d->set->n_objects; i++)
        for (size_t k = 0; k < K; k++)
            d->wanted_of[k * C + (size_t)d->set->objects[i].label] += d->wanted[k] / d->set->n_pictures;
    for (size_t i = 0; i < d->n_labels; i++)
        d->left[d->labels[i]]++;
    return DF_OK;
}

/* ---- dividing ---------------------------------------------------------------------------------------------------- */

static void give(Division *d, Unit *unit, int part)
{
    const size_t C = (size_t)d->set->n_classes;
    unit->part = part;
    d->wanted[part] -= (double)unit->pictures;
    for (size_t i = unit->first; d->labels && i < unit->first + unit->n; i++) {
        d->wanted_of[(size_t)part * C + (size_t)d->labels[i]] -= (double)d->counts[i];
        d->left[d->labels[i]]--;
    }
}

/* The part that wants it most: of the class, then of pictures; the first of equals. A part that is full gets no more
 * while another has room. */
static int neediest(const Division *d, int label)
{
    const size_t C = (size_t)d->set->n_classes;
    int best = -1;
    for (int k = 0; k < d->shares->n; k++) {
        const bool room = d->wanted[k] > 0.5;
        if (best < 0) {
            best = k;
            continue;
        }
        const bool best_room = d->wanted[best] > 0.5;
        const double more = label < 0 ? 0 : d->wanted_of[(size_t)k * C + (size_t)label] -
                                            d->wanted_of[(size_t)best * C + (size_t)label];
        const bool wants = more > 1e-9 || (fabs(more) <= 1e-9 && d->wanted[k] > d->wanted[best] + 1e-9);
        if (room != best_room ? room : wants)
            best = k;
    }
    return best;
}

static bool has_label(const Division *d, const Unit *unit, int label)
{
    size_t i = unit->first;
    while (i < unit->first + unit->n && d->labels[i] < label)
        i++;
    return i < unit->first + unit->n && d->labels[i] == label;
}

/* The class that is left in the fewest units, but in one. */
static int rarest(const Division *d)
{
    int best = -1;
    for (int c = 0; c < d->set->n_classes; c++)
        if (d->left[c] && (best < 0 || d->left[c] < d->left[best]))
            best = c;
    return best;
}

static void stratify(Division *d, Unit **order)
{
    for (int label; (label = rarest(d)) >= 0;)
        for (size_t u = 0; u < d->n_units; u++)
            if (order[u]->part < 0 && has_label(d, order[u], label))
                give(d, order[u], neediest(d, label));
}

/* Without groups the first parts are filled one after the other; a group goes where there is most room. */
static void divide(Division *d, Unit **order)
{
    if (d->shares->stratify)
        stratify(d, order);
    int part = 0;
    for (size_t u = 0; u < d->n_units; u++) {
        if (order[u]->part >= 0)
            continue;
        while (part + 1 < d->shares->n && d->wanted[part] < 0.5)
            part++;
        give(d, order[u], d->shares->group || d->shares->stratify ? neediest(d, -1) : part);
    }
}

int df_labelled_divide(const DfLabelled *set, const DfLabelledShares *shares, int *part_of)
{
    Division d = { .set = set, .shares = shares };
    Unit **order = NULL;
    int error = make_units(&d);
    if (error == DF_OK && shares->stratify)
        error = count_classes(&d);
    if (error == DF_OK)
        error = set_shares(&d);
    if (error == DF_OK)
        error = shuffle(&d, &order);
    if (error == DF_OK)
        divide(&d, order);
    for (int i = 0; error == DF_OK && i < set->n_pictures; i++)
        part_of[i] = d.units[d.unit_of[i]].part;
    df_free(order);
    df_free(d.units);
    df_free(d.unit_of);
    df_free(d.labels);
    df_free(d.counts);
    df_free(d.wanted);
    df_free(d.wanted_of);
    df_free(d.left);
    return error;
}
