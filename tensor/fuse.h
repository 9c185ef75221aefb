/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/fuse.h -- private: what products with a weight share: packed copies of the weight, and what follows the
 * product.
 */
#ifndef DF_TENSOR_FUSE_H
#define DF_TENSOR_FUSE_H

#include "tensor/op.h"

/* A weight in packed form for one use. A parameter keeps its copy for the next pass; that of a weight that is being
 * trained, which changes every step, lives only until df_weight_done(). */
typedef struct {
    const DfPacked *packed; /* NULL: the context is poisoned */
    DfPacked *own;
} DfPackedWeight;
/* w: O rows of K, in groups; each row times its factor in `fold`, or NULL. */
DfPackedWeight df_weight(DfCtx *, DfTensor *w, const DfTensor *fold, DfPackKind, size_t O, size_t K, size_t groups);
void df_weight_done(DfPackedWeight);

/* Poisons the context and returns false unless bias and scale have O elements and the residual has the shape of the
 * result. */
bool df_fuse_fits(DfCtx *, const char *op, DfShape result, const DfTensor *bias, DfFuse);
DfEpilogue df_fuse_epilogue(const DfTensor *bias, DfFuse);

/* The tape knows products, activations, scales and sums one by one. Must this one be taken apart? And the parts
 * after the product. */
bool df_fuse_splits(const DfCtx *, const DfTensor *x, const DfTensor *w, const DfTensor *bias, DfFuse);
DfTensor *df_fuse_apart(DfCtx *, DfTensor *y, DfFuse);

#endif
