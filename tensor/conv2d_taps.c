/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/conv2d_taps.c -- a convolution of enlarged maps that does not enlarge them.
 *
 * Bilinear interpolation and convolution are both linear; interpolation acts on pixels, each tap of the convolution on
 * channels. So their order can be exchanged:
 *     conv(large(x))[i][j] = sum over taps p, q of W[p][q] large(x)[i + p - 1][j + q - 1]
 *                          = sum over taps p, q of large(W[p][q] x)[i + p - 1][j + q - 1]
 * The products are computed at the size of x, which may have a hundredth of the pixels; each pixel of the large map
 * then needs only sums. Taps that fall outside the large map count as zero, as in a padded convolution.
 *
 * The sums are separable, too: a row of the result reads at most six rows of a small map (two for each row of taps),
 * which are blended into one, and a pixel reads six positions of that.
 */
#include "tensor/interpolate.h"
#include "tensor/listen.h"
#include "tensor/weights.h"

static const DfOp taps_op = { "conv2d_taps", NULL };
static const DfOp enlarge_op = { "enlarge_taps", NULL };

bool df_conv2d_has_taps(const DfCtx *c, const DfTensor *weight)
{
    return !c->recording && !df_listens_weights(c) && weight->shape.n == 4 && !df_weight_is_int8(c, weight);
}

/* ---- the products ------------------------------------------------------------------------------------------------ */

static bool taps_fit(DfCtx *c, const DfTensor *x, const DfTensor *weight, const DfTensor *fold, int first)
{
    const bool fits = x->shape.n == 4 && df_conv2d_has_taps(c, weight) && first >= 0 &&
                      first <= df_dim(weight, 3) - df_dim(x, 3) && df_is_row(fold, df_dim(weight, 0));
    if (!fits)
        df_refuse(c, "conv2d_taps: x of shape (%s) at input %d of a weight of shape (%s): want (N h w C) within its "
                     "inputs, and no tape", DF_TEXT(x), first, DF_TEXT(weight));
    return fits;
}

DfTensor *df_conv2d_taps(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *fold, int first)
{
    if (c->err || !taps_fit(c, x, weight, fold, first))
        return &c->nil;
    const size_t C = (size_t)df_dim(x, 3);
    const size_t M = df_size(x) / df_at_least_1(C);
    const int rows = df_dim(weight, 0) * df_dim(weight, 1) * df_dim(weight, 2);
    DfTensor *y = df_output_packing(c, &taps_op, DF_SHAPE(df_dim(x, 0), df_dim(x, 1), df_dim(x, 2), rows),
                                    DF_SOURCES_OF(x, weight));
    df_leaves_unread(c, df_size(weight) - (size_t)rows * C);
    df_macs(c, DF_MACS_LAYER, (double)M * (double)C * rows);
    if (df_skip(c, y))
        return y;
    const DfPackedPart part = { .input = (size_t)first, .inputs = C, .taps = true };
    const DfPackedWeight w = df_weight_inputs(c, weight, fold, DF_PACK_GEMM, part);
    if (!w.packed)
        return &c->nil;
    df_check(c, df_gemm_packed(c->pool, c->k, M, x->data, C, w.packed, y->data, (size_t)rows, (DfEpilogue){ 0 }));
    df_weight_done(c, w);
    return y;
}

/* ---- their sums -------------------------------------------------------------------------------------------------- */

typedef struct {
    const float *products; /* N h w kh kw O                                                    */
    size_t h, w;
    DfAxis y, x;           /* of the strip, with what taps reach on either side                */
    size_t row;            /* where its blended row begins in the scratch of a task, in floats */
} Map;

typedef struct {
    const DfPointwiseKernels *k;
    Map map[DF_SOURCES];
    int n, kh, kw, W, rows;
    size_t O;
    float *to;
} Job;

enum { MOST_TAPS = 15 }; /* along an axis of the kernel */

/* What row i of the result reads of a small map, blended: two rows for each row of taps; w kw O. */
static void blend_rows(const Job *job, const Map *m, size_t image, int i, float *row)
{
    const size_t length = (size_t)job->kw * job->O;
    const size_t pixel = (size_t)job->kh * length;
    const int taps = 2 * job->kh;
    const float *weight = m->y.weight + (ptrdiff_t)2 * i;
    const float *tap[2 * MOST_TAPS];
    for (int t = 0; t < taps; t++)
        tap[t] = m->products + (image * m->h + (size_t)m->y.index[2 * i + t]) * m->w * pixel + (size_t)(t / 2) * length;
    for (size_t j = 0; j < m->w; j++, row += length) {
        job->k->blend(row, tap, weight, taps, length);
        for (int t = 0; t < taps; t++)
            tap[t] += pixel;
    }
}

