/* SPDX-License-Identifier: Apache-2.0
 *
 * train/ema.h -- weights averaged over the steps of a run (Polyak and Juditsky, 1992), as the hooks of mmcv, mmdet and
 * mmengine do it. Included by train/train.h.
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
    double momentum;           /* weight of the new                                                      */
    double gamma;              /* or warm_up                                                             */
    int interval;              /* every so many iterations                                               */
    bool offset;               /* mmdet's old hooks: the last of an interval, not the first              */
    bool buffers;              /* running statistics are averaged too, not copied                        */
    int64_t begin_iter;        /* before it the average is a copy                                        */
    int64_t begin_epoch;       /* the same in epochs; 0: by iterations                                   */
} DfEmaRule;
DF_API extern const DfPlugin *const df_averages[]; /* ema_type of EMAHook, and its options; NULL-terminated */
/* Reads a list `custom_hooks` of either dialect; without a hook that averages, out->kind is DF_EMA_NONE. Hooks of other
 * kinds are not looked at. DF_OK, DF_EVALUE, DF_ENOMEM. */
DF_API int df_ema_rule(DfEmaRule *out, const DfNode *custom_hooks);

/* Numbers that are averaged. */
typedef struct {
    const float *source;
    size_t n;
    bool buffer;
} DfEmaPart;

typedef struct DfEma DfEma;
/* The sources must outlive it. The average begins as a copy. DF_OK or DF_ENOMEM. */
DF_API int df_ema_new(DfEma **out, const DfEmaRule *, const DfEmaPart *parts, int n);
DF_API void df_ema_free(DfEma *); /* NULL is fine */
/* Behind the step of an iteration, the first of which is 0; `epoch` is the one that it belongs to. */
DF_API void df_ema_update(DfEma *, DfPool *, int64_t iteration, int64_t epoch);
DF_API float *df_ema_part(DfEma *, int i); /* the average of part i */

/* For a file: all averages, and how many times they were updated. */
typedef struct {
    float *block;
    size_t n;
    int64_t *steps;
} DfEmaState;
DF_API DfEmaState df_ema_state(DfEma *); /* borrowed; may be written to */

DF_END_DECLS

#endif
