/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention.c -- multi-scale deformable attention (Zhu et al., ICLR 2021): the leaf kernels
 * in C, and the drivers. Equation 3 without its two outer projections: for query q and head m,
 *     out = sum over levels l and points k of  A[l][k] x_l(location[l][k])        x_l(..) is bilinear, zeros outside
 * A sample is four taps, each of which is one head's channels of one cell. First the taps of all samples are computed;
 * then one long weighted sum runs over all of them.
 *
 * A task of the forward pass is a run of queries. A task of the backward pass is one head of one sample of the batch;
 * no other task writes its gradients, so sums do not depend on the number of threads.
 */
#include <math.h>
#include <string.h>

#include "kernels/deform/ms_deform_attention.h"
#include "kernels/ladder.h"

enum {
    QUERIES = 32, /* queries of a forward task                      */
    AHEAD = 2     /* prefetch the samples of the query this far ahead */
};

/* ---- samples ---------------------------------------------------------------------------------------------------- */

static int rounded(int n)
{
    return (n + 7) / 8 * 8;
}

typedef struct {
    float *h, *w;
    int *width, *first;
} Table;

static size_t table_bytes(const DfMsDeformProblem *p)
{
    return (size_t)rounded(p->levels * p->points) * (2 * sizeof(float) + 2 * sizeof(int));
}

/* Sample i = level * points + point. The table is the same for every query. */
static DfMsSamples table_of(const DfMsDeformProblem *p, void *memory)
{
    const int n = p->levels * p->points;
    const int room = rounded(n);
    Table t = { .h = memory };
    t.w = t.h + room;
    t.width = (int *)(void *)(t.w + room);
    t.first = t.width + room;
    memset(memory, 0, table_bytes(p));
    int first = 0; /* cell of the level */
    int i = 0;
    for (int l = 0; l < p->levels; l++) {
        for (int k = 0; k < p->points; k++, i++) {
            t.h[i] = (float)p->height[l];
            t.w[i] = (float)p->width[l];
            t.width[i] = p->width[l];
            t.first[i] = first;
        }
        first += p->height[l] * p->width[l];
    }
    return (DfMsSamples){ n, room, t.h, t.w, t.width, t.first };
}

/* The taps of a query and head, stored after the table: 4 room each. */
typedef struct {
    int *cell;
    float *weight, *e; /* e: backward only */
} Taps;

static Taps taps_in(const DfMsDeformProblem *p, void *scratch, const DfMsSamples *s)
{
    const size_t n = 4 * (size_t)s->room;
    int *cell = (int *)(void *)((char *)scratch + table_bytes(p));
    float *weight = (float *)(void *)(cell + n);
    return (Taps){ cell, weight, weight + n };
}

static size_t scratch_bytes(const DfMsDeformProblem *p)
{
    return table_bytes(p) + 4 * (size_t)rounded(p->levels * p->points) * (sizeof(int) + 2 * sizeof(float));
}

static size_t cells_of(const DfMsDeformProblem *p)
{
    size_t n = 0;
    for (int l = 0; l < p->levels; l++)
        n += (size_t)p->height[l] * (size_t)p->width[l];
    return n;
}

/* ---- one point -------------------------------------------------------------------------------------------------- */

/* Where a sample falls: pixel centres are at (i + 0.5) / size. Taps 0 1 are the upper row. */
typedef struct {
    float ax, ay;  /* the fractions between columns and rows */
    int cell[4];
    bool on[4];
} Point;

static bool place(Point *q, const DfMsSamples *s, int i, const float *location)
{
    const float x = location[2 * i] * s->w[i] - 0.5f;
    const float y = location[2 * i + 1] * s->h[i] - 0.5f;
    if (!(x > -1 && y > -1 && x < s->w[i] && y < s->h[i])) /* and not a number */
        return false;
    const float fx = floorf(x);
    const float fy = floorf(y);
    q->ax = x - fx;
    q->ay = y - fy;
    const int x0 = (int)fx;
    const int y0 = (int)fy;
    const int w = s->width[i];
    const int h = (int)s->h[i];
    const int corner = s->first[i] + y0 * w + x0;
    for (int t = 0; t < 4; t++) {
        const int xx = x0 + t % 2;
        const int yy = y0 + t / 2;
        q->on[t] = xx >= 0 && xx < w && yy >= 0 && yy < h;
        q->cell[t] = q->on[t] ? corner + t / 2 * w + t % 2 : 0;
    }
    return true;
}

