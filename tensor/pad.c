/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/pad.c -- pads a map with a border, or crops it.
 */
#include <string.h>

#include "tensor/op.h"

/* A row of y is a border, `width` pixels of a row of x, and another border. */
typedef struct {
    float *y, *gx;
    const float *x, *gy;
    size_t C, x_width, y_width;
    size_t width, x_left, y_left; /* pixels from x_left on stand at y_left */
    int x_height, y_height, top;
    float value;
} Job;

static Job make_job(const DfTensor *x, const DfTensor *y, const int pad[4])
{
    const int left = pad[2];
    const int y_left = left > 0 ? left : 0;  /* a border of y */
    const int x_left = left < 0 ? -left : 0; /* cut off from x */
    Job j = { .C = (size_t)df_dim(x, 3), .x_height = df_dim(x, 1), .y_height = df_dim(y, 1), .top = pad[0] };
    j.x_width = (size_t)df_dim(x, 2);
    j.y_width = (size_t)df_dim(y, 2);
    j.x_left = (size_t)x_left;
    const int in_x = df_dim(x, 2) - x_left;
    const int in_y = df_dim(y, 2) - y_left;
    const int room = in_x < in_y ? in_x : in_y;
    if (room > 0) { /* else nothing of x is left */
        j.width = (size_t)room;
        j.y_left = (size_t)y_left;
    }
    return j;
}

/* Where the row of x begins, at the first pixel they share, that row i of y (of all samples) comes from; false in
 * the border. */
static bool source(const Job *j, size_t i, size_t *at)
{
    const size_t sample = i / (size_t)j->y_height;
    const int row = (int)(i % (size_t)j->y_height) - j->top;
    if (row < 0 || row >= j->x_height || j->width == 0)
        return false;
    *at = ((sample * (size_t)j->x_height + (size_t)row) * j->x_width + j->x_left) * j->C;
    return true;
}

static void fill(float *y, size_t n, float value)
{
    for (size_t i = 0; i < n; i++)
        y[i] = value;
}

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    const size_t begin = j->y_left * j->C;
    const size_t n = j->width * j->C;
    const size_t whole = j->y_width * j->C;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        float *row = j->y + i * whole;
        size_t at;
        if (!source(j, i, &at)) {
            fill(row, whole, j->value);
            continue;
        }
        fill(row, begin, j->value);
        memcpy(row + begin, j->x + at, n * sizeof *row);
        fill(row + begin + n, whole - begin - n, j->value);
    }
}

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++) {
        size_t at;
        if (source(j, i, &at))
            k->add(j->gx + at, j->gx + at, j->gy + (i * j->y_width + j->y_left) * j->C, j->width * j->C);
    }
}

static size_t block_of_rows(const Job *j)
{
    return df_at_least_1(DF_BLOCK / (j->y_width * j->C));
}

static void backward(DfCtx *c, DfTensor *y)
{
    Job job = make_job(y->src[0], y, y->saved);
    job.gx = df_grad(c, y->src[0]);
    job.gy = y->grad;
    if (job.gx)
        df_ranges(c, (size_t)df_dim(y, 0) * (size_t)df_dim(y, 1), block_of_rows(&job), grad_range, &job);
}

static const DfOp op = { "pad", backward };

DfTensor *df_pad2d(DfCtx *c, DfTensor *x, const int pad[4], float value)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4 || df_dim(x, 1) + pad[0] + pad[1] < 0 || df_dim(x, 2) + pad[2] + pad[3] < 0)
        return df_refuse(c, "pad2d: (%s) by %d %d %d %d: want N H W C and a result of some size", DF_TEXT(x), pad[0],
                         pad[1], pad[2], pad[3]);
    const DfShape shape = DF_SHAPE(df_dim(x, 0), df_dim(x, 1) + pad[0] + pad[1], df_dim(x, 2) + pad[2] + pad[3],
                                   df_dim(x, 3));
    DfTensor *y = df_output(c, &op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, pad, 4 * sizeof *pad);
    Job job = make_job(x, y, pad);
    job.y = y->data;
    job.x = x->data;
    job.value = value;
    df_ranges(c, (size_t)df_dim(y, 0) * (size_t)df_dim(y, 1), block_of_rows(&job), range, &job);
    return y;
}
