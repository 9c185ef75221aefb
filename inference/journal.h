/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/journal.h -- private: the results of an evaluation, written as they are computed: one line for each image.
 * So a stopped run loses at most the current image, and a resumed one continues after the last complete line.
 */
#ifndef DF_INFERENCE_JOURNAL_H
#define DF_INFERENCE_JOURNAL_H

#include "datasets/datasets.h"
#include "models/models.h"

/* FOLDER/results.jsonl. The first line names what the run is of; a run is resumed only by the same. One process at a
 * time. */
typedef struct DfJournal DfJournal;

/* What results depend on: names for the reader, and hashes that are compared. */
typedef struct {
    const char *config, *checkpoint;
    uint64_t settings, weights, dataset;
    const char *precision; /* of products, for the reader; NULL: float32 */
} DfJournalOf;

/* Opens or resumes. `done[i]` is set for the images (by index in the dataset) that an earlier run left. */
int df_journal_open(DfJournal **out, const char *folder, const DfJournalOf *of, const DfCocoDataset *dataset,
                    bool fresh, bool *done);
int df_journal_add(DfJournal *, int index, const DfDetections *found);
/* Lines of images with `chosen[i]` go to all other ranks, which have them from then on as if they had added them. */
int df_journal_gather(DfJournal *, DfRanks *, const bool *chosen);
/* Writes a COCO results file of the images with `chosen[i]`, in the dataset's order; with `masks`, those too. */
int df_journal_export(DfJournal *, const bool *chosen, bool masks, const char *path);
void df_journal_close(DfJournal *);

#endif
