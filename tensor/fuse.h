/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/fuse.h -- private: the operations after a product with a weight (DfFuse in tensor/ops.h).
 */
#ifndef DF_TENSOR_FUSE_H
#define DF_TENSOR_FUSE_H

#include "tensor/op.h"

/* Poisons the context and returns false unless bias and scale have O elements and the residual has the shape of the
 * result. */
bool df_fuse_fits(DfCtx *, const char *op, DfShape result, const DfTensor *bias, DfFuse);
DfEpilogue df_fuse_epilogue(const DfTensor *bias, DfFuse);
void df_fuse_reads(DfCtx *, DfFuse); /* for the profile: what is no argument of the op */

/* The tape knows products, activations, scales and sums one by one. Must this one be taken apart? And the parts
 * after the product. */
bool df_fuse_splits(const DfCtx *, const DfTensor *x, const DfTensor *w, const DfTensor *bias, DfFuse);
DfTensor *df_fuse_apart(DfCtx *, DfTensor *y, DfFuse);

#endif
