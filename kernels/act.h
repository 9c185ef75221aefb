/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act.h -- the activations, by name. Part of the door kernels/kernels.h: include that.
 */
#ifndef DF_KERNELS_ACT_H
#define DF_KERNELS_ACT_H

/* Activations that a kernel can apply to its result on the way out. */
typedef enum { DF_ACT_NONE, DF_ACT_RELU, DF_ACT_GELU, DF_ACT_GELU_TANH, DF_ACT_SIGMOID, DF_ACT_TANH } DfAct;

#endif
