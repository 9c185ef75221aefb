/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_int8.c -- convolution in 8-bit integers: the map is quantised once, then patches of it are
 * gathered into rows, a few at a time, as in conv_forward.c. Pixels outside the map have the value that stands for
 * zero, the zero point of the input.
 */
#include <string.h>

#include "kernels/conv/conv_int8.h"
#include "kernels/conv/tasks.h"

enum {
    TASKS = 16,               /* below this many, output channels are divided too */
    MAP_BLOCK = 1 << 15,      /* numbers of the map that one task quantises       */
    PATCH_BYTES = 160 << 10,  /* most bytes of a task's patches                   */
    LEAST_ROWS = 12,
    MOST_ROWS = 96
};

typedef struct {
    const DfInt8Kernels *k;
    const struct DfInt8 *w;
    DfConvTasks tasks; /* patches of `u`     */
    const float *x;
    uint8_t *u;        /* the map in 8 bits  */
    size_t numbers;    /* of it              */
    float *y;          /* rows O             */
    size_t ldy;
    DfEpilogue e;
} Conv;

static void map_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const size_t first = task * MAP_BLOCK;
    (void)scratch;
    a->k->quantise(a->u + first, a->x + first, df_smaller(a->numbers - first, MAP_BLOCK), a->w->factor, a->w->zero);
}

/* Sets the numbers from..to-1 of each row to 0, to fill the last step. */
static void fill_up(uint8_t *rows, size_t n, size_t ld, size_t from, size_t to)
{
    for (size_t i = 0; from < to && i < n; i++)
        memset(rows + i * ld + from, 0, to - from);
}

static void conv_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const DfConvPart t = df_conv_part(&a->tasks, task);
    const DfInt8Panels b = df_int8_panels(a->w, t.group);
    const size_t first = t.group * b.n;
    const size_t ld = df_int8_row(t.patches.k);
    const DfEpilogue e = df_epilogue_at(&a->e, t.row, a->ldy, first);
    df_patches_gather_block(&t.patches, t.row, t.rows, 0, t.patches.k, scratch, ld);
    fill_up(scratch, t.rows, ld, t.patches.k, b.k);
    df_int8_rows(a->k, t.rows, scratch, ld, b, t.n0, t.n1, a->y + t.row * a->ldy + first, a->ldy, &e);
}

static int run(DfPool *pool, Conv *a, const DfConvShape *s, DfRun *runs)
{
    DfPatches patches = df_conv_patches(s, a->u, sizeof *a->u, runs, df_conv_runs(s, SIZE_MAX, runs));
    const size_t ld = df_int8_row(patches.k);
    const DfConvCut cut = { .rows = df_clamp_size(PATCH_BYTES / ld / 12 * 12, LEAST_ROWS, MOST_ROWS), .parts = TASKS,
                            .tiles = 1 };
    patches.outside = a->w->zero;
    a->tasks = df_conv_tasks(s, patches, (size_t)a->k->tile_n, cut);
    const int error = df_parallel(pool, df_ceil_div(a->numbers, MAP_BLOCK), 0, map_task, a);
    return error ? error
                 : df_parallel(pool, df_conv_parts(&a->tasks), df_conv_part_rows(&a->tasks) * ld, conv_task, a);
}

int df_conv_int8(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w, float *y,
                 DfEpilogue e)
{
    DfRun *runs = df_conv_runs_new(s);
    Conv a = { .k = &k->int8, .w = w->int8, .x = x, .y = y, .ldy = (size_t)s->O, .e = e };
    a.numbers = (size_t)s->N * (size_t)s->H * (size_t)s->W * (size_t)s->I;
    a.u = df_malloc(a.numbers);
    int error = runs && a.u ? DF_OK : df_fail_memory("a map of 8 bits");
    if (!error)
        error = run(pool, &a, s, runs);
    df_free(runs);
    df_free(a.u);
    return error;
}
