/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/truth.c -- annotations in the form that heads need which assign boxes to objects.
 */
#include "heads/truth.h"

#include <math.h>
#include <string.h>

static bool is_ignored(const DfAnnotations *a, size_t i)
{
    return (a->crowd && a->crowd[i]) || (a->ignore && a->ignore[i]);
}

static int check(const DfAnnotations *a, size_t i, int classes, int image)
{
    const float *box = a->boxes + 4 * i;
    const int label = a->labels[i];
    const bool finite = isfinite(box[0]) && isfinite(box[1]) && isfinite(box[2]) && isfinite(box[3]);
    if (finite && is_ignored(a, i)) /* as large as it likes, of any class */
        return DF_OK;
    if (!finite || box[2] <= box[0] || box[3] <= box[1])
        return df_fail(DF_EVALUE, "object %zu of image %d has the box %g %g %g %g: want x1 < x2 and y1 < y2", i, image,
                       (double)box[0], (double)box[1], (double)box[2], (double)box[3]);
    if (label < -1 || label >= classes)
        return df_fail(DF_EVALUE, "object %zu of image %d has the label %d: want 0 to %d", i, image, label,
                       classes - 1);
    return DF_OK;
}

static void add(Truth *t, const DfAnnotations *a, size_t i)
{
    if (is_ignored(a, i)) {
        memcpy(t->ignored + 4 * t->n_ignored++, a->boxes + 4 * i, 4 * sizeof *t->ignored);
        return;
    }
    if (a->labels[i] < 0)
        return;
    memcpy(t->boxes + 4 * t->n, a->boxes + 4 * i, 4 * sizeof *t->boxes);
    t->labels[t->n] = a->labels[i];
    t->index[t->n++] = (int)i;
}

int df_truth(Truth *out, const DfAnnotations *a, int classes, int image, DfArena *arena)
{
    const size_t n = a->n + 1;
    Truth t = {
        .boxes = df_arena_alloc(arena, n, 4 * sizeof *t.boxes),
        .labels = df_arena_alloc(arena, n, sizeof *t.labels),
        .index = df_arena_alloc(arena, n, sizeof *t.index),
        .ignored = df_arena_alloc(arena, n, 4 * sizeof *t.ignored),
    };
    *out = t;
    if (!t.boxes || !t.labels || !t.index || !t.ignored)
        return df_fail_memory("annotations");
    int error = DF_OK;
    if (a->n && a->unit != DF_BOXES_PIXELS)
        error = df_fail(DF_EVALUE, "image %d of the batch has boxes as shares of the picture: want pixels", image);
    for (size_t i = 0; error == DF_OK && i < a->n; i++) {
        error = check(a, i, classes, image);
        if (error == DF_OK)
            add(&t, a, i);
    }
    *out = t;
    return error;
}