static void enlarge_row(void *arg, size_t task, void *scratch)
{
    const Job *job = arg;
    const int i = (int)(task % (size_t)job->rows);
    const int columns = 2 * job->kw;
    float *rows = scratch;
    float *to = job->to + task * (size_t)job->W * job->O;
    for (int m = 0; m < job->n; m++)
        blend_rows(job, &job->map[m], task / (size_t)job->rows, i, rows + job->map[m].row);
    for (int j = 0; j < job->W; j++, to += job->O) {
        const float *tap[DF_SOURCES * 2 * MOST_TAPS];
        float weight[DF_SOURCES * 2 * MOST_TAPS];
        int taps = 0;
        for (int m = 0; m < job->n; m++)
            for (int t = 0; t < columns; t++, taps++) {
                const DfAxis *x = &job->map[m].x;
                const size_t at = (size_t)x->index[2 * j + t] * (size_t)job->kw + (size_t)(t / 2);
                tap[taps] = rows + job->map[m].row + at * job->O;
                weight[taps] = x->weight[2 * j + t];
            }
        job->k->blend(to, tap, weight, taps, job->O);
    }
}

static bool enlarge_fits(DfCtx *c, const DfTensor *weight, DfTensor *const *taps, int n, DfStrip to)
{
    const DfShape *s = &weight->shape;
    bool fits = n >= 1 && n <= DF_SOURCES && s->n == 4 && s->d[1] % 2 && s->d[2] % 2 && s->d[1] <= MOST_TAPS &&
                s->d[2] <= MOST_TAPS && to.H >= 1 && to.W >= 1 && to.first >= 0 && to.rows >= 1 &&
                to.rows <= to.H - to.first;
    for (int m = 0; fits && m < n; m++)
        fits = taps[m]->shape.n == 4 && df_dim(taps[m], 0) == df_dim(taps[0], 0) && df_dim(taps[m], 1) > 0 &&
               df_dim(taps[m], 2) > 0 && df_dim(taps[m], 3) == s->d[0] * s->d[1] * s->d[2];
    if (!fits)
        df_refuse(c, "enlarge_taps: %d maps, the first of shape (%s), to rows %d to %d of %d x %d, weight of shape (%s): "
                     "want maps of N h w taps, and an odd kernel of at most %d pixels", n,
                  n > 0 ? DF_TEXT(taps[0]) : "none", to.first, to.first + to.rows - 1, to.H, to.W, DF_TEXT(weight),
                  MOST_TAPS);
    return fits;
}

/* Adds a map to the job; taps reach over the strip on either side. */
static bool add_map(DfCtx *c, Job *job, const DfTensor *taps, DfStrip to, bool align_corners)
{
    Map *m = &job->map[job->n++];
    m->products = taps->data;
    m->h = (size_t)df_dim(taps, 1);
    m->w = (size_t)df_dim(taps, 2);
    m->y = (DfAxis){ .whole = to.H, .first = to.first - job->kh / 2, .n = to.rows + job->kh - 1 };
    m->x = (DfAxis){ .whole = to.W, .first = -(job->kw / 2), .n = to.W + job->kw - 1 };
    return df_axis_fill(c, &m->y, (int)m->h, DF_BILINEAR, align_corners) &&
           df_axis_fill(c, &m->x, (int)m->w, DF_BILINEAR, align_corners);
}

DfTensor *df_enlarge_taps(DfCtx *c, const DfTensor *weight, DfTensor *const *taps, int n, DfStrip to,
                          bool align_corners)
{
    if (c->err || !enlarge_fits(c, weight, taps, n, to))
        return &c->nil;
    DfTensor *y = df_output(c, &enlarge_op, DF_SHAPE(df_dim(taps[0], 0), to.rows, to.W, df_dim(weight, 0)), n, taps);
    for (int m = 0; m < n; m++) /* a strip needs its rows alone */
        df_leaves_unread(c, df_size(taps[m]) / (size_t)to.H * (size_t)(to.H - to.rows));
    if (df_skip(c, y))
        return y;
    Job job = { .k = &c->k->pointwise, .kh = df_dim(weight, 1), .kw = df_dim(weight, 2), .W = to.W, .rows = to.rows,
                .O = (size_t)df_dim(weight, 0), .to = y->data };
    size_t floats = 0;
    for (int m = 0; m < n; m++) {
        if (!add_map(c, &job, taps[m], to, align_corners))
            return &c->nil;
        job.map[m].row = floats;
        floats += job.map[m].w * (size_t)job.kw * job.O;
    }
    df_run(c, (size_t)df_dim(y, 0) * (size_t)to.rows, floats * sizeof(float), enlarge_row, &job);
    return y;
}
