/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/ms_deform_attention.c -- multi-scale deformable attention (Zhu et al., ICLR 2021): the leaves in C,
 * and the drivers. Equation 3 without its outer projections: for query q and head m,
 *     out = sum over levels l and points k of  A[l][k] x_l(location[l][k])        x_l(..) is bilinear, zeros outside
 * A sample is four taps, each a run of channels of one cell. First the taps of all samples are found, side by side;
 * then they are one long weighted sum.
 *
 * A task of the forward pass is a run of queries. A task of the backward pass is a head of a sample, whose gradients
 * nobody else writes: so nothing depends on the number of threads.
 */
#include <math.h>
#include <string.h>

#include "kernels/deform/ms_deform_attention.h"
#include "kernels/ladder.h"

enum { QUERIES = 32 }; /* of a forward task */

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
    float ax, ay;  /* how far between the columns, the rows */
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

void df_ms_deform_init_c(DfMsDeformKernels *k)
{
    k->taps = taps_c;
    k->gather = gather_c;
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
    int *cell = (int *)(void *)((char *)scratch + table_bytes(p));
    float *weight = (float *)(void *)(cell + 4 * s.room);
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
            f->k->taps(cell, weight, &s, p->location + row * n * 2, p->attention + row * n);
            f->k->gather(f->out + row * depth, value + head * depth, C, cell, weight, 4 * s.room, p->depth);
        }
}

int df_ms_deform_forward(DfPool *pool, const DfMsDeformKernels *k, const DfMsDeformProblem *p, float *out)
{
    const Forward f = { p, k, out, ((size_t)p->queries + QUERIES - 1) / QUERIES };
    const size_t taps = 4 * (size_t)rounded(p->levels * p->points);
    Forward job = f;
    return df_parallel(pool, (size_t)p->B * f.tasks_per_sample, table_bytes(p) + taps * (sizeof(int) + sizeof(float)),
                       forward_task, &job);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfMsDeformProblem *p;
    const float *dout;
    float *dvalue, *dlocation, *dattention;
} Backward;

/* With v_t the value of tap t and g the gradient of the result, e_t = <g, v_t>. The gradient of a sample's weight is
 * the blend of its e_t; of its location their slope along each axis, times the weight and the size of the level; of
 * v_t it is g times the tap's share of the weight. */
static float tap_backward(const float *g, const float *value, float *dvalue, float weight, int depth)
{
    float e = 0;
    for (int d = 0; d < depth; d++)
        e += g[d] * value[d];
    for (int d = 0; dvalue && d < depth; d++)
        dvalue[d] += weight * g[d];
    return e;
}

static void sample_backward(const Backward *j, const DfMsSamples *s, int i, const Point *q, size_t row,
                            const float *g, size_t at, size_t stride)
{
    const DfMsDeformProblem *p = j->p;
    const size_t sample = row * (size_t)s->n + (size_t)i;
    const float attention = p->attention[sample];
    float e[4] = { 0 };
    float blend = 0;
    for (int t = 0; t < 4; t++) {
        if (!q->on[t])
            continue;
        const size_t cell = at + (size_t)q->cell[t] * stride;
        float *const dvalue = j->dvalue ? j->dvalue + cell : NULL;
        e[t] = tap_backward(g, p->value + cell, dvalue, share(q, t) * attention, p->depth);
        blend += share(q, t) * e[t];
    }
    if (j->dattention)
        j->dattention[sample] += blend;
    if (!j->dlocation)
        return;
    const float by_x = (1 - q->ay) * (e[1] - e[0]) + q->ay * (e[3] - e[2]);
    const float by_y = (1 - q->ax) * (e[2] - e[0]) + q->ax * (e[3] - e[1]);
    j->dlocation[2 * sample] += attention * s->w[i] * by_x;
    j->dlocation[2 * sample + 1] += attention * s->h[i] * by_y;
}

static void backward_task(void *arg, size_t task, void *scratch)
{
    const Backward *j = arg;
    const DfMsDeformProblem *p = j->p;
    const DfMsSamples s = table_of(p, scratch);
    const size_t heads = (size_t)p->heads;
    const size_t depth = (size_t)p->depth;
    const size_t queries = (size_t)p->queries;
    const size_t b = task / heads;
    const size_t head = task % heads;
    const size_t stride = heads * depth;
    const size_t at = b * cells_of(p) * stride + head * depth;
    for (size_t q = b * queries; q < (b + 1) * queries; q++) {
        const size_t row = q * heads + head;
        for (int i = 0; i < s.n; i++) {
            Point point = { 0 };
            if (place(&point, &s, i, p->location + row * (size_t)s.n * 2))
                sample_backward(j, &s, i, &point, row, j->dout + row * depth, at, stride);
        }
    }
}

int df_ms_deform_backward(DfPool *pool, const DfMsDeformProblem *p, const float *dout, float *dvalue,
                          float *dlocation, float *dattention)
{
    Backward job = { p, dout, dvalue, dlocation, dattention };
    return df_parallel(pool, (size_t)p->B * (size_t)p->heads, table_bytes(p), backward_task, &job);
}
