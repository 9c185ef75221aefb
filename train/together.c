/* SPDX-License-Identifier: Apache-2.0
 *
 * train/together.c -- a run of several processes: one step of all of them, and stopping together.
 */
#include <string.h>

#include "train/run_parts.h"

enum { AROUND = 255 }; /* the class around a label map, as the loader pads it */

int df_run_together_open(DfRun *r)
{
    if (df_ranks_count(r->o.ranks) == 1)
        return DF_OK;
    return df_parallel_new(&r->parallel, r->o.ranks, r->weights);
}

/* What one process alone has is its own part of the losses. */
static int own_losses(DfRun *r, const DfStepReport *report)
{
    const DfLosses *losses = report->losses;
    for (int i = 0; i < losses->n; i++)
        r->losses[i] = losses->v[i].loss ? losses->v[i].loss->data[0] : losses->v[i].figure;
    r->total = report->total;
    return DF_OK;
}

static int add_losses(DfRun *r, const DfStepReport *report)
{
    r->total = report->total;
    const int error = df_ranks_sum(r->o.ranks, &r->total, 1);
    return error < 0 ? error : df_parallel_losses(r->parallel, report->losses, r->losses);
}

int df_run_together_step(DfRun *r, DfTensor *image, const DfLossBatch *batch, DfStepReport *report)
{
    bool due;
    int error;
    if (!r->parallel) {
        error = df_trainer_step(r->trainer, r->c, image, batch, report);
        return error < 0 ? error : own_losses(r, report);
    }
    df_accumulation(r->state.at.step, r->steps, r->recipe.accumulation, &due);
    df_parallel_begin(r->parallel, r->c, due);
    error = df_trainer_backward(r->trainer, r->c, image, batch, report);
    error = df_parallel_finish(r->parallel, r->c, error);
    if (error == DF_OK)
        error = df_trainer_update(r->trainer, r->c, report);
    return error < 0 ? error : add_losses(r, report);
}

/* A process that failed does not ask the others: they may be anywhere. df_ranks_close() ends them. */
int df_run_together_agree(DfRun *r, int error)
{
    if (!r->parallel || error < 0)
        return error;
    r->stopping = df_ranks_agree(r->o.ranks, r->stopping ? DF_EINTERRUPT : DF_OK) < 0;
    return DF_OK;
}

/* ---- one size for all -------------------------------------------------------------------------------------------- */

/* Rows of `width` items of `size` bytes, at the upper left of a larger block. */
static void place(void *to, int to_width, const void *from, int height, int width, size_t size)
{
    for (int y = 0; y < height; y++)
        memcpy((char *)to + (size_t)y * (size_t)to_width * size,
               (const char *)from + (size_t)y * (size_t)width * size, (size_t)width * size);
}

static int pad_map(DfAnnotations *a, int height, int width)
{
    DfLabelMap *map = &a->map;
    const size_t n = (size_t)height * (size_t)width;
    uint8_t *narrow = map->narrow ? df_arena_alloc(a->arena, n, 1) : NULL;
    uint16_t *wide = map->wide ? df_arena_alloc(a->arena, n, 2) : NULL;
    if ((map->narrow && !narrow) || (map->wide && !wide))
        return df_fail_memory("a label map");
    for (size_t i = 0; wide && i < n; i++)
        wide[i] = AROUND;
    if (narrow) {
        memset(narrow, AROUND, n);
        place(narrow, width, map->narrow, map->height, map->width, 1);
    }
    if (wide)
        place(wide, width, map->wide, map->height, map->width, 2);
    *map = (DfLabelMap){ height, width, narrow, wide };
    return DF_OK;
}

static int pad_pixels(DfRun *r, const DfBatch *b, int height, int width)
{
    const size_t floats = 3 * (size_t)height * (size_t)width;
    float *padded = df_calloc((size_t)b->n * floats + 1, sizeof *padded);
    if (!padded)
        return df_fail_memory("the pictures of a step");
    for (int i = 0; i < b->n; i++)
        place(padded + (size_t)i * floats, width, b->pixels + 3 * (size_t)i * (size_t)b->height * (size_t)b->width,
              b->height, b->width, 3 * sizeof *padded);
    df_free(r->padded);
    r->padded = padded;
    return DF_OK;
}

/* As large as the largest batch of all processes, as if it were one batch: a network may see how far it was padded. */
int df_run_together_pad(DfRun *r, DfBatch *b, float **pixels)
{
    *pixels = b->pixels;
    if (!r->parallel)
        return DF_OK;
    int size[2] = { b->height, b->width };
    int error = df_ranks_largest(r->o.ranks, size, 2);
    if (error < 0 || (size[0] == b->height && size[1] == b->width))
        return error;
    error = pad_pixels(r, b, size[0], size[1]);
    for (int i = 0; error == DF_OK && i < b->n; i++)
        error = b->objects[i].map.height ? pad_map(&b->objects[i], size[0], size[1]) : DF_OK;
    b->height = size[0];
    b->width = size[1];
    *pixels = r->padded;
    return error;
}
