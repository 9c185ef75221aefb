/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/conv_transposed.c -- x += transposed convolution of y: the gradient of a convolution with respect to
 * its input, and the forward pass of a transposed convolution.
 *
 * The convolution reads  y[o] += w[k] x[o stride + k dilation - padding],  so each x receives
 *     x[i] += sum over k of  w[k]' y[(i + padding - k dilation) / stride]    where the division is exact
 * Which k these are depends on i mod stride alone, the phase of the pixel. So all pixels of one phase are an ordinary
 * convolution of y with stride 1, by the taps of that phase: stride^2 matrix products, and no two tasks add to the
 * same pixel.
 */
#include "kernels/conv/parts.h"
#include "kernels/conv/patches.h"

typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    DfPatches patches;    /* of y; positions are pixels of one phase */
    const DfPacked *w;    /* NULL if the phase has no taps           */
    size_t rows, blocks;
    int py, px;           /* the phase */
    const float *bias;
    float *x;
} Transposed;

/* Pixel r of the phase, in x. */
static float *pixel_of(const Transposed *a, size_t r)
{
    const DfConvShape *s = a->s;
    const size_t jW = (size_t)a->patches.jW;
    const size_t per_image = (size_t)a->patches.jH * jW;
    const size_t n = r / per_image;
    const size_t y = r % per_image / jW * (size_t)s->stride[0] + (size_t)a->py;
    const size_t x = r % jW * (size_t)s->stride[1] + (size_t)a->px;
    return a->x + ((n * (size_t)s->H + y) * (size_t)s->W + x) * (size_t)s->I;
}

static void transposed_task(void *arg, size_t block, void *scratch)
{
    const Transposed *a = arg;
    const DfPointwiseKernels *k = &a->k->pointwise;
    const size_t row = df_cut(a->rows, a->blocks, block);
    const size_t rows = df_cut(a->rows, a->blocks, block + 1) - row;
    const size_t I = (size_t)a->s->I;
    const size_t groups = (size_t)a->s->groups;
    const size_t n = I / groups;
    float *patches = scratch;                     /* rows k */
    float *product = patches + rows * a->patches.k; /* rows n */
    for (size_t group = 0; a->w && group < groups; group++) {
        DfPatches p = a->patches;
        p.c0 = group * p.channels;
        df_patches_gather(&p, row, rows, patches);
        df_gemm_rows(&a->k->gemm, rows, patches, p.k, df_packed_panels(a->w, group), 0, n, product, n,
                     &(DfEpilogue){ 0 }, NULL);
        for (size_t r = 0; r < rows; r++)
            k->accumulate(pixel_of(a, row + r) + group * n, product + r * n, 1, n);
    }
    for (size_t r = 0; a->bias && r < rows; r++)
        k->accumulate(pixel_of(a, row + r), a->bias, 1, I);
}

/* Weight rows (tap, o) of the taps of one phase, for every group. `taps` has their numbers. */
static DfPacked *pack_phase(const DfConvShape *s, const float *w, const size_t *taps, size_t n_taps)
{
    const size_t groups = (size_t)s->groups;
    const size_t O = (size_t)s->O / groups;
    const size_t I = (size_t)s->I / groups;
    const size_t all = (size_t)s->kh * (size_t)s->kw;
    DfPacked *p = df_packed_new(DF_PACK_GEMM, groups, n_taps * O, I);
    for (size_t group = 0; p && group < groups; group++)
        for (size_t t = 0; t < n_taps; t++)
            df_packed_fill(p, group, t * O, O, w + (group * O * all + taps[t]) * I, all * I, 1);
    return p;
}

/* Lists the taps that reach phase (py, px), and the row of y that each reads: (py + padding - ky dilation) / stride +
 * jy. */
static size_t phase_taps(const DfConvShape *s, int py, int px, DfRun *runs, size_t *taps)
{
    size_t n = 0;
    for (int ky = 0; ky < s->kh; ky++)
        for (int kx = 0; kx < s->kw; kx++) {
            const int y = py + s->padding[0] - ky * s->dilation[0];
            const int x = px + s->padding[1] - kx * s->dilation[1];
            if (y % s->stride[0] || x % s->stride[1])
                continue;
            taps[n] = (size_t)(ky * s->kw + kx);
            runs[n++] = (DfRun){ y / s->stride[0], x / s->stride[1], 1 };
        }
    return n;
}

