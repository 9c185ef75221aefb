/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_avx512.c -- the transforms of F(4x4, 3x3), sixteen channels at a time, the last of them masked.
 */

#include "kernels/act_avx512.h"
#include "kernels/conv/parts.h"
#include "kernels/ladder.h"

#define WIDE 16
#include "kernels/conv/winograd_wide.h"
#undef WIDE

static void winograd_input_avx512(float *v, size_t stride, const float *const d[36], size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        input_tile(v, stride, d, i, false, v16_first((int)(n - i)));
}

static void winograd_output_avx512(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                                   size_t stride, size_t n, const DfEpilogue *e)
{
    for (size_t i = 0; i < n; i += 16)
        output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, e, false, v16_first((int)(n - i)));
}

void df_winograd_init_avx512(DfConvKernels *k)
{
    k->winograd_filters = df_winograd_filters;
    k->winograd_input = winograd_input_avx512;
    k->winograd_output = winograd_output_avx512;
}
