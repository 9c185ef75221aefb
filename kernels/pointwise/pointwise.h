/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/pointwise/pointwise.h -- leaf kernels over runs of floats and over rows: activations, sums, softmax, layer norm, blending of
 * taps. Part of the door kernels/kernels.h: include that.
 *
 * Pointers need no alignment. Lengths may be 0. A result may stand where an argument stands, element for element, but must not
 * overlap it otherwise. What says "+=" adds to its result.
 */
#ifndef DF_KERNELS_POINTWISE_POINTWISE_H
#define DF_KERNELS_POINTWISE_POINTWISE_H

#include <stddef.h>

#include "kernels/act.h"

typedef struct {
    /* ---- elements ---- */
    void (*act)(DfAct, float *y, const float *x, size_t n);                          /* y = act(x)        */
    void (*act_grad)(DfAct, float *gx, const float *g, const float *x, size_t n);    /* gx += act'(x) g   */
    void (*add)(float *y, const float *a, const float *b, size_t n);                 /* y = a + b         */
    void (*mul)(float *y, const float *a, const float *b, size_t n);                 /* y = a b           */
    void (*max)(float *y, const float *a, const float *b, size_t n);                 /* y = max(a, b)     */
    void (*scale)(float *y, const float *x, float factor, size_t n);                 /* y = factor x      */
    void (*affine)(float *y, const float *x, const float *scale, const float *shift, size_t n); /* y = x scale + shift */
    void (*accumulate)(float *y, const float *x, float factor, size_t n);            /* y += factor x     */
    void (*accumulate_product)(float *y, const float *a, const float *b, size_t n);  /* y += a b          */
    void (*accumulate_centred)(float *y, const float *g, const float *x, const float *mean, size_t n); /* y += g (x - mean) */
    void (*accumulate_square)(float *y, const float *x, const float *mean, size_t n);                  /* y += (x - mean)^2 */

    /* ---- sums ---- */
    double (*sum)(const float *x, size_t n);
    double (*dot)(const float *a, const float *b, size_t n);

    /* ---- rows of n floats, one after the other ---- */
    void (*softmax)(float *y, const float *x, size_t rows, size_t n);
    void (*softmax_grad)(float *gx, const float *g, const float *y, size_t rows, size_t n); /* gx += y (g - <g, y>) */
    /* y = (x - mean) / sqrt(var + eps) * weight + bias, by two passes; weight, bias n or NULL. `stats` takes mean and
     * 1 / sqrt(var + eps) of every row, or is NULL. */
    void (*layer_norm)(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t n, float eps, float *stats);
    /* Each of gx (rows n), g_weight (n), g_bias (n) is added to, or is NULL. */
    void (*layer_norm_grad)(float *gx, float *g_weight, float *g_bias, const float *g, const float *x, const float *weight,
                            const float *stats, size_t rows, size_t n);

    /* ---- sampling: y = sum of weight[t] tap[t][..] over the taps; 0 taps give zeros ---- */
    void (*blend)(float *y, const float *const *tap, const float *weight, int taps, size_t n);

    /* ---- linear interpolation: a + weight (b - a), rounded in each step, so that all rungs give the same bits ---- */
    void (*mix)(float *y, const float *a, const float *b, float weight, size_t n);
    size_t (*mix_best)(const float *a, const float *b, float weight, size_t n);      /* where it is largest, the first of equals; n > 0 */

    /* ---- matrices: y[j][i] = x[i][j]; `ldx`, `ldy` are the distances of rows ---- */
    void (*transpose)(float *y, size_t ldy, const float *x, size_t ldx, size_t rows, size_t columns);
} DfPointwiseKernels;

#endif
