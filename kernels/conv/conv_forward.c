/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_forward.c -- y = conv(x, w) as a matrix product: the patches of some output pixels are gathered
 * into rows (im2col), a few at a time, and multiplied by the packed weight while they are in the cache. A 1x1
 * convolution needs no gathering. A 3x3 one may use Winograd's method instead (winograd.c).
 */
#include "kernels/conv/conv_bf16.h"
#include "kernels/conv/conv_int8.h"
#include "kernels/conv/parts.h"
#include "kernels/conv/tasks.h"

enum {
    TASKS = 24,     /* below this many, output channels are divided too */
    BLOCK_ROWS = 96 /* most pixels of a task in float32                      */
};

typedef struct {
    const DfKernels *k;
    DfConvTasks tasks;
    const DfPacked *w;
    float *y;       /* rows O                               */
    size_t ldy;
    DfEpilogue e;
    bool in_blocks; /* patches are gathered in blocks of k  */
    size_t more;    /* bytes of scratch for the products    */
} Forward;

static size_t patches_size(const Forward *a, size_t rows)
{
    return df_ceil_div(rows * a->tasks.patches.k, DF_PANEL) * DF_PANEL; /* floats; what follows is aligned */
}

static void gather_block(const void *from, size_t k0, size_t k1, float *to, size_t ld)
{
    const DfConvPart *t = from;
    df_patches_gather_block(&t->patches, t->row, t->rows, k0, k1, to, ld);
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *a = arg;
    const DfConvPart t = df_conv_part(&a->tasks, task);
    const size_t first = t.group * a->tasks.n;
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
    const DfPatches patches = df_conv_patches(s, x, sizeof *x, runs, df_conv_runs(s, SIZE_MAX, runs));
    Forward a = { .k = k, .w = w, .y = y, .ldy = (size_t)s->O, .e = e, .in_blocks = !k->gemm.product };
    const DfConvCut cut = { .rows = a.in_blocks ? BLOCK_ROWS : df_patches_rows(patches.k), .parts = TASKS,
                            .tiles = a.in_blocks ? 2 : 1 };
    a.tasks = df_conv_tasks(s, patches, df_packed_width(k, w), cut);
    const size_t most = df_conv_part_rows(&a.tasks);
    a.more = df_packed_scratch(w, most, 0);
    const size_t whole = patches_size(&a, most) * sizeof(float) + a.more;
    const size_t scratch = a.in_blocks ? df_rows_product_scratch(most) : whole;
    const int error = df_parallel(pool, df_conv_parts(&a.tasks), scratch, forward_task, &a);
    df_free(runs);
    return error;
}

int df_conv_forward_maps(DfPool *pool, const DfKernels *k, const DfConvShape *s, DfMap x, const DfPacked *w, DfMap y,
                         DfEpilogue e)
{
    if (!df_conv_outputs(s) || !s->O)
        return DF_OK;
    if (df_packed_kind(w) == DF_PACK_WINOGRAD || df_packed_kind(w) == DF_PACK_WINOGRAD_STRIDED)
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
