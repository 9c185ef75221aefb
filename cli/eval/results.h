/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/eval/results.h -- results of an evaluation as they come: one line an image, so that a stopped run loses at most the image it
 * was at, and a resumed one goes on behind the last whole line.
 */
#ifndef DF_CLI_EVAL_RESULTS_H
#define DF_CLI_EVAL_RESULTS_H

#include "datasets/datasets.h"
#include "heads/heads.h"

/* FOLDER/results.jsonl. The first line names what the run is of; a run is resumed only by the same. One process at a time. */
typedef struct CliResults CliResults;

/* What results depend on: names for the reader, and hashes that are compared. */
typedef struct {
    const char *config, *checkpoint;
    uint64_t settings, weights, dataset;
} CliRunOf;

/* Opens or resumes. `done[i]` is set for the images (by index in the dataset) that an earlier run left. */
int cli_results_open(CliResults **out, const char *folder, const CliRunOf *of, const DfCocoDataset *dataset, bool fresh, bool *done);
int cli_results_add(CliResults *, int index, const DfDetections *found);
/* Writes a COCO results file of the images with `chosen[i]`, in the dataset's order; with `masks`, those too. */
int cli_results_export(CliResults *, const bool *chosen, bool masks, const char *path);
void cli_results_close(CliResults *);

#endif
