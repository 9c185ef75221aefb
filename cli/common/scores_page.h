/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/common/scores_page.h -- explains a COCO score, as a page and for the JSON.
 */
#ifndef DF_CLI_COMMON_SCORES_PAGE_H
#define DF_CLI_COMMON_SCORES_PAGE_H

#include "cli/cli.h"
#include "eval/eval.h"

typedef struct {
    const char *gt_path, *title;
    const char *const *dt_paths; /* the results, in the order in which they were read */
    int n_dt;
    const char *page_path;      /* the HTML file                                      */
    const char *images_dir;     /* pictures for the worst images; NULL: none         */
    double score_threshold;
    const CliTexts *slice;      /* keys of the image records, with commas; NULL: none */
    DfPool *pool;
} CliExplaining;

/* Writes the page; *json gets the numbers, df_free it. */
int cli_explain(const CliExplaining *, const DfCocoResults *, const DfCocoEval *, char **json);

#endif
