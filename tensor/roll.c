/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/roll.c -- a map shifted cyclically: y[i + dy][j + dx] = x[i][j], modulo H and W. A row is two runs of memory.
 */
#include <string.h>

#include "tensor/op.h"

typedef struct {
    float *y, *gx;
    const float *x, *gy;
    size_t H, row;  /* rows of a map; floats of a row       */
    size_t dy, dx;  /* rows; floats; both within the map    */
} Job;

static size_t source_row(const Job *j, size_t i) /* of x, for row i of y */
{
    const size_t y = i % j->H;
    return i - y + (y + j->H - j->dy) % j->H;
}

static void range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        const float *x = j->x + source_row(j, i) * j->row;
        float *y = j->y + i * j->row;
        memcpy(y + j->dx, x, (j->row - j->dx) * sizeof *y);
        memcpy(y, x + (j->row - j->dx), j->dx * sizeof *y);
    }
}

static void grad_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Job *j = arg;
    for (size_t i = from; i < from + count; i++) {
        const float *gy = j->gy + i * j->row;
        float *gx = j->gx + source_row(j, i) * j->row;
        k->add(gx, gx, gy + j->dx, j->row - j->dx);
        k->add(gx + (j->row - j->dx), gx + (j->row - j->dx), gy, j->dx);
    }
}

static size_t wrap(int shift, int size)
{
    return (size_t)((shift % size + size) % size);
}

static Job make_job(const DfTensor *x, const int shift[2])
{
    const size_t C = (size_t)df_dim(x, 3);
    return (Job){ .H = (size_t)df_dim(x, 1), .row = (size_t)df_dim(x, 2) * C,
                  .dy = wrap(shift[0], df_dim(x, 1)), .dx = wrap(shift[1], df_dim(x, 2)) * C };
}

static void run(DfCtx *c, DfRange *each, Job *j, size_t size)
{
    df_ranges(c, size / j->row, df_at_least_1(DF_BLOCK / j->row), each, j);
}

static void backward(DfCtx *c, DfTensor *y)
{
    Job job = make_job(y, y->saved);
    job.gx = df_grad(c, y->src[0]);
    job.gy = y->grad;
    if (job.gx)
        run(c, grad_range, &job, df_size(y));
}

static const DfOp op = { "roll", backward };

DfTensor *df_roll2d(DfCtx *c, DfTensor *x, int dy, int dx)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4)
        return df_refuse(c, "roll2d: (%s): want N H W C", DF_TEXT(x));
    DfTensor *y = df_output(c, &op, x->shape, 1, &x);
    if (df_skip(c, y))
        return y;
    const int shift[2] = { dy, dx };
    df_note(c, y, shift, sizeof shift);
    Job job = make_job(x, shift);
    job.y = y->data;
    job.x = x->data;
    run(c, range, &job, df_size(x));
    return y;
}
