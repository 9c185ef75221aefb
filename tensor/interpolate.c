/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/interpolate.c -- resizes maps: nearest, bilinear, bicubic (Keys, IEEE TASSP 1981, with a = -0.75).
 *
 * All three are separable: each output position of an axis is a weighted sum of 1, 2 or 4 input positions. So there is
 * one table for each axis, and the weights of an output pixel are the products of its row's and its column's weights.
 * With pixel centres at halves, position i of n_out reads position (i + 0.5) n_in / n_out - 0.5.
 *
 * As in PyTorch, bilinear clamps the source position at 0 before it takes neighbours; bicubic clamps the neighbours
 * instead; nearest multiplies by n_in / n_out in float32, which decides ties.
 */
#include <math.h>

#include "tensor/interpolate.h"
#include "tensor/parts.h"

enum { TAPS = 4 }; /* most along an axis */

typedef struct {
    DfAxis y, x;
} Saved;

/* The position that output i of a map of `out` pixels reads. */
static double source(int i, int in, int out, bool align_corners)
{
    if (align_corners)
        return out > 1 ? i * ((double)(in - 1) / (out - 1)) : 0;
    return (i + 0.5) * ((double)in / out) - 0.5;
}

static void nearest_tap(DfAxis *a, int i, int in)
{
    const float ratio = (float)in / (float)a->whole;
    a->index[i] = df_clamp_int((int)floorf((float)(a->first + i) * ratio), 0, in - 1);
    a->weight[i] = 1;
}

static void bilinear_taps(DfAxis *a, int i, int in, bool align_corners)
{
    const double at = fmax(source(a->first + i, in, a->whole, align_corners), 0);
    const int first = df_clamp_int((int)at, 0, in - 1);
    const double share = at - first;
    a->index[2 * i] = first;
    a->index[2 * i + 1] = df_clamp_int(first + 1, 0, in - 1);
    a->weight[2 * i] = (float)(1 - share);
    a->weight[2 * i + 1] = (float)share;
}

/* Keys' kernel: two cubics that meet smoothly. */
static double near_cubic(double t, double a) /* |t| <= 1 */
{
    return ((a + 2) * t - (a + 3)) * t * t + 1;
}

static double far_cubic(double t, double a) /* 1 <= |t| <= 2 */
{
    return ((a * t - 5 * a) * t + 8 * a) * t - 4 * a;
}

static void bicubic_taps(DfAxis *a, int i, int in, bool align_corners)
{
    const double at = source(a->first + i, in, a->whole, align_corners);
    const double first = floor(at);
    const double t = at - first;
    const double A = -0.75;
    const double weight[TAPS] = { far_cubic(t + 1, A), near_cubic(t, A), near_cubic(1 - t, A), far_cubic(2 - t, A) };
    for (int k = 0; k < TAPS; k++) {
        a->index[TAPS * i + k] = df_clamp_int((int)first - 1 + k, 0, in - 1);
        a->weight[TAPS * i + k] = (float)weight[k];
    }
}

bool df_axis_fill(DfCtx *c, DfAxis *a, int in, DfInterpolation how, bool align_corners)
{
    static const int taps_of[] = { [DF_NEAREST] = 1, [DF_BILINEAR] = 2, [DF_BICUBIC] = 4 };
    a->taps = taps_of[how];
    const size_t n = (size_t)a->n * (size_t)a->taps;
    a->index = df_note_space(c, n * (sizeof *a->index + sizeof *a->weight)); /* zeros */
    if (!a->index)
        return false;
    a->weight = (float *)(a->index + n);
    const int begin = a->first < 0 ? -a->first : 0;
    const int left = a->whole - a->first;
    const int end = left < a->n ? left : a->n;
    for (int i = begin; i < end; i++)
        switch (how) {
        case DF_NEAREST: nearest_tap(a, i, in); break;
        case DF_BILINEAR: bilinear_taps(a, i, in, align_corners); break;
        case DF_BICUBIC: bicubic_taps(a, i, in, align_corners); break;
        }
    return true;
}

/* Rows first, .. of a map of H rows. */
typedef struct {
    int H, first;
} Strip;

static Saved *make_tables(DfCtx *c, DfTensor *y, const DfTensor *x, Strip strip, DfInterpolation how,
                          bool align_corners)
{
    Saved *s = df_save(c, y, sizeof *s);
    if (!s)
        return NULL;
    s->y = (DfAxis){ .whole = strip.H, .first = strip.first, .n = df_dim(y, 1) };
    s->x = (DfAxis){ .whole = df_dim(y, 2), .n = df_dim(y, 2) };
    return df_axis_fill(c, &s->y, df_dim(x, 1), how, align_corners) &&
                   df_axis_fill(c, &s->x, df_dim(x, 2), how, align_corners)
               ? s
               : NULL;
}

typedef struct {
    const Saved *s;
    const DfPointwiseKernels *k;
    const float *from;
    float *to;
    size_t h, w, C; /* of the input                                     */
    size_t pitch;   /* floats from a pixel of `to` to the next, forward */
} Job;

/* The taps of output pixel (i, j), as offsets in pixels within the input map, with their weights. */
static int taps_at(const Job *job, int i, int j, size_t *at, float *weight)
{
    const DfAxis *y = &job->s->y, *x = &job->s->x;
    int n = 0;
    for (int a = 0; a < y->taps; a++)
        for (int b = 0; b < x->taps; b++, n++) {
            at[n] = (size_t)y->index[i * y->taps + a] * job->w + (size_t)x->index[j * x->taps + b];
            weight[n] = y->weight[i * y->taps + a] * x->weight[j * x->taps + b];
        }
    return n;
}

