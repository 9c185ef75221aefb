/* SPDX-License-Identifier: Apache-2.0
 *
 * nn/origin.h -- private: the sources of the weights of a lean model, which does not keep them in memory.
 */
#ifndef DF_NN_ORIGIN_H
#define DF_NN_ORIGIN_H

#include "nn/model.h"

/* Whether the model is lean and does not keep the numbers of this parameter. */
bool nn_is_lean(const NnModel *, const NnParam *);

/* Sets the source of a parameter without data: its numbers are drawn; or they are the rows of these arrays, which
 * together have its official shape, in a mapped file that the model now holds open, too. DF_OK or DF_ENOMEM. */
int nn_origin_draw(NnModel *, NnParam *, uint64_t seed);
/* If `scale` is not NULL, row i is multiplied by scale[i]; it must live as long as the model. */
int nn_origin_read(NnModel *, NnParam *, DfCheckpoint *, const DfArray *part, int parts, const float *scale);

/* Gives it memory for its numbers, uninitialised. DF_OK or DF_ENOMEM. */
int nn_origin_make_room(NnParam *);
/* Frees its memory, if it has its own. */
void nn_origin_drop(NnParam *);
/* Closes the files that the model holds open. */
void nn_origin_close_files(NnModel *);

/* The numbers of a float32 array in place, if they are row-major and aligned; else NULL. */
const float *nn_array_floats(const DfArray *);

#endif
