/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/arithmetic.c -- sums and products of tensors, of a tensor and a number; clamping; the sum of all elements.
 */
#include "tensor/columns.h"

/* ---- add, mul --------------------------------------------------------------------------------------------------- */

static bool fits(DfCtx *c, const char *name, const DfTensor *x, const DfTensor *y)
{
    const int lead = x->shape.n - y->shape.n;
    bool same = lead >= 0;
    for (int i = 0; same && i < y->shape.n; i++)
        same = x->shape.d[lead + i] == y->shape.d[i];
    if (!same)
        df_refuse(c, "%s: operands of shape (%s) and (%s): want the same shape, or a second one of trailing "
                     "dimensions", name, DF_TEXT(x), DF_TEXT(y));
    return same;
}

typedef void Kernel(float *y, const float *a, const float *b, size_t n);

typedef struct {
    Kernel *run;
    float *out;
    const float *a, *b;
    size_t n; /* elements of b */
} Rowwise;

static void row_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Rowwise *r = arg;
    (void)k;
    for (size_t at = from * r->n; at < (from + count) * r->n; at += r->n)
        r->run(r->out + at, r->a + at, r->b, r->n);
}

static void element_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Rowwise *r = arg;
    (void)k;
    r->run(r->out + from, r->a + from, r->b + from, count);
}

/* out = run(a, b) where a has `size` elements and b, of n, is repeated. */
static void rowwise(DfCtx *c, Kernel *run, float *out, const float *a, const float *b, size_t size, size_t n)
{
    Rowwise r = { run, out, a, b, n };
    if (n == size)
        df_ranges(c, size, DF_BLOCK, element_range, &r);
    else
        df_ranges(c, size / n, df_at_least_1(DF_BLOCK / n), row_range, &r);
}

static void add_backward(DfCtx *c, DfTensor *z)
{
    DfTensor *const x = z->src[0], *const y = z->src[1];
    const size_t size = df_size(x), n = df_size(y);
    if (n == size)
        df_grad_add(c, y, z->grad);
    else
        df_add_columns(c, DF_COLUMN_SUM, df_grad(c, y), z->grad, NULL, size / n, n);
    if (!df_grad_hand_over(c, x, z))
        df_grad_add(c, x, z->grad);
}

static void mul_backward(DfCtx *c, DfTensor *z)
{
    DfTensor *const x = z->src[0], *const y = z->src[1];
    const size_t size = df_size(x), n = df_size(y);
    float *gx = df_grad(c, x);
    if (gx)
        rowwise(c, c->k->pointwise.accumulate_product, gx, z->grad, y->data, size, n);
    float *gy = df_grad(c, y);
    if (gy && n == size)
        rowwise(c, c->k->pointwise.accumulate_product, gy, z->grad, x->data, size, n);
    else
        df_add_columns(c, DF_COLUMN_PRODUCT, gy, z->grad, x->data, size / n, n);
}

static const DfOp add_op = { "add", add_backward };
static const DfOp mul_op = { "mul", mul_backward };

static DfTensor *binary(DfCtx *c, const DfOp *op, Kernel *run, DfTensor *x, DfTensor *y)
{
    if (c->err || !fits(c, op->name, x, y))
        return &c->nil;
    DfTensor *z = df_output(c, op, x->shape, DF_SOURCES_OF(x, y));
    if (!df_skip(c, z))
        rowwise(c, run, z->data, x->data, y->data, df_size(x), df_size(y));
    return z;
}

DfTensor *df_add(DfCtx *c, DfTensor *x, DfTensor *y)
{
    return binary(c, &add_op, c->k->pointwise.add, x, y);
}

DfTensor *df_mul(DfCtx *c, DfTensor *x, DfTensor *y)
{
    return binary(c, &mul_op, c->k->pointwise.mul, x, y);
}

/* ---- scale ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float *out;
    const float *a, *b;
    float factor, lo, hi;
} Job;

static void accumulate_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    k->accumulate(j->out + from, j->a + from, j->factor, n);
}

static void scale_backward(DfCtx *c, DfTensor *y)
{
    const float *factor = y->saved;
    Job job = { .out = df_grad(c, y->src[0]), .a = y->grad, .factor = *factor };
    if (job.out)
        df_ranges(c, df_size(y), DF_BLOCK, accumulate_range, &job);
}

static const DfOp scale_op = { "scale", scale_backward };

static void scale_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    k->scale(j->out + from, j->a + from, j->factor, n);
}

DfTensor *df_scale(DfCtx *c, DfTensor *x, float factor)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &scale_op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &factor, sizeof factor);
    Job job = { .out = y->data, .a = x->data, .factor = factor };
    df_ranges(c, df_size(y), DF_BLOCK, scale_range, &job);
    return y;
}

/* ---- clamp ------------------------------------------------------------------------------------------------------ */

static void clamp_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + n; i++)
        if (j->b[i] >= j->lo && j->b[i] <= j->hi)
            j->out[i] += j->a[i];
}

static void clamp_backward(DfCtx *c, DfTensor *y)
{
    const float *limits = y->saved;
    Job job = { .out = df_grad(c, y->src[0]), .a = y->grad, .b = y->src[0]->data, .lo = limits[0], .hi = limits[1] };
    if (job.out)
        df_ranges(c, df_size(y), DF_BLOCK, clamp_grad_range, &job);
}

static const DfOp clamp_op = { "clamp", clamp_backward };

static void clamp_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + n; i++)
        j->out[i] = df_clamp_float(j->a[i], j->lo, j->hi);
}

DfTensor *df_clamp(DfCtx *c, DfTensor *x, float lo, float hi)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &clamp_op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, (const float[2]){ lo, hi }, 2 * sizeof(float));
    Job job = { .out = y->data, .a = x->data, .lo = lo, .hi = hi };
    df_ranges(c, df_size(y), DF_BLOCK, clamp_range, &job);
    return y;
}

/* ---- sum -------------------------------------------------------------------------------------------------------- */

static void spread_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + n; i++)
        j->out[i] += j->factor;
}

static void sum_backward(DfCtx *c, DfTensor *y)
{
    Job job = { .out = df_grad(c, y->src[0]), .factor = y->grad[0] };
    if (job.out)
        df_ranges(c, df_size(y->src[0]), DF_BLOCK, spread_range, &job);
}

static const DfOp sum_op = { "sum", sum_backward };

typedef struct {
    double *partial;
    const float *x;
} Sum;

static void sum_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t n)
{
    const Sum *s = arg;
    s->partial[from / DF_BLOCK] = k->sum(s->x + from, n);
}

DfTensor *df_sum(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &sum_op, (DfShape){ 0 }, 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t blocks = df_blocks(df_size(x), DF_BLOCK);
    Sum sum = { df_malloc(blocks * sizeof(double)), x->data };
    if (!sum.partial) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for %zu partial sums", blocks);
        return &c->nil;
    }
    df_ranges(c, df_size(x), DF_BLOCK, sum_range, &sum);
    double total = 0;
    for (size_t i = 0; i < blocks && !c->err; i++)
        total += sum.partial[i];
    y->data[0] = (float)total;
    df_free(sum.partial);
    return y;
}
