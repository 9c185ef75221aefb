/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/gemm_blas.c -- products of two changing matrices, for backward passes: OpenBLAS on one thread, tile by tile.
 *
 * Small results of long sums (weight gradients) are cut along k instead: every piece sums into a result of its own, and the
 * results are added in order. All cuts depend on the sizes alone.
 */
#include <pthread.h>

#include "kernels/gemm_leaves.h"

#include <cblas.h>
#undef I /* from complex.h */

enum {
    TILE = 256,         /* largest side of a task's tile                     */
    TASKS = 16,         /* cut along k if there are fewer tiles than this ... */
    K_PIECE = 512       /* ... into pieces of at least this length            */
};

static void one_thread(void)
{
    openblas_set_num_threads(1);
}

void df_gemm_serial(bool ta, bool tb, size_t M, size_t N, size_t K, float alpha, const float *a, size_t lda, const float *b, size_t ldb,
                    float beta, float *c, size_t ldc)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, one_thread);
    cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (blasint)M, (blasint)N, (blasint)K, alpha, a,
                (blasint)lda, b, (blasint)ldb, beta, c, (blasint)ldc);
}

typedef struct {
    bool ta, tb;
    size_t M, N, K, rows, columns, pieces; /* tasks along M, N, K */
    float alpha, beta;
    const float *a, *b;
    size_t lda, ldb;
    float *c;
    size_t ldc;
    float *partial; /* pieces M N, if there is more than one piece */
} Product;

static void product_task(void *arg, size_t task, void *scratch)
{
    const Product *p = arg;
    const size_t piece = task % p->pieces, i = task / p->pieces % p->rows, j = task / p->pieces / p->rows;
    const size_t m0 = df_cut(p->M, p->rows, i), m = df_cut(p->M, p->rows, i + 1) - m0;
    const size_t n0 = df_cut(p->N, p->columns, j), n = df_cut(p->N, p->columns, j + 1) - n0;
    const size_t k0 = df_cut(p->K, p->pieces, piece), k = df_cut(p->K, p->pieces, piece + 1) - k0;
    const float *a = p->a + (p->ta ? k0 * p->lda + m0 : m0 * p->lda + k0), *b = p->b + (p->tb ? n0 * p->ldb + k0 : k0 * p->ldb + n0);
    (void)scratch;
    if (p->pieces == 1)
        df_gemm_serial(p->ta, p->tb, m, n, k, p->alpha, a, p->lda, b, p->ldb, p->beta, p->c + m0 * p->ldc + n0, p->ldc);
    else
        df_gemm_serial(p->ta, p->tb, m, n, k, p->alpha, a, p->lda, b, p->ldb, 0, p->partial + (piece * p->M + m0) * p->N + n0, p->N);
}

static void sum_row(void *arg, size_t row, void *scratch)
{
    const Product *p = arg;
    float *c = p->c + row * p->ldc;
    (void)scratch;
    for (size_t j = 0; j < p->N; j++) {
        float sum = 0;
        for (size_t piece = 0; piece < p->pieces; piece++)
            sum += p->partial[(piece * p->M + row) * p->N + j];
        c[j] = p->beta == 0 ? sum : p->beta * c[j] + sum;
    }
}

int df_gemm(DfPool *pool, bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K, float alpha, const float *a, size_t lda,
            const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (!M || !N)
        return DF_OK;
    Product p = { transpose_a, transpose_b, M, N, K, df_ceil_div(M, TILE), df_ceil_div(N, TILE), 1, alpha, beta, a, b, lda, ldb, c, ldc, NULL };
    const size_t tiles = p.rows * p.columns;
    if (tiles < TASKS && K >= 2 * K_PIECE) {
        const size_t wanted = df_ceil_div(TASKS, tiles), possible = K / K_PIECE;
        p.pieces = wanted < possible ? wanted : possible;
        p.partial = df_malloc(p.pieces * M * N * sizeof *p.partial);
        if (!p.partial)
            return df_fail_memory("partial sums");
    }
    int error = df_parallel(pool, tiles * p.pieces, 0, product_task, &p);
    if (!error && p.pieces > 1)
        error = df_parallel(pool, M, 0, sum_row, &p);
    df_free(p.partial);
    return error;
}
