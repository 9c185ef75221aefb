/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/matmul.c -- products of matrices, one for every index of the leading dimensions.
 */
#include "tensor/op.h"

enum { FEW = 8 }; /* so few matrices are cut up themselves; more are dealt out whole */

/* c = op(a) op(b) + beta c for every matrix of a batch. */
typedef struct {
    bool ta, tb;
    size_t batch, M, N, K;
    const float *a, *b;
    float beta, *c;
    const DfKernels *k;
    DfPool *pool; /* for one product */
    int error;
} Products;

static int product(const Products *p, size_t i)
{
    const size_t lda = p->ta ? p->M : p->K, ldb = p->tb ? p->K : p->N;
    return df_gemm(p->pool, p->k, p->ta, p->tb, p->M, p->N, p->K, 1, p->a + i * p->M * p->K, lda,
                   p->b + i * p->K * p->N, ldb, p->beta,
                   p->c + i * p->M * p->N, p->N);
}

static void product_task(void *arg, size_t i, void *scratch)
{
    Products *p = arg;
    (void)scratch;
    if (product(p, i) < 0)
        p->error = DF_ENOMEM; /* the only value ever written */
}

static void run(DfCtx *c, Products p)
{
    p.k = c->k;
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
    if (ga)
        run(c, (Products){ .tb = true, .batch = batch, .M = M, .N = K, .K = N, .a = y->grad, .b = b->data, .beta = 1, .c = ga });
    if (gb)
        run(c, (Products){ .ta = true, .batch = batch, .M = K, .N = N, .K = M, .a = a->data, .b = y->grad, .beta = 1, .c = gb });
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
        return df_refuse(c, "matmul: matrices of shapes (%s) and (%s): want (.. M K) and (.. K N) with equal leading sizes", DF_TEXT(a), DF_TEXT(b));
    DfShape shape = a->shape;
    const size_t M = (size_t)df_dim(a, -2);
    const size_t K = (size_t)df_dim(a, -1);
    const size_t N = (size_t)df_dim(b, -1);
    shape.d[shape.n - 1] = (int)N;
    DfTensor *y = df_output(c, &op, shape, DF_SOURCES_OF(a, b));
    df_macs(c, DF_MACS_ATTENTION, (double)df_count(shape) * (double)K);
    if (df_skip(c, y))
        return y;
    run(c, (Products){ .batch = df_size(y) / (M * N), .M = M, .N = N, .K = K, .a = a->data, .b = b->data, .c = y->data });
    return y;
}
