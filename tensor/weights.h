/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/weights.h -- private: packed copies of weights, in the order in which matrix products read them.
 */
#ifndef DF_TENSOR_WEIGHTS_H
#define DF_TENSOR_WEIGHTS_H

#include "tensor/op.h"

/* A weight in packed form for one use. A parameter keeps its copy for the next pass. That of a weight that is being
 * trained lives only until df_weight_done(), unless the weight keeps_packed. */
typedef struct {
    const DfPacked *packed; /* NULL: the context is poisoned      */
    DfPacked *own;          /* to be freed after use; may be NULL */
} DfPackedWeight;
/* w: O rows of K, in groups; each row times its factor in `fold` (O), or NULL. Several threads may ask at once. */
DfPackedWeight df_weight(DfCtx *, DfTensor *w, const DfTensor *fold, DfPackKind, size_t O, size_t K, size_t groups);
/* The same of some rows alone, for a linear layer. */
DfPackedWeight df_weight_rows(DfCtx *, DfTensor *w, DfPackedPart, size_t K);
/* The same of some inputs alone of a convolution that is not in 8 bits, O kh kw I; `fold` has O factors. */
DfPackedWeight df_weight_inputs(DfCtx *, DfTensor *w, const DfTensor *fold, DfPackKind, DfPackedPart);
/* Is it multiplied in 8 bits? */
bool df_weight_is_int8(const DfCtx *, const DfTensor *w);
void df_weight_done(DfCtx *, DfPackedWeight);

#endif
