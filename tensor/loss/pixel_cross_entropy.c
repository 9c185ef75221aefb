/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/pixel_cross_entropy.c -- softmax cross entropy of the pixels of a map that is enlarged on the fly. The
 * scores of 150 classes for two 512x512 pictures are 314 MB, and their gradients as much, so neither is stored. The
 * scores of a pixel are interpolated from four cells, turned into its loss, and discarded; the backward pass
 * interpolates them again.
 */
#include <math.h>
#include <string.h>

#include "tensor/op.h"

enum { ROWS = 16 }; /* of the result, that a task takes */

/* Where position i of an axis reads, as df_interpolate() does it: two neighbours, and the share of the second. */
typedef struct {
    int first, second;
    float share;
} Tap;

typedef struct {
    DfPixelCrossEntropy how;
    size_t N, h, w, C;  /* of the map                        */
    Tap *y, *x;         /* of each row, of each column       */
    const float *map;
    float *loss;        /* N H W                             */
    const float *g;     /* way back: by the losses           */
    float *part;        /* way back: each task's rows of map */
    size_t part_rows;   /* at most                           */
    float *g_map;
} Job;

static Tap tap(int i, int from, int to, bool align_corners)
{
    double at = 0;
    if (!align_corners)
        at = fmax((i + 0.5) * ((double)from / to) - 0.5, 0);
    else if (to > 1)
        at = i * ((double)(from - 1) / (to - 1));
    const int first = df_clamp_int((int)at, 0, from - 1);
    return (Tap){ first, df_clamp_int(first + 1, 0, from - 1), (float)(at - first) };
}

static size_t blocks_of(const Job *j) /* of one picture */
{
    return df_blocks((size_t)j->how.height, ROWS);
}

/* ---- a pixel ---------------------------------------------------------------------------------------------------- */

static bool counts(const Job *j, size_t pixel)
{
    return j->how.label[pixel] != j->how.ignore_index;
}

static double weight_of(const Job *j, size_t pixel)
{
    return j->how.class_weight ? (double)j->how.class_weight[j->how.label[pixel]] : 1;
}

