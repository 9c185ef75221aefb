/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/bench.h -- private: deformer bench, which times passes (bench.c) and compares them
 * with the speed of a large matrix product (peak.c).
 */
#ifndef DF_CLI_BENCH_BENCH_H
#define DF_CLI_BENCH_BENCH_H

#include "cli/common/passes.h"

enum { CLI_PASSES = 1000 }; /* most that are timed */

/* ---- peak.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float *a, *b, *out; /* SIDE x SIDE each */
} CliSquare;
int cli_square_new(CliSquare *);                                               /* DF_OK or DF_ENOMEM; done() in any case */
double cli_square_run(DfPool *, const DfKernels *, const CliSquare *); /* floating-point operations a second */
void cli_square_done(CliSquare *);

/* ---- training.c -------------------------------------------------------------------------------------------------- */

/* Times training steps on noise and prints them: `steps` of them, or with 0 as many as fit into about twenty seconds, at
 * least 3. json_path: NULL, a file, or "-" for stdout in place of the table. */
int cli_bench_training(CliSession *, int batch, int H, int W, int steps, const char *json_path);

#endif
