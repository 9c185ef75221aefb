/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/batch_norm.c -- batch norm over the last dimension.  Ioffe, Szegedy, ICML 2015.
 *     y = (x - mean) / sqrt(var + eps) * weight + bias      mean and var of each channel, over all R other positions
 * In training mean and var are those of the batch. At inference they are the running statistics: then it is a linear
 * function, y = x scale + shift, which can be folded into the convolution before it.
 */
#include <string.h>

#include "tensor/columns.h"
#include "tensor/parts.h"

/* What backward needs, n floats each. */
typedef struct {
    DfNormBy by;
    double rows;           /* of the batch, or of all batches */
    float *mean, *inverse; /* inverse: 1 / sqrt(var + eps)   */
    float *scale, *shift;  /* y = x scale + shift            */
} Saved;

/* Over the processes, where they share their statistics. */
static void add_up(DfCtx *c, DfNormBy by, double *sums, size_t n)
{
    if (by == DF_BY_ALL_BATCHES && c->reduce && !c->err)
        df_check(c, c->reduce(c->reduce_user, sums, n));
}

/* The batch's mean and variance depend on x too. With u = (x - mean) inverse, over R rows:
 *     gx = scale (g - sum(g) / R - u sum(g u) / R)  =  g scale + (x - mean) b + shift
 * with  b = -scale inverse^2 sum(g (x - mean)) / R  and  shift = -scale sum(g) / R,  column by column. */
static void batch_grad(DfCtx *c, const DfTensor *y, float *gx, double *sums, size_t rows, size_t n)
{
    const double *const sum_g = sums;
    const double *const sum_gx = sums + n;
    const Saved *s = y->saved;
    float *columns = df_malloc(2 * n * sizeof *columns);
    if (!columns) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of batch norm");
        return;
    }
    add_up(c, s->by, sums, 2 * n);
    float *const b = columns;
    float *const shift = columns + n;
    for (size_t i = 0; i < n; i++) {
        const double scale = (double)s->scale[i];
        const double inverse = (double)s->inverse[i];
        b[i] = (float)(-scale * inverse * inverse * sum_gx[i] / s->rows);
        shift[i] = (float)(-scale * sum_g[i] / s->rows);
    }
    df_affine_rows_grad(c, gx, y->grad, y->src[0]->data, s->scale, b, s->mean, shift, rows, n);
    df_free(columns);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const Saved *s = y->saved;
    const DfTensor *x = y->src[0];
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    float *gx = df_grad(c, y->src[0]);
    float *gw = df_grad(c, y->src[1]);
    float *gb = df_grad(c, y->src[2]);
    double *sums = df_malloc(2 * n * sizeof *sums);
    if (!sums) {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of batch norm");
        return;
    }
    double *const sum_g = sums;
    double *const sum_gx = sums + n; /* of g (x - mean) */
    df_columns(c, DF_COLUMN_SUM, sum_g, y->grad, NULL, NULL, rows, n);
    df_columns(c, DF_COLUMN_CENTRED, sum_gx, y->grad, x->data, s->mean, rows, n);
    for (size_t i = 0; gw && i < n; i++)
        gw[i] += (float)(sum_gx[i] * (double)s->inverse[i]);
    for (size_t i = 0; gb && i < n; i++)
        gb[i] += (float)sum_g[i];
    if (gx && s->by != DF_BY_RUNNING)
        batch_grad(c, y, gx, sums, rows, n);
    else if (gx)
        df_affine_rows_grad(c, gx, y->grad, x->data, s->scale, NULL, NULL, NULL, rows, n);
    df_free(sums);
}

static const DfOp op = { "batch_norm", backward };

/* Mean and biased variance of the batch. Returns the unbiased one, for the running statistics; NULL: poisoned, or there
 * is no row. */
static const double *batch_statistics(DfCtx *c, const DfTensor *x, Saved *s, float *var)
{
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    double *sums = df_note_space(c, (n + 1) * sizeof *sums);
    if (!sums)
        return NULL;
    df_columns(c, DF_COLUMN_SUM, sums, x->data, NULL, NULL, rows, n);
    sums[n] = (double)rows;
    add_up(c, s->by, sums, n + 1);
    const bool nobody = sums[n] == 0; /* has met a row */
    s->rows = nobody ? 1 : sums[n];
    for (size_t i = 0; i < n; i++)
        s->mean[i] = (float)(sums[i] / s->rows);
    df_columns(c, DF_COLUMN_SQUARE, sums, x->data, NULL, s->mean, rows, n);
    add_up(c, s->by, sums, n);
    const double unbiased = s->rows > 1 ? s->rows - 1 : 1;
    for (size_t i = 0; i < n; i++) {
        var[i] = (float)(sums[i] / s->rows);
        sums[i] /= unbiased;
    }
    return c->err || nobody ? NULL : sums;
}