static float share(const Point *q, int t)
{
    const float along_x = t % 2 ? q->ax : 1 - q->ax;
    const float along_y = t / 2 ? q->ay : 1 - q->ay;
    return along_x * along_y;
}

/* ---- leaves ----------------------------------------------------------------------------------------------------- */

static void taps_c(int *cell, float *weight, const DfMsSamples *s, const float *location, const float *attention)
{
    for (int i = 0; i < s->room; i++) {
        Point q = { 0 };
        const bool inside = i < s->n && place(&q, s, i, location);
        for (int t = 0; t < 4; t++) {
            cell[t * s->room + i] = q.cell[t];
            weight[t * s->room + i] = inside && q.on[t] ? share(&q, t) * attention[i] : 0;
        }
    }
}

static void gather_c(float *out, const float *value, size_t stride, const int *cell, const float *weight, int n,
                     int depth)
{
    memset(out, 0, (size_t)depth * sizeof *out);
    for (int t = 0; t < n; t++) {
        const float *const row = value + (size_t)cell[t] * stride;
        for (int d = 0; d < depth; d++)
            out[d] += weight[t] * row[d];
    }
}

static void scatter_c(float *e, float *dvalue, const float *value, size_t stride, const int *cell,
                      const float *weight, const float *g, int n, int depth)
{
    for (int t = 0; t < n; t++) {
        const float *const row = value + (size_t)cell[t] * stride;
        float *const to = dvalue && weight[t] != 0.0f ? dvalue + (size_t)cell[t] * stride : NULL;
        e[t] = 0;
        for (int d = 0; d < depth; d++)
            e[t] += g[d] * row[d];
        for (int d = 0; to && d < depth; d++)
            to[d] += weight[t] * g[d];
    }
}

/* With v_t the value of tap t and g the gradient of the result, e_t = <g, v_t>. The gradient of a sample's weight is
 * the blend of its e_t; of its location their slope along each axis, times the weight and the size of the level; of
 * v_t it is g times the tap's share of the weight. */
static void sample_backward(float *dlocation, float *dattention, const DfMsSamples *s, int i, const Point *q,
                            float attention, const float *e)
{
    float tap[4], blend = 0;
    for (int t = 0; t < 4; t++) {
        tap[t] = q->on[t] ? e[t * s->room + i] : 0;
        blend += share(q, t) * tap[t];
    }
    if (dattention)
        dattention[i] += blend;
    if (!dlocation)
        return;
    const float by_x = (1 - q->ay) * (tap[1] - tap[0]) + q->ay * (tap[3] - tap[2]);
    const float by_y = (1 - q->ax) * (tap[2] - tap[0]) + q->ax * (tap[3] - tap[1]);
    dlocation[2 * i] += attention * s->w[i] * by_x;
    dlocation[2 * i + 1] += attention * s->h[i] * by_y;
}

static void slopes_c(float *dlocation, float *dattention, const DfMsSamples *s, const float *location,
                     const float *attention, const float *e)
{
    for (int i = 0; i < s->n; i++) {
        Point q = { 0 };
        if (place(&q, s, i, location))
            sample_backward(dlocation, dattention, s, i, &q, attention[i], e);
    }
}

