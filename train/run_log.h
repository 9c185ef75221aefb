/* SPDX-License-Identifier: Apache-2.0
 *
 * train/run_log.h -- the log of a run: a file with one JSON object a line, like mmcv's *.log.json; all numbers are
 * kept in memory, too, for the curves. Included by train/train.h.
 */
#ifndef DF_TRAIN_RUN_LOG_H
#define DF_TRAIN_RUN_LOG_H

#include "core/core.h"

DF_BEGIN_DECLS

typedef struct DfRunLog DfRunLog;

/* Opens PATH to write on. Of what it holds, the lines up to iteration `step` stay and are read; the rest, and a last
 * line that is not whole, goes: a run that continues from that step would write it again. */
DF_API int df_run_log_open(DfRunLog **out, const char *path, int64_t step);
DF_API void df_run_log_close(DfRunLog *); /* NULL is fine */

typedef struct {
    const char *name;
    double value;          /* not finite: null */
} DfLogValue;

typedef struct {
    const char *mode;      /* "train" or "val"                                       */
    int64_t epoch, iter;   /* the one under way, from 1; and the iteration within it */
    int64_t step;          /* iterations in all                                      */
    int n;
    const DfLogValue *values;
} DfLogEntry;

/* A line. It survives the end of the process at once, and a cut of power from the next df_run_log_sync() on. */
DF_API int df_run_log_add(DfRunLog *, const DfLogEntry *);
DF_API int df_run_log_sync(DfRunLog *);

/* All values of one name, in the order of the file. */
typedef struct {
    char name[64];
    bool val;              /* of mode "val"                */
    size_t n, capacity;
    double *step, *value;  /* [n]; a value may be NAN      */
} DfLogSeries;
DF_API int df_run_log_series(const DfRunLog *, const DfLogSeries **out); /* how many */

DF_END_DECLS

#endif
