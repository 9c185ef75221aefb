/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/deform/deform_conv.c -- deformable convolution: Dai et al., ICCV 2017; modulated by a mask: Zhu et al., CVPR
 * 2019 (DCNv2).
 *
 *     y[p] = sum over points k of  w[k] x(p stride - padding + k dilation + offset[p][k]) mask[p][k]
 * where x(..) reads the map bilinearly, with zeros outside. It is computed as an ordinary convolution is: the values
 * that some output pixels read become rows, which are multiplied by the packed weight while they are in the cache.
 */
#include <math.h>
#include <string.h>

#include "kernels/deform/deform_conv.h"
#include "kernels/gemm/parts.h"

enum {
    ROW_BYTES = 256 << 10, /* most bytes of a forward task's rows                  */
    LEAST_ROWS = 12,
    MOST_ROWS = 96,
    CHUNK = 1024,          /* pixels of the result that a backward pass takes at a time */
    CHANNELS = 64,         /* of a task that adds to the map's gradient            */
    CORNERS = 4
};

typedef struct {
    const DfDeformConv *d;
    const DfKernels *kernels;
    size_t I;                 /* channels of x, in all groups                  */
    size_t points;            /* of the kernel                                 */
    size_t groups, per_group; /* of the convolution, and channels of each      */
    size_t k;                 /* points per_group: a row of one group          */
    size_t offset_groups, D;  /* and channels of each, which share an offset   */
    size_t pixels, outputs;   /* of a sample's result, of all                  */
} Plan;

static Plan plan(const DfDeformConv *d, const DfKernels *kernels)
{
    const DfConvShape *s = &d->shape;
    Plan p = { .d = d, .kernels = kernels };
    p.I = (size_t)s->I;
    p.points = (size_t)s->kh * (size_t)s->kw;
    p.groups = (size_t)s->groups;
    p.offset_groups = (size_t)d->offset_groups;
    p.per_group = p.I / p.groups;
    p.k = p.points * p.per_group;
    p.D = p.I / p.offset_groups;
    p.pixels = (size_t)s->oH * (size_t)s->oW;
    p.outputs = (size_t)s->N * p.pixels;
    return p;
}

/* ---- positions -------------------------------------------------------------------------------------------------- */

/* The position that one point of the kernel reads: the corners that lie in the map, their weights, and which corner
 * each is (0..3: top left, top right, bottom left, bottom right). `u`, `v`: the distance right of and below the top
 * left one. */
typedef struct {
    int n;
    int corner[CORNERS];
    size_t at[CORNERS];    /* pixel of the batch */
    float weight[CORNERS]; /* share              */
    float u, v;
} Place;

static Place place(const Plan *p, size_t output, size_t group, size_t point)
{
    const DfConvShape *s = &p->d->shape;
    const float *offset = p->d->offset + 2 * ((output * p->offset_groups + group) * p->points + point);
    const size_t pixel = output % p->pixels;
    const int oy = (int)(pixel / (size_t)s->oW);
    const int ox = (int)(pixel % (size_t)s->oW);
    const int ky = (int)point / s->kw;
    const int kx = (int)point % s->kw;
    const float y = (float)(oy * s->stride[0] - s->padding[0] + ky * s->dilation[0]) + offset[0];
    const float x = (float)(ox * s->stride[1] - s->padding[1] + kx * s->dilation[1]) + offset[1];
    Place at = { 0 };
    if (!(y > -1 && y < (float)s->H && x > -1 && x < (float)s->W)) /* also if one is NaN */
        return at;
    const float top = floorf(y);
    const float left = floorf(x);
    at.v = y - top;
    at.u = x - left;
    for (int corner = 0; corner < CORNERS; corner++) {
        const int right = corner & 1;
        const int below = corner >> 1;
        const int cy = (int)top + below;
        const int cx = (int)left + right;
        if (cy < 0 || cx < 0 || cy >= s->H || cx >= s->W)
            continue;
        at.at[at.n] = (output / p->pixels * (size_t)s->H + (size_t)cy) * (size_t)s->W + (size_t)cx;
        at.weight[at.n] = (right ? at.u : 1 - at.u) * (below ? at.v : 1 - at.v);
        at.corner[at.n++] = corner;
    }
    return at;
}

static float mask_at(const Plan *p, size_t output, size_t group, size_t point)
{
    return p->d->mask ? p->d->mask[(output * p->offset_groups + group) * p->points + point] : 1;
}

/* The address of channel c of row `row`, point `point`; rows are stored group after group, `rows` each. Channels of an
 * offset group may belong to several groups of the convolution: *end is lowered to the end of c's group. */
static float *entry(const Plan *p, float *columns, size_t rows, size_t row, size_t point, size_t c, size_t *end)
{
    const size_t group = c / p->per_group;
    *end = df_smaller(*end, (group + 1) * p->per_group);
    return columns + (group * rows + row) * p->k + point * p->per_group + c - group * p->per_group;
}

