/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/metric/map_names.h -- private: names for the classes of label maps.
 */
#ifndef DF_CLI_METRIC_MAP_NAMES_H
#define DF_CLI_METRIC_MAP_NAMES_H

#include "cli/metric/metric.h"

typedef struct {
    const char *const *name; /* [classes]; NULL: nobody says */
    CliLines lines;
    DfImageScores *scores;
} CliMapNames;

/* From --class-names; else from classes.txt in one of the folders, or up to two above that of the labels; else from the
 * results.miou.json of an eval beside the predictions; else the names of ADE20K, if there are as many classes. */
int cli_map_names(CliMapNames *, const char *gt_dir, const char *pred_dir, int classes);
void cli_map_names_done(CliMapNames *);

#endif
