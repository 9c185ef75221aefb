/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/compare.h -- what the two ways of `deformer compare` share: its options, and what the results of a run are.
 *
 * A run is the --out folder of an eval, or a file: COCO results, scores of single images (results.miou.json, results.topk.json), or the
 * numbers that --json wrote, which have no intervals.
 */
#ifndef DF_CLI_COMPARE_COMPARE_H
#define DF_CLI_COMPARE_COMPARE_H

#include "cli/cli.h"
#include "eval/eval.h"

typedef struct {
    const char *gt, *type, *markdown, *json;
    long replicates, seed;
    double confidence;
    bool per_class;                         /* of results */
    const char *shape, *chart, *cost, *title; /* of models */
    long rounds;
} CliCompareOptions;
extern CliCompareOptions cli_compare;

typedef enum { CLI_RUN_BBOX, CLI_RUN_SEGM, CLI_RUN_MIOU, CLI_RUN_TOPK, CLI_RUN_KINDS } CliRunKind;
const char *cli_run_key(CliRunKind);    /* "bbox"                               */
const char *cli_run_metric(CliRunKind); /* "AP": the name of its main metric    */

/* The file of the run that holds results of this kind, df_free it; NULL if there is none, or --type does not want it. */
int cli_run_file(const char *run, CliRunKind, char **file);
/* The main metric in a file of numbers; NAN if it is no such file or says nothing about it. */
int cli_run_number(const char *run, CliRunKind, double *value);
/* Intervals and differences of n such files. */
int cli_run_compare(DfCompare **out, CliRunKind, const char *const *files, const char *const *names, size_t n, DfPool *);

/* CONFIG[:CHECKPOINT][@RUN] .. side by side. */
bool cli_is_model(const char *arg);
int cli_compare_models(const char *const *args, size_t n);

#endif
