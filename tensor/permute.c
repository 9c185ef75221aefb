/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/permute.c -- permutes dimensions by copying; splitting a map into windows is one such permutation.
 *
 * Dimensions that stay adjacent are merged first. Then either the last dimension stays last, and runs of it are
 * copied, or it is exchanged with another one, and planes of the two are transposed.
 */
#include <string.h>

#include "tensor/op.h"

enum { TILE = 256 }; /* side of what one task transposes */

/* The result has sizes d; stepping along dimension i of it moves by x_stride[i] in x and y_stride[i] in y. */
typedef struct {
    const DfPointwiseKernels *k;
    float *y;
    const float *x;
    int n;
    size_t d[DF_DIMS], x_stride[DF_DIMS], y_stride[DF_DIMS];
    int inner;                       /* the dimension that is last in x       */
    size_t row_blocks, column_blocks; /* of TILE, along y's last dimension and x's */
} Plan;

static bool is_order(DfShape order, int n)
{
    unsigned seen = 0;
    for (int i = 0; i < order.n; i++)
        seen |= order.d[i] >= 0 && order.d[i] < n ? 1u << order.d[i] : 0;
    return order.n == n && seen == (1u << n) - 1;
}

/* The dimensions of the result with their strides in x. Those of size 1 are left out; one that was the neighbour of the
 * one before it in x as well becomes one with it. */
static void find_dimensions(Plan *p, DfShape x, DfShape order)
{
    size_t stride[DF_DIMS] = { 0 };
    size_t step = 1;
    for (int i = x.n - 1; i >= 0; i--) {
        stride[i] = step;
        step *= (size_t)x.d[i];
    }
    for (int i = 0; i < order.n; i++) {
        const int from = order.d[i];
        const size_t size = (size_t)x.d[from];
        if (size == 1)
            continue;
        if (p->n && p->x_stride[p->n - 1] == size * stride[from]) {
            p->d[p->n - 1] *= size;
            p->x_stride[p->n - 1] = stride[from];
            continue;
        }
        p->d[p->n] = size;
        p->x_stride[p->n++] = stride[from];
    }
}

static Plan make_plan(DfShape x, DfShape order)
{
    Plan p = { 0 };
    find_dimensions(&p, x, order);
    if (p.n == 0) {
        p.d[0] = p.x_stride[0] = 1;
        p.n = 1;
    }
    size_t step = 1;
    for (int i = p.n - 1; i >= 0; i--) {
        p.y_stride[i] = step;
        step *= p.d[i];
        if (p.x_stride[i] == 1)
            p.inner = i;
    }
    return p;
}

/* Where item `i` of the dimensions other than `skip_a` and `skip_b` stands in x and y. */
static void locate(const Plan *p, size_t i, int skip_a, int skip_b, size_t *x_at, size_t *y_at)
{
    *x_at = *y_at = 0;
    for (int k = p->n - 1; k >= 0; k--) {
        if (k == skip_a || k == skip_b)
            continue;
        const size_t digit = i % p->d[k];
        i /= p->d[k];
        *x_at += digit * p->x_stride[k];
        *y_at += digit * p->y_stride[k];
    }
}

static void copy_range(void *arg, const DfPointwiseKernels *k, size_t from, size_t count)
{
    const Plan *p = arg;
    const int last = p->n - 1;
    (void)k;
    for (size_t i = from; i < from + count; i++) {
        size_t x_at, y_at;
        locate(p, i, last, last, &x_at, &y_at);
        memcpy(p->y + y_at, p->x + x_at, p->d[last] * sizeof *p->y);
    }
}

static size_t part(size_t from, size_t whole)
{
    return whole - from < TILE ? whole - from : TILE;
}

/* A tile of the plane of the two dimensions: read along x's last, written along y's. */
static void transpose_task(void *arg, size_t task, void *scratch)
{
    const Plan *p = arg;
    const int last = p->n - 1, inner = p->inner;
    const size_t column = task % p->column_blocks * TILE;
    const size_t row = task / p->column_blocks % p->row_blocks * TILE;
    size_t x_at, y_at;
    (void)scratch;
    locate(p, task / p->column_blocks / p->row_blocks, last, inner, &x_at, &y_at);
    p->k->transpose(p->y + y_at + column * p->y_stride[inner] + row, p->y_stride[inner],
                    p->x + x_at + row * p->x_stride[last] + column, p->x_stride[last],
                    part(row, p->d[last]), part(column, p->d[inner]));
}

static void move(DfCtx *c, float *y, const float *x, DfShape shape, DfShape order)
{
    Plan p = make_plan(shape, order);
    p.k = &c->k->pointwise;
    p.y = y;
    p.x = x;
    const size_t size = df_count(shape), run = p.d[p.n - 1];
    if (p.inner == p.n - 1) {
        df_ranges(c, size / run, df_at_least_1(DF_BLOCK / run), copy_range, &p);
        return;
    }
    p.row_blocks = df_blocks(run, TILE);
    p.column_blocks = df_blocks(p.d[p.inner], TILE);
    df_run(c, size / run / p.d[p.inner] * p.row_blocks * p.column_blocks, 0, transpose_task, &p);
}