static int transposed_phase(DfPool *pool, Transposed a, const float *w, DfRun *runs, size_t *taps)
{
    const DfConvShape *s = a.s;
    const size_t n_taps = phase_taps(s, a.py, a.px, runs, taps);
    a.patches.runs = runs;
    a.patches.n_runs = n_taps;
    a.patches.k = n_taps * (size_t)(s->O / s->groups);
    a.patches.jH = (s->H - a.py + s->stride[0] - 1) / s->stride[0];
    a.patches.jW = (s->W - a.px + s->stride[1] - 1) / s->stride[1];
    a.rows = (size_t)s->N * (size_t)a.patches.jH * (size_t)a.patches.jW;
    if (!a.rows || (!n_taps && !a.bias))
        return DF_OK;
    DfPacked *packed = n_taps ? pack_phase(s, w, taps, n_taps) : NULL;
    if (n_taps && !packed)
        return df_fail_memory("packed weights");
    a.w = packed;
    a.blocks = df_ceil_div(a.rows, df_patches_rows(a.patches.k));
    const size_t most = df_ceil_div(a.rows, a.blocks);
    const size_t row = a.patches.k + (size_t)(s->I / s->groups); /* floats: a patch and its product */
    const int error = df_parallel(pool, a.blocks, most * row * sizeof(float), transposed_task, &a);
    df_packed_free(packed);
    return error;
}

/* For a stride of 1, the convolution from y to x that is equal to this transposed one: input and output change places,
 * the 3x3 kernel is rotated, and the padding is 2 - p. */
static DfConvShape turned_shape(const DfConvShape *s)
{
    DfConvShape turned = *s;
    turned.H = s->oH;
    turned.W = s->oW;
    turned.I = s->O;
    turned.oH = s->H;
    turned.oW = s->W;
    turned.O = s->I;
    turned.padding[0] = 2 - s->padding[0];
    turned.padding[1] = 2 - s->padding[1];
    return turned;
}

bool df_conv_transposed_prefers_winograd(const DfConvShape *s)
{
    const DfConvShape turned = turned_shape(s);
    return df_conv_pack_kind(&turned, DF_PRECISION_F32) == DF_PACK_WINOGRAD;
}

/* dL/dx of a convolution by Winograd's method is another one, with rotated filters. */
int df_conv_transposed_packed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y,
                              const DfPacked *w, const float *bias, float *x, bool fresh)
{
    const DfConvShape turned = turned_shape(s);
    const DfEpilogue e = { .bias = bias, .residual = fresh ? NULL : x };
    return df_conv_winograd(pool, k, &turned, df_map_of(y), w, (DfMap){ x, false }, e);
}

static int transposed_winograd(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w,
                               const float *bias, float *x)
{
    DfPacked *packed = NULL;
    int error = df_pack_winograd_turned(&packed, pool, w, (size_t)s->O, (size_t)s->I);
    if (!error)
        error = df_conv_transposed_packed(pool, k, s, y, packed, bias, x, false);
    df_packed_free(packed);
    return error;
}

int df_conv_transposed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w,
                       const float *bias, float *x)
{
    if (df_conv_transposed_prefers_winograd(s))
        return transposed_winograd(pool, k, s, y, w, bias, x);
    DfRun *runs = df_conv_runs_new(s);
    size_t *taps = df_malloc((size_t)s->kh * (size_t)s->kw * sizeof *taps);
    int error = runs && taps ? DF_OK : df_fail_memory("the taps of a convolution");
    Transposed a = { .k = k, .s = s, .bias = bias, .x = x };
    a.patches = (DfPatches){ .x = y, .number = sizeof *y, .H = s->oH, .W = s->oW, .step_y = 1, .step_x = 1,
                             .C = (size_t)s->O, .channels = (size_t)(s->O / s->groups) };
    for (a.py = 0; !error && a.py < s->stride[0]; a.py++)
        for (a.px = 0; !error && a.px < s->stride[1]; a.px++)
            error = transposed_phase(pool, a, w, runs, taps);
    df_free(taps);
    df_free(runs);
    return error;
}
