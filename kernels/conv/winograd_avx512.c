/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_avx512.c -- Winograd's transforms, sixteen channels at a time; the last vector is masked.
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

static void strided_input_avx512(float *v, size_t stride, const float *const d[81], size_t n)
{
    for (size_t i = 0; i < n; i += 16)
        strided_input_tile(v, stride, d, i, false, v16_first((int)(n - i)));
}

static void strided_output_avx512(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                                  size_t stride, size_t n, const DfEpilogue *e)
{
    for (size_t i = 0; i < n; i += 16)
        strided_output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, e, false, v16_first((int)(n - i)));
}

void df_winograd_init_avx512(DfConvKernels *k)
{
    k->winograd = (DfWinogradKernels){ df_winograd_filters, winograd_input_avx512, winograd_output_avx512 };
    k->winograd_strided = (DfWinogradKernels){ df_winograd_strided_filters, strided_input_avx512,
                                               strided_output_avx512 };
}
