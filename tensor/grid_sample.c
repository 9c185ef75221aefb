/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/grid_sample.c -- samples a map at any positions, bilinearly: PyTorch's grid_sample, with gradients for map
 * and positions. Jaderberg et al., Spatial Transformer Networks, NIPS 2015.
 *
 * A position (gx, gy) in [-1, 1] is converted to pixels: with n pixels along an axis
 *     at = (g + 1) / 2 (n - 1)        align_corners: -1 and 1 are the centres of the first and last pixel
 *     at = ((g + 1) n - 1) / 2        otherwise: they are the outer edges of these
 * `padding` defines the values outside the map. With x0 = floor(at), u = at - x0, and likewise y0 and v, a sample is
 *     y = (1 - v) ((1 - u) x[y0][x0] + u x[y0][x0 + 1]) + v ((1 - u) x[y0 + 1][x0] + u x[y0 + 1][x0 + 1])
 * A tap is a run of all channels of its group; the four weights are computed once for the run.
 */
#include <math.h>

#include "tensor/op.h"

enum { TAPS = 4 };

typedef struct {
    int groups;
    DfPadding padding;
    bool align_corners;
} Saved;

typedef struct {
    const DfPointwiseKernels *k;
    Saved how;
    const float *x, *grid, *gy; /* N H W C, N G h w 2 (x y), N h w C */
    float *y, *gx, *g_grid;
    size_t H, W, C;
    size_t G, D;                /* groups of D channels              */
    size_t points;              /* h w, of one sample and group      */
} Job;

/* A position on one axis: pixel `first` and the next one share it as 1 - share to share. */
typedef struct {
    bool inside;  /* false: no tap lies within the map  */
    bool nowhere; /* NaN or infinity: the result is NaN  */
    int first;
    float share;
    float slope;  /* d position in pixels / d grid      */
} Place;

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* PyTorch's rule: no gradient on the border itself. */
static float clip(float at, float last, float *slope)
{
    if (at > 0 && at < last)
        return at;
    *slope = 0;
    return at >= last ? last : 0; /* a NaN becomes 0, as in PyTorch */
}

/* Folds `at` back and forth between lo and hi. */
static float reflect(float at, float lo, float hi, float *slope)
{
    const float span = hi - lo;
    if (span <= 0) {
        *slope = 0;
        return 0;
    }
    float from_lo = at - lo;
    if (from_lo < 0) {
        from_lo = -from_lo;
        *slope = -*slope;
    }
    const float rest = fmodf(from_lo, span);
    const bool forth = fmodf(floorf(from_lo / span), 2) == 0;
    if (!forth)
        *slope = -*slope;
    return forth ? lo + rest : hi - rest;
}

static Place place(const Saved *how, float g, size_t size)
{
    const float n = (float)size;
    const float last = n - 1;
    Place p = { .slope = how->align_corners ? last / 2 : n / 2 };
    float at = how->align_corners ? (g + 1) / 2 * last : ((g + 1) * n - 1) / 2;
    if (how->padding == DF_PAD_REFLECTION)
        at = how->align_corners ? reflect(at, 0, last, &p.slope) : reflect(at, -0.5f, last + 0.5f, &p.slope);
    if (how->padding != DF_PAD_ZEROS)
        at = clip(at, last, &p.slope);
    p.nowhere = !isfinite(at);
    p.inside = at > -1 && at < n; /* false for NaN */
    if (p.inside) {
        const float first = floorf(at);
        p.first = (int)first;
        p.share = at - first;
    }
    return p;
}

typedef struct {
    Place x, y;
    int taps;
    size_t at[TAPS];   /* pixel of each tap within the map            */
    float weight[TAPS];
    int corner[TAPS];  /* 0..3: top left, top right, bottom left, ... */
} Point;

static Point point_at(const Job *j, size_t i)
{
    Point p = { .x = place(&j->how, j->grid[2 * i], j->W), .y = place(&j->how, j->grid[2 * i + 1], j->H) };
    for (int corner = 0; corner < TAPS && p.x.inside && p.y.inside; corner++) {
        const int right = corner & 1;
        const int below = corner >> 1;
        const int x = p.x.first + right;
        const int y = p.y.first + below;
        if (x < 0 || y < 0 || x >= (int)j->W || y >= (int)j->H)
            continue;
        p.at[p.taps] = (size_t)y * j->W + (size_t)x;
        const float along_x = right ? p.x.share : 1 - p.x.share;
        const float along_y = below ? p.y.share : 1 - p.y.share;
        p.weight[p.taps] = along_x * along_y;
        p.corner[p.taps++] = corner;
    }
    return p;
}

/* The channels of sample n and group g: in the map, and in the result at a point. */
static size_t map_at(const Job *j, size_t n, size_t g)
{
    return n * j->H * j->W * j->C + g * j->D;
}

