/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels/act_c.h -- private: the activations in scalar C, for leaf kernels that apply one. act_v8.h has the vector
 * version.
 */
#ifndef DF_KERNELS_ACT_C_H
#define DF_KERNELS_ACT_C_H

#include <stddef.h>

#include "kernels/act.h"

void df_act_c(DfAct, float *y, const float *x, size_t n);                       /* y = act(x), y may be x  */
void df_act_grad_c(DfAct, float *gx, const float *g, const float *x, size_t n); /* gx += act'(x) g         */

#endif
