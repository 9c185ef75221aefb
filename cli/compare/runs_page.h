/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/compare/runs_page.h -- the page of `deformer compare --explain`.
 */
#ifndef DF_CLI_COMPARE_RUNS_PAGE_H
#define DF_CLI_COMPARE_RUNS_PAGE_H

#include "eval/eval.h"

typedef struct {
    const DfCompare *compare;
    const char *const *files;                   /* [n]                                      */
    size_t n;
    DfCocoResults *const *results;              /* [n], read to be explained; NULL: none    */
    DfImageScores *const *images;               /* [n], of DF_IMAGES_MIOU; NULL: none       */
    bool masks;
    const int64_t *image_ids;                   /* that were compared; NULL: all            */
    size_t n_image_ids;
    DfPool *pool;
} CliRunsPage;

/* Writes it if --explain asks for it. */
int cli_runs_page(const CliRunsPage *);

#endif
