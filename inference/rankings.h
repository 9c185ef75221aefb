/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/rankings.h -- private: the results of a classifier, written as they are computed: one line for each
 * picture. So a stopped run loses at most the current picture, and a resumed one continues after the last complete
 * line.
 */
#ifndef DF_INFERENCE_RANKINGS_H
#define DF_INFERENCE_RANKINGS_H

#include "eval/eval.h"

/* The likeliest classes of each of n pictures, best first. Without a folder they are in memory alone. */
typedef struct {
    int n, classes;
    int32_t (*best)[DF_TOP]; /* [n]; -1: no more, or nothing known */
    bool *done;              /* [n]                                */
    DfAppend *file;          /* FOLDER/results.rankings.txt        */
} DfRankings;

/* `of` is a hash of all that results depend on: another one in the file is DF_EVALUE, unless `fresh`. */
int df_rankings_open(DfRankings *, const char *folder, int n, int classes, uint64_t of, bool fresh);
int df_rankings_add(DfRankings *, int index, const int32_t best[DF_TOP]);
int df_rankings_gather(DfRankings *, DfRanks *); /* from here on every process has those of all */
/* FOLDER/results.txt: lines "NAME CLASS CLASS ...", which `deformer metric imagenet` reads. */
int df_rankings_export(const DfRankings *, const char *folder, const char *const *paths);
void df_rankings_close(DfRankings *);

#endif