static void remember(DfCtx *c, DfTensor *running_mean, DfTensor *running_var, float momentum, const float *mean,
                     const double *var)
{
    struct DfCtxParts *p = c->parts;
    Seen *seen = p->replays ? NULL : df_note_space(c, sizeof *seen); /* what runs again was seen before */
    if (!seen)
        return;
    *seen = (Seen){ NULL, running_mean, running_var, momentum, mean, var };
    *p->seen_end = seen;
    p->seen_end = &seen->next;
}

void df_count_up(DfCtx *c, DfTensor *counter, const float *by)
{
    const size_t n = df_size(counter);
    float *copy = c->parts->replays ? NULL : df_note_space(c, n * sizeof *copy);
    if (!copy)
        return;
    memcpy(copy, by, n * sizeof *copy);
    remember(c, counter, NULL, 1, copy, NULL);
}

static void move_statistics(const Seen *seen)
{
    const double take = (double)seen->momentum;
    const double keep = 1 - take;
    float *mean = seen->running_mean->data;
    float *var = seen->running_var ? seen->running_var->data : NULL;
    for (size_t i = 0; !var && i < df_size(seen->running_mean); i++)
        mean[i] += seen->mean[i];
    for (size_t i = 0; var && i < df_size(seen->running_mean); i++) {
        mean[i] = (float)(keep * (double)mean[i] + take * (double)seen->mean[i]);
        var[i] = (float)(keep * (double)var[i] + take * seen->var[i]);
    }
}

bool df_apply_statistics(DfCtx *c)
{
    struct DfCtxParts *p = c->parts;
    const bool any = p->seen && !c->err;
    for (const Seen *seen = p->seen; seen && !c->err; seen = seen->next)
        move_statistics(seen);
    p->seen = NULL;
    p->seen_end = &p->seen;
    return any;
}

static bool fits(DfCtx *c, const DfTensor *x, const DfTensor *weight, const DfTensor *bias, const DfTensor *mean,
                 const DfTensor *var)
{
    const int n = x->shape.n > 0 ? df_dim(x, -1) : -1;
    if (df_is_row(weight, n) && df_is_row(bias, n) && df_is_row(mean, n) && df_is_row(var, n))
        return true;
    df_refuse(c, "batch_norm: x (%s), weight (%s), bias (%s), running mean (%s), running var (%s): want the last "
                 "dimension of x for all", DF_TEXT(x), DF_TEXT(weight), DF_TEXT(bias), DF_TEXT(mean), DF_TEXT(var));
    return false;
}

/* A variance without a root would make a channel NaN or infinite, and the rest of the network with it. */
static bool has_roots(DfCtx *c, const DfTensor *var, float eps)
{
    const size_t n = df_size(var);
    size_t i = 0;
    while (i < n && (double)var->data[i] + (double)eps > 0)
        i++;
    if (i < n)
        df_ctx_fail(c, DF_EVALUE, "batch_norm: running variance %zu is %g, eps is %g: want a sum above 0", i,
                    (double)var->data[i], (double)eps);
    return i == n;
}

/* Where processes share their statistics, one without rows adds zeros: the others wait for it. A head on regions may
 * meet none in the pictures of one process. */
static bool takes_part_anyway(const DfCtx *c, const DfTensor *y, DfNormBy by)
{
    return by == DF_BY_ALL_BATCHES && c->reduce && !c->err && !c->dry && df_size(y) == 0;
}

