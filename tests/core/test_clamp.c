/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_clamp.c -- numbers kept between limits. Witness of NaN and -0: torch.clamp() and numpy.clip().
 */
#include <criterion/criterion.h>
#include <math.h>

#include "core/core.h"

Test(clamp, integers)
{
    cr_expect_eq(df_clamp_int(-3, -1, 5), -1);
    cr_expect_eq(df_clamp_int(0, -1, 5), 0);
    cr_expect_eq(df_clamp_int(6, -1, 5), 5);
    cr_expect_eq(df_clamp_i64(INT64_MIN, -128, 127), -128);
    cr_expect_eq(df_clamp_i64(INT64_MAX, INT64_MIN, 127), 127);
    cr_expect_eq(df_clamp_u64(UINT64_MAX, 1, 4), 4);
    cr_expect_eq(df_clamp_size(0, 1, 4), 1);
    cr_expect_eq(df_clamp_size(SIZE_MAX, 1, 4), 4);
}

Test(clamp, floats)
{
    cr_expect_eq(df_clamp_float(-INFINITY, 0.25f, 0.75f), 0.25f);
    cr_expect_eq(df_clamp_float(0.5f, 0.25f, 0.75f), 0.5f);
    cr_expect_eq(df_clamp_float(1.0f, 0.25f, 0.75f), 0.75f);
    cr_expect(isnan(df_clamp_float(NAN, 0, 1)));
    cr_expect(signbit(df_clamp_float(-0.0f, 0, 1)));
    cr_expect_eq(df_clamp_double(1e300, -1, 1), 1);
    cr_expect_eq(df_clamp_double(-1e300, -1, 1), -1);
    cr_expect(isnan(df_clamp_double((double)NAN, 0, 1)));
}
