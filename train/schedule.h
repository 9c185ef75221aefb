/* SPDX-License-Identifier: Apache-2.0
 *
 * train/schedule.h -- learning rate schedules: `lr_config` as mmcv's hooks define it, `param_scheduler` as mmengine's
 * schedulers do. Included by train/train.h.
 */
#ifndef DF_TRAIN_SCHEDULE_H
#define DF_TRAIN_SCHEDULE_H

#include "config/config.h"

DF_BEGIN_DECLS

/* How long a run is. */
typedef struct {
    int64_t epochs;       /* 0: the run is counted in iterations, and no epoch of it ends */
    int64_t epoch_length; /* iterations of an epoch, at least 1                           */
    int64_t iterations;   /* of the whole run, at least 1                                 */
} DfRunLength;

/* The learning rates of all groups of parameters, iteration by iteration. */
typedef struct DfSchedule DfSchedule;

/* The names and options of the policies of `lr_config` and of the types of `param_scheduler`; NULL-terminated. */
DF_API extern const DfPlugin *const df_lr_policies[];
DF_API extern const DfPlugin *const df_lr_schedulers[];

/* `rules` is the value of `lr_config` (a dict with `policy`) or of `param_scheduler` (a dict with `type`, or a list
 * of them); NULL or None: the rates stay as they are. `base` [n] are the rates of the groups as the config has them.
 * DF_OK; DF_EVALUE: the sentence names file, line and key; DF_ENOMEM. */
DF_API int df_schedule_new(DfSchedule **out, const DfNode *rules, const DfRunLength *, const double *base, int n);
DF_API void df_schedule_free(DfSchedule *); /* NULL is fine */

/* [n]: the rates of this iteration, 0 at first. */
DF_API const double *df_schedule_rates(const DfSchedule *);
/* An iteration has ended. */
DF_API void df_schedule_next(DfSchedule *);
/* As after so many calls of df_schedule_next() on a new schedule: to the same bits. */
DF_API void df_schedule_seek(DfSchedule *, int64_t iteration);

DF_END_DECLS

#endif
