/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_bf16.c -- a convolution in bfloat16: the map is rounded once, then patches of it are gathered
 * into rows, a few at a time, as in conv_forward.c. A kernel of one tap that strides skips most pixels: those that it
 * sees are rounded when they are gathered. Where several tasks would gather the same patches, that is done before.
 */
#include "kernels/conv/conv_bf16.h"

#include "kernels/conv/patches.h"
#include "kernels/gemm/bf16.h"
#include "kernels/gemm/parts.h"

enum {
    TASKS = 24,          /* cut along output channels too until there are so many */
    MAP_BLOCK = 1 << 14, /* numbers of the map that one task rounds               */
    BLOCK_ROWS = 96      /* most pixels of a task                                 */
};

typedef struct {
    const DfKernels *k;
    const DfPacked *w;
    DfPatches patches;           /* of `map`, or of x                              */
    DfMap x;
    const DfBf16 *map;           /* x rounded; NULL: a tap's pixels are, each time */
    DfBf16 *own;                 /* memory of it, unless that is x                 */
    size_t numbers;              /* of x                                           */
    size_t rows, blocks;         /* pixels of the result, cut into blocks          */
    size_t groups, column_tasks; /* tasks that share the columns of a group        */
    DfBf16 *shared;              /* all patches, group after group, or NULL: each task gathers its own */
    size_t ld;                   /* of a row of these                              */
    DfMap y;                     /* rows O                                         */
    size_t ldy;
    DfEpilogue e;
} Conv;

static void map_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const size_t first = task * MAP_BLOCK;
    (void)scratch;
    a->k->bf16.round(a->own + first, (const float *)a->x.data + first, df_smaller(a->numbers - first, MAP_BLOCK));
}

/* A task: one block of pixels, some output channels of one group. Neighbours share pixels. */
typedef struct {
    const Conv *all;
    DfPatches patches;
    size_t row, rows, group, n0, n1;
} Part;

static Part part_of(const Conv *a, size_t task)
{
    const size_t part = task % a->column_tasks;
    const size_t block = task / a->column_tasks % a->blocks;
    const size_t n = a->ldy / a->groups;
    const size_t width = (size_t)a->k->bf16.tile_n;
    const size_t tiles = df_ceil_div(n, width);
    Part t = { .all = a, .patches = a->patches, .group = task / a->column_tasks / a->blocks };
    t.patches.c0 = t.group * t.patches.channels;
    t.row = df_cut(a->rows, a->blocks, block);
    t.rows = df_cut(a->rows, a->blocks, block + 1) - t.row;
    t.n0 = df_cut(tiles, a->column_tasks, part) * width;
    t.n1 = df_smaller(df_cut(tiles, a->column_tasks, part + 1) * width, n);
    return t;
}

/* Channels k0..k1-1 of the pixels that one tap sees. */
static void gather_pixels(const Part *t, size_t k0, size_t k1, DfBf16 *to, size_t ld)
{
    const DfPatches *p = &t->patches;
    const size_t W = (size_t)p->jW;
    const size_t H = (size_t)p->jH;
    for (size_t r = t->row; r < t->row + t->rows; r++, to += ld) {
        const size_t y = r / W % H * (size_t)p->step_y;
        const size_t x = r % W * (size_t)p->step_x;
        const size_t pixel = (r / W / H * (size_t)p->H + y) * (size_t)p->W + x;
        t->all->k->bf16.round(to, (const float *)t->all->x.data + pixel * p->C + k0, k1 - k0);
    }
}

/* Columns k0..k1-1 of a task's patches, and a zero behind an odd number of them. */
static void gather(const void *from, size_t k0, size_t k1, DfBf16 *to, size_t ld)
{
    const Part *t = from;
    if (t->all->map)
        df_patches_gather_block(&t->patches, t->row, t->rows, k0, k1, to, ld);
    else
        gather_pixels(t, k0, k1, to, ld);
    for (size_t i = 0; (k1 - k0) % 2 && i < t->rows; i++)
        to[i * ld + k1 - k0] = 0;
}

static DfBf16 *shared_rows(const Part *t)
{
    const Conv *a = t->all;
    return a->shared ? a->shared + (t->group * a->rows + t->row) * a->ld : NULL;
}

static void gather_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const Part t = part_of(a, task * a->column_tasks);
    (void)scratch;
    gather(&t, 0, t.patches.k, shared_rows(&t), a->ld);
}

static void conv_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const Part t = part_of(a, task);
    const size_t first = t.group * (a->ldy / a->groups);
    const DfEpilogue e = df_epilogue_at(&a->e, t.row, a->ldy, first);
    const DfBf16Product p = { .m = t.rows, .rounded = shared_rows(&t), .lda = a->ld, .gather = gather, .from = &t,
                              .b = df_packed_bf16_panels(a->w, t.group), .n0 = t.n0, .n1 = t.n1, .ldy = a->ldy,
                              .e = &e };
    df_bf16_product_to(&a->k->bf16, &p, a->y, t.row * a->ldy + first, scratch);
}

static int run(DfPool *pool, Conv *a)
{
    const size_t parts = a->blocks * a->groups;
    const size_t n = a->ldy / a->groups;
    const size_t scratch = df_bf16_scratch_to(df_ceil_div(a->rows, a->blocks), a->patches.k, n, a->y);
    int error = DF_OK;
    if (a->own)
        error = df_parallel(pool, df_ceil_div(a->numbers, MAP_BLOCK), 0, map_task, a);
    if (!error && a->shared)
        error = df_parallel(pool, parts, 0, gather_task, a);
    return error ? error : df_parallel(pool, parts * a->column_tasks, scratch, conv_task, a);
}

static void cut(Conv *a)
{
    const size_t tiles = df_ceil_div(a->ldy / a->groups, (size_t)a->k->bf16.tile_n);
    a->blocks = df_even_parts(df_ceil_div(a->rows, BLOCK_ROWS));
    a->column_tasks = df_smaller(df_ceil_div(TASKS, a->blocks * a->groups), df_ceil_div(tiles, 2));
    a->ld = df_bf16_row(a->patches.k);
}

static bool has_one_tap(const DfConvShape *s)
{
    return s->kh == 1 && s->kw == 1 && s->padding[0] == 0 && s->padding[1] == 0 && s->groups == 1;
}

static int make_room(Conv *a, const DfConvShape *s, DfRun *runs)
{
    a->numbers = (size_t)s->N * (size_t)s->H * (size_t)s->W * (size_t)s->I;
    if (!a->x.bf16 && !has_one_tap(s) && !(a->own = df_malloc(a->numbers * sizeof *a->own)))
        return df_fail_memory("a map of bfloat16");
    a->map = a->x.bf16 ? a->x.data : a->own;
    a->patches = df_conv_patches(s, a->map, sizeof *a->map, runs, df_conv_runs(s, SIZE_MAX, runs));
    cut(a);
    if (a->column_tasks > 1 && !(a->shared = df_malloc(a->groups * a->rows * a->ld * sizeof *a->shared)))
        return df_fail_memory("the patches of a convolution");
    return DF_OK;
}

int df_conv_bf16(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w, DfMap y,
                 DfEpilogue e)
{
    DfRun *runs = df_conv_runs_new(s);
    Conv a = { .k = k, .w = w, .x = x, .rows = df_conv_outputs(s), .groups = (size_t)s->groups, .y = y,
               .ldy = (size_t)s->O, .e = e };
    int error = runs ? make_room(&a, s, runs) : df_fail_memory("the taps of a convolution");
    if (!error)
        error = run(pool, &a);
    df_free(a.shared);
    df_free(a.own);
    df_free(runs);
    return error;
}
