/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/tensor.h -- the public header of tensor/: tensors, the context that owns them, the tape, and every op.
 *
 * All code uses two structs (tensor/context.h). A DfTensor is a contiguous row-major float32 array; feature maps
 * are N H W C, tokens B L C. A DfCtx owns the memory of a step, keeps the first error, and, when it records, the
 * tape that df_backward() walks.
 *
 * Ops (tensor/ops.h) are eager: df_gelu(c, x) computes and returns a new tensor. After any failure the context is
 * poisoned: later ops do nothing and return &c->nil, so model code reads like the paper and the caller asks once,
 * df_ctx_error(c).
 */
#ifndef DF_TENSOR_TENSOR_H
#define DF_TENSOR_TENSOR_H

#include "tensor/context.h"
#include "tensor/listen.h"
#include "tensor/ops.h"

#endif
