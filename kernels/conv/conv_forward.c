/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_forward.c -- y = conv(x, w) as a product: the patches that some pixels see are gathered into
 * rows, a few at a time, and multiplied by the packed weight while they are in the cache. A 1x1 convolution needs no
 * gathering, and a 3x3 one may go by Winograd (winograd.c).
 */
#include "kernels/conv/parts.h"
#include "kernels/conv/patches.h"

enum { TASKS = 24 }; /* cut along output channels too until there are so many */

typedef struct {
    const DfKernels *k;
    DfPatches patches;
    const DfPacked *w;
    size_t rows, blocks;         /* pixels of the result, cut into blocks    */
    size_t groups, column_tasks; /* tasks that share the columns of a group  */
    float *y;                    /* rows O                                   */
    size_t ldy;
    DfEpilogue e;
} Forward;

/* One block of pixels, some output channels of one group. */
static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *a = arg;
    const size_t block = task % a->blocks;
    const size_t part = task / a->blocks % a->column_tasks;
    const size_t group = task / a->blocks / a->column_tasks;
    const size_t row = df_cut(a->rows, a->blocks, block);
    const size_t rows = df_cut(a->rows, a->blocks, block + 1) - row;
    const DfPanels b = df_packed_panels(a->w, group);
    const size_t width = (size_t)a->k->gemm.tile_n;
    const size_t tiles = df_ceil_div(b.n, width);
    const size_t n0 = df_cut(tiles, a->column_tasks, part) * width;
    const size_t n1 = df_smaller(df_cut(tiles, a->column_tasks, part + 1) * width, b.n);
    const DfEpilogue e = df_epilogue_at(&a->e, row, a->ldy, group * b.n);
    DfPatches p = a->patches;
    p.c0 = group * p.channels;
    df_patches_gather(&p, row, rows, scratch);
    df_gemm_rows(&a->k->gemm, rows, scratch, p.k, b, n0, n1, a->y + row * a->ldy + group * b.n, a->ldy, &e, NULL);
}

static int by_patches(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w,
                      float *y, DfEpilogue e)
{
    DfRun *runs = df_conv_runs_new(s);
    if (!runs)
        return df_fail_memory("the taps of a convolution");
    Forward a = {
        .k = k, .patches = df_conv_patches(s, x, runs, df_conv_runs(s, SIZE_MAX, runs)), .w = w,
        .rows = df_conv_outputs(s),
        .groups = (size_t)s->groups, .y = y, .ldy = (size_t)s->O, .e = e,
    };
    const size_t tiles = df_ceil_div((size_t)(s->O / s->groups), (size_t)k->gemm.tile_n);
    a.blocks = df_ceil_div(a.rows, df_patches_rows(a.patches.k));
    a.column_tasks = df_smaller(df_ceil_div(TASKS, a.blocks * a.groups), tiles);
    const size_t scratch = df_ceil_div(a.rows, a.blocks) * a.patches.k * sizeof(float);
    const int error = df_parallel(pool, a.blocks * a.column_tasks * a.groups, scratch, forward_task, &a);
    df_free(runs);
    return error;
}

int df_conv_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const DfPacked *w,
                    float *y, DfEpilogue e)
{
    if (!df_conv_outputs(s) || !s->O)
        return DF_OK;
    if (df_packed_kind(w) == DF_PACK_WINOGRAD)
        return df_conv_winograd(pool, k, s, x, w, y, e);
    if (df_conv_is_product(s))
        return df_gemm_packed(pool, k, df_conv_outputs(s), x, (size_t)s->I, w, y, (size_t)s->O, e);
    return by_patches(pool, k, s, x, w, y, e);
}
