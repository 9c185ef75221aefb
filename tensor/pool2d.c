/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/pool2d.c -- max and average pooling. Windows are separable: a table for each axis has the start and end of
 * each window, and the divisor of a mean. Sums and maxima are computed over runs of channels.
 */
#include <math.h>
#include <stdint.h>

#include "tensor/op.h"

typedef struct {
    int from, to;  /* within the map        */
    float divisor; /* of a mean, this axis  */
} Window;

typedef struct {
    int H, W;         /* of the result                                             */
    Window *y, *x;    /* H, W                                                      */
    int32_t *largest; /* max pooling on the tape: the pixel each value came from   */
} Saved;

typedef struct {
    const Saved *s;
    const DfPointwiseKernels *k;
    const float *from;
    float *to;
    size_t h, w, C; /* of the input */
} Job;

static Job make_job(DfCtx *c, const DfTensor *x, const Saved *s, const float *from, float *to)
{
    const size_t C = (size_t)df_dim(x, 3);
    return (Job){ s, &c->k->pointwise, from, to, (size_t)df_dim(x, 1), (size_t)df_dim(x, 2), C };
}

/* ---- tables ----------------------------------------------------------------------------------------------------- */

static int pooled_size(int in, int kernel, int stride, int padding, bool ceil_mode)
{
    const int room = in + 2 * padding - kernel + (ceil_mode ? stride - 1 : 0);
    if (room < 0)
        return 0;
    int out = room / stride + 1;
    if (ceil_mode && (out - 1) * stride >= in + padding)
        out--; /* the last window must begin within the map or the left padding */
    return out;
}

static Window sliding(int i, int in, int kernel, int stride, int padding, bool count_padding)
{
    int from = i * stride - padding, to = from + kernel;
    to = to < in + padding ? to : in + padding;
    const int whole = to - from;
    from = from > 0 ? from : 0;
    to = to < in ? to : in;
    return (Window){ from, to, (float)(count_padding ? whole : to - from) };
}

static Window adaptive(int i, int in, int out)
{
    const int from = (int)((int64_t)i * in / out);
    const int to = (int)(((int64_t)(i + 1) * in + out - 1) / out);
    return (Window){ from, to, (float)(to - from) };
}

static Saved *make_tables(DfCtx *c, DfTensor *y, size_t n_largest)
{
    const int H = df_dim(y, 1), W = df_dim(y, 2);
    const size_t windows = (size_t)H + (size_t)W;
    Saved *s = df_save(c, y, sizeof *s + windows * sizeof(Window));
    void *largest = n_largest ? df_workspace(c, n_largest) : NULL; /* an int32 is as large as a float */
    if (!s || c->err)
        return NULL;
    Window *w = (Window *)(s + 1);
    *s = (Saved){ H, W, w, w + H, largest };
    return s;
}

/* ---- a row of the result ---------------------------------------------------------------------------------------- */

typedef struct {
    Window y;
    const float *map; /* of its sample                         */
    size_t at;        /* where the row begins, in the result   */
} Row;

static Row row_of(const Job *job, size_t task)
{
    const size_t H = (size_t)job->s->H;
    const float *map = job->from + task / H * job->h * job->w * job->C;
    return (Row){ job->s->y[task % H], map, task * (size_t)job->s->W * job->C };
}

static const float *pixel(const Job *job, const float *map, int y, int x)
{
    return map + ((size_t)y * job->w + (size_t)x) * job->C;
}

/* ---- mean ------------------------------------------------------------------------------------------------------- */

static void mean_row(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const Row row = row_of(job, task);
    float *out = job->to + row.at;
    (void)scratch;
    for (int j = 0; j < job->s->W; j++, out += job->C) {
        const Window x = job->s->x[j];
        job->k->blend(out, NULL, NULL, 0, job->C); /* zeros */
        for (int a = row.y.from; a < row.y.to; a++)
            for (int b = x.from; b < x.to; b++)
                job->k->add(out, out, pixel(job, row.map, a, b), job->C);
        job->k->scale(out, out, 1 / (row.y.divisor * x.divisor), job->C);
    }
}

static void mean_grad(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const Saved *s = job->s;
    const DfChannels of = df_channels(task, job->C);
    const float *g = job->from + of.plane * (size_t)s->H * (size_t)s->W * job->C + of.first;
    float *map = job->to + of.plane * job->h * job->w * job->C + of.first;
    (void)scratch;
    for (int i = 0; i < s->H; i++)
        for (int j = 0; j < s->W; j++, g += job->C) {
            const float share = 1 / (s->y[i].divisor * s->x[j].divisor);
            for (int a = s->y[i].from; a < s->y[i].to; a++)
                for (int b = s->x[j].from; b < s->x[j].to; b++)
                    job->k->accumulate(map + ((size_t)a * job->w + (size_t)b) * job->C, g, share, of.n);
        }
}

