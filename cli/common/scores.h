/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores.h -- scores a COCO results file against its ground truth: the tables and the JSON that eval and
 * metric print.
 */
#ifndef DF_CLI_COMMON_SCORES_H
#define DF_CLI_COMMON_SCORES_H

#include "cli/cli.h"
#include "eval/eval.h"

typedef struct {
    const char *gt_path;
    const char *const *dt_paths; /* results files, scored together                                 */
    int n_dt;
    const char *types;          /* "bbox", "segm", .. (df_score_kind_name()), or several with commas; NULL: bbox */
    const char *json_path;      /* NULL: none                                                     */
    const char *dump_path;      /* .safetensors of precision, recall and scores; NULL: none       */
    bool per_class;
    bool federated;             /* by LVIS's rules                                                */
    const char *explain_path;   /* NULL: no page that explains the score                          */
    const char *images_dir;     /* its pictures; NULL: none                                       */
    double boundary_ratio;      /* of the type boundary; 0: 0.02                                  */
    double explain_score;       /* its score threshold                                            */
    const CliTexts *slice;      /* keys of image records that it scores apart; NULL: none         */
    const DfCocoParams *params; /* NULL: the challenge's                                          */
} CliScoring;

int cli_score_coco(DfPool *, const CliScoring *);

/* Tables on stdout, unless `json_path` is "-": JSON goes there then. */
int cli_print_coco(const DfCocoScores *, const char *json_path, bool per_class);
/* JSON into a file; json_path NULL: none. `why`: what explains one of them, or NULL. */
int cli_write_coco(const DfCocoScores *, const char *why, const char *json_path);

#endif
