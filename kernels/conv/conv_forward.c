/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_forward.c -- y = conv(x, w) as a product: the patches that some pixels see are gathered into
 * rows, a few at a time, and multiplied by the packed weight while they are in the cache. A 1x1 convolution needs no
 * gathering, and a 3x3 one may go by Winograd (winograd.c).
 */
#include "kernels/conv/conv_bf16.h"
#include "kernels/conv/conv_int8.h"
#include "kernels/conv/parts.h"
#include "kernels/conv/patches.h"

enum {
    TASKS = 24,     /* cut along output channels too until there are so many */
    BLOCK_ROWS = 96 /* most pixels of a task in float32                      */
};

typedef struct {
    const DfKernels *k;
    DfPatches patches;
    const DfPacked *w;
    size_t rows, blocks;         /* pixels of the result, cut into blocks    */
    size_t groups, column_tasks; /* tasks that share the columns of a group  */
    float *y;                    /* rows O                                   */
    size_t ldy;
    DfEpilogue e;
    bool in_blocks;              /* of k: patches are never whole            */
    size_t more;                 /* bytes of scratch that products want      */
} Forward;

static size_t patches_size(const Forward *a, size_t rows)
{
    return df_ceil_div(rows * a->patches.k, DF_PANEL) * DF_PANEL; /* floats; what follows is aligned */
}

/* A task: one block of pixels, some output channels of one group. Neighbours share pixels. */
typedef struct {
    const Forward *all;
    DfPatches patches;
    size_t row, rows, group, n0, n1;
} Part;

static Part part_of(const Forward *a, size_t task)
{
    const size_t part = task % a->column_tasks;
    const size_t block = task / a->column_tasks % a->blocks;
    const size_t n = a->ldy / a->groups;
    const size_t width = df_packed_width(a->k, a->w);
    const size_t tiles = df_ceil_div(n, width);
    Part t = { .all = a, .patches = a->patches, .group = task / a->column_tasks / a->blocks };
    t.patches.c0 = t.group * t.patches.channels;
    t.row = df_cut(a->rows, a->blocks, block);
    t.rows = df_cut(a->rows, a->blocks, block + 1) - t.row;
    t.n0 = df_cut(tiles, a->column_tasks, part) * width;
    t.n1 = df_smaller(df_cut(tiles, a->column_tasks, part + 1) * width, n);
    return t;
}

static void gather_block(const void *from, size_t k0, size_t k1, float *to, size_t ld)
{
    const Part *t = from;
    df_patches_gather_block(&t->patches, t->row, t->rows, k0, k1, to, ld);
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *a = arg;
    const Part t = part_of(a, task);
    const size_t first = t.group * (a->ldy / a->groups);
    const DfEpilogue e = df_epilogue_at(&a->e, t.row, a->ldy, first);
    float *const y = a->y + t.row * a->ldy + first;
    if (a->in_blocks) {
        const DfRowsProduct p = { .m = t.rows, .gather = gather_block, .from = &t, .b = df_packed_panels(a->w, t.group),
                                  .n0 = t.n0, .n1 = t.n1, .y = y, .ldy = a->ldy, .e = &e };
        df_rows_product(&a->k->gemm, &p, scratch);
        return;
    }
    float *const patches = scratch;
    void *const rounded = a->more ? patches + patches_size(a, t.rows) : NULL;
    df_patches_gather(&t.patches, t.row, t.rows, patches);
    df_packed_rows(a->k, t.rows, patches, t.patches.k, a->w, t.group, t.n0, t.n1, y, a->ldy, &e, rounded);
}

static int by_patches(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w,
                      float *y, DfEpilogue e)
{
    DfRun *runs = df_conv_runs_new(s);
    if (!runs)
        return df_fail_memory("the taps of a convolution");
    Forward a = {
        .k = k, .patches = df_conv_patches(s, x, sizeof *x, runs, df_conv_runs(s, SIZE_MAX, runs)), .w = w,
        .rows = df_conv_outputs(s),
        .groups = (size_t)s->groups, .y = y, .ldy = (size_t)s->O, .e = e,
    };
    const size_t tiles = df_ceil_div((size_t)(s->O / s->groups), df_packed_width(k, w));
    a.in_blocks = !k->gemm.product;
    a.blocks = df_even_parts(df_ceil_div(a.rows, a.in_blocks ? BLOCK_ROWS : df_patches_rows(a.patches.k)));
    a.column_tasks = df_smaller(df_ceil_div(TASKS, a.blocks * a.groups), a.in_blocks ? df_ceil_div(tiles, 2) : tiles);
    const size_t most = df_ceil_div(a.rows, a.blocks);
    a.more = df_packed_scratch(w, most, 0);
    const size_t whole = patches_size(&a, most) * sizeof(float) + a.more;
    const size_t scratch = a.in_blocks ? df_rows_product_scratch(most) : whole;
    const int error = df_parallel(pool, a.blocks * a.column_tasks * a.groups, scratch, forward_task, &a);
    df_free(runs);
    return error;
}

int df_conv_forward_maps(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w, DfMap y,
                         DfEpilogue e)
{
    if (!df_conv_outputs(s) || !s->O)
        return DF_OK;
    if (df_packed_kind(w) == DF_PACK_WINOGRAD)
        return df_conv_winograd(pool, k, s, x, w, y, e);
    if (df_conv_is_product(s))
        return df_gemm_packed_maps(pool, k, df_conv_outputs(s), x, (size_t)s->I, w, y, (size_t)s->O, e);
    if (w->int8)
        return df_conv_int8(pool, k, s, x.data, w, y.data, e);
    if (df_packed_precision(w) == DF_PRECISION_BF16)
        return df_conv_bf16(pool, k, s, x, w, y, e);
    return by_patches(pool, k, s, x.data, w, y.data, e);
}

int df_conv_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w,
                    float *y, DfEpilogue e)
{
    return df_conv_forward_maps(pool, k, s, df_map_of(x), w, (DfMap){ y, false }, e);
}
