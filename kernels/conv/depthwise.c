/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/depthwise.c -- convolutions of every channel with a filter of its own, and their two gradients. A
 * task is a row of pixels. Taps outside the map are left out rather than read as zeros.
 */
#include <string.h>

#include "kernels/conv/parts.h"

typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    const float *x;       /* N H W C                         */
    const float *w;       /* kh kw C                         */
    const float *y;       /* N oH oW C, on the way back dL/dy */
    float *out;           /* like y, like x, or like w       */
    DfEpilogue e;
} Depthwise;

/* The range of taps of output `o` that read inside 0..size-1. */
typedef struct {
    int first, end;
} Range;

static Range taps_inside(int o, int size, int kernel, int stride, int padding, int dilation)
{
    Range r = { 0, kernel };
    while (r.first < kernel && o * stride - padding + r.first * dilation < 0)
        r.first++;
    while (r.end > r.first && o * stride - padding + (r.end - 1) * dilation >= size)
        r.end--;
    return r;
}

/* Outputs ox..ox+pixels-1 of row oy, which all have the taps ky x kx inside. */
static void pixels_with_taps(const Depthwise *a, int n, int oy, int ox, int pixels, Range ky, Range kx,
                             const float **taps)
{
    const DfConvShape *s = a->s;
    const size_t C = (size_t)s->I;
    const size_t at = ((size_t)(n * s->oH + oy) * (size_t)s->oW + (size_t)ox) * C;
    const float **x = taps;
    const float **w = taps + s->kh * s->kw;
    size_t t = 0;
    for (int y = ky.first; y < ky.end; y++)
        for (int i = kx.first; i < kx.end; i++, t++) {
            const int iy = oy * s->stride[0] - s->padding[0] + y * s->dilation[0];
            const int ix = ox * s->stride[1] - s->padding[1] + i * s->dilation[1];
            x[t] = a->x + ((size_t)(n * s->H + iy) * (size_t)s->W + (size_t)ix) * C;
            w[t] = a->w + (size_t)(y * s->kw + i) * C;
        }
    const DfEpilogue e = df_epilogue_at(&a->e, at, 1, 0);
    a->k->conv.depthwise(a->out + at, (size_t)pixels, C, x, (size_t)s->stride[1] * C, w, t, &e);
}

/* Runs of pixels with the same taps go together: the whole row but for the borders. */
static void forward_row(void *arg, size_t task, void *scratch)
{
    const Depthwise *a = arg;
    const DfConvShape *s = a->s;
    const int n = (int)(task / (size_t)s->oH);
    const int oy = (int)(task % (size_t)s->oH);
    const Range ky = taps_inside(oy, s->H, s->kh, s->stride[0], s->padding[0], s->dilation[0]);
    for (int ox = 0, end; ox < s->oW; ox = end) {
        const Range kx = taps_inside(ox, s->W, s->kw, s->stride[1], s->padding[1], s->dilation[1]);
        for (end = ox + 1; end < s->oW; end++) {
            const Range next = taps_inside(end, s->W, s->kw, s->stride[1], s->padding[1], s->dilation[1]);
            if (next.first != kx.first || next.end != kx.end)
                break;
        }
        pixels_with_taps(a, n, oy, ox, end - ox, ky, kx, scratch);
    }
}

int df_depthwise_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *w,
                         float *y, DfEpilogue e)
{
    Depthwise a = { .k = k, .s = s, .x = x, .w = w, .out = y, .e = e };
    const size_t pointers = 2 * (size_t)s->kh * (size_t)s->kw;
    return df_parallel(pool, (size_t)s->N * (size_t)s->oH, pointers * sizeof(float *), forward_row, &a);
}

/* Which output has `i` at its tap k? False if none. */
static bool output_of(int i, int k, int stride, int padding, int dilation, int outputs, int *o)
{
    const int at = i + padding - k * dilation;
    *o = at / stride;
    return at >= 0 && at % stride == 0 && *o < outputs;
}

/* A row of x gathers from all outputs that have read it, so that no two tasks add to the same pixel. */
static void transposed_row(void *arg, size_t task, void *scratch)
{
    const Depthwise *a = arg;
    const DfConvShape *s = a->s;
    const size_t C = (size_t)s->I;
    const int n = (int)(task / (size_t)s->H);
    const int iy = (int)(task % (size_t)s->H);
    float *row = a->out + task * (size_t)s->W * C;
    (void)scratch;
    for (int ky = 0, oy; ky < s->kh; ky++) {
        if (!output_of(iy, ky, s->stride[0], s->padding[0], s->dilation[0], s->oH, &oy))
            continue;
        const float *from = a->y + (size_t)(n * s->oH + oy) * (size_t)s->oW * C;
        for (int ix = 0; ix < s->W; ix++)
            for (int kx = 0, ox; kx < s->kw; kx++)
                if (output_of(ix, kx, s->stride[1], s->padding[1], s->dilation[1], s->oW, &ox))
                    a->k->pointwise.accumulate_product(row + (size_t)ix * C, from + (size_t)ox * C,
                                                       a->w + (size_t)(ky * s->kw + kx) * C, C);
    }
}

int df_depthwise_transposed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w,
                            float *x)
{
    Depthwise a = { .k = k, .s = s, .y = y, .w = w, .out = x };
    return df_parallel(pool, (size_t)s->N * (size_t)s->H, 0, transposed_row, &a);
}

/* A task is a tap. Rows are summed by themselves first, which keeps rounding errors small. */
static void weight_grad_tap(void *arg, size_t tap, void *scratch)
{
    const Depthwise *a = arg;
    const DfConvShape *s = a->s;
    const size_t C = (size_t)s->I;
    const int ky = (int)tap / s->kw;
    const int kx = (int)tap % s->kw;
    float *sum = scratch;
    for (int row = 0; row < s->N * s->oH; row++) {
        const int n = row / s->oH;
        const int oy = row % s->oH;
        const int iy = oy * s->stride[0] - s->padding[0] + ky * s->dilation[0];
        if (iy < 0 || iy >= s->H)
            continue;
        memset(sum, 0, C * sizeof *sum);
        for (int ox = 0; ox < s->oW; ox++) {
            const int ix = ox * s->stride[1] - s->padding[1] + kx * s->dilation[1];
            if (ix >= 0 && ix < s->W)
                a->k->pointwise.accumulate_product(sum, a->y + ((size_t)row * (size_t)s->oW + (size_t)ox) * C,
                                                   a->x + ((size_t)(n * s->H + iy) * (size_t)s->W + (size_t)ix) * C, C);
        }
        a->k->pointwise.accumulate(a->out + tap * C, sum, 1, C);
    }
}

int df_depthwise_weight_grad(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *dy,
                             float *dw)
{
    Depthwise a = { .k = k, .s = s, .x = x, .y = dy, .out = dw };
    return df_parallel(pool, (size_t)s->kh * (size_t)s->kw, (size_t)s->I * sizeof(float), weight_grad_tap, &a);
}
