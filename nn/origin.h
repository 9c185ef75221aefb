/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/origin.h -- private: where the numbers of a lean model's weights come from.
 */
#ifndef DF_NN_ORIGIN_H
#define DF_NN_ORIGIN_H

#include "nn/model.h"

/* Whether the model is lean and the parameter one whose numbers are not kept. */
bool nn_is_lean(const NnModel *, const NnParam *);

/* It has no data, and its numbers are drawn; or they are the rows of these arrays, together of its official shape, in a
 * mapped file that the model shares from now on. DF_OK or DF_ENOMEM. */
int nn_origin_draw(NnModel *, NnParam *, uint64_t seed);
/* With `scale` (borrowed, as long as the model; or NULL) each row is multiplied by its own. */
int nn_origin_read(NnModel *, NnParam *, DfCheckpoint *, const DfArray *part, int parts, const float *scale);

/* Memory for its numbers after all, not filled. DF_OK or DF_ENOMEM. */
int nn_origin_make_room(NnParam *);
/* Its memory goes, if it has some of its own. */
void nn_origin_drop(NnParam *);
/* The files that the model shares are closed. */
void nn_origin_close_files(NnModel *);

/* The numbers of a float32 array where they stand, if they are row-major and aligned; else NULL. */
const float *nn_array_floats(const DfArray *);

#endif
