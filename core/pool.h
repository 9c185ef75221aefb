/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pool.h -- the thread pool.
 *
 * Work is divided into tasks. Their number and shape depend only on the data, never on the number of threads, and no
 * two tasks write to the same place: so a result has the same bits for 1, 2 or 64 threads. Any thread may run any task.
 * Each thread starts with its own range of tasks, the same in every job, and then helps the others, which compensates
 * for slower cores. So jobs that divide their work in the same order find their data in nearby caches.
 */
#ifndef DF_CORE_POOL_H
#define DF_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"

DF_BEGIN_DECLS

typedef struct DfPool DfPool;

/* `threads` >= 1 includes the caller; 0 means DEFORMER_THREADS, else OMP_NUM_THREADS, else the CPUs this process may
 * use. At most 256 are made. DF_EVALUE: such a variable is set, but not a whole number from 1 to 1024. */
DF_API int df_threads_wanted(int *out, int threads);
DF_API int df_pool_new(DfPool **out, int threads);
DF_API void df_pool_free(DfPool *);
DF_API int df_pool_threads(const DfPool *); /* 1 for NULL: a NULL pool is the calling thread alone */

/* A task gets its number `task` of 0..tasks-1, and `scratch` bytes private to the thread, 64-byte aligned and
 * uninitialised. */
typedef void DfTask(void *arg, size_t task, void *scratch);

/* Runs tasks 0..tasks-1, fewer than 2^32, and waits for all of them. Fails with DF_ENOMEM if there is no memory for the
 * scratch (no task has run then), or with DF_EINTERRUPT if it is stopped (df_pool_ask()). Called from inside a task, it
 * runs the inner tasks on the calling thread, one after the other. Calls from several threads take turns. A NULL pool
 * runs everything on the calling thread. */
DF_API int df_parallel(DfPool *, size_t tasks, size_t scratch, DfTask *run, void *arg);
/* The same, but a task begins only after all earlier tasks have begun: for tasks that wait for earlier ones. */
DF_API int df_parallel_in_order(DfPool *, size_t tasks, size_t scratch, DfTask *run, void *arg);

/* Makes work of the calling thread interruptible. From now on the library calls `stop` at most every 20 ms, between
 * tasks of the thread's jobs and within other long work. When stop() returns true, no more tasks of the job begin, and
 * the work ends with DF_EINTERRUPT. stop() is also called inside tasks, because jobs that a task starts run on its
 * thread. NULL turns this off. The pool argument is ignored: this applies to the thread, whatever pool it uses. */
DF_API void df_pool_ask(DfPool *, bool (*stop)(void *user), void *user);
/* For long loops that are not cut into tasks: DF_EINTERRUPT if the work should stop. In a task of a pool it returns the
 * answer of the thread that waits for the job. As cheap as reading the clock. */
DF_API int df_check_patience(void);

DF_END_DECLS

#endif
