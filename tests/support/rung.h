/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/support/rung.h -- what tests ask of the rung of the kernels that is in use.
 */
#ifndef DF_TESTS_SUPPORT_RUNG_H
#define DF_TESTS_SUPPORT_RUNG_H

#include <stdbool.h>
#include <string.h>

#include "kernels/kernels.h"

/* OpenBLAS reads weights where they lie: there are no packed copies, and nothing that they would need memory for. The
 * order of its sums follows from the number of rows: a picture in a batch has other last bits than it has alone. */
static inline bool rung_is_blas(void)
{
    return strcmp(df_kernels_name(df_kernels()), "blas") == 0;
}

#endif
