/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/bandwidth.c -- measures the current memory bandwidth: the triad of STREAM (McCalpin, 1995), a = b + s c,
 * on all threads, over arrays larger than any cache. Three arrays are counted, two read and one written.
 */
#include "cli/bench/bench.h"

enum {
    FLOATS = 24 << 20, /* of an array: 96 MiB */
    PIECE = 1 << 16,   /* of a task           */
    ROUNDS = 7
};

typedef struct {
    float *a, *b, *c;
} Arrays;

static void fill(void *arg, size_t task, void *scratch)
{
    const Arrays *r = arg;
    (void)scratch;
    for (size_t i = task * PIECE; i < (task + 1) * PIECE; i++) {
        r->a[i] = 0;
        r->b[i] = (float)(i % 7);
        r->c[i] = (float)(i % 5);
    }
}

static void triad(void *arg, size_t task, void *scratch)
{
    const Arrays *r = arg;
    float *restrict a = r->a + task * PIECE;
    const float *restrict b = r->b + task * PIECE;
    const float *restrict c = r->c + task * PIECE;
    (void)scratch;
    for (size_t i = 0; i < PIECE; i++)
        a[i] = b[i] + 3 * c[i];
}

static int run(DfPool *pool, Arrays *r, double *out)
{
    double rate[ROUNDS];
    int error = df_parallel(pool, FLOATS / PIECE, 0, fill, r);
    for (int i = 0; error == DF_OK && i < ROUNDS; i++) {
        const double start = cli_now();
        error = df_parallel(pool, FLOATS / PIECE, 0, triad, r);
        rate[i] = 3.0 * FLOATS * sizeof(float) / (cli_now() - start);
    }
    *out = error == DF_OK ? cli_median(rate, ROUNDS) : 0;
    return error;
}

int cli_bandwidth(DfPool *pool, double *bytes_a_second)
{
    const size_t size = FLOATS * sizeof(float);
    Arrays r = { df_malloc(size), df_malloc(size), df_malloc(size) };
    const int error = r.a && r.b && r.c ? run(pool, &r, bytes_a_second) : df_fail_memory("the bandwidth of memory");
    df_free(r.a);
    df_free(r.b);
    df_free(r.c);
    return error;
}
