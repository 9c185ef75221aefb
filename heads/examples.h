/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/examples.h -- private: the boxes, among those assigned to objects, that a loss uses.
 */
#ifndef DF_HEADS_EXAMPLES_H
#define DF_HEADS_EXAMPLES_H

#include "heads/losses.h"
#include "heads/settings/train_cfg.h"

/* What the next sampler of this batch is to choose, if somebody else has chosen; NULL: it draws. */
const DfGivenSample *df_given_sample(const DfLossBatch *, const DfLosses *);

/* n boxes of an image as df_assign() left them; with add_gt_as_proposals the objects come first. */
typedef struct {
    int image;
    size_t n;
    const int *object_of_box;
    const float *overlap;
    const float *loss;      /* for hard examples alone, and not where a choice is given; else NULL */
} AssignedBoxes;

/* Which of them the loss counts: as given, else as the sampler of train_cfg draws them. Counts out->samplings; a
 * listener hears sample<k>_assigned_gt_inds (from 1 on; 0 background, -1 neither), _pos_inds and _neg_inds. Give
 * the result to df_box_sample_done(). False, with the context poisoned: a given box is none of the n, or a
 * positive one has no object (DF_EVALUE); DF_ENOMEM. */
bool df_choose_examples(DfCtx *, const TrainCfg *, const DfLossBatch *, DfLosses *out, const AssignedBoxes *,
                        DfBoxSample *);

#endif
