/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/bench.h -- helpers of the benchmarks: a clock, medians of interleaved runs, filled arrays.
 */
#ifndef DF_BENCH_H
#define DF_BENCH_H

#include <stddef.h>

/* Candidates are timed in turns, a, b, c, a, b, c, ..., so that a noisy moment hits them all; `seconds` takes the
 * median of each. Runs until at least `least` rounds and about `budget` seconds have passed. */
typedef void BenchRun(void *arg);
enum { BENCH_MOST = 6 };
void bench_interleaved(BenchRun *const *run, void *arg, int n, int least, double budget, double *seconds);

double bench_now(void); /* seconds; of the processor if BENCH_CPU_TIME is set (for one thread on a busy machine) */
double bench_median(const double *v, int n); /* 0 of none */
float *bench_numbers(size_t n);          /* in [-1, 1); the program ends if memory runs out; df_free() it */

#endif
