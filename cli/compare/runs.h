/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/runs.h -- the results of a run.
 *
 * A run is the --out folder of an eval, or a file: COCO results, scores of single images (results.miou.json,
 * results.topk.json), or the numbers that --json wrote, which have no intervals.
 */
#ifndef DF_CLI_COMPARE_RUNS_H
#define DF_CLI_COMPARE_RUNS_H

#include <stdbool.h>

#include "eval/eval.h"

typedef enum {
    CLI_RUN_BBOX,
    CLI_RUN_SEGM,
    CLI_RUN_MIOU,
    CLI_RUN_TOPK,
    CLI_RUN_KINDS /* how many */
} CliRunKind;
const char *cli_run_key(CliRunKind);    /* "bbox"                               */
const char *cli_run_metric(CliRunKind); /* "AP": the name of its main metric    */

/* Is the kind named in --type? Without --type the answer is `otherwise`. */
bool cli_run_wanted(CliRunKind, bool otherwise);
/* The file of the run that holds results of this kind, which the caller frees with df_free(). NULL if there is
 * none, or --type excludes it. */
int cli_run_file(const char *run, CliRunKind, char **file);
/* The main metric in a file of numbers; NAN if `run` is no such file or the metric is not in it. */
int cli_run_number(const char *run, CliRunKind, double *value);
/* Scores of n files from cli_run_file(), with intervals, and differences from the first. */
int cli_run_compare(DfCompare **out, CliRunKind, const char *const *files, const char *const *names, size_t n,
                    DfPool *);

#endif