/* -log p of the label's class. Where p is too small to be a number, by the likeliest class: log p = x - x' + log p'. */
static double surprise(const float *x, const float *p, size_t C, size_t label)
{
    const float rare = 1e-30f;
    size_t top = 0;
    if (!(p[label] < rare))
        return -log((double)p[label]);
    for (size_t i = 1; i < C; i++)
        top = x[i] > x[top] ? i : top;
    return (double)x[top] - (double)x[label] - log((double)p[top]);
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* The scratch of a task: rows of w cells, and two pixels. */
typedef struct {
    float *row, *g_row; /* w C */
    float *x, *p;       /* C   */
} Scratch;

static Scratch cut(const Job *j, float *scratch)
{
    const size_t n = j->w * j->C;
    return (Scratch){ scratch, scratch + n, scratch + 2 * n, scratch + 2 * n + j->C };
}

static size_t scratch_size(const Job *j)
{
    return (2 * j->w * j->C + 2 * j->C) * sizeof(float);
}

/* Row y of picture n, not yet widened. */
static void mix_row(const Job *j, const DfPointwiseKernels *k, size_t n, size_t y, float *row)
{
    const float *map = j->map + n * j->h * j->w * j->C;
    const size_t stride = j->w * j->C;
    const Tap t = j->y[y];
    k->mix(row, map + (size_t)t.first * stride, map + (size_t)t.second * stride, t.share, stride);
}

static void pixel_loss(const Job *j, const DfPointwiseKernels *k, const Scratch *s, size_t pixel, const float *left,
                       const float *right, float share)
{
    const size_t label = (size_t)j->how.label[pixel];
    if (j->how.best)
        j->how.best[pixel] = (int)k->mix_best(left, right, share, j->C);
    if (j->how.probability)
        j->how.probability[pixel] = 0;
    j->loss[pixel] = 0;
    if (!counts(j, pixel))
        return;
    k->mix(s->x, left, right, share, j->C);
    k->softmax(s->p, s->x, 1, j->C);
    j->loss[pixel] = (float)(weight_of(j, pixel) * surprise(s->x, s->p, j->C, label));
    if (j->how.probability)
        j->how.probability[pixel] = s->p[label];
}

typedef struct {
    size_t n, first, end; /* rows of the result */
} Strip;

static Strip strip_of(const Job *j, size_t task)
{
    const size_t first = task % blocks_of(j) * ROWS;
    const size_t H = (size_t)j->how.height;
    return (Strip){ task / blocks_of(j), first, first + ROWS < H ? first + ROWS : H };
}

typedef struct {
    const Job *job;
    const DfPointwiseKernels *k;
} Work;

static void forward_strip(void *arg, size_t task, void *scratch)
{
    const Work *work = arg;
    const Job *j = work->job;
    const Scratch s = cut(j, scratch);
    const Strip strip = strip_of(j, task);
    const size_t W = (size_t)j->how.width;
    for (size_t y = strip.first; y < strip.end; y++) {
        mix_row(j, work->k, strip.n, y, s.row);
        for (size_t x = 0; x < W; x++) {
            const Tap t = j->x[x];
            pixel_loss(j, work->k, &s, (strip.n * (size_t)j->how.height + y) * W + x, s.row + (size_t)t.first * j->C,
                       s.row + (size_t)t.second * j->C, t.share);
        }
    }
}

/* ---- the way back ----------------------------------------------------------------------------------------------- */

/* d loss / d score_c = w (p_c - [c is the label]); the four cells get their shares, first along the row. */
static void pixel_slope(const Job *j, const DfPointwiseKernels *k, const Scratch *s, size_t pixel, Tap t)
{
    const float *left = s->row + (size_t)t.first * j->C;
    const float *right = s->row + (size_t)t.second * j->C;
    const float g = j->g[pixel] * (float)weight_of(j, pixel);
    k->mix(s->x, left, right, t.share, j->C);
    k->softmax(s->p, s->x, 1, j->C);
    s->p[j->how.label[pixel]] -= 1;
    k->accumulate(s->g_row + (size_t)t.first * j->C, s->p, g * (1 - t.share), j->C);
    k->accumulate(s->g_row + (size_t)t.second * j->C, s->p, g * t.share, j->C);
}

/* Each task has rows of the map for itself, from the first that it reads. */
static void backward_strip(void *arg, size_t task, void *scratch)
{
    const Work *work = arg;
    const Job *j = work->job;
    const Scratch s = cut(j, scratch);
    const Strip strip = strip_of(j, task);
    const size_t W = (size_t)j->how.width;
    const size_t row = j->w * j->C;
    float *part = j->part + task * j->part_rows * row;
    memset(part, 0, j->part_rows * row * sizeof *part);
    for (size_t y = strip.first; y < strip.end; y++) {
        const size_t first_pixel = (strip.n * (size_t)j->how.height + y) * W;
        mix_row(j, work->k, strip.n, y, s.row);
        memset(s.g_row, 0, row * sizeof *s.g_row);
        for (size_t x = 0; x < W; x++)
            if (counts(j, first_pixel + x) && (j->g[first_pixel + x] > 0 || j->g[first_pixel + x] < 0))
                pixel_slope(j, work->k, &s, first_pixel + x, j->x[x]);
        const Tap t = j->y[y];
        const size_t from = (size_t)j->y[strip.first].first;
        work->k->accumulate(part + ((size_t)t.first - from) * row, s.g_row, 1 - t.share, row);
        work->k->accumulate(part + ((size_t)t.second - from) * row, s.g_row, t.share, row);
    }
}

/* A row of the map takes what the tasks have for it, in their order. */
static void add_row(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    const size_t row = j->w * j->C;
    for (size_t i = from; i < from + count; i++)
        for (size_t block = 0; block < blocks_of(j); block++) {
            const size_t task = i / j->h * blocks_of(j) + block;
            const Strip strip = strip_of(j, task);
            const size_t first = (size_t)j->y[strip.first].first;
            const size_t last = (size_t)j->y[strip.end - 1].second;
            const size_t y = i % j->h;
            if (y >= first && y <= last)
                k->accumulate(j->g_map + i * row, j->part + (task * j->part_rows + y - first) * row, 1, row);
        }
}

static size_t most_rows(const Job *j)
{
    size_t most = 0;
    for (size_t block = 0; block < blocks_of(j); block++) {
        const Strip strip = strip_of(j, block);
        const int n = j->y[strip.end - 1].second - j->y[strip.first].first + 1;
        most = (size_t)n > most ? (size_t)n : most;
    }
    return most;
}

static void backward(DfCtx *c, DfTensor *y)
{
    Job job = *(const Job *)y->saved;
    Work work = { &job, &c->k->pointwise };
    const size_t tasks = job.N * blocks_of(&job);
    job.g = y->grad;
    job.g_map = df_grad(c, y->src[0]);
    if (!job.g_map)
        return;
    job.part_rows = most_rows(&job);
    job.part = df_malloc(tasks * job.part_rows * job.w * job.C * sizeof(float));
    if (!job.part) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of the scores of pixels");
        return;
    }
    df_run(c, tasks, scratch_size(&job), backward_strip, &work);
    if (!c->err)
        df_ranges(c, job.N * job.h, 1, add_row, &job);
    df_free(job.part);
}

