/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/cut.h -- private: integer helpers, and dividing work into even pieces. Pieces depend on the sizes alone,
 * never on the number of threads.
 */
#ifndef DF_KERNELS_CUT_H
#define DF_KERNELS_CUT_H

#include <stddef.h>

static inline size_t df_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t df_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t df_ceil_div(size_t n, size_t piece)
{
    return (n + piece - 1) / piece;
}

/* The start of part i if n is divided into `parts` pieces as evenly as possible; part `parts` starts at n. */
static inline size_t df_cut(size_t n, size_t parts, size_t i)
{
    return n / parts * i + (n % parts * i) / parts;
}

/* `parts` rounded up so that two or four threads get equally many each. */
static inline size_t df_even_parts(size_t parts)
{
    return parts < 3 ? parts : df_ceil_div(parts, 4) * 4;
}

#endif