static void backward(DfCtx *c, DfTensor *y)
{
    const DfShape *order = y->saved;
    DfShape back = { order->n, { 0 } };
    for (int i = 0; i < order->n; i++)
        back.d[order->d[i]] = i;
    const size_t n = df_size(y);
    float *gx = df_grad(c, y->src[0]), *moved = gx ? df_malloc(n * sizeof *moved) : NULL;
    if (gx && !moved)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the gradient of permute");
    if (!moved)
        return;
    move(c, moved, y->grad, y->shape, back);
    df_add_rows(c, gx, n, moved, n, 1, n);
    df_free(moved);
}

static const DfOp op = { "permute", backward };

DfTensor *df_permute(DfCtx *c, DfTensor *x, DfShape order)
{
    if (c->err)
        return &c->nil;
    if (!is_order(order, x->shape.n))
        return df_refuse(c, "permute: (%s) in the order (%s): want each dimension once", DF_TEXT(x),
                         df_shape_text(order).text);
    DfShape shape = { order.n, { 0 } };
    for (int i = 0; i < order.n; i++)
        shape.d[i] = x->shape.d[order.d[i]];
    DfTensor *y = df_output(c, &op, shape, 1, &x);
    if (df_skip(c, y))
        return y;
    df_note(c, y, &order, sizeof order);
    move(c, y->data, x->data, x->shape, order);
    return y;
}

DfTensor *df_transpose(DfCtx *c, DfTensor *x)
{
    const int n = x->shape.n;
    if (c->err)
        return &c->nil;
    if (n < 2)
        return df_refuse(c, "transpose: (%s): want at least two dimensions", DF_TEXT(x));
    DfShape order = { n, { 0, 1, 2, 3, 4, 5 } };
    order.d[n - 1] = n - 2;
    order.d[n - 2] = n - 1;
    return df_permute(c, x, order);
}

/* ---- windows of a map, and 2 x 2 pixels as one ------------------------------------------------------------------ */

DfTensor *df_window_partition(DfCtx *c, DfTensor *x, int window)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4 || window < 1 || df_dim(x, 1) % window || df_dim(x, 2) % window)
        return df_refuse(c, "window_partition: (%s) in windows of %d: want N H W C, H and W multiples of the window",
                         DF_TEXT(x), window);
    const int N = df_dim(x, 0);
    const int nH = df_dim(x, 1) / window;
    const int nW = df_dim(x, 2) / window;
    const int C = df_dim(x, 3);
    x = df_reshape(c, x, DF_SHAPE(N, nH, window, nW, window, C));
    x = df_permute(c, x, DF_SHAPE(0, 1, 3, 2, 4, 5));
    return df_reshape(c, x, DF_SHAPE(N * nH * nW, window * window, C));
}

DfTensor *df_window_reverse(DfCtx *c, DfTensor *x, int window, int H, int W)
{
    if (c->err)
        return &c->nil;
    const int per_map = window < 1 ? 0 : (H / window) * (W / window);
    if (x->shape.n != 3 || per_map < 1 || H % window || W % window || df_dim(x, 1) != window * window ||
        df_dim(x, 0) % per_map)
        return df_refuse(c, "window_reverse: (%s), windows of %d, map of %d x %d: want N windows of window^2 tokens "
                            "that cover the map", DF_TEXT(x), window, H, W);
    const int N = df_dim(x, 0) / per_map, C = df_dim(x, 2);
    x = df_reshape(c, x, DF_SHAPE(N, H / window, W / window, window, window, C));
    x = df_permute(c, x, DF_SHAPE(0, 1, 3, 2, 4, 5));
    return df_reshape(c, x, DF_SHAPE(N, H, W, C));
}

DfTensor *df_space_to_depth(DfCtx *c, DfTensor *x)
{
    if (c->err)
        return &c->nil;
    if (x->shape.n != 4)
        return df_refuse(c, "space_to_depth: (%s): want N H W C", DF_TEXT(x));
    if (df_dim(x, 1) % 2 || df_dim(x, 2) % 2)
        x = df_pad2d(c, x, (const int[4]){ 0, df_dim(x, 1) % 2, 0, df_dim(x, 2) % 2 }, 0);
    const int N = df_dim(x, 0);
    const int H = df_dim(x, 1) / 2;
    const int W = df_dim(x, 2) / 2;
    const int C = df_dim(x, 3);
    x = df_reshape(c, x, DF_SHAPE(N, H, 2, W, 2, C));
    x = df_permute(c, x, DF_SHAPE(0, 1, 3, 4, 2, 5)); /* N H W column row C: 00 10 01 11 as (row, column) */
    return df_reshape(c, x, DF_SHAPE(N, H, W, 4 * C));
}