void df_ms_deform_init_c(DfMsDeformKernels *k)
{
    *k = (DfMsDeformKernels){ taps_c, gather_c, scatter_c, slopes_c };
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfMsDeformProblem *p;
    const DfMsDeformKernels *k;
    float *out;
    size_t tasks_per_sample;
} Forward;

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const DfMsDeformProblem *p = f->p;
    const DfMsSamples s = table_of(p, scratch);
    const Taps taps = taps_in(p, scratch, &s);
    const size_t heads = (size_t)p->heads;
    const size_t depth = (size_t)p->depth;
    const size_t C = heads * depth;
    const size_t queries = (size_t)p->queries;
    const size_t n = (size_t)s.n;
    const size_t b = task / f->tasks_per_sample;
    const size_t from = task % f->tasks_per_sample * QUERIES;
    const size_t to = from + QUERIES < queries ? from + QUERIES : queries;
    const float *const value = p->value + b * cells_of(p) * C;
    for (size_t q = b * queries + from; q < b * queries + to; q++)
        for (size_t head = 0; head < heads; head++) {
            const size_t row = q * heads + head;
            f->k->taps(taps.cell, taps.weight, &s, p->location + row * n * 2, p->attention + row * n);
            f->k->gather(f->out + row * depth, value + head * depth, C, taps.cell, taps.weight, 4 * s.room, p->depth);
        }
}

int df_ms_deform_forward(DfPool *pool, const DfMsDeformKernels *k, const DfMsDeformProblem *p, float *out)
{
    const Forward f = { p, k, out, ((size_t)p->queries + QUERIES - 1) / QUERIES };
    Forward job = f;
    return df_parallel(pool, (size_t)p->B * f.tasks_per_sample, scratch_bytes(p), forward_task, &job);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfMsDeformProblem *p;
    const DfMsDeformKernels *k;
    const float *dout;
    float *dvalue, *dlocation, *dattention;
} Backward;

static float *from(float *x, size_t at) /* NULL stays NULL */
{
    return x ? x + at : NULL;
}

static void prefetch(const float *x, size_t at, size_t n)
{
    enum { LINE = 16 };
    for (size_t i = 0; x && i < n; i += LINE)
        df_prefetch(x + at + i);
}

/* Prefetches what a query of a head reads and adds to; the data of the next query is not contiguous with it. */
static void prefetch_query(const Backward *j, size_t row, size_t samples)
{
    prefetch(j->p->location, 2 * row * samples, 2 * samples);
    prefetch(j->dlocation, 2 * row * samples, 2 * samples);
    prefetch(j->p->attention, row * samples, samples);
    prefetch(j->dattention, row * samples, samples);
    prefetch(j->dout, row * (size_t)j->p->depth, (size_t)j->p->depth);
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *j = arg;
    const DfMsDeformProblem *p = j->p;
    const DfMsSamples s = table_of(p, scratch);
    const Taps taps = taps_in(p, scratch, &s);
    const size_t heads = (size_t)p->heads;
    const size_t depth = (size_t)p->depth;
    const size_t queries = (size_t)p->queries;
    const size_t b = task / heads;
    const size_t head = task % heads;
    const size_t stride = heads * depth;
    const size_t at = b * cells_of(p) * stride + head * depth;
    float *const dvalue = from(j->dvalue, at);
    for (size_t q = b * queries; q < (b + 1) * queries; q++) {
        const size_t row = q * heads + head;
        const size_t sample = row * (size_t)s.n;
        const float *const location = p->location + 2 * sample, *const attention = p->attention + sample;
        if (q + AHEAD < (b + 1) * queries)
            prefetch_query(j, row + AHEAD * heads, (size_t)s.n);
        j->k->taps(taps.cell, taps.weight, &s, location, attention);
        j->k->scatter(taps.e, dvalue, p->value + at, stride, taps.cell, taps.weight, j->dout + row * depth, 4 * s.room,
                      p->depth);
        j->k->slopes(from(j->dlocation, 2 * sample), from(j->dattention, sample), &s, location, attention, taps.e);
    }
}

int df_ms_deform_backward(DfPool *pool, const DfMsDeformKernels *k, const DfMsDeformProblem *p, const float *dout,
                          float *dvalue, float *dlocation, float *dattention)
{
    Backward job = { p, k, dout, dvalue, dlocation, dattention };
    return df_parallel(pool, (size_t)p->B * (size_t)p->heads, scratch_bytes(p), backward_task, &job);
}
