/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/conv/depthwise_v8.c -- the leaf kernels of depthwise convolution, eight channels of several pixels at a
 * time.
 */

#include "kernels/conv/parts.h"
#include "kernels/gemm/epilogue_v8.h"
#include "kernels/ladder.h"

/* One weight vector serves four pixels. */
static inline void four_pixels(float *y, size_t i, size_t n, const float *const *x, size_t offset, size_t step,
                               const float *const *w, size_t taps, const DfEpilogue *e, size_t at)
{
    V8 s0 = v8_zero(), s1 = s0, s2 = s0, s3 = s0;
    for (size_t t = 0; t < taps; t++) {
        const V8 weight = v8_load(w[t] + i);
        const float *from = x[t] + offset + i;
        s0 = v8_fma(weight, v8_load(from), s0);
        s1 = v8_fma(weight, v8_load(from + step), s1);
        s2 = v8_fma(weight, v8_load(from + 2 * step), s2);
        s3 = v8_fma(weight, v8_load(from + 3 * step), s3);
    }
    v8_store(y + at, v8_epilogue(s0, e, at, i));
    v8_store(y + at + n, v8_epilogue(s1, e, at + n, i));
    v8_store(y + at + 2 * n, v8_epilogue(s2, e, at + 2 * n, i));
    v8_store(y + at + 3 * n, v8_epilogue(s3, e, at + 3 * n, i));
}

static inline void one_pixel(float *y, size_t i, const float *const *x, size_t offset, const float *const *w,
                             size_t taps, const DfEpilogue *e, size_t at)
{
    V8 s0 = v8_zero(), s1 = s0;
    size_t t = 0;
    for (; t + 2 <= taps; t += 2) {
        s0 = v8_fma(v8_load(w[t] + i), v8_load(x[t] + offset + i), s0);
        s1 = v8_fma(v8_load(w[t + 1] + i), v8_load(x[t + 1] + offset + i), s1);
    }
    if (t < taps)
        s0 = v8_fma(v8_load(w[t] + i), v8_load(x[t] + offset + i), s0);
    v8_store(y + at, v8_epilogue(v8_add(s0, s1), e, at, i));
}

static void last_channels(float *y, size_t pixels, size_t i0, size_t n, const float *const *x, size_t step,
                          const float *const *w, size_t taps, const DfEpilogue *e)
{
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = i0; i < n; i++) {
            float sum = 0;
            for (size_t t = 0; t < taps; t++)
                sum += x[t][p * step + i] * w[t][i];
            df_epilogue_c(&sum, 1, e, p * n + i, i);
            y[p * n + i] = sum;
        }
}

static void depthwise_v8(float *y, size_t pixels, size_t n, const float *const *x, size_t step,
                           const float *const *w, size_t taps, const DfEpilogue *e)
{
    const size_t full = n / 8 * 8;
    size_t p = 0;
    for (; p + 4 <= pixels; p += 4)
        for (size_t i = 0; i < full; i += 8)
            four_pixels(y, i, n, x, p * step, step, w, taps, e, p * n + i);
    for (; p < pixels; p++)
        for (size_t i = 0; i < full; i += 8)
            one_pixel(y, i, x, p * step, w, taps, e, p * n + i);
    if (full < n)
        last_channels(y, pixels, full, n, x, step, w, taps, e);
}

/* `vectors` vectors of channels, which is a constant where this is inlined. */
static inline void grad_of_channels(float *dw, const float *x, size_t x_step, const float *dy, size_t dy_step,
                                    size_t pixels, const int vectors)
{
    V8 sum[4];
    for (int i = 0; i < vectors; i++)
        sum[i] = v8_zero();
    for (; pixels > 0; pixels--, x += x_step, dy += dy_step)
        for (int i = 0; i < vectors; i++)
            sum[i] = v8_fma(v8_load(x + 8 * i), v8_load(dy + 8 * i), sum[i]);
    for (int i = 0; i < vectors; i++)
        v8_store(dw + 8 * i, v8_add(v8_load(dw + 8 * i), sum[i]));
}

static inline void grad_of_last_channels(float *dw, const float *x, size_t x_step, const float *dy, size_t dy_step,
                                         size_t pixels, V8Part on)
{
    V8 sum = v8_zero();
    for (; pixels > 0; pixels--, x += x_step, dy += dy_step)
        sum = v8_fma(v8_load_part(x, on), v8_load_part(dy, on), sum);
    v8_store_part(dw, on, v8_add(v8_load_part(dw, on), sum));
}

static void depthwise_grad_v8(float *dw, const float *x, size_t x_step, const float *dy, size_t dy_step, size_t pixels,
                              size_t n)
{
    size_t c = 0;
    for (; c + 32 <= n; c += 32)
        grad_of_channels(dw + c, x + c, x_step, dy + c, dy_step, pixels, 4);
    for (; c + 8 <= n; c += 8)
        grad_of_channels(dw + c, x + c, x_step, dy + c, dy_step, pixels, 1);
    if (c < n)
        grad_of_last_channels(dw + c, x + c, x_step, dy + c, dy_step, pixels, v8_first((int)(n - c)));
}

void df_depthwise_init_v8(DfConvKernels *k)
{
    k->depthwise = depthwise_v8;
    k->depthwise_grad = depthwise_grad_v8;
}
