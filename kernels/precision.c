/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/precision.c -- the names of precisions, and which rungs support them.
 */
#include "kernels/precision.h"

#include <string.h>

#include "kernels/leaves.h"

const char *df_precision_name(DfPrecision precision)
{
    static const char *const names[DF_PRECISIONS] = { "float32", "bf16", "int8" };
    return names[precision];
}

int df_precision_read(DfPrecision *out, const char *word)
{
    for (int i = DF_PRECISION_F32; i <= DF_PRECISION_BF16; i++)
        if (strcmp(word, df_precision_name((DfPrecision)i)) == 0) {
            *out = (DfPrecision)i;
            return DF_OK;
        }
    return df_fail(DF_EVALUE, "precision %.80s: want float32 or bf16", word);
}

int df_precision_check(DfPrecision precision, const DfKernels *k)
{
    if (precision != DF_PRECISION_BF16 || k->bf16.tile)
        return DF_OK;
    return df_fail(DF_EVALUE,
                   "precision bf16 on a processor, or with kernels (%s), without AVX512-BF16 or BF16 of ARM: want "
                   "float32, or DEFORMER_CPU=c, which computes the same numbers slowly",
                   k->name);
}
