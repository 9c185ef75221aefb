/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/rows.c -- normalises rows of numbers, to unit length or to standard mean and deviation, for layers that do so
 * with their input or their weights.
 *     unit        y = f x / d,           d = |x|^p + eps
 *                 dL/dx = f (g / d - x <g, x> p |x|^(p-2) / d^2)
 *     standard    y = (x - mean) / d,    d = s + eps, s^2 = sum (x - mean)^2 / (n - 1)
 *                 dL/dx = (g - mean(g)) / d - (x - mean) <g, x - mean> / (d^2 s (n - 1))
 */
#include <math.h>

#include "tensor/op.h"

typedef struct {
    const float *x, *g;
    float *out;          /* forward: y; backward: where dL/dx is added */
    size_t n;            /* numbers of a row                           */
    double power, eps, factor;
} Job;

/* ---- unit rows --------------------------------------------------------------------------------------------------- */

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * (double)b[i];
    return sum;
}

static void unit_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *job = arg;
    for (size_t r = from; r < from + rows; r++) {
        const float *x = job->x + r * job->n;
        const double d = pow(sqrt(dot(x, x, job->n)), job->power) + job->eps;
        k->scale(job->out + r * job->n, x, (float)(job->factor / d), job->n);
    }
}

static void unit_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *job = arg;
    (void)k;
    for (size_t r = from; r < from + rows; r++) {
        const float *x = job->x + r * job->n;
        const float *g = job->g + r * job->n;
        float *gx = job->out + r * job->n;
        const double length = sqrt(dot(x, x, job->n));
        const double d = pow(length, job->power) + job->eps;
        double turn = 0;
        if (length > 0)
            turn = dot(g, x, job->n) * job->power * pow(length, job->power - 2) / (d * d);
        for (size_t i = 0; i < job->n; i++)
            gx[i] += (float)(job->factor * ((double)g[i] / d - (double)x[i] * turn));
    }
}

/* ---- standard rows ----------------------------------------------------------------------------------------------- */

static double mean_of(const float *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[i];
    return sum / (double)n;
}

/* The square root of the unbiased variance. */
static double spread_of(const float *x, size_t n, double mean)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += ((double)x[i] - mean) * ((double)x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

static void standard_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *job = arg;
    (void)k;
    for (size_t r = from; r < from + rows; r++) {
        const float *x = job->x + r * job->n;
        float *y = job->out + r * job->n;
        const double mean = mean_of(x, job->n);
        const double d = spread_of(x, job->n, mean) + job->eps;
        for (size_t i = 0; i < job->n; i++)
            y[i] = (float)(((double)x[i] - mean) / d);
    }
}

static void standard_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t rows)
{
    const Job *job = arg;
    (void)k;
    for (size_t r = from; r < from + rows; r++) {
        const float *x = job->x + r * job->n;
        const float *g = job->g + r * job->n;
        float *gx = job->out + r * job->n;
        const double mean = mean_of(x, job->n);
        const double mean_g = mean_of(g, job->n);
        const double s = spread_of(x, job->n, mean);
        const double d = s + job->eps;
        double along = 0;
        for (size_t i = 0; i < job->n; i++)
            along += (double)g[i] * ((double)x[i] - mean);
        const double turn = s > 0 ? along / (d * d * s * (double)(job->n - 1)) : 0;
        for (size_t i = 0; i < job->n; i++)
            gx[i] += (float)(((double)g[i] - mean_g) / d - ((double)x[i] - mean) * turn);
    }
}

/* ---- the ops ----------------------------------------------------------------------------------------------------- */

typedef struct {
    size_t n;
    double power, eps, factor;
} How;

static void run(DfCtx *c, Job *job, const How *how, size_t size, DfRange *range)
{
    job->n = how->n;
    job->power = how->power;
    job->eps = how->eps;
    job->factor = how->factor;
    df_ranges(c, size / job->n, df_at_least_1(DF_BLOCK / job->n), range, job);
}

static void run_back(DfCtx *c, DfTensor *y, DfRange *range)
{
    Job job = { .x = y->src[0]->data, .g = y->grad, .out = df_grad(c, y->src[0]) };
    if (job.out)
        run(c, &job, y->saved, df_size(y), range);
}

static void unit_backward(DfCtx *c, DfTensor *y)
{
    run_back(c, y, unit_grad_range);
}

static void standard_backward(DfCtx *c, DfTensor *y)
{
    run_back(c, y, standard_grad_range);
}

static const DfOp unit_op = { "unit_rows", unit_backward };
static const DfOp standard_op = { "standard_rows", standard_backward };

static DfTensor *make(DfCtx *c, const DfOp *op, DfTensor *x, How how, DfRange *range)
{
    DfTensor *y = df_output(c, op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &how, sizeof how);
    Job job = { .x = x->data, .out = y->data };
    run(c, &job, &how, df_size(x), range);
    return y;
}

DfTensor *df_unit_rows(DfCtx *c, DfTensor *x, float factor, float power, float eps)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1)
        return df_refuse(c, "unit_rows: (%s): want rows", DF_TEXT(x));
    const How how = { .n = (size_t)df_dim(x, -1), .power = (double)power, .eps = (double)eps,
                      .factor = (double)factor };
    return make(c, &unit_op, x, how, unit_range);
}

DfTensor *df_standard_rows(DfCtx *c, DfTensor *x, float eps)
{
    if (c->err)
        return &c->nil;
    const size_t rows = x->shape.n > 1 ? (size_t)df_dim(x, 0) : 0;
    if (rows < 1 || df_size(x) / rows < 2)
        return df_refuse(c, "standard_rows: (%s): want rows of at least two numbers", DF_TEXT(x));
    return make(c, &standard_op, x, (How){ .n = df_size(x) / rows, .eps = (double)eps }, standard_range);
}