/* ---- forward ---------------------------------------------------------------------------------------------------- */

/* Samples the values that pixel `output` of the result reads into row `row`. */
static void sample(const Plan *p, size_t output, size_t rows, size_t row, float *columns)
{
    for (size_t group = 0; group < p->offset_groups; group++)
        for (size_t point = 0; point < p->points; point++) {
            Place at = place(p, output, group, point);
            const float mask = mask_at(p, output, group, point);
            for (int i = 0; i < at.n; i++)
                at.weight[i] *= mask;
            for (size_t c = group * p->D, end; c < (group + 1) * p->D; c = end) {
                end = (group + 1) * p->D;
                float *to = entry(p, columns, rows, row, point, c, &end);
                const float *tap[CORNERS];
                for (int i = 0; i < at.n; i++)
                    tap[i] = p->d->x + at.at[i] * p->I + c;
                p->kernels->pointwise.blend(to, tap, at.weight, at.n, end - c);
            }
        }
}

typedef struct {
    Plan plan;
    const DfPacked *weight;
    float *y;
    DfEpilogue e;
    size_t blocks;
    size_t more; /* bytes of scratch for the products */
} Forward;

/* The floats of some rows in all groups, rounded up to keep the next array aligned. */
static size_t columns_size(const Plan *p, size_t rows)
{
    return df_ceil_div(rows * p->k * p->groups, DF_PANEL) * DF_PANEL;
}

static void forward_task(void *arg, size_t task, void *scratch)
{
    const Forward *f = arg;
    const Plan *p = &f->plan;
    const size_t first = df_cut(p->outputs, f->blocks, task);
    const size_t rows = df_cut(p->outputs, f->blocks, task + 1) - first;
    const size_t O = (size_t)p->d->shape.O;
    for (size_t row = 0; row < rows; row++)
        sample(p, first + row, rows, row, scratch);
    const size_t n = O / p->groups;
    float *const columns = scratch;
    void *const rounded = f->more ? columns + columns_size(p, rows) : NULL;
    for (size_t group = 0; group < p->groups; group++) {
        const DfEpilogue e = df_epilogue_at(&f->e, first, O, group * n);
        df_packed_rows(p->kernels, rows, columns + group * rows * p->k, p->k, f->weight, group, 0, n,
                       f->y + first * O + group * n, O, &e, rounded);
    }
}

int df_deform_conv_forward(DfPool *pool, const DfKernels *k, const DfDeformConv *d, const DfPacked *weight, float *y,
                           DfEpilogue e)
{
    Forward f = { .plan = plan(d, k), .weight = weight, .y = y, .e = e };
    const size_t row = f.plan.k * f.plan.groups; /* floats of all groups */
    const size_t rows = df_clamp_size(ROW_BYTES / sizeof(float) / row, LEAST_ROWS, MOST_ROWS);
    f.blocks = df_ceil_div(f.plan.outputs, rows);
    const size_t most = df_ceil_div(f.plan.outputs, f.blocks);
    f.more = df_packed_scratch(weight, most, 0);
    return df_parallel(pool, f.blocks, columns_size(&f.plan, most) * sizeof(float) + f.more, forward_task, &f);
}

/* ---- backward --------------------------------------------------------------------------------------------------- */

/* Some pixels of one sample at a time: `columns` has the values that they read, then the gradients of these. */
typedef struct {
    Plan plan;
    const DfDeformConvGrads *to;
    size_t first, rows, blocks;
    float *columns;
} Backward;

static void sample_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    (void)scratch;
    for (size_t row = df_cut(b->rows, b->blocks, task); row < df_cut(b->rows, b->blocks, task + 1); row++)
        sample(&b->plan, b->first + row, b->rows, row, b->columns);
}

/* Adds gradients to the map: some channels of one offset group, so that no two tasks add to the same floats. */
static void map_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    const Plan *p = &b->plan;
    const size_t parts = df_ceil_div(p->D, CHANNELS);
    const size_t group = task / parts;
    const size_t first = group * p->D + task % parts * CHANNELS;
    const size_t last = df_smaller((group + 1) * p->D, first + CHANNELS);
    (void)scratch;
    for (size_t row = 0; row < b->rows; row++)
        for (size_t point = 0; point < p->points; point++) {
            const Place at = place(p, b->first + row, group, point);
            const float mask = mask_at(p, b->first + row, group, point);
            for (size_t c = first, end; c < last; c = end) {
                end = last;
                const float *g = entry(p, b->columns, b->rows, row, point, c, &end);
                for (int i = 0; i < at.n; i++)
                    p->kernels->pointwise.accumulate(b->to->x + at.at[i] * p->I + c, g, at.weight[i] * mask, end - c);
            }
        }
}

