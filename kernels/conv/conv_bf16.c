/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_bf16.c -- convolution in bfloat16. The map is rounded once, then patches of it are gathered into
 * rows, a few at a time, as in conv_forward.c. A 1x1 kernel with a stride skips most pixels, so there only the pixels
 * that are read are rounded, while they are gathered. Where several tasks would gather the same patches, all patches
 * are gathered before the products.
 */
#include "kernels/conv/conv_bf16.h"

#include "kernels/conv/tasks.h"
#include "kernels/gemm/bf16.h"
#include "kernels/gemm/parts.h"

enum {
    TASKS = 24,          /* below this many, output channels are divided too     */
    MAP_BLOCK = 1 << 14, /* numbers of the map that one task rounds               */
    BLOCK_ROWS = 96      /* most pixels of a task                                 */
};

typedef struct {
    const DfKernels *k;
    const DfPacked *w;
    DfConvTasks tasks;  /* patches of `map`, or of x                                                  */
    DfMap x;
    const DfBf16 *map;  /* x rounded; NULL: pixels are rounded as they are gathered                   */
    DfBf16 *own;        /* memory of `map`, or NULL if the caller's x is bfloat16 already             */
    size_t numbers;     /* of x                                                                       */
    DfBf16 *shared;     /* all patches, group after group, or NULL: each task gathers its own         */
    size_t ld;          /* distance between rows of `shared`                                          */
    DfMap y;            /* rows O                                                                     */
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

/* The patches that a task gathers. */
typedef struct {
    const Conv *all;
    DfConvPart part;
} Gathered;

/* Gathers channels k0..k1-1 of the pixels that a 1x1 kernel reads. */
static void gather_pixels(const Gathered *g, size_t k0, size_t k1, DfBf16 *to, size_t ld)
{
    const DfConvPart *t = &g->part;
    const DfPatches *p = &t->patches;
    const size_t W = (size_t)p->jW;
    const size_t H = (size_t)p->jH;
    for (size_t r = t->row; r < t->row + t->rows; r++, to += ld) {
        const size_t y = r / W % H * (size_t)p->step_y;
        const size_t x = r % W * (size_t)p->step_x;
        const size_t pixel = (r / W / H * (size_t)p->H + y) * (size_t)p->W + x;
        g->all->k->bf16.round(to, (const float *)g->all->x.data + pixel * p->C + k0, k1 - k0);
    }
}

/* Gathers columns k0..k1-1 of a task's patches, and a zero after an odd number of them. */
static void gather(const void *from, size_t k0, size_t k1, DfBf16 *to, size_t ld)
{
    const Gathered *g = from;
    const DfConvPart *t = &g->part;
    if (g->all->map)
        df_patches_gather_block(&t->patches, t->row, t->rows, k0, k1, to, ld);
    else
        gather_pixels(g, k0, k1, to, ld);
    for (size_t i = 0; (k1 - k0) % 2 && i < t->rows; i++)
        to[i * ld + k1 - k0] = 0;
}

static DfBf16 *shared_rows(const Gathered *g)
{
    const Conv *a = g->all;
    return a->shared ? a->shared + (g->part.group * a->tasks.rows + g->part.row) * a->ld : NULL;
}

static void gather_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const Gathered g = { a, df_conv_part(&a->tasks, task * a->tasks.pieces) };
    (void)scratch;
    gather(&g, 0, g.part.patches.k, shared_rows(&g), a->ld);
}

static void conv_task(void *arg, size_t task, void *scratch)
{
    const Conv *a = arg;
    const Gathered g = { a, df_conv_part(&a->tasks, task) };
    const DfConvPart *t = &g.part;
    const size_t first = t->group * a->tasks.n;
    const DfEpilogue e = df_epilogue_at(&a->e, t->row, a->ldy, first);
    const DfBf16Product p = { .m = t->rows, .rounded = shared_rows(&g), .lda = a->ld, .gather = gather, .from = &g,
                              .b = df_packed_bf16_panels(a->w, t->group), .n0 = t->n0, .n1 = t->n1, .ldy = a->ldy,
                              .e = &e };
    df_bf16_product_to(&a->k->bf16, &p, a->y, t->row * a->ldy + first, scratch);
}

static int run(DfPool *pool, Conv *a)
{
    const DfConvTasks *t = &a->tasks;
    const size_t scratch = df_bf16_scratch_to(df_conv_part_rows(t), t->patches.k, t->n, a->y);
    int error = DF_OK;
    if (a->own)
        error = df_parallel(pool, df_ceil_div(a->numbers, MAP_BLOCK), 0, map_task, a);
    if (!error && a->shared)
        error = df_parallel(pool, t->blocks * t->groups, 0, gather_task, a);
    return error ? error : df_parallel(pool, df_conv_parts(t), scratch, conv_task, a);
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
    const DfPatches patches = df_conv_patches(s, a->map, sizeof *a->map, runs, df_conv_runs(s, SIZE_MAX, runs));
    const DfConvCut cut = { .rows = BLOCK_ROWS, .parts = TASKS, .tiles = 2 };
    a->tasks = df_conv_tasks(s, patches, (size_t)a->k->bf16.tile_n, cut);
    a->ld = df_bf16_row(patches.k);
    const size_t all = a->tasks.groups * a->tasks.rows * a->ld;
    if (a->tasks.pieces > 1 && !(a->shared = df_malloc(all * sizeof *a->shared)))
        return df_fail_memory("the patches of a convolution");
    return DF_OK;
}

int df_conv_bf16(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w, DfMap y,
                 DfEpilogue e)
{
    DfRun *runs = df_conv_runs_new(s);
    Conv a = { .k = k, .w = w, .x = x, .y = y, .ldy = (size_t)s->O, .e = e };
    int error = runs ? make_room(&a, s, runs) : df_fail_memory("the taps of a convolution");
    if (!error)
        error = run(pool, &a);
    df_free(a.shared);
    df_free(a.own);
    df_free(runs);
    return error;
}
