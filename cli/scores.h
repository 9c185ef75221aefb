/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/scores.h -- a COCO results file against its ground truth: the tables and the JSON that eval and metric print.
 */
#ifndef DF_CLI_SCORES_H
#define DF_CLI_SCORES_H

#include "cli/cli.h"

typedef struct {
    const char *gt_path, *dt_path;
    const char *json_path;      /* NULL: none                                                     */
    bool per_class;
    const int64_t *image_ids;   /* NULL: all; else only these are scored                          */
    size_t n_image_ids;
} CliScoring;
int cli_score_boxes(DfPool *, const CliScoring *);

#endif
