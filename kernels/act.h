/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act.h -- the activation functions that kernels know, as an enum. Included by kernels/kernels.h: include
 * that.
 */
#ifndef DF_KERNELS_ACT_H
#define DF_KERNELS_ACT_H

/* Activations that a kernel can apply to its result before storing it. Those from DF_ACT_SILU on are rarer in the
 * networks that we read: on every processor they are computed one number at a time, by act_c.c. */
typedef enum {
    DF_ACT_NONE,
    DF_ACT_RELU,
    DF_ACT_GELU,
    DF_ACT_GELU_TANH,        /* its approximation by tanh                                           */
    DF_ACT_SIGMOID,
    DF_ACT_TANH,
    DF_ACT_SILU,             /* x sigmoid(x); also called swish                                     */
    DF_ACT_QUICK_GELU,       /* x sigmoid(1.702 x)                                                  */
    DF_ACT_CLIPPED_GELU,     /* GELU, at most 10                                                    */
    DF_ACT_MISH,             /* x tanh(log(1 + exp(x))): Misra, BMVC 2020                           */
    DF_ACT_HARDSWISH,        /* x min(max(x + 3, 0), 6) / 6: Howard et al., ICCV 2019               */
    DF_ACT_RELU6,            /* min(max(x, 0), 6)                                                   */
    DF_ACT_RELU_SQUARED,     /* max(x, 0)^2                                                         */
    DF_ACT_LEAKY_RELU,       /* x, and 0.01 x below 0                                               */
    DF_ACT_LAPLACE,          /* normal distribution function, mean 0.707107, sigma 0.282095: Ma et al., ICLR 2023 */
    DF_ACT_SQRT_SOFTPLUS,    /* sqrt(log(1 + exp(x)))                                               */
    DF_ACTS                  /* the number of activations                                           */
} DfAct;

#endif
