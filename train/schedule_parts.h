/* SPDX-License-Identifier: Apache-2.0
 *
 * train/schedule_parts.h -- private: the parts of a schedule. schedule.c owns it; lr_hooks.c implements mmcv's
 * dialect, lr_schedulers.c mmengine's.
 */
#ifndef DF_TRAIN_SCHEDULE_PARTS_H
#define DF_TRAIN_SCHEDULE_PARTS_H

#include "train/schedule.h"

typedef struct LrHook LrHook;           /* lr_hooks.c: a rate is a function of the iteration alone     */
typedef struct LrScheduler LrScheduler; /* lr_schedulers.c: a rate follows from the rate before        */

struct DfSchedule {
    DfArena *arena;
    DfRunLength run;
    int64_t iteration;
    int n;                /* groups                                          */
    double *base, *rates; /* of each                                         */
    LrHook *hook;         /* or NULL                                         */
    LrScheduler *schedulers;
    int n_schedulers;
};

int df_lr_hook_new(DfSchedule *, const DfNode *dict);
void df_lr_hook_set(DfSchedule *);

int df_lr_schedulers_new(DfSchedule *, const DfNode *rules);
void df_lr_schedulers_begin(DfSchedule *);                  /* iteration 0                     */
void df_lr_schedulers_step(DfSchedule *, bool epoch_ended); /* behind an iteration             */

/* Half a cosine from `from` to `to` while x goes from 0 to 1; and a straight line. */
double df_anneal_cos(double from, double to, double x);
double df_anneal_linear(double from, double to, double x);

#endif
