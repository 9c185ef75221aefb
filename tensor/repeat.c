/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/repeat.c -- repeats the last dimension n times, for weights that several groups of channels share.
 */
#include <string.h>

#include "tensor/tensor.h"

/* Every copy adds to the original. */
static void backward(DfCtx *c, DfTensor *y)
{
    float *gx = df_grad(c, y->src[0]);
    if (!gx)
        return;
    const size_t C = (size_t)df_dim(y->src[0], -1);
    const size_t n = (size_t)df_dim(y, -1) / C;
    const size_t rows = df_size(y->src[0]) / C;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < n * C; i++)
            gx[row * C + i % C] += y->grad[row * n * C + i];
}

static const DfOp op = { "repeat", backward };

DfTensor *df_repeat(DfCtx *c, DfTensor *x, int n)
{
    if (c->err || n == 1)
        return x;
    DfShape shape = x->shape;
    shape.d[shape.n - 1] *= n;
    DfTensor *y = df_output(c, &op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    const size_t C = (size_t)df_dim(x, -1), rows = df_size(x) / C;
    for (size_t row = 0; row < rows; row++)
        for (size_t i = 0; i < (size_t)n; i++)
            memcpy(y->data + (row * (size_t)n + i) * C, x->data + row * C, C * sizeof *x->data);
    return y;
}
