/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/options.h -- the options of `deformer compare`.
 */
#ifndef DF_CLI_COMPARE_OPTIONS_H
#define DF_CLI_COMPARE_OPTIONS_H

#include "cli/cli.h"

typedef struct {
    const char *gt, *type, *markdown, *json;
    long replicates, seed;
    double confidence;
    bool per_class;                           /* of results */
    const char *explain, *images;
    double score_thr;
    const char *shape, *chart, *cost, *title; /* of models  */
    long rounds;
} CliCompareOptions;
extern CliCompareOptions cli_compare;
extern const CliOption cli_compare_options[];

#endif
