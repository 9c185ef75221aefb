/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pool.h -- the one thread pool.
 *
 * Work is cut into tasks whose number and shape depend on the data alone, never on the number of threads, and each
 * task writes where no other task writes: so a result has the same bits for 1, 2 or 64 threads. Which thread runs
 * which task is not promised. Each begins with a run of neighbouring tasks of its own, the same run in every job, and
 * then helps the others, which evens out noisy cores: work that is cut in the same order finds its data near.
 */
#ifndef DF_CORE_POOL_H
#define DF_CORE_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/api.h"

DF_BEGIN_DECLS

typedef struct DfPool DfPool;

/* `threads` >= 1 counts the caller; 0 asks DEFORMER_THREADS, then OMP_NUM_THREADS, then the CPUs this process may
 * use. At most 256 are made. A variable that is set and no whole number from 1 to 1024 is DF_EVALUE. */
DF_API int df_threads_wanted(int *out, int threads);
DF_API int df_pool_new(DfPool **out, int threads);
DF_API void df_pool_free(DfPool *);
DF_API int df_pool_threads(const DfPool *); /* 1 for NULL: a NULL pool is the calling thread alone */

/* What a task is given: `task` of 0..tasks-1, and `scratch` bytes private to the thread, 64-byte aligned, content
 * undefined. */
typedef void DfTask(void *arg, size_t task, void *scratch);

/* Runs tasks 0..tasks-1, fewer than 2^32, and waits for them all. It fails with DF_ENOMEM for the
 * scratch, before anything ran, or if it is stopped (df_pool_ask()). Called from inside a task it runs
 * the inner tasks on the calling thread, one after the other. Calls from several threads take turns. A
 * NULL pool runs everything on the calling thread. */
DF_API int df_parallel(DfPool *, size_t tasks, size_t scratch, DfTask *run, void *arg);
/* The same, and a task begins after all before it have begun: for tasks that wait for earlier ones. */
DF_API int df_parallel_in_order(DfPool *, size_t tasks, size_t scratch, DfTask *run, void *arg);

/* For programs whose user may lose patience. From now on what the calling thread does in this library asks `stop` every
 * 20 ms at most, between tasks of its jobs and within other long work. When that says yes, no more tasks of the job
 * begin, and the work ends with DF_EINTERRUPT. `stop` is asked inside of a task, too: jobs that it starts run on its
 * thread. NULL: nobody is asked. The pool is not used: whatever pool the thread has work in, it asks. */
DF_API void df_pool_ask(DfPool *, bool (*stop)(void *user), void *user);
/* For loops of long work that are not cut into tasks: DF_EINTERRUPT if it is to stop. In a task of a pool, what the
 * thread that waits for the job was told. As cheap as a look at the clock. */
DF_API int df_check_patience(void);

DF_END_DECLS

#endif
