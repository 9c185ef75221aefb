/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/results.h -- results of an evaluation as they come: one line an image, so that a stopped run loses at most the image it
 * was at, and a resumed one goes on behind the last whole line.
 */
#ifndef DF_CLI_RESULTS_H
#define DF_CLI_RESULTS_H

#include "datasets/datasets.h"
#include "heads/heads.h"

/* FOLDER/results.jsonl. The first line names what the run is of; a run is resumed only by the same config, weights and data. */
typedef struct CliResults CliResults;

/* Opens or resumes. `done[i]` is set for the images (by index in the dataset) that an earlier run left. */
int cli_results_open(CliResults **out, const char *folder, const char *run, const DfCocoDataset *dataset, bool fresh, bool *done, long *n_done);
int cli_results_add(CliResults *, int index, const DfDetections *found);
/* Writes FOLDER/results.bbox.json, a COCO results file, from all lines in the dataset's order. */
int cli_results_export(CliResults *, const char *path);
void cli_results_close(CliResults *);

#endif
