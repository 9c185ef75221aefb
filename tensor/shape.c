/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor/shape.c -- functions of shapes, the sizes of tensors.
 */
#include "tensor/shape.h"

#include <string.h>

size_t df_count(DfShape shape)
{
    size_t n = 1;
    for (int i = 0; i < shape.n; i++)
        n *= (size_t)shape.d[i];
    return n;
}

bool df_same_shape(DfShape a, DfShape b)
{
    return a.n == b.n && memcmp(a.d, b.d, (size_t)a.n * sizeof a.d[0]) == 0;
}
