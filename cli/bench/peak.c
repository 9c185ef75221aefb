/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/peak.c -- measures the current speed of the machine: a square matrix product on all threads, as large as
 * big layers are.
 */
#include "cli/bench/bench.h"

enum { SIDE = 1536 };

int cli_square_new(CliSquare *q)
{
    const size_t n = (size_t)SIDE * SIDE;
    *q = (CliSquare){ df_malloc(n * sizeof(float)), df_malloc(n * sizeof(float)), df_malloc(n * sizeof(float)) };
    for (size_t i = 0; q->a && q->b && i < n; i++) {
        q->a[i] = (float)(i % 7) - 3;
        q->b[i] = (float)(i % 5) - 2;
    }
    return q->a && q->b && q->out ? DF_OK : df_fail_memory("the sgemm peak");
}

void cli_square_done(CliSquare *q)
{
    df_free(q->a);
    df_free(q->b);
    df_free(q->out);
}

double cli_square_run(DfPool *pool, const DfKernels *k, const CliSquare *q)
{
    const double start = cli_now();
    if (df_gemm(pool, k, false, false, SIDE, SIDE, SIDE, 1, q->a, SIDE, q->b, SIDE, 0, q->out, SIDE) < 0)
        return 0;
    return 2.0 * SIDE * SIDE * SIDE / (cli_now() - start);
}