DfTensor *df_batch_norm(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *running_mean,
                        DfTensor *running_var, DfNormBy by, float momentum, float eps)
{
    if (c->err || !fits(c, x, weight, bias, running_mean, running_var))
        return &c->nil;
    DfTensor *y = df_output(c, &op, x->shape, DF_SOURCES_OF(x, weight, bias));
    if (df_skip(c, y) && !takes_part_anyway(c, y, by))
        return y;
    if (by == DF_BY_RUNNING && !has_roots(c, running_var, eps))
        return &c->nil;
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    Saved *s = df_save(c, y, sizeof *s + 4 * n * sizeof(float));
    if (!s)
        return &c->nil;
    float *columns = (float *)(s + 1);
    *s = (Saved){ by, (double)rows, columns, columns + n, columns + 2 * n, columns + 3 * n };
    float *const var = s->inverse; /* becomes its inverse root below */
    const double *unbiased = by == DF_BY_RUNNING ? NULL : batch_statistics(c, x, s, var);
    if (unbiased)
        remember(c, running_mean, running_var, momentum, s->mean, unbiased);
    if (by == DF_BY_RUNNING) {
        memcpy(s->mean, running_mean->data, n * sizeof *s->mean);
        memcpy(var, running_var->data, n * sizeof *var);
    }
    c->k->pointwise.inverse_root(s->inverse, var, eps, n);
    df_norm_line(s->scale, s->shift, s->mean, s->inverse, weight, bias, n);
    df_affine_rows(c, y->data, x->data, s->scale, s->shift, rows, n);
    return y;
}

/* ---- into the convolution before it ----------------------------------------------------------------------------- */

/* The norm is x scale + shift. False, and poisoned: a variance has no root. */
static bool columns_of(DfCtx *c, float *scale, float *shift, const DfTensor *weight, const DfTensor *bias,
                       const DfTensor *mean, const DfTensor *var, float eps)
{
    const size_t n = df_size(var);
    c->k->pointwise.inverse_root(scale, var->data, eps, n);
    df_norm_line(scale, shift, mean->data, scale, weight, bias, n);
    return has_roots(c, var, eps);
}

void df_batch_norm_columns(DfCtx *c, const DfTensor *weight, const DfTensor *bias, const DfTensor *mean,
                           const DfTensor *var, float eps, DfTensor **scale, DfTensor **shift)
{
    *scale = df_new(c, mean->shape);
    *shift = df_new(c, mean->shape);
    if (!c->err && fits(c, mean, weight, bias, mean, var) && !df_skip(c, *scale))
        columns_of(c, (*scale)->data, (*shift)->data, weight, bias, mean, var, eps);
}

/* ---- with what follows it --------------------------------------------------------------------------------------- */

typedef struct {
    float *y;
    const float *x, *residual, *scale, *shift;
    size_t n;
    DfAct act;
} Fused;

/* A row stays in the cache from its norm to its activation. */
static void fused_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Fused *j = arg;
    for (size_t i = from * j->n; i < (from + count) * j->n; i += j->n) {
        k->affine(j->y + i, j->x + i, j->scale, j->shift, j->n);
        if (j->residual)
            k->add(j->y + i, j->y + i, j->residual + i, j->n);
        if (j->act != DF_ACT_NONE)
            k->act(j->act, j->y + i, j->y + i, j->n);
    }
}

DfTensor *df_batch_norm_fused(DfCtx *c, DfTensor *x, DfTensor *weight, DfTensor *bias, DfTensor *mean, DfTensor *var,
                              float eps, DfAct act, DfTensor *residual)
{
    if (c->recording || c->err) {
        x = df_batch_norm(c, x, weight, bias, mean, var, DF_BY_RUNNING, 0, eps);
        x = residual ? df_add(c, x, residual) : x;
        return act == DF_ACT_NONE ? x : df_act(c, x, act);
    }
    if (!fits(c, x, weight, bias, mean, var))
        return &c->nil;
    if (residual && !df_same_shape(x->shape, residual->shape))
        return df_refuse(c, "batch_norm: a residual of shape (%s): want that of x, (%s)", DF_TEXT(residual),
                         DF_TEXT(x));
    DfTensor *y = df_output(c, &op, x->shape, DF_SOURCES_OF(x, weight, bias));
    if (df_skip(c, y))
        return y;
    const size_t n = (size_t)df_dim(x, -1);
    const size_t rows = df_size(x) / n;
    float *scale = df_workspace(c, 2 * n);
    if (!scale)
        return &c->nil;
    float *const shift = scale + n;
    if (!columns_of(c, scale, shift, weight, bias, mean, var, eps))
        return &c->nil;
    Fused job = { y->data, x->data, df_data_of(residual), scale, shift, n, act };
    df_ranges(c, rows, df_at_least_1(DF_BLOCK / n), fused_range, &job);
    return y;
}
