/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update.h -- private: the inner loops of the optimizers, over a run of numbers of one parameter.
 */
#ifndef DF_TRAIN_UPDATE_H
#define DF_TRAIN_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

/* The constants of a step, in float32. */
typedef struct {
    float scale, limit;       /* of a gradient                                      */
    float rate;               /* SGD: learning rate; Adam: over the correction of m */
    float decay;              /* added to a gradient, times the weight              */
    float keep;               /* AdamW: factor of the weight, 1 - rate decay        */
    float momentum, fresh;    /* SGD: factors of the velocity and of the gradient   */
    bool nesterov;
    float one_minus_beta1;    /* Adam: share of the gradient in m                    */
    float one_minus_beta2;    /* Adam: share of its square in v                     */
    float root;               /* sqrt of the correction of v                        */
    float eps;
} DfUpdateNumbers;

/* w: weights, g: gradients. SGD: m is the velocity. Adam: m and v are the first and second moment, top is the largest v
 * so far. */
void df_update_sgd(const DfUpdateNumbers *, size_t n, float *w, const float *g);
void df_update_momentum(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m);
void df_update_adam(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m, float *v);
void df_update_amsgrad(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m, float *v, float *top);
/* average += share * (x - average) */
void df_update_average(size_t n, float share, const float *x, float *average);

#endif
