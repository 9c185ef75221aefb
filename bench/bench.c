/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench.c -- helpers of the benchmarks.
 */
#include "bench/bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/core.h"

enum { MOST_ROUNDS = 400 };

double bench_now(void)
{
    struct timespec t;
    clock_gettime(getenv("BENCH_CPU_TIME") ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

float *bench_numbers(size_t n)
{
    float *x = df_malloc(n * sizeof *x);
    if (!x)
        abort();
    DfRandom r = df_random(1, n);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * df_uniform(&r) - 1);
    return x;
}

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void bench_interleaved(BenchRun *const *run, void *arg, int n, int least, double budget, double *seconds)
{
    static double times[BENCH_MOST][MOST_ROUNDS];
    const double start = bench_now();
    int rounds = 0;
    for (int i = 0; i < n; i++)
        run[i](arg); /* warms caches, packs weights */
    while (rounds < MOST_ROUNDS && (rounds < least || bench_now() - start < budget)) {
        for (int i = 0; i < n; i++) {
            const double before = bench_now();
            run[i](arg);
            times[i][rounds] = bench_now() - before;
        }
        rounds++;
    }
    for (int i = 0; i < n; i++) {
        qsort(times[i], (size_t)rounds, sizeof times[i][0], by_size);
        seconds[i] = times[i][rounds / 2];
    }
}

double bench_median(const double *v, int n)
{
    double *copy = n > 0 ? malloc((size_t)n * sizeof *copy) : NULL;
    if (!copy)
        return 0;
    memcpy(copy, v, (size_t)n * sizeof *copy);
    qsort(copy, (size_t)n, sizeof *copy, by_size);
    const double middle = n % 2 ? copy[n / 2] : (copy[n / 2 - 1] + copy[n / 2]) / 2;
    free(copy);
    return middle;
}
