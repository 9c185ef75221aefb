/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/reshape.c -- views of the same memory: another shape, or one item of a dimension.
 */
#include "tensor/op.h"

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const x = y->src[0];
    const size_t n = df_size(y);
    if (n == df_size(x) && df_grad_hand_over(c, x, y))
        return;
    float *gx = df_grad(c, x);
    if (gx)
        df_add_rows(c, gx + (y->data - x->data), n, y->grad, n, 1, n);
}

static const DfOp reshape_op = { "reshape", backward };
static const DfOp select_op = { "select", backward };

/* Puts the size that is left in place of the one -1. */
static bool complete(DfShape *shape, size_t size)
{
    int *unknown = NULL;
    size_t known = 1;
    for (int i = 0; i < shape->n; i++) {
        if (shape->d[i] >= 0)
            known *= (size_t)shape->d[i];
        else if (shape->d[i] != -1 || unknown)
            return false;
        else
            unknown = &shape->d[i];
    }
    if (!unknown)
        return known == size;
    if (known == 0 || size % known)
        return false;
    *unknown = (int)(size / known);
    return true;
}

DfTensor *df_reshape(DfCtx *c, DfTensor *x, DfShape shape)
{
    const DfShape wanted = shape;
    if (c->err)
        return &c->nil;
    if (!complete(&shape, df_size(x)))
        return df_refuse(c, "reshape: (%s) to (%s): want as many elements", DF_TEXT(x), df_shape_text(wanted).text);
    return df_view(c, &reshape_op, shape, x, 0);
}

DfTensor *df_select(DfCtx *c, DfTensor *x, int i)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n < 1 || i < 0 || i >= x->shape.d[0])
        return df_refuse(c, "select: item %d of a tensor of shape (%s)", i, DF_TEXT(x));
    DfShape shape = { x->shape.n - 1, { 0 } };
    for (int k = 0; k < shape.n; k++)
        shape.d[k] = x->shape.d[k + 1];
    return df_view(c, &select_op, shape, x, (size_t)i * df_count(shape));
}