static void mean_backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    Job job = make_job(c, y->src[0], y->saved, y->grad, gx);
    if (gx)
        df_run(c, (size_t)df_dim(y, 0) * df_blocks(job.C, DF_CHANNELS), 0, mean_grad, &job);
}

static const DfOp mean_op = { "avg_pool2d", mean_backward };

static DfTensor *run_mean(DfCtx *c, DfTensor *y, const DfTensor *x, const Saved *s)
{
    Job job = make_job(c, x, s, x->data, y->data);
    df_run(c, (size_t)df_dim(y, 0) * (size_t)s->H, 0, mean_row, &job);
    return y;
}

/* Refuses, or says how large the result is. */
static bool fits(DfCtx *c, const char *name, const DfTensor *x, const int kernel[2], const int stride[2],
                 const int padding[2], bool ceil_mode, DfShape *out)
{
    bool good = x->shape.n == 4;
    for (int i = 0; i < 2 && good; i++)
        good = kernel[i] > 0 && stride[i] > 0 && padding[i] >= 0 && padding[i] <= kernel[i] / 2;
    if (good)
        *out = DF_SHAPE(df_dim(x, 0), pooled_size(df_dim(x, 1), kernel[0], stride[0], padding[0], ceil_mode),
                        pooled_size(df_dim(x, 2), kernel[1], stride[1], padding[1], ceil_mode), df_dim(x, 3));
    if (!good || out->d[1] < 1 || out->d[2] < 1) {
        df_refuse(c, "%s: (%s), kernel %d x %d, stride %d x %d, padding %d x %d: want N H W C, padding of at most half "
                     "the kernel, and a map not smaller than it", name, DF_TEXT(x), kernel[0], kernel[1], stride[0],
                  stride[1], padding[0], padding[1]);
        return false;
    }
    return true;
}

static void sliding_tables(Saved *s, const DfTensor *x, const int kernel[2], const int stride[2],
                           const int padding[2], bool count_padding)
{
    for (int i = 0; i < s->H; i++)
        s->y[i] = sliding(i, df_dim(x, 1), kernel[0], stride[0], padding[0], count_padding);
    for (int i = 0; i < s->W; i++)
        s->x[i] = sliding(i, df_dim(x, 2), kernel[1], stride[1], padding[1], count_padding);
}

DfTensor *df_avg_pool2d(DfCtx *c, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                        bool ceil_mode, bool count_include_pad)
{
    DfShape shape;
    if (c->err || !fits(c, "avg_pool2d", x, kernel, stride, padding, ceil_mode, &shape))
        return &c->nil;
    DfTensor *y = df_output(c, &mean_op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Saved *s = make_tables(c, y, 0);
    if (!s)
        return &c->nil;
    sliding_tables(s, x, kernel, stride, padding, count_include_pad);
    return run_mean(c, y, x, s);
}

DfTensor *df_adaptive_avg_pool2d(DfCtx *c, DfTensor *x, int H, int W)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4 || H < 1 || W < 1 || df_dim(x, 1) < 1 || df_dim(x, 2) < 1)
        return df_refuse(c, "adaptive_avg_pool2d: (%s) to %d x %d: want N H W C and sizes of at least 1", DF_TEXT(x),
                         H, W);
    DfTensor *y = df_output(c, &mean_op, DF_SHAPE(df_dim(x, 0), H, W, df_dim(x, 3)), 1, &x);
    if (df_skip(c, y))
        return y;
    Saved *s = make_tables(c, y, 0);
    if (!s)
        return &c->nil;
    for (int i = 0; i < H; i++)
        s->y[i] = adaptive(i, df_dim(x, 1), H);
    for (int i = 0; i < W; i++)
        s->x[i] = adaptive(i, df_dim(x, 2), W);
    return run_mean(c, y, x, s);
}

/* ---- max -------------------------------------------------------------------------------------------------------- */

/* Of one window, some pixels at a time. */
static void largest_in(const Job *job, const Row *row, Window x, float *out)
{
    enum { SOME = 32 };
    const float *tap[SOME];
    int n = 0;
    for (int a = row->y.from; a < row->y.to; a++)
        for (int b = x.from; b < x.to; b++) {
            if (n == SOME) {
                job->k->max_of(out, tap, n, job->C);
                tap[0] = out;
                n = 1;
            }
            tap[n++] = pixel(job, row->map, a, b);
        }
    job->k->max_of(out, tap, n, job->C);
}

static void max_row(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const Row row = row_of(job, task);
    float *out = job->to + row.at;
    (void)scratch;
    for (int j = 0; j < job->s->W; j++, out += job->C)
        largest_in(job, &row, job->s->x[j], out);
}

