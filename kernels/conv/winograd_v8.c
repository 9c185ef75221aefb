/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/winograd_v8.c -- Winograd's transforms, eight channels at a time; C code computes the remaining
 * channels.
 */

#include "kernels/conv/parts.h"
#include "kernels/gemm/epilogue_v8.h"
#include "kernels/ladder.h"

#define WIDE 8
#include "kernels/conv/winograd_wide.h"
#undef WIDE

static void winograd_input_v8(float *v, size_t stride, const float *const d[36], size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        input_tile(v, stride, d, i, true, v8_first(8));
    if (i == n)
        return;
    const float *rest[36];
    for (int p = 0; p < 36; p++)
        rest[p] = d[p] + i;
    df_winograd_input_c(v + i, stride, rest, n - i);
}

static void winograd_output_v8(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m,
                               size_t stride, size_t n, const DfEpilogue *e)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, e, true, v8_first(8));
    if (i == n)
        return;
    const DfEpilogue rest = df_epilogue_at(e, 0, 0, i);
    df_winograd_output_c(y + i, ld_row, ld_pixel, h, w, m + i, stride, n - i, &rest);
}

static void strided_input_v8(float *v, size_t stride, const float *const d[81], size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        strided_input_tile(v, stride, d, i, true, v8_first(8));
    if (i == n)
        return;
    const float *rest[81];
    for (int p = 0; p < 81; p++)
        rest[p] = d[p] + i;
    df_winograd_strided_input_c(v + i, stride, rest, n - i);
}

static void strided_output_v8(float *y, size_t ld_row, size_t ld_pixel, int h, int w, const float *m, size_t stride,
                              size_t n, const DfEpilogue *e)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        strided_output_tile(y, ld_row, ld_pixel, h, w, m, stride, i, e, true, v8_first(8));
    if (i == n)
        return;
    const DfEpilogue rest = df_epilogue_at(e, 0, 0, i);
    df_winograd_strided_output_c(y + i, ld_row, ld_pixel, h, w, m + i, stride, n - i, &rest);
}

void df_winograd_init_v8(DfConvKernels *k)
{
    k->winograd = (DfWinogradKernels){ df_winograd_filters, winograd_input_v8, winograd_output_v8 };
    k->winograd_strided = (DfWinogradKernels){ df_winograd_strided_filters, strided_input_v8, strided_output_v8 };
}
