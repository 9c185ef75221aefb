/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/loss/loss.h -- private: the common part of losses. A loss turns each row of x into one number. It computes
 * the derivative by the row at the same time, since the two share most of the work; the backward pass then only
 * multiplies, and targets need not outlive the call.
 */
#ifndef DF_TENSOR_LOSS_LOSS_H
#define DF_TENSOR_LOSS_LOSS_H

#include "tensor/op.h"

/* For rows from..from+count-1 of x, n floats each: loss[row], and slope (like x). */
typedef void DfLossRows(const void *arg, const DfPointwiseKernels *k, const float *x, size_t n, size_t from,
                        size_t count, float *loss, float *slope);

/* The result has `shape`; a row of x is what is left for each of its elements. `op` has df_loss_backward. */
DfTensor *df_loss(DfCtx *, const DfOp *op, DfTensor *x, DfShape shape, DfLossRows *rows, const void *arg);
void df_loss_backward(DfCtx *, DfTensor *y);

#endif
