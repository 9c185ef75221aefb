/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/depthwise_c.c -- the leaf kernels of depthwise convolution in C, the reference.
 */

#include "kernels/conv/parts.h"
#include "kernels/ladder.h"

static void depthwise_c(float *y, size_t pixels, size_t n, const float *const *x, size_t step, const float *const *w,
                        size_t taps, const DfEpilogue *e)
{
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < n; i++) {
            float sum = 0;
            for (size_t t = 0; t < taps; t++)
                sum += x[t][p * step + i] * w[t][i];
            df_epilogue_c(&sum, 1, e, p * n + i, i);
            y[p * n + i] = sum;
        }
}

static void depthwise_grad_c(float *dw, const float *x, size_t x_step, const float *dy, size_t dy_step, size_t pixels,
                             size_t n)
{
    for (size_t c = 0; c < n; c++) {
        float sum = 0;
        for (size_t p = 0; p < pixels; p++)
            sum += x[p * x_step + c] * dy[p * dy_step + c];
        dw[c] += sum;
    }
}

void df_depthwise_init_c(DfConvKernels *k)
{
    k->depthwise = depthwise_c;
    k->depthwise_grad = depthwise_grad_c;
}
