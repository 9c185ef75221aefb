/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/references.c -- small ops on the reference points and boxes of DETR-like networks: inverse sigmoid, box
 * corners, masking padded rows.
 */
#include <math.h>
#include <string.h>

#include "tensor/op.h"

typedef struct {
    float *out;
    const float *x, *g;
    const uint8_t *padding_mask; /* of rows of n */
    size_t n;
} Job;

/* ---- inverse sigmoid -------------------------------------------------------------------------------------------- */

static const float least = 1e-5f;

/* y = log(max(x, e) / max(1 - x, e)) with x clamped to [0, 1]: where the sigmoid of y is x, so that a layer may move a
 * reference by adding to y. */
static void inverse_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const float x = fminf(fmaxf(j->x[i], 0), 1);
        j->out[i] = logf(fmaxf(x, least) / fmaxf(1 - x, least));
    }
}

/* dy/dx = 1 / x + 1 / (1 - x), each where it is not held at e. */
static void inverse_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const float x = j->x[i];
        if (x < 0 || x > 1)
            continue;
        const float above = x >= least ? 1 / x : 0;
        const float below = 1 - x >= least ? 1 / (1 - x) : 0;
        j->out[i] += j->g[i] * (above + below);
    }
}

static void inverse_backward(DfCtx *c, DfTensor *y)
{
    Job job = { .out = df_grad(c, y->src[0]), .x = y->src[0]->data, .g = y->grad };
    if (job.out)
        df_ranges(c, df_size(y), DF_BLOCK, inverse_grad_range, &job);
}

static const DfOp inverse_op = { "inverse_sigmoid", inverse_backward };

DfTensor *df_inverse_sigmoid(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    DfTensor *y = df_output(c, &inverse_op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Job job = { .out = y->data, .x = x->data };
    df_ranges(c, df_size(x), DF_BLOCK, inverse_range, &job);
    return y;
}

/* ---- boxes by their corners ------------------------------------------------------------------------------------- */

/* x1 = cx - w / 2, x2 = cx + w / 2, likewise y. */
static void corners_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = 4 * from; i < 4 * (from + count); i += 4)
        for (size_t axis = 0; axis < 2; axis++) {
            j->out[i + axis] = j->x[i + axis] - 0.5f * j->x[i + 2 + axis];
            j->out[i + 2 + axis] = j->x[i + axis] + 0.5f * j->x[i + 2 + axis];
        }
}

static void corners_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = 4 * from; i < 4 * (from + count); i += 4)
        for (size_t axis = 0; axis < 2; axis++) {
            j->out[i + axis] += j->g[i + axis] + j->g[i + 2 + axis];
            j->out[i + 2 + axis] += 0.5f * (j->g[i + 2 + axis] - j->g[i + axis]);
        }
}

static void corners_backward(DfCtx *c, DfTensor *y)
{
    Job job = { .out = df_grad(c, y->src[0]), .g = y->grad };
    if (job.out)
        df_ranges(c, df_size(y) / 4, DF_BLOCK / 4, corners_grad_range, &job);
}

static const DfOp corners_op = { "box_corners", corners_backward };

DfTensor *df_box_corners(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || df_dim(x, -1) != 4)
        return df_refuse(c, "box_corners: (%s): want .. 4", DF_TEXT(x));
    DfTensor *y = df_output(c, &corners_op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    Job job = { .out = y->data, .x = x->data };
    df_ranges(c, df_size(x) / 4, DF_BLOCK / 4, corners_range, &job);
    return y;
}

/* ---- rows that are padding -------------------------------------------------------------------------------------- */

static void rows_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++)
        if (j->padding_mask[i])
            memset(j->out + i * j->n, 0, j->n * sizeof *j->out);
        else
            memcpy(j->out + i * j->n, j->x + i * j->n, j->n * sizeof *j->out);
}

static void rows_grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++)
        if (!j->padding_mask[i])
            k->accumulate(j->out + i * j->n, j->g + i * j->n, 1, j->n);
}

static void rows_backward(DfCtx *c, DfTensor *y)
{
    const size_t n = (size_t)df_dim(y, -1);
    Job job = { .out = df_grad(c, y->src[0]), .g = y->grad, .padding_mask = y->saved, .n = n };
    if (job.out)
        df_ranges(c, df_size(y) / n, df_at_least_1(DF_BLOCK / n), rows_grad_range, &job);
}

static const DfOp rows_op = { "zero_rows", rows_backward };

DfTensor *df_zero_rows(DfCtx *c, DfTensor *x, const uint8_t *padding_mask)
{
    if (c->err || !padding_mask)
        return x;
    DfTensor *y = df_output(c, &rows_op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t n = (size_t)df_dim(x, -1), rows = df_size(x) / n;
    df_note(c, y, padding_mask, rows);
    Job job = { .out = y->data, .x = x->data, .padding_mask = padding_mask, .n = n };
    if (!c->err)
        df_ranges(c, rows, df_at_least_1(DF_BLOCK / n), rows_range, &job);
    return y;
}
