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
int cli_square_new(CliSquare *); /* DF_OK or DF_ENOMEM; done() in any case */
double cli_square_run(DfPool *, const DfKernels *, const CliSquare *); /* floating-point operations a second */
void cli_square_done(CliSquare *);

/* ---- bandwidth.c ------------------------------------------------------------------------------------------------- */

int cli_bandwidth(DfPool *, double *bytes_a_second); /* of memory; takes 288 MiB meanwhile. DF_OK or DF_ENOMEM */

/* ---- roofline.c -------------------------------------------------------------------------------------------------- */

/* What a module costs in one pass. */
typedef struct {
    const char *name;
    double seconds;
    double flop, done; /* by direct arithmetic; with Winograd's method where it was used */
    double bytes;      /* arguments, weights and results of its ops, each once           */
} CliCost;
/* What the machine can do: FLOP/s and bytes/s. */
typedef struct {
    double peak, bandwidth;
} CliRoof;
void cli_roofline_head(const CliRoof *, int width); /* of the first column */
void cli_roofline_row(const CliCost *, const CliRoof *, int width);
typedef struct CliReport CliReport;
int cli_roofline_page(const CliReport *, const char *path); /* HTML: the modules of its table */
void cli_roofline_json(DfJsonWriter *, const CliCost *, const CliRoof *); /* members of the module's object */

/* ---- throughput.c ------------------------------------------------------------------------------------------------ */

typedef struct {
    int streams; /* 0: not measured */
    double images_per_second;
} CliThroughput;
/* asked < 0: one stream for each thread, as far as there is memory for them. */
int cli_streams_wanted(const CliSession *, long asked, int batch, int H, int W, int *streams);
/* About `passes` passes, out->streams at a time; of detectors with decoding. */
int cli_throughput(CliSession *, int batch, int H, int W, int passes, CliThroughput *out);

/* ---- report.c ---------------------------------------------------------------------------------------------------- */

struct CliReport {
    const CliSession *session;
    int batch, H, W, passes;
    long depth;                       /* of the modules in the table                           */
    const DfProfileRow *rows;         /* of all passes together                                */
    int n_rows;
    double network, whole, counted;   /* seconds: alone, with decoding, and that of the rows   */
    double fastest;
    CliRoof roof;                     /* bandwidth 0: not measured, and no roofline is printed */
    CliThroughput throughput;
    size_t memory;                    /* bytes, at most                                        */
};
CliCost cli_cost_of(const CliReport *, int row); /* row 0: the whole, by the time of the rows */
/* A table, and JSON. json_path: NULL, a file, or "-" for stdout in place of the table. */
int cli_bench_report(const CliReport *, const char *json_path);

/* ---- training.c -------------------------------------------------------------------------------------------------- */

/* Times training steps on noise and prints them: `steps` of them, or with 0 as many as fit into about twenty seconds,
 * at least 3. json_path: NULL, a file, or "-" for stdout in place of the table. */
int cli_bench_training(CliSession *, int batch, int H, int W, int steps, const char *json_path);

#endif
