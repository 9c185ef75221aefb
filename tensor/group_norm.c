/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/group_norm.c -- group norm of N H W C.  Wu, He, ECCV 2018.
 *     y = (x - mean) / sqrt(var + eps) * weight + bias     mean and var over the positions and channels of a group
 * for each sample. Sums over positions are computed channel by channel (tensor/columns.h), because a position's
 * channels are contiguous; then the channels of a group are added.
 */
#include "tensor/columns.h"

/* Of each sample and channel: the group's mean and 1 / sqrt(var + eps), N C each. */
typedef struct {
    int groups;
    float *mean, *inverse;
} Saved;

/* Sizes: L positions of a sample, C channels, D of them in a group. */
typedef struct {
    size_t N, L, C, D, groups;
} Sizes;

static Sizes sizes_of(const DfTensor *x, int groups)
{
    const size_t C = (size_t)df_dim(x, -1);
    const size_t N = (size_t)df_dim(x, 0);
    return (Sizes){ N, df_size(x) / (N * C), C, C / (size_t)groups, (size_t)groups };
}

/* With u = (x - mean) inverse and h = weight g, over the M = L D elements of a group:
 *     gx = inverse (h - sum(h) / M - u sum(h u) / M)  =  a g + b (x - mean) + shift, column by column
 * `sum_gx` are the sums of g (x - mean). */
static void group_columns(const Sizes *z, const double *sum_g, const double *sum_gx, const DfTensor *weight,
                          const float *inverse, float *a, float *b, float *shift)
{
    const double M = (double)(z->L * z->D);
    for (size_t first = 0; first < z->C; first += z->D) {
        double sum_h = 0;
        double sum_hx = 0;
        for (size_t i = first; i < first + z->D; i++) {
            sum_h += (double)df_at_or(weight, i, 1) * sum_g[i];
            sum_hx += (double)df_at_or(weight, i, 1) * sum_gx[i];
        }
        const double s = (double)inverse[first];
        for (size_t i = first; i < first + z->D; i++) {
            a[i] = inverse[i] * df_at_or(weight, i, 1);
            b[i] = (float)(-s * s * s * sum_hx / M);
            shift[i] = (float)(-s * sum_h / M);
        }
    }
}

static void backward_sample(DfCtx *c, DfTensor *y, size_t sample, double *sums, float *columns)
{
    const Saved *s = y->saved;
    const DfTensor *x = y->src[0], *weight = y->src[1];
    const Sizes z = sizes_of(x, s->groups);
    const size_t at = sample * z.L * z.C;
    const float *mean = s->mean + sample * z.C;
    const float *inverse = s->inverse + sample * z.C;
    double *const sum_g = sums;
    double *const sum_gx = sums + z.C;
    df_columns(c, DF_COLUMN_SUM, sum_g, y->grad + at, NULL, NULL, z.L, z.C);
    df_columns(c, DF_COLUMN_CENTRED, sum_gx, y->grad + at, x->data + at, mean, z.L, z.C);
    float *gx = df_grad(c, y->src[0]);
    float *gw = df_grad(c, y->src[1]);
    float *gb = df_grad(c, y->src[2]);
    for (size_t i = 0; gw && i < z.C; i++)
        gw[i] += (float)(sum_gx[i] * (double)inverse[i]);
    for (size_t i = 0; gb && i < z.C; i++)
        gb[i] += (float)sum_g[i];
    if (!gx)
        return;
    float *const a = columns;
    float *const b = a + z.C;
    float *const shift = b + z.C;
    group_columns(&z, sum_g, sum_gx, weight, inverse, a, b, shift);
    df_affine_rows_grad(c, gx + at, y->grad + at, x->data + at, a, b, mean, shift, z.L, z.C);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const size_t N = (size_t)df_dim(y, 0);
    const size_t C = (size_t)df_dim(y, -1);
    double *sums = df_malloc(2 * C * sizeof *sums);
    float *columns = df_malloc(3 * C * sizeof *columns);
    if (!sums || !columns)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of group norm");
    for (size_t i = 0; i < N && !c->err; i++)
        backward_sample(c, y, i, sums, columns);
    df_free(columns);
    df_free(sums);
}

static const DfOp op = { "group_norm", backward };

/* The mean over its group, of column sums that cover L positions each, for every channel. */
static void group_means(const Sizes *z, const double *sums, float *out)
{
    for (size_t first = 0; first < z->C; first += z->D) {
        double sum = 0;
        for (size_t i = first; i < first + z->D; i++)
            sum += sums[i];
        for (size_t i = first; i < first + z->D; i++)
            out[i] = (float)(sum / (double)(z->L * z->D));
    }
}

/* One sample: statistics by two passes, then y = x scale + shift. `columns` is scratch of 2 C. */
static void forward_sample(DfCtx *c, const Sizes *z, float *y, const float *x, const DfTensor *weight,
                           const DfTensor *bias, float *mean, float *inverse, float eps, double *sums, float *columns)
{
    float *const scale = columns;
    float *const shift = columns + z->C;
    df_columns(c, DF_COLUMN_SUM, sums, x, NULL, NULL, z->L, z->C);
    group_means(z, sums, mean);
    df_columns(c, DF_COLUMN_SQUARE, sums, x, NULL, mean, z->L, z->C);
    group_means(z, sums, inverse);
    c->k->pointwise.inverse_root(inverse, inverse, eps, z->C);
    df_norm_line(scale, shift, mean, inverse, weight, bias, z->C);
    df_affine_rows(c, y, x, scale, shift, z->L, z->C);
}

DfTensor *df_group_norm(DfCtx *c, DfTensor *x, int groups, DfTensor *weight, DfTensor *bias, float eps)
{
    if (c->err)
        return &c->nil;
    const int C = x->shape.n < 2 ? 0 : df_dim(x, -1);
    if (x->shape.n < 2 || groups < 1 || C % groups || !df_is_row(weight, C) || !df_is_row(bias, C))
        return df_refuse(c, "group_norm: x (%s), %d groups, weight (%s), bias (%s): want N .. C, groups that divide C, "
                            "weight and bias of C", DF_TEXT(x), groups, DF_TEXT(weight), DF_TEXT(bias));
    DfTensor *y = df_output(c, &op, x->shape, DF_SOURCES_OF(x, weight, bias));
    if (df_skip(c, y))
        return y;
    const Sizes z = sizes_of(x, groups);
    Saved *s = df_save(c, y, sizeof *s + 2 * z.N * z.C * sizeof(float));
    double *sums = df_malloc(z.C * sizeof *sums);
    float *columns = df_malloc(2 * z.C * sizeof *columns);
    if (s && sums && columns) {
        *s = (Saved){ groups, (float *)(s + 1), (float *)(s + 1) + z.N * z.C };
        for (size_t i = 0; i < z.N; i++)
            forward_sample(c, &z, y->data + i * z.L * z.C, x->data + i * z.L * z.C, weight, bias, s->mean + i * z.C,
                           s->inverse + i * z.C, eps, sums, columns);
    } else {
        df_ctx_fail(c, DF_ENOMEM, "out of memory for group norm");
    }
    df_free(columns);
    df_free(sums);
    return y;
}
