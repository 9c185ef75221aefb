/* SPDX-License-Identifier: Apache-2.0
 *
 * train/optimizer.h -- SGD, Adam and AdamW on one block of weights and one of gradients, as torch.optim computes them;
 * gradient clipping, and accumulating gradients over several batches. Included by train/train.h.
 */
#ifndef DF_TRAIN_OPTIMIZER_H
#define DF_TRAIN_OPTIMIZER_H

#include "config/config.h"

DF_BEGIN_DECLS

/* ---- the rule ---------------------------------------------------------------------------------------------------- */

typedef struct {
    enum { DF_SGD, DF_ADAM, DF_ADAMW } kind;
    double lr, weight_decay;              /* of parameters that do not have their own               */
    double momentum, dampening;           /* SGD                                                    */
    bool nesterov;
    double beta1, beta2, eps;             /* Adam and AdamW (Loshchilov and Hutter, ICLR 2019)      */
    bool amsgrad;                         /* divide by the largest second moment so far             */
} DfOptimizerRule;
DF_API extern const DfPlugin *const df_optimizers[]; /* their names and options; NULL-terminated */
/* Reads a dict `optimizer`, with torch's names and defaults; its `paramwise_cfg` and `constructor` are ignored here.
 * DF_EVALUE: unknown type, unknown key, or a value out of range; DF_ENOMEM. */
DF_API int df_optimizer_rule(DfOptimizerRule *out, const DfNode *dict);

/* ---- the optimizer ----------------------------------------------------------------------------------------------- */

/* One parameter: [offset, offset + n) of both blocks. */
typedef struct {
    size_t offset, n;
    int group;                            /* of the rates and decays of a step                      */
} DfSlot;

typedef struct DfOptimizer DfOptimizer;
/* `block` floats in weights and gradients, gaps between the slots included. Copies the slots. DF_OK or DF_ENOMEM. */
DF_API int df_optimizer_new(DfOptimizer **out, const DfOptimizerRule *, const DfSlot *slots, int n, size_t block);
DF_API void df_optimizer_free(DfOptimizer *); /* NULL is fine */

/* A step: each gradient is multiplied by `scale`, then clamped to -limit..limit. */
typedef struct {
    const double *rates, *decays;         /* of each group                                          */
    const bool *absent;                   /* [slots]: no gradient, so it is not changed; or NULL    */
    double scale;                         /* 1: not scaled                                          */
    double limit;                         /* INFINITY: no clamping                                  */
} DfUpdate;
DF_API void df_optimizer_step(DfOptimizer *, DfPool *, float *weights, const float *gradients, const DfUpdate *);

/* The state of an optimizer, for checkpoints: blocks as large as the weights, and the number of steps of each slot. */
enum { DF_MOMENTS = 3 };
typedef struct {
    int n;
    const char *name[DF_MOMENTS];         /* "momentum"; "exp_avg", "exp_avg_sq", "max_exp_avg_sq"  */
    float *block[DF_MOMENTS];
    int64_t *steps;                       /* [slots]                                                */
} DfOptimizerState;
DF_API DfOptimizerState df_optimizer_state(DfOptimizer *); /* borrowed; may be written to */

/* ---- gradients --------------------------------------------------------------------------------------------------- */

/* The p-norm of n numbers, summed in float64 in a fixed order; p >= 1; INFINITY: the largest size. NaN if one is. */
DF_API double df_gradient_norm(DfPool *, const float *gradients, size_t n, double p);

/* Gradient clipping: optimizer_config.grad_clip of older configs, optim_wrapper.clip_grad of newer ones. */
typedef struct {
    enum { DF_CLIP_NONE, DF_CLIP_NORM, DF_CLIP_VALUE } kind;
    double most;                          /* max_norm or clip_value                                 */
    double p;                             /* norm_type                                              */
} DfClip;
/* NULL and None: no clipping. DF_OK or DF_EVALUE. */
DF_API int df_clip(DfClip *out, const DfNode *dict);
/* The scale for gradients with this norm: min(1, max_norm / (norm + 1e-6)); 1 without clipping by norm. */
DF_API double df_clip_scale(const DfClip *, double norm);
DF_API double df_clip_limit(const DfClip *);

/* For steps of `count` batches: returns the number of batches of this iteration's step, which divides its losses;
 * the last step of a run may have fewer. *update: the step is made after this iteration. */
DF_API int df_accumulation(int64_t iteration, int64_t iterations, int count, bool *update);

DF_END_DECLS

#endif
