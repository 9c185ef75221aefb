/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pool.c -- workers that sleep between jobs; a job is a counter that everybody takes tasks from.
 *
 * How a job is handed over: df_parallel() describes it (run, arg, tasks) while nobody is active. Then, under the
 * lock, it opens the job, raises the number `job` and wakes the workers. A worker that sees a new number joins if the
 * job is still open (active + 1). Caller and workers take task numbers from the counter `next` until none is left.
 * The caller then closes the job, so that a worker that wakes up too late cannot join, and waits until nobody is
 * active: every task is done, and the fields may describe the next job.
 *
 * Workers look at `job` for a moment before they sleep, and the caller at `active` before it waits: where jobs follow
 * one another closely, as the ops of a network do, falling asleep and being woken would cost more than a small job.
 */
#define _GNU_SOURCE
#include "core/pool.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/clamp.h"
#include "core/environment.h"
#include "core/error.h"
#include "core/memory.h"

enum {
    MAX_THREADS = 256,
    MOST_ASKED = 1024,  /* of the environment; as many as --threads takes */
    SPINS = 4000 /* looks before a thread goes to sleep */
};

typedef struct {
    DfPool *pool;
    pthread_t thread;
    void *scratch;
    size_t scratch_size;
} Worker;

struct DfPool {
    int threads;
    Worker *workers;            /* worker 0 is whoever calls df_parallel()    */
    pthread_mutex_t turn;       /* held for a whole job: one at a time        */
    pthread_mutex_t lock;       /* guards `open` and `quit`                   */
    pthread_cond_t wake, done;
    atomic_uint job;            /* number of the present job                  */
    bool open;                  /* it may still be joined                     */
    atomic_int active;          /* workers that joined and are not done       */
    bool quit;
    DfTask *run;                /* the job; changes while nobody is active    */
    void *arg;
    size_t tasks;
    atomic_size_t next;         /* the next task that nobody has taken        */
};

static _Thread_local bool inside; /* this thread is running a task */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

static void take_tasks(DfPool *pool, void *scratch)
{
    inside = true;
    for (size_t i; (i = atomic_fetch_add(&pool->next, 1)) < pool->tasks;)
        pool->run(pool->arg, i, scratch);
    inside = false;
}

static void *work(void *arg)
{
    Worker *worker = arg;
    DfPool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        for (int i = 0; i < SPINS && atomic_load_explicit(&pool->job, memory_order_acquire) == seen; i++)
            pause_briefly();
        pthread_mutex_lock(&pool->lock);
        while (atomic_load(&pool->job) == seen && !pool->quit)
            pthread_cond_wait(&pool->wake, &pool->lock);
        const bool quit = pool->quit;
        const bool join = pool->open;
        seen = atomic_load(&pool->job);
        if (join)
            atomic_fetch_add(&pool->active, 1);
        pthread_mutex_unlock(&pool->lock);
        if (quit)
            return NULL;
        if (!join)
            continue; /* woke up too late: the others have done it all */
        take_tasks(pool, worker->scratch);
        if (atomic_fetch_sub(&pool->active, 1) == 1) {
            pthread_mutex_lock(&pool->lock);
            pthread_cond_signal(&pool->done);
            pthread_mutex_unlock(&pool->lock);
        }
    }
}

int df_threads_wanted(int *out, int threads)
{
    int error = DF_OK;
    if (threads < 1)
        error = df_environment_count(&threads, "DEFORMER_THREADS", MOST_ASKED);
    if (error == DF_OK && threads < 1)
        error = df_environment_first_count(&threads, "OMP_NUM_THREADS", MOST_ASKED);
    if (error == DF_OK && threads < 1) {
        cpu_set_t mine;
        CPU_ZERO(&mine);
        threads = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    }
    *out = df_clamp_int(threads, 1, MAX_THREADS);
    return error;
}

int df_pool_new(DfPool **out, int threads)
{
    *out = NULL;
    const int error = df_threads_wanted(&threads, threads);
    if (error < 0)
        return error;
    DfPool *pool = df_calloc(1, sizeof *pool);
    if (!pool)
        return df_fail_memory("the thread pool");
    pool->workers = df_calloc((size_t)threads, sizeof *pool->workers);
    if (!pool->workers) {
        df_free(pool);
        return df_fail_memory("the thread pool");
    }
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->threads = 1;
    for (int i = 1; i < threads; i++) {
        Worker *worker = &pool->workers[i];
        worker->pool = pool;
        if (pthread_create(&worker->thread, NULL, work, worker) != 0)
            break; /* fewer threads than asked for: slower, not wrong */
        pool->threads++;
    }
    *out = pool;
    return DF_OK;
}

void df_pool_free(DfPool *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    pool->quit = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 1; i < pool->threads; i++)
        pthread_join(pool->workers[i].thread, NULL);
    for (int i = 0; i < pool->threads; i++)
        df_free(pool->workers[i].scratch);
    pthread_mutex_destroy(&pool->turn);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    df_free(pool->workers);
    df_free(pool);
}

int df_pool_threads(const DfPool *pool)
{
    return pool ? pool->threads : 1;
}

static int run_alone(size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    void *block = scratch ? df_malloc(scratch) : NULL;
    if (scratch && !block)
        return df_fail_memory("the scratch of a kernel");
    for (size_t i = 0; i < tasks; i++)
        run(arg, i, block);
    df_free(block);
    return DF_OK;
}

static int grow_scratch(DfPool *pool, size_t size)
{
    for (int i = 0; i < pool->threads; i++) {
        Worker *worker = &pool->workers[i];
        if (worker->scratch_size >= size)
            continue;
        df_free(worker->scratch);
        worker->scratch_size = 0;
        worker->scratch = df_malloc(size);
        if (!worker->scratch)
            return df_fail_memory("the scratch of a kernel");
        worker->scratch_size = size;
    }
    return DF_OK;
}

static void open_job(DfPool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->open = true;
    atomic_fetch_add(&pool->job, 1);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Waits for the workers that joined; the others come too late now. */
static void close_job(DfPool *pool)
{
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->active, memory_order_acquire); i++)
        pause_briefly();
    pthread_mutex_lock(&pool->lock);
    pool->open = false;
    while (atomic_load(&pool->active))
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

int df_parallel(DfPool *pool, size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    if (tasks == 0)
        return DF_OK;
    if (!pool || inside)
        return run_alone(tasks, scratch, run, arg);
    pthread_mutex_lock(&pool->turn);
    int error = grow_scratch(pool, scratch);
    if (error == DF_OK) {
        pool->run = run;
        pool->arg = arg;
        pool->tasks = tasks;
        atomic_store(&pool->next, 0);
        const bool shared = pool->threads > 1 && tasks > 1;
        if (shared)
            open_job(pool);
        take_tasks(pool, pool->workers[0].scratch);
        if (shared)
            close_job(pool);
    }
    pthread_mutex_unlock(&pool->turn);
    return error;
}
