/* SPDX-License-Identifier: Apache-2.0
 *
 * train/update.h -- private: the loops of the optimizers over a run of one parameter's numbers.
 */
#ifndef DF_TRAIN_UPDATE_H
#define DF_TRAIN_UPDATE_H

#include <stdbool.h>
#include <stddef.h>

/* The numbers of a step, as float32 takes them. */
typedef struct {
    float scale, limit;       /* of a gradient                                      */
    float rate;               /* SGD: learning rate; Adam: over the correction of m */
    float decay;              /* added to a gradient, times the weight              */
    float keep;               /* AdamW: what is left of a weight                    */
    float momentum, fresh;    /* SGD: of the velocity, and of what comes to it      */
    bool nesterov;
    float beta1, beta2;       /* what is new in m and v: 1 - beta                   */
    float root;               /* sqrt of the correction of v                        */
    float eps;
} DfUpdateNumbers;

/* w weights, g gradients; m velocity, or m and v first and second moment, top the greatest v so far. */
void df_update_sgd(const DfUpdateNumbers *, size_t n, float *w, const float *g);
void df_update_momentum(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m);
void df_update_adam(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m, float *v);
void df_update_amsgrad(const DfUpdateNumbers *, size_t n, float *w, const float *g, float *m, float *v, float *top);
/* average += share * (x - average) */
void df_update_average(size_t n, float share, const float *x, float *average);

#endif
