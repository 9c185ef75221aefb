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
    size_t more;                 /* bytes of scratch that products want      */
} Forward;

static size_t patches_size(const Forward *a, size_t rows)
{
    return df_ceil_div(rows * a->patches.k, DF_PANEL) * DF_PANEL; /* floats; what follows is aligned */
}

/* One block of pixels, some output channels of one group. */
static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *a = arg;
    const size_t block = task % a->blocks;
    const size_t part = task / a->blocks % a->column_tasks;
    const size_t group = task / a->blocks / a->column_tasks;
    const size_t row = df_cut(a->rows, a->blocks, block);
    const size_t rows = df_cut(a->rows, a->blocks, block + 1) - row;
    const size_t n = a->ldy / a->groups;
    const size_t width = df_packed_width(a->k, a->w);
    const size_t tiles = df_ceil_div(n, width);
    const size_t n0 = df_cut(tiles, a->column_tasks, part) * width;
    const size_t n1 = df_smaller(df_cut(tiles, a->column_tasks, part + 1) * width, n);
    const DfEpilogue e = df_epilogue_at(&a->e, row, a->ldy, group * n);
    float *const patches = scratch;
    void *const rounded = a->more ? patches + patches_size(a, rows) : NULL;
    DfPatches p = a->patches;
    p.c0 = group * p.channels;
    df_patches_gather(&p, row, rows, patches);
    df_packed_rows(a->k, rows, patches, p.k, a->w, group, n0, n1, a->y + row * a->ldy + group * n, a->ldy, &e, rounded);
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
    const size_t tiles = df_ceil_div((size_t)(s->O / s->groups), df_packed_width(k, w));
    a.blocks = df_ceil_div(a.rows, df_patches_rows(a.patches.k));
    a.column_tasks = df_smaller(df_ceil_div(TASKS, a.blocks * a.groups), tiles);
    const size_t most = df_ceil_div(a.rows, a.blocks);
    a.more = df_packed_scratch(w, most, 0);
    const size_t scratch = patches_size(&a, most) * sizeof(float) + a.more;
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