/* The same in bfloat16. */
typedef struct {
    const Saved *s;
    const DfBf16Kernels *k;
    const uint16_t *from;
    uint16_t *to;
    size_t h, w, C;
} HalfJob;

static void largest_half_in(const HalfJob *job, const uint16_t *map, Window y, Window x, uint16_t *out)
{
    enum { SOME = 32 };
    const uint16_t *tap[SOME];
    int n = 0;
    for (int a = y.from; a < y.to; a++)
        for (int b = x.from; b < x.to; b++) {
            if (n == SOME) {
                job->k->max_of(out, tap, n, job->C);
                tap[0] = out;
                n = 1;
            }
            tap[n++] = map + ((size_t)a * job->w + (size_t)b) * job->C;
        }
    job->k->max_of(out, tap, n, job->C);
}

static void max_half_row(void *arg, size_t task, void *scratch)
{
    const HalfJob *job = arg;
    const size_t H = (size_t)job->s->H;
    const size_t W = (size_t)job->s->W;
    const uint16_t *map = job->from + task / H * job->h * job->w * job->C;
    uint16_t *out = job->to + task * W * job->C;
    (void)scratch;
    for (size_t j = 0; j < W; j++, out += job->C)
        largest_half_in(job, map, job->s->y[task % H], job->s->x[j], out);
}

static void largest_of(float *best, int32_t *at, const float *x, int32_t pixel, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (x[i] > best[i] || isnan(x[i])) {
            best[i] = x[i];
            at[i] = pixel;
        }
}

/* The same, noting where each value came from: the first of equals, as PyTorch does. */
static void max_row_noting(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const Row row = row_of(job, task);
    const int32_t w = (int32_t)job->w;
    float *out = job->to + row.at;
    int32_t *at = job->s->largest + row.at;
    (void)scratch;
    for (int j = 0; j < job->s->W; j++, out += job->C, at += job->C) {
        const Window x = job->s->x[j];
        for (size_t i = 0; i < job->C; i++) {
            out[i] = -INFINITY;
            at[i] = row.y.from * w + x.from;
        }
        for (int a = row.y.from; a < row.y.to; a++)
            for (int b = x.from; b < x.to; b++)
                largest_of(out, at, pixel(job, row.map, a, b), a * w + b, job->C);
    }
}

static void max_grad(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const size_t pixels = (size_t)job->s->H * (size_t)job->s->W;
    const DfChannels of = df_channels(task, job->C);
    const float *g = job->from + of.plane * pixels * job->C + of.first;
    const int32_t *at = job->s->largest + of.plane * pixels * job->C + of.first;
    float *map = job->to + of.plane * job->h * job->w * job->C + of.first;
    (void)scratch;
    for (size_t p = 0; p < pixels; p++, g += job->C, at += job->C)
        for (size_t i = 0; i < of.n; i++)
            map[(size_t)at[i] * job->C + i] += g[i];
}

static void max_backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    Job job = make_job(c, y->src[0], y->saved, y->grad, gx);
    if (gx)
        df_run(c, (size_t)df_dim(y, 0) * df_blocks(job.C, DF_CHANNELS), 0, max_grad, &job);
}

static void run_max(DfCtx *c, DfTensor *y, const DfTensor *x, const Saved *s)
{
    Job job = make_job(c, x, s, x->data, y->data);
    df_run(c, (size_t)df_dim(y, 0) * (size_t)s->H, 0, df_taped(y) ? max_row_noting : max_row, &job);
}

static void run_max_half(DfCtx *c, DfTensor *y, const DfTensor *x, const Saved *s)
{
    HalfJob job = { s, &c->k->bf16, (const uint16_t *)(const void *)x->data, (uint16_t *)(void *)y->data,
                    (size_t)df_dim(x, 1), (size_t)df_dim(x, 2), (size_t)df_dim(x, 3) };
    df_run(c, (size_t)df_dim(y, 0) * (size_t)s->H, 0, max_half_row, &job);
}

static const DfOp max_op = { "max_pool2d", max_backward };

DfTensor *df_max_pool2d(DfCtx *c, DfTensor *x, const int kernel[2], const int stride[2], const int padding[2],
                        bool ceil_mode)
{
    DfShape shape;
    if (c->err || !fits(c, "max_pool2d", x, kernel, stride, padding, ceil_mode, &shape))
        return &c->nil;
    DfTensor *y = x->bf16 ? df_output_bf16(c, true, &max_op, shape, 1, &x) : df_output(c, &max_op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Saved *s = make_tables(c, y, df_taped(y) ? df_size(y) : 0);
    if (!s)
        return &c->nil;
    sliding_tables(s, x, kernel, stride, padding, false);
    if (x->bf16)
        run_max_half(c, y, x, s);
    else
        run_max(c, y, x, s);
    return y;
}
