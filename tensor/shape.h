/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/shape.h -- shapes, the sizes of tensors. Included by tensor/tensor.h: include that.
 */
#ifndef DF_TENSOR_SHAPE_H
#define DF_TENSOR_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/core.h"

DF_BEGIN_DECLS

enum { DF_DIMS = 6 }; /* most dimensions of a tensor */

typedef struct {
    int n;          /* number of dimensions, 0 for a scalar           */
    int d[DF_DIMS]; /* sizes, each >= 0, the last one runs fastest    */
} DfShape;

/* DF_SHAPE(B, H, W, C) */
#define DF_SHAPE(...) ((DfShape){ (int)(sizeof((int[]){ __VA_ARGS__ }) / sizeof(int)), { __VA_ARGS__ } })

DF_API size_t df_count(DfShape);          /* number of elements, 1 for a scalar */
DF_API bool df_same_shape(DfShape a, DfShape b);

DF_END_DECLS

#endif