static const DfOp op = { "pixel_cross_entropy", backward };

/* ---- the op ----------------------------------------------------------------------------------------------------- */

static bool labels_fit(DfCtx *c, const DfPixelCrossEntropy *how, size_t n, int C)
{
    for (size_t i = 0; i < n; i++)
        if (how->label[i] != how->ignore_index && (how->label[i] < 0 || how->label[i] >= C)) {
            df_ctx_fail(c, DF_EVALUE, "pixel_cross_entropy: label %d: want 0..%d, or %d for what does not count",
                        how->label[i], C - 1, how->ignore_index);
            return false;
        }
    return true;
}

static bool make_taps(DfCtx *c, Job *j)
{
    const int H = j->how.height;
    const int W = j->how.width;
    const size_t floats = sizeof(Tap) / sizeof(float);
    j->y = (Tap *)(void *)df_workspace(c, floats * (size_t)H);
    j->x = (Tap *)(void *)df_workspace(c, floats * (size_t)W);
    for (int i = 0; !c->err && i < H; i++)
        j->y[i] = tap(i, (int)j->h, H, j->how.align_corners);
    for (int i = 0; !c->err && i < W; i++)
        j->x[i] = tap(i, (int)j->w, W, j->how.align_corners);
    return !c->err;
}

DfTensor *df_pixel_cross_entropy(DfCtx *c, DfTensor *x, DfPixelCrossEntropy how)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4 || df_dim(x, 3) < 1 || how.height < 1 || how.width < 1)
        return df_refuse(c, "pixel_cross_entropy: (%s) to %d x %d: want N h w C", DF_TEXT(x), how.height, how.width);
    const DfShape shape = DF_SHAPE(df_dim(x, 0), how.height, how.width);
    DfTensor *y = df_output(c, &op, shape, 1, &x);
    if (df_skip(c, y) || !labels_fit(c, &how, df_size(y), df_dim(x, 3)))
        return y;
    Job job = { .how = how, .map = x->data, .loss = y->data };
    job.N = (size_t)df_dim(x, 0);
    job.h = (size_t)df_dim(x, 1);
    job.w = (size_t)df_dim(x, 2);
    job.C = (size_t)df_dim(x, 3);
    if (!make_taps(c, &job))
        return &c->nil;
    Work work = { &job, &c->k->pointwise };
    df_run(c, job.N * blocks_of(&job), scratch_size(&job), forward_strip, &work);
    df_note(c, y, &job, sizeof job);
    return y;
}