/* Gradients of offsets and masks. With g the gradient of the sampled value and e_c = <g, x at corner c>, the product of
 * g and the sample is
 *     (1 - v) ((1 - u) e_0 + u e_1) + v ((1 - u) e_2 + u e_3)
 * This is the mask's gradient. The offset's gradients are its derivatives by v (along y) and u (along x), times the
 * mask. Corners outside the map have e = 0. */
static void place_grad(const Backward *b, size_t row, size_t group, size_t point)
{
    const Plan *p = &b->plan;
    const size_t output = b->first + row;
    const size_t index = (output * p->offset_groups + group) * p->points + point;
    const Place at = place(p, output, group, point);
    double e[CORNERS] = { 0 };
    double blended = 0;
    for (size_t c = group * p->D, end; c < (group + 1) * p->D; c = end) {
        end = (group + 1) * p->D;
        const float *g = entry(p, b->columns, b->rows, row, point, c, &end);
        for (int i = 0; i < at.n; i++)
            e[at.corner[i]] += p->kernels->pointwise.dot(g, p->d->x + at.at[i] * p->I + c, end - c);
    }
    const double u = (double)at.u;
    const double v = (double)at.v;
    const double mask = (double)mask_at(p, output, group, point);
    for (int i = 0; i < at.n; i++)
        blended += (double)at.weight[i] * e[at.corner[i]];
    if (b->to->mask)
        b->to->mask[index] += (float)blended;
    if (!b->to->offset)
        return;
    b->to->offset[2 * index] += (float)(mask * ((1 - u) * (e[2] - e[0]) + u * (e[3] - e[1])));
    b->to->offset[2 * index + 1] += (float)(mask * ((1 - v) * (e[1] - e[0]) + v * (e[3] - e[2])));
}

static void place_task(void *arg, size_t task, void *scratch)
{
    const Backward *b = arg;
    (void)scratch;
    for (size_t row = df_cut(b->rows, b->blocks, task); row < df_cut(b->rows, b->blocks, task + 1); row++)
        for (size_t group = 0; group < b->plan.offset_groups; group++)
            for (size_t point = 0; point < b->plan.points; point++)
                place_grad(b, row, group, point);
}

/* dW += dy' columns */
static int weight_grad(DfPool *pool, Backward *b, const float *dy)
{
    const Plan *p = &b->plan;
    const size_t O = (size_t)p->d->shape.O;
    const size_t per = O / p->groups;
    int error = df_parallel(pool, b->blocks, 0, sample_task, b);
    for (size_t group = 0; !error && group < p->groups; group++)
        error = df_gemm(pool, p->kernels, true, false, per, p->k, b->rows, 1, dy + b->first * O + group * per, O,
                        b->columns + group * b->rows * p->k, p->k, 1, b->to->weight + group * per * p->k, p->k);
    return error;
}

/* columns = dy W, which are then added to the gradients of the map, its offsets and its mask. */
static int input_grad(DfPool *pool, Backward *b, const float *weight, const float *dy)
{
    const Plan *p = &b->plan;
    const size_t O = (size_t)p->d->shape.O;
    const size_t per = O / p->groups;
    int error = DF_OK;
    for (size_t group = 0; !error && group < p->groups; group++)
        error = df_gemm(pool, p->kernels, false, false, b->rows, p->k, per, 1, dy + b->first * O + group * per, O,
                        weight + group * per * p->k, p->k, 0, b->columns + group * b->rows * p->k, p->k);
    if (!error && b->to->x)
        error = df_parallel(pool, p->offset_groups * df_ceil_div(p->D, CHANNELS), 0, map_task, b);
    if (!error && (b->to->offset || b->to->mask))
        error = df_parallel(pool, b->blocks, 0, place_task, b);
    return error;
}

int df_deform_conv_backward(DfPool *pool, const DfKernels *k, const DfDeformConv *d, const float *weight,
                            const float *dy, const DfDeformConvGrads *to)
{
    Backward b = { .plan = plan(d, k), .to = to };
    const size_t most = df_smaller(b.plan.outputs, CHUNK);
    b.columns = df_malloc(most * b.plan.k * b.plan.groups * sizeof *b.columns);
    if (!b.columns)
        return df_fail_memory("the gradient of a deformable convolution");
    int error = DF_OK;
    for (; !error && b.first < b.plan.outputs; b.first += b.rows) {
        b.rows = df_smaller(b.plan.outputs - b.first, CHUNK);
        b.blocks = df_ceil_div(b.rows, 32);
        if (to->weight)
            error = weight_grad(pool, &b, dy);
        if (!error && (to->x || to->offset || to->mask))
            error = input_grad(pool, &b, weight, dy);
    }
    df_free(b.columns);
    return error;
}
