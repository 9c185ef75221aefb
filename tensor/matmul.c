/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/matmul.c -- batched matrix product C = A B, for every index of the leading dimensions. With dC the gradient
 * of C,
 *     dA += dC B'      dB += A' dC
 */
#include "tensor/op.h"

enum { FEW = 8 }; /* fewer matrices than this are each cut into tasks; more are dealt out whole, one a task */

/* c = op(a) op(b) + beta c for every matrix of a batch. */
typedef struct {
    bool ta, tb;
    size_t batch, M, N, K;
    const float *a, *b; /* M K, or K M if transposed; K N, or N K */
    float beta, *c;     /* M N                                    */
    const DfKernels *k;
    DfPool *pool;       /* for one product                        */
    int error;
} Products;

static int product(const Products *p, size_t i)
{
    const size_t lda = p->ta ? p->M : p->K;
    const size_t ldb = p->tb ? p->K : p->N;
    const float *a = p->a + i * p->M * p->K;
    const float *b = p->b + i * p->K * p->N;
    float *to = p->c + i * p->M * p->N;
    return df_gemm(p->pool, p->k, p->ta, p->tb, p->M, p->N, p->K, 1, a, lda, b, ldb, p->beta, to, p->N);
}

static void product_task(void *arg, size_t i, void *scratch)
{
    Products *p = arg;
    (void)scratch;
    if (product(p, i) < 0)
        p->error = DF_ENOMEM; /* the only value ever written */
}

static void run(DfCtx *c, Products p, float *to)
{
    p.k = c->k;
    p.c = to;
    if (p.batch < FEW) {
        p.pool = c->pool;
        for (size_t i = 0; i < p.batch && !p.error; i++)
            p.error = product(&p, i);
    } else
        df_run(c, p.batch, 0, product_task, &p);
    if (p.error)
        df_ctx_fail(c, p.error, "out of memory for a product of matrices");
}

static void backward(DfCtx *c, DfTensor *y)
{
    DfTensor *const a = y->src[0], *const b = y->src[1];
    const size_t M = (size_t)df_dim(a, -2);
    const size_t K = (size_t)df_dim(a, -1);
    const size_t N = (size_t)df_dim(b, -1);
    const size_t batch = df_size(y) / df_at_least_1(M * N);
    float *ga = df_grad(c, a), *gb = df_grad(c, b);
    const Products da = { .tb = true, .batch = batch, .M = M, .N = K, .K = N, .a = y->grad, .b = b->data, .beta = 1 };
    const Products db = { .ta = true, .batch = batch, .M = K, .N = N, .K = M, .a = a->data, .b = y->grad, .beta = 1 };
    if (ga)
        run(c, da, ga);
    if (gb)
        run(c, db, gb);
}

static const DfOp op = { "matmul", backward };

static bool fits(const DfTensor *a, const DfTensor *b)
{
    bool same = a->shape.n == b->shape.n && a->shape.n >= 2 && df_dim(a, -1) == df_dim(b, -2);
    for (int i = 0; same && i < a->shape.n - 2; i++)
        same = a->shape.d[i] == b->shape.d[i];
    return same;
}

DfTensor *df_matmul(DfCtx *c, DfTensor *a, DfTensor *b)
{
    if (c->err)
        return &c->nil;
    if (!fits(a, b))
        return df_refuse(c, "matmul: matrices of shapes (%s) and (%s): want (.. M K) and (.. K N) with equal leading "
                            "sizes", DF_TEXT(a), DF_TEXT(b));
    const size_t M = (size_t)df_dim(a, -2);
    const size_t K = (size_t)df_dim(a, -1);
    const size_t N = (size_t)df_dim(b, -1);
    DfShape shape = a->shape;
    shape.d[shape.n - 1] = (int)N;
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(a, b));
    df_macs(c, DF_MACS_ATTENTION, (double)df_count(shape) * (double)K);
    if (df_skip(c, y))
        return y;
    const size_t batch = df_size(y) / (M * N);
    run(c, (Products){ .batch = batch, .M = M, .N = N, .K = K, .a = a->data, .b = b->data }, y->data);
    return y;
}