static void forward_row(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const int H = job->s->y.n;
    const int W = job->s->x.n;
    const int i = (int)(task % (size_t)H);
    const float *map = job->from + task / (size_t)H * job->h * job->w * job->C;
    float *out = job->to + task * (size_t)W * job->pitch;
    (void)scratch;
    for (int j = 0; j < W; j++, out += job->pitch) {
        size_t at[TAPS * TAPS];
        float weight[TAPS * TAPS];
        const float *tap[TAPS * TAPS];
        const int n = taps_at(job, i, j, at, weight);
        for (int t = 0; t < n; t++)
            tap[t] = map + at[t] * job->C;
        job->k->blend(out, tap, weight, n, job->C);
    }
}

static void backward_channels(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const int H = job->s->y.n;
    const int W = job->s->x.n;
    const DfChannels of = df_channels(task, job->C);
    const float *g = job->from + of.plane * (size_t)H * (size_t)W * job->C + of.first;
    float *map = job->to + of.plane * job->h * job->w * job->C + of.first;
    (void)scratch;
    for (int i = 0; i < H; i++)
        for (int j = 0; j < W; j++, g += job->C) {
            size_t at[TAPS * TAPS];
            float weight[TAPS * TAPS];
            const int taps = taps_at(job, i, j, at, weight);
            for (int t = 0; t < taps; t++)
                job->k->accumulate(map + at[t] * job->C, g, weight[t], of.n);
        }
}

static Job make_job(DfCtx *c, const DfTensor *x, const Saved *s, const float *from, float *to)
{
    const size_t C = (size_t)df_dim(x, 3);
    return (Job){ .s = s, .k = &c->k->pointwise, .from = from, .to = to, .h = (size_t)df_dim(x, 1),
                  .w = (size_t)df_dim(x, 2), .C = C, .pitch = C };
}

static void backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    Job job = make_job(c, y->src[0], y->saved, y->grad, gx);
    if (gx)
        df_run(c, (size_t)df_dim(y, 0) * df_blocks(job.C, DF_CHANNELS), 0, backward_channels, &job);
}

static const DfOp op = { "interpolate", backward };

static DfTensor *interpolate(DfCtx *c, DfTensor *x, Strip strip, int rows, int W, DfInterpolation how,
                             bool align_corners)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4 || strip.H < 1 || rows < 1 || W < 1 || df_dim(x, 1) < 1 || df_dim(x, 2) < 1)
        return df_refuse(c, "interpolate: (%s) to %d x %d: want N H W C and sizes of at least 1", DF_TEXT(x), strip.H,
                         W);
    DfTensor *y = df_output(c, &op, DF_SHAPE(df_dim(x, 0), rows, W, df_dim(x, 3)), 1, &x);
    if (df_skip(c, y))
        return y;
    const Saved *s = make_tables(c, y, x, strip, how, align_corners);
    if (!s)
        return &c->nil;
    Job job = make_job(c, x, s, x->data, y->data);
    df_run(c, (size_t)df_dim(y, 0) * (size_t)rows, 0, forward_row, &job);
    return y;
}

DfTensor *df_interpolate(DfCtx *c, DfTensor *x, int H, int W, DfInterpolation how, bool align_corners)
{
    return interpolate(c, x, (Strip){ H, 0 }, H, W, how, align_corners);
}

/* The maps are written where they belong in the result; the tape has them one by one. */
DfTensor *df_interpolate_concat(DfCtx *c, DfTensor *const *x, int n, int H, int W, int first, int rows,
                                bool align_corners)
{
    const Strip strip = { H, first };
    DfTensor *large[DF_SOURCES];
    if (!c->err && (n < 1 || n > DF_SOURCES || rows < 1))
        return df_refuse(c, "interpolate_concat: %d rows of %d maps: want 1 or more of 1..%d", rows, n, DF_SOURCES);
    for (int i = 0; c->recording && i < n; i++)
        large[i] = interpolate(c, x[i], strip, rows, W, DF_BILINEAR, align_corners);
    if (c->recording || c->err)
        return df_concat(c, large, n, 3);
    DfShape shape = DF_SHAPE(df_dim(x[0], 0), rows, W, 0);
    for (int i = 0; i < n; i++) {
        if (x[i]->shape.n != 4 || df_dim(x[i], 0) != shape.d[0])
            return df_refuse(c, "interpolate_concat: (%s): want N H W C, N = %d", DF_TEXT(x[i]), shape.d[0]);
        shape.d[3] += df_dim(x[i], 3);
    }
    DfTensor *y = df_output(c, &op, shape, n, x);
    float *to = y->data;
    for (int i = 0; i < n && rows < H; i++) /* a strip needs its rows alone */
        df_leaves_unread(c, df_size(x[i]) / (size_t)H * (size_t)(H - rows));
    for (int i = 0; i < n && !df_skip(c, y); to += df_dim(x[i++], 3)) {
        const Saved *s = make_tables(c, y, x[i], strip, DF_BILINEAR, align_corners);
        if (!s)
            return &c->nil;
        Job job = make_job(c, x[i], s, x[i]->data, to);
        job.pitch = (size_t)shape.d[3];
        df_run(c, (size_t)shape.d[0] * (size_t)rows, 0, forward_row, &job);
    }
    return y;
}
