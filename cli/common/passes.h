/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/passes.h -- passes through a network on random pictures, counted or timed, for info, bench and compare.
 */
#ifndef DF_CLI_COMMON_PASSES_H
#define DF_CLI_COMMON_PASSES_H

#include "cli/cli.h"

enum { CLI_BATCH = 64 }; /* images at once, at most, of a timed pass */

/* Nothing is computed: df_profile_rows(s->c) then count the work, s->c->peak the bytes of activations alive at once. */
int cli_dry_pass(CliSession *s, int batch, int H, int W);
double cli_multiply_adds(const DfProfileRow *); /* as papers count them, padding too */

/* A pass over n H W channels, n at most CLI_BATCH: of a detector with decoding behind it, if `decoded`. */
int cli_pass(CliSession *, DfTensor *image, bool decoded);
/* Seconds of the network alone, and of a detector with decoding behind it. */
int cli_time_network(CliSession *, int batch, int H, int W, double *seconds);
int cli_time_detector(CliSession *, int batch, int H, int W, double *seconds);

double cli_median(double *v, int n); /* sorts v; 0 of none */

/* A network timed in a process of its own: the medians of its passes there (as many as fit into about two seconds, at
 * least one), and its peak memory. `whole` is with decoding. To be called while there are no threads. */
typedef struct {
    double network, whole; /* seconds */
    double peak_rss;       /* bytes   */
} CliMeasured;
int cli_measure(CliMeasured *out, const char *config, const char *checkpoint, int H, int W);

#endif
