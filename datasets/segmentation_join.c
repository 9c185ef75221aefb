/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/segmentation_join.c -- a test set of label maps, made of one dataset or several in sequence.
 */
#include <limits.h>
#include <string.h>

#include "datasets/dataset_config.h"

typedef struct {
    const char *data_dir;
    DfSegmentation **v;
    size_t n, capacity;
} Parts;

static int take(void *arg, const DfNode *dict, int part)
{
    Parts *p = arg;
    if (!df_grow((void **)&p->v, &p->capacity, p->n, sizeof *p->v))
        return df_fail_memory("a dataset");
    const int error = df_segmentation_for_training(&p->v[p->n], dict, p->data_dir, part);
    p->n += error == DF_OK;
    return error;
}

static bool same_classes(const DfClasses *a, const DfClasses *b)
{
    bool same = a->n == b->n;
    for (int i = 0; same && i < a->n; i++)
        same = strcmp(a->name[i], b->name[i]) == 0;
    return same;
}

/* What label maps mean must not change from part to part. */
static bool alike(const DfSegmentation *a, const DfSegmentation *b)
{
    const bool renumbered = a->renumbered && b->renumbered ? memcmp(a->renumbered, b->renumbered, 256) == 0
                                                           : a->renumbered == b->renumbered;
    return same_classes(&a->classes, &b->classes) && renumbered && a->reduce_zero_label == b->reduce_zero_label &&
           a->ignore_index == b->ignore_index && !a->label == !b->label;
}

/* The texts stay in the arenas of the parts. */
static int append(DfSegmentation *all, const DfSegmentation *part, int number)
{
    for (int i = 0; i < part->n; i++) {
        const int at = all->n + i;
        all->name[at] = df_arena_text(all->arena, "%d/%s", number, part->name[i]);
        all->picture[at] = df_arena_text(all->arena, "%s", part->picture[i]);
        if (all->label)
            all->label[at] = df_arena_text(all->arena, "%s", part->label[i]);
        if (!all->name[at] || !all->picture[at] || (all->label && !all->label[at]))
            return df_fail_memory("a dataset");
    }
    all->n += part->n;
    return DF_OK;
}

static int make_room(DfSegmentation *all, const Parts *p)
{
    const bool labelled = all->label != NULL;
    size_t n = 1;
    for (size_t i = 0; i < p->n; i++)
        n += (size_t)p->v[i]->n;
    if (n > INT_MAX / 2)
        return df_fail(DF_EVALUE, "more than %d pictures in a dataset", INT_MAX / 2);
    all->n = 0;
    all->name = df_arena_alloc(all->arena, n, sizeof *all->name);
    all->picture = df_arena_alloc(all->arena, n, sizeof *all->picture);
    all->label = labelled ? df_arena_alloc(all->arena, n, sizeof *all->label) : NULL;
    return all->name && all->picture && (all->label || !labelled) ? DF_OK : df_fail_memory("a dataset");
}

/* The first part becomes the whole. */
static int join(DfSegmentation *all, const Parts *p)
{
    const DfSegmentation first = *p->v[0];
    DfDatasetPart *part = df_arena_alloc(all->arena, p->n, sizeof *part);
    int error = part ? make_room(all, p) : df_fail_memory("a dataset");
    for (size_t i = 0; error == DF_OK && i < p->n; i++) {
        const DfSegmentation *one = i ? p->v[i] : &first;
        if (!alike(one, &first))
            return df_fail(DF_EVALUE, "%s and %s differ in their classes or in what their label maps mean: want "
                           "datasets of one kind", first.folder, one->folder);
        part[i] = (DfDatasetPart){ df_arena_text(all->arena, "%s", one->folder), all->n, one->n };
        error = part[i].path ? append(all, one, (int)i + 1) : df_fail_memory("a dataset");
    }
    all->part = part;
    all->n_parts = (int)p->n;
    return error;
}

static int alone(DfSegmentation *s)
{
    DfDatasetPart *part = df_arena_alloc(s->arena, 1, sizeof *part);
    if (!part)
        return df_fail_memory("a dataset");
    *part = (DfDatasetPart){ s->folder, 0, s->n };
    s->part = part;
    s->n_parts = 1;
    return DF_OK;
}

int df_segmentation_from_config(DfSegmentation **out, const DfNode *dataset, const char *data_dir)
{
    Parts p = { .data_dir = data_dir };
    *out = NULL;
    int error = df_dataset_each(dataset, take, &p);
    if (error == DF_OK && p.n == 0)
        error = df_node_fail(dataset, DF_EVALUE, "no dataset in it: want at least one");
    if (error == DF_OK)
        error = p.n > 1 ? join(p.v[0], &p) : alone(p.v[0]);
    for (size_t i = error == DF_OK; i < p.n; i++)
        df_segmentation_free(p.v[i]);
    if (error == DF_OK)
        *out = p.v[0];
    df_free(p.v);
    return error;
}
