/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/depthwise.c -- depthwise convolution, one filter for each channel, and its two gradients. A task is a
 * row of pixels. Taps outside the map are skipped rather than read as zeros.
 */
#include "kernels/conv/parts.h"

enum { CHANNELS = 32 }; /* channels of a task that computes the weights' gradient: two cache lines */

typedef struct {
    const DfKernels *k;
    const DfConvShape *s;
    const float *x;       /* N H W C                         */
    const float *w;       /* kh kw C                         */
    bool turned;          /* the filter is rotated           */
    const float *y;       /* N oH oW C; in gradients dL/dy   */
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
            const int tap = y * s->kw + i;
            w[t] = a->w + (size_t)(a->turned ? s->kh * s->kw - 1 - tap : tap) * C;
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

static size_t pointers_size(const DfConvShape *s) /* to each tap, of pixels and of weights */
{
    return 2 * (size_t)s->kh * (size_t)s->kw * sizeof(float *);
}

int df_depthwise_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *w,
                         float *y, DfEpilogue e)
{
    Depthwise a = { .k = k, .s = s, .x = x, .w = w, .out = y, .e = e };
    return df_parallel(pool, (size_t)s->N * (size_t)s->oH, pointers_size(s), forward_row, &a);
}

/* The outputs whose tap k reads inside 0..size-1: output o reads at o stride + shift. */
static Range outputs_inside(int k, int size, int outputs, int stride, int padding, int dilation)
{
    const int shift = k * dilation - padding;
    const int most = size > shift ? (size - shift - 1) / stride + 1 : 0;
    return (Range){ shift < 0 ? (stride - 1 - shift) / stride : 0, most < outputs ? most : outputs };
}

/* Computes one row of x from all outputs that read it, so that no two tasks add to the same pixel. */
static void transposed_row(void *arg, size_t task, void *scratch)
{
    const Depthwise *a = arg;
    const DfConvShape *s = a->s;
    const size_t C = (size_t)s->I;
    const int n = (int)(task / (size_t)s->H);
    const int iy = (int)(task % (size_t)s->H);
    float *row = a->out + task * (size_t)s->W * C;
    (void)scratch;
    for (int ky = 0; ky < s->kh; ky++) {
        const int at = iy + s->padding[0] - ky * s->dilation[0];
        if (at < 0 || at % s->stride[0] || at / s->stride[0] >= s->oH)
            continue;
        const float *from = a->y + (size_t)(n * s->oH + at / s->stride[0]) * (size_t)s->oW * C;
        for (int kx = 0; kx < s->kw; kx++) {
            const Range ox = outputs_inside(kx, s->W, s->oW, s->stride[1], s->padding[1], s->dilation[1]);
            const float *w = a->w + (size_t)(ky * s->kw + kx) * C;
            for (int i = ox.first; i < ox.end; i++) {
                const int ix = i * s->stride[1] - s->padding[1] + kx * s->dilation[1];
                a->k->pointwise.accumulate_product(row + (size_t)ix * C, from + (size_t)i * C, w, C);
            }
        }
    }
}

/* With a stride of 1 this is an ordinary convolution with the rotated filter, added to what `out` holds. */
static int transposed_by_forward(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w,
                                 float *x)
{
    DfConvShape turned = *s;
    turned.H = s->oH;
    turned.W = s->oW;
    turned.oH = s->H;
    turned.oW = s->W;
    turned.padding[0] = (s->kh - 1) * s->dilation[0] - s->padding[0];
    turned.padding[1] = (s->kw - 1) * s->dilation[1] - s->padding[1];
    Depthwise a = { .k = k, .s = &turned, .x = y, .w = w, .turned = true, .out = x, .e.residual = x };
    return df_parallel(pool, (size_t)s->N * (size_t)s->H, pointers_size(s), forward_row, &a);
}

int df_depthwise_transposed(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *y, const float *w,
                            float *x)
{
    if (s->stride[0] == 1 && s->stride[1] == 1)
        return transposed_by_forward(pool, k, s, y, w, x);
    Depthwise a = { .k = k, .s = s, .y = y, .w = w, .out = x };
    return df_parallel(pool, (size_t)s->N * (size_t)s->H, 0, transposed_row, &a);
}

/* Channels from c on of every tap, of row oy of picture n. */
static void weight_grad_row(const Depthwise *a, int n, int oy, size_t c, size_t channels)
{
    const DfConvShape *s = a->s;
    const size_t C = (size_t)s->I;
    const Range ky = taps_inside(oy, s->H, s->kh, s->stride[0], s->padding[0], s->dilation[0]);
    const float *dy = a->y + (size_t)(n * s->oH + oy) * (size_t)s->oW * C + c;
    for (int y = ky.first; y < ky.end; y++) {
        const int iy = oy * s->stride[0] - s->padding[0] + y * s->dilation[0];
        const float *x = a->x + (size_t)(n * s->H + iy) * (size_t)s->W * C + c;
        for (int i = 0; i < s->kw; i++) {
            const Range ox = outputs_inside(i, s->W, s->oW, s->stride[1], s->padding[1], s->dilation[1]);
            const int ix = ox.first * s->stride[1] - s->padding[1] + i * s->dilation[1];
            if (ox.first < ox.end)
                a->k->conv.depthwise_grad(a->out + (size_t)(y * s->kw + i) * C + c, x + (size_t)ix * C,
                                          (size_t)s->stride[1] * C, dy + (size_t)ox.first * C, C,
                                          (size_t)(ox.end - ox.first), channels);
        }
    }
}

/* A task is some channels of all taps, whose rows stay in the first caches. Rows are summed by themselves first, which
 * keeps rounding errors small. */
static void weight_grad_channels(void *arg, size_t task, void *scratch)
{
    const Depthwise *a = arg;
    const size_t first = task * CHANNELS;
    const size_t left = (size_t)a->s->I - first;
    (void)scratch;
    for (int n = 0; n < a->s->N; n++)
        for (int oy = 0; oy < a->s->oH; oy++)
            weight_grad_row(a, n, oy, first, left < CHANNELS ? left : CHANNELS);
}

int df_depthwise_weight_grad(DfPool *pool, const DfKernels *k, const DfConvShape *s, const float *x, const float *dy,
                             float *dw)
{
    Depthwise a = { .k = k, .s = s, .x = x, .y = dy, .out = dw };
    return df_parallel(pool, ((size_t)s->I + CHANNELS - 1) / CHANNELS, 0, weight_grad_channels, &a);
}
