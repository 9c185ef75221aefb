/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/bench/bench.h -- private: deformer bench, which times passes (bench.c) and compares them
 * with the speed of a large matrix product (peak.c).
 */
#ifndef DF_CLI_BENCH_BENCH_H
#define DF_CLI_BENCH_BENCH_H

#include "cli/common/passes.h"

/* ---- peak.c ------------------------------------------------------------------------------------------------------ */

typedef struct {
    float *a, *b, *out; /* SIDE x SIDE each */
} CliSquare;
int cli_square_new(CliSquare *);                                               /* DF_OK or DF_ENOMEM; done() in any case */
double cli_square_run(DfPool *, const DfKernels *, const CliSquare *); /* floating-point operations a second */
void cli_square_done(CliSquare *);

#endif