static size_t result_at(const Job *j, size_t i)
{
    const size_t plane = i / j->points;
    const size_t n = plane / j->G;
    const size_t g = plane % j->G;
    return (n * j->points + i % j->points) * j->C + g * j->D;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++) {
        const size_t plane = i / j->points;
        const float *map = j->x + map_at(j, plane / j->G, plane % j->G);
        const Point p = point_at(j, i);
        const float *tap[TAPS];
        for (int t = 0; t < p.taps; t++)
            tap[t] = map + p.at[t] * j->C;
        float *y = j->y + result_at(j, i);
        k->blend(y, tap, p.weight, p.taps, j->D);
        for (size_t d = 0; d < j->D && (p.x.nowhere || p.y.nowhere); d++)
            y[d] = NAN;
    }
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* Into the map: some channels of one sample and group. */
static void map_grad(void *arg, size_t task, void *scratch)
{
    const Job *j = arg;
    const DfChannels of = df_channels(task, j->D);
    float *map = j->gx + map_at(j, of.plane / j->G, of.plane % j->G) + of.first;
    (void)scratch;
    for (size_t i = of.plane * j->points; i < (of.plane + 1) * j->points; i++) {
        const Point p = point_at(j, i);
        const float *g = j->gy + result_at(j, i) + of.first;
        for (int t = 0; t < p.taps; t++)
            j->k->accumulate(map + p.at[t] * j->C, g, p.weight[t], of.n);
    }
}

/* Into the positions: the slope of the bilinear surface, from the corners' values along the gradient. */
static void grid_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++) {
        const size_t plane = i / j->points;
        const float *map = j->x + map_at(j, plane / j->G, plane % j->G);
        const Point p = point_at(j, i);
        double corner[TAPS] = { 0 };
        for (int t = 0; t < p.taps; t++)
            corner[p.corner[t]] = k->dot(j->gy + result_at(j, i), map + p.at[t] * j->C, j->D);
        const double u = (double)p.x.share;
        const double v = (double)p.y.share;
        const double along_x = (1 - v) * (corner[1] - corner[0]) + v * (corner[3] - corner[2]);
        const double along_y = (1 - u) * (corner[2] - corner[0]) + u * (corner[3] - corner[1]);
        j->g_grid[2 * i] += (float)(along_x * (double)p.x.slope);
        j->g_grid[2 * i + 1] += (float)(along_y * (double)p.y.slope);
    }
}

static Job make_job(DfCtx *c, const DfTensor *x, const DfTensor *grid, Saved how)
{
    const size_t C = (size_t)df_dim(x, 3);
    const size_t G = (size_t)how.groups;
    return (Job){
        .k = &c->k->pointwise, .how = how, .x = x->data, .grid = grid->data, .H = (size_t)df_dim(x, 1),
        .W = (size_t)df_dim(x, 2), .C = C, .G = G, .D = C / G,
        .points = (size_t)df_dim(grid, 1) * (size_t)df_dim(grid, 2),
    };
}

static void each_point(DfCtx *c, DfRange *run, Job *j, const DfTensor *grid)
{
    df_ranges(c, df_size(grid) / 2, df_at_least_1(DF_BLOCK / 4 / j->D), run, j);
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0], *const grid = y->src[1];
    const Saved *how = y->saved;
    Job job = make_job(c, x, grid, *how);
    job.gy = y->grad;
    if ((job.gx = df_grad(c, x)))
        df_run(c, (size_t)df_dim(x, 0) * job.G * df_blocks(job.D, DF_CHANNELS), 0, map_grad, &job);
    if ((job.g_grid = df_grad(c, grid)))
        each_point(c, grid_grad_range, &job, grid);
}

static const DfOp op = { "grid_sample", backward };

static bool fits(const DfTensor *x, const DfTensor *grid, int groups)
{
    if (x->shape.n != 4 || grid->shape.n != 4 || groups < 1 || df_dim(x, 3) % groups)
        return false;
    if (df_dim(x, 1) < 1 || df_dim(x, 2) < 1)
        return false;
    return df_dim(grid, 0) == df_dim(x, 0) * groups && df_dim(grid, 3) == 2;
}

DfTensor *df_grid_sample(DfCtx *c, DfTensor *x, DfTensor *grid, int groups, DfPadding padding, bool align_corners)
{
    if (c->err)
        return &c->nil;
    if (!fits(x, grid, groups))
        return df_refuse(c, "grid_sample: x (%s), grid (%s), %d groups: want N H W C, N*groups h w 2, and groups that "
                            "divide C", DF_TEXT(x), DF_TEXT(grid), groups);
    const DfShape shape = DF_SHAPE(df_dim(x, 0), df_dim(grid, 1), df_dim(grid, 2), df_dim(x, 3));
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(x, grid));
    if (df_skip(c, y))
        return y;
    const Saved how = { groups, padding, align_corners };
    df_note(c, y, &how, sizeof how);
    Job job = make_job(c, x, grid, how);
    job.y = y->data;
    each_point(c, range, &job, grid);
    return y;
}
