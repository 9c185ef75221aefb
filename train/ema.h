/* SPDX-License-Identifier: Apache-2.0
 *
 * train/ema.h -- weights averaged over the steps of a run (Polyak and Juditsky, 1992), as the hooks of mmcv, mmdet and
 * mmengine compute them. Included by train/train.h.
 */
#ifndef DF_TRAIN_EMA_H
#define DF_TRAIN_EMA_H

#include "config/config.h"

DF_BEGIN_DECLS

typedef struct {
    enum {
        DF_EMA_NONE,
        DF_EMA_MOMENTUM,       /* mmengine's ExponentialMovingAverage                                    */
        DF_EMA_ANNEALING,      /* MomentumAnnealingEMA: at least gamma / (gamma + steps)                 */
        DF_EMA_EXPONENTIAL,    /* ExpMomentumEMA, of YOLOX: (1 - m) e^(-(1 + steps) / gamma) + m         */
        DF_EMA_MEAN,           /* StochasticWeightAverage (Izmailov et al., UAI 2018)                    */
        DF_EMA_MMCV            /* mmcv's EMAHook: at most (1 + iteration) / (warm_up + iteration)        */
    } kind;
    double momentum;           /* share of the current weight in the new average                         */
    double gamma;              /* or warm_up                                                             */
    int interval;              /* iterations between two updates                                         */
    bool offset;               /* mmdet's old hooks: update in the last iteration of an interval         */
    bool buffers;              /* average running statistics, too, instead of copying them               */
    int64_t begin_iter;        /* before this iteration the average is a copy                            */
    int64_t begin_epoch;       /* the same in epochs; 0: begin_iter applies                              */
} DfEmaRule;
DF_API extern const DfPlugin *const df_averages[]; /* ema_type of EMAHook, and its options; NULL-terminated */
/* Reads a list `custom_hooks` of either dialect; if no hook averages weights, out->kind is DF_EMA_NONE. Other hooks are
 * ignored. DF_OK, DF_EVALUE, DF_ENOMEM. */
DF_API int df_ema_rule(DfEmaRule *out, const DfNode *custom_hooks);

/* A run of numbers that are averaged. */
typedef struct {
    const float *source;
    size_t n;
    bool buffer;
} DfEmaPart;

typedef struct DfEma DfEma;
/* The parts' numbers must outlive it. The average starts as a copy of them. DF_OK or DF_ENOMEM. */
DF_API int df_ema_new(DfEma **out, const DfEmaRule *, const DfEmaPart *parts, int n);
DF_API void df_ema_free(DfEma *); /* NULL is fine */
/* Call this after the step of an iteration, counted from 0, in epoch `epoch`. */
DF_API void df_ema_update(DfEma *, DfPool *, int64_t iteration, int64_t epoch);
DF_API float *df_ema_part(DfEma *, int i); /* the average of part i */

/* For checkpoints: all averages, and the number of updates. */
typedef struct {
    float *block;
    size_t n;
    int64_t *steps;
} DfEmaState;
DF_API DfEmaState df_ema_state(DfEma *); /* borrowed; may be written to */

DF_END_DECLS

#endif
