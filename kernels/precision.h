/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/precision.h -- the number format in which a network's matrix products are computed. Included by
 * kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_PRECISION_H
#define DF_KERNELS_PRECISION_H

#include "core/core.h"

DF_BEGIN_DECLS

/* The precision applies to products with weights and, in bf16, to those of attention. Sums, epilogues and all other
 * arithmetic are always float32. (Sums of int8 products are exact integers.) */
typedef enum {
    DF_PRECISION_F32,  /* both factors float32                                                                        */
    DF_PRECISION_BF16, /* both are rounded to bfloat16, of 8 significant bits; their products are added up in float32 */
    DF_PRECISION_INT8, /* both are whole numbers of 8 bits, times a scale                                             */
    DF_PRECISIONS
} DfPrecision;

struct DfKernels;

DF_API const char *df_precision_name(DfPrecision); /* "float32", "bf16", "int8" */
/* Reads "float32" or "bf16", as a user writes it. DF_EVALUE for another word. */
DF_API int df_precision_read(DfPrecision *out, const char *word);
/* Whether this rung has products of this precision: DF_OK, or DF_EVALUE with a sentence. */
DF_API int df_precision_check(DfPrecision, const struct DfKernels *);

DF_END_DECLS

#endif
