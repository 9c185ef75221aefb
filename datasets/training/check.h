/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/check.h -- finds what is wrong with a training set before training starts, as sentences.
 *
 *     DfTrainingCheck check;
 *     df_training_set_check(&check, set);
 *     for (int i = 0; i < check.n; i++)
 *         puts(check.sentence[i]);          "3 of 2804 boxes lie outside of their picture; the first: a.jpg, ..."
 *     df_training_check_done(&check);
 */
#ifndef DF_DATASETS_TRAINING_CHECK_H
#define DF_DATASETS_TRAINING_CHECK_H

#include "datasets/training/training_set.h"

DF_BEGIN_DECLS

/* The first n_errors sentences say what will stop the training, sooner or later; the others what is left out of it, or
 * is likely to be a mistake. */
typedef struct {
    int n, n_errors;
    const char **sentence; /* [n]                                              */
    int *objects;          /* [classes]: that are learnt from; pictures, for image classes and label maps */
    DfArena *arena;
} DfTrainingCheck;

/* Looks at every picture's file (only at its size) and at every object; at a few hundred label maps, evenly over the
 * set. Problems of the data are sentences, and not a failure: that is only memory. */
DF_API int df_training_set_check(DfTrainingCheck *out, const DfTrainingSet *);
DF_API void df_training_check_done(DfTrainingCheck *); /* and leaves {0} */

DF_END_DECLS

#endif
