/* SPDX-License-Identifier: Apache-2.0
 *
 * core/pool.c -- the thread pool. Workers sleep between jobs. A job is a number of tasks; every thread starts with its
 * own range of them.
 *
 * Division of work: tasks are divided into ranges, the first for the caller, the next for worker 1, and so on. A
 * thread takes tasks from the front of its range; when none is left, it takes those of other threads from the back.
 * The ops of a network divide their maps in the same order, so a thread mostly reads what it wrote before, which is
 * still in its own cache.
 *
 * Starting a job: df_parallel() describes it (run, arg, runs) while no worker is active. Then it opens the job,
 * increments the number `job` and wakes sleeping workers. A worker that sees a new number joins if the job is still
 * open (state + 1). When no task is left, the caller closes the job, so that a worker that wakes up late cannot join,
 * and waits until no worker is active. Then every task is done, and the fields may describe the next job.
 *
 * Workers poll `job` for a moment before they sleep, and the caller polls `state` before it waits: where jobs follow
 * one another closely, as the ops of a network do, sleeping and waking up would take longer than a small job.
 */
#define _GNU_SOURCE
#include "core/pool.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/clamp.h"
#include "core/environment.h"
#include "core/error.h"
#include "core/memory.h"
#include "core/patience.h"

enum {
    MAX_THREADS = 256,
    MOST_ASKED = 1024,  /* of the environment; as many as --threads takes */
    SPINS = 4000        /* looks before a thread goes to sleep */
};

/* Tasks begin .. end - 1, both in one number, so that both ends can be taken from at once: end in the upper half. */
typedef struct {
    _Alignas(64) _Atomic uint64_t left;
} Run;

typedef struct {
    DfPool *pool;
    pthread_t thread;
    int number;
    void *scratch;
    size_t scratch_size;
} Worker;

/* What `state` says beside the number of workers that joined and are not done. */
enum {
    OPEN = 1 << 30,    /* the job may still be joined           */
    WAITING = 1 << 29, /* the caller sleeps until nobody is active */
    ACTIVE = WAITING - 1
};

struct DfPool {
    int threads;
    Worker *workers;            /* worker 0 is whoever calls df_parallel()    */
    Run *runs;                  /* of each thread: tasks that nobody has taken */
    pthread_mutex_t turn;       /* held for a whole job: one at a time        */
    pthread_mutex_t lock;       /* guards sleep                               */
    pthread_cond_t wake, done;
    DfTask *run;                /* the job; changes while nobody is active    */
    void *arg;
    bool in_order;              /* all tasks are one run, taken from the front */
    const DfAsker *asker;       /* the caller's: the job may be stopped       */
    _Alignas(64) atomic_uint job; /* number of the present job                */
    atomic_int state;
    atomic_int sleeping;        /* workers                                    */
    atomic_bool quit;
};

static _Thread_local bool inside; /* this thread is running a task */

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

/* Takes the first or the last task of a run; false: none is left. */
static bool take(Run *run, bool first, size_t *task)
{
    uint64_t left = atomic_load(&run->left);
    for (;;) {
        const uint64_t begin = left & UINT32_MAX;
        const uint64_t end = left >> 32;
        if (begin >= end)
            return false;
        const uint64_t rest = first ? end << 32 | (begin + 1) : (end - 1) << 32 | begin;
        if (atomic_compare_exchange_weak(&run->left, &left, rest)) {
            *task = (size_t)(first ? begin : end - 1);
            return true;
        }
    }
}

/* What nobody has taken yet. */
static void drop(DfPool *pool)
{
    for (int i = 0; i < pool->threads; i++)
        atomic_store(&pool->runs[i].left, 0);
}

static void take_tasks(DfPool *pool, const Worker *worker)
{
    const int runs = pool->in_order ? 1 : pool->threads;
    size_t task;
    inside = true;
    for (int i = 0; i < runs; i++)
        while (take(&pool->runs[(worker->number + i) % runs], i == 0, &task)) {
            pool->run(pool->arg, task, worker->scratch);
            if (worker->number == 0 && df_check_patience() < 0)
                drop(pool);
        }
    inside = false;
}

static void deal(DfPool *pool, size_t tasks)
{
    const size_t threads = pool->in_order ? 1 : (size_t)pool->threads;
    for (size_t i = 0; i < threads; i++) {
        const uint64_t begin = (uint64_t)(tasks * i / threads);
        const uint64_t end = (uint64_t)(tasks * (i + 1) / threads);
        atomic_store(&pool->runs[i].left, end << 32 | begin);
    }
}

/* ---- workers ---------------------------------------------------------------------------------------------------- */

static void await_job(DfPool *pool, unsigned seen)
{
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->job, memory_order_acquire) == seen; i++)
        pause_briefly();
    if (atomic_load(&pool->job) != seen)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleeping, 1);
    while (atomic_load(&pool->job) == seen && !atomic_load(&pool->quit))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleeping, 1);
    pthread_mutex_unlock(&pool->lock);
}

static bool join(DfPool *pool)
{
    int state = atomic_load(&pool->state);
    while (state & OPEN)
        if (atomic_compare_exchange_weak(&pool->state, &state, state + 1))
            return true;
    return false; /* woke up too late: the others have done it all */
}

static void leave(DfPool *pool)
{
    const int before = atomic_fetch_sub(&pool->state, 1);
    if (!(before & WAITING))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *arg)
{
    Worker *worker = arg;
    DfPool *pool = worker->pool;
    unsigned seen = 0;
    for (;;) {
        await_job(pool, seen);
        if (atomic_load(&pool->quit))
            return NULL;
        seen = atomic_load(&pool->job);
        if (join(pool)) {
            df_hear(pool->asker);
            take_tasks(pool, worker);
            leave(pool);
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
    pool->runs = df_calloc((size_t)threads, sizeof *pool->runs);
    if (!pool->workers || !pool->runs) {
        df_free(pool->workers);
        df_free(pool->runs);
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
        worker->number = i;
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
    atomic_store(&pool->quit, true);
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
    df_free(pool->runs);
    df_free(pool);
}

int df_pool_threads(const DfPool *pool)
{
    return pool ? pool->threads : 1;
}

static int run_alone(size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    void *block = scratch ? df_malloc_filled(scratch) : NULL;
    if (scratch && !block)
        return df_fail_memory("the scratch of a kernel");
    int error = DF_OK;
    for (size_t i = 0; error == DF_OK && i < tasks; i++) {
        run(arg, i, block);
        error = df_check_patience();
    }
    df_free(block);
    return error;
}

static int grow_scratch(DfPool *pool, size_t size)
{
    for (int i = 0; i < pool->threads; i++) {
        Worker *worker = &pool->workers[i];
        if (worker->scratch_size >= size)
            continue;
        df_free(worker->scratch);
        worker->scratch_size = 0;
        worker->scratch = df_malloc_filled(size);
        if (!worker->scratch)
            return df_fail_memory("the scratch of a kernel");
        worker->scratch_size = size;
    }
    return DF_OK;
}

static void open_job(DfPool *pool)
{
    atomic_store(&pool->state, OPEN);
    atomic_fetch_add(&pool->job, 1);
    if (!atomic_load(&pool->sleeping))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* Waits for the workers that joined; the others come too late now. */
static void close_job(DfPool *pool)
{
    atomic_fetch_and(&pool->state, ~OPEN);
    for (int i = 0; i < SPINS && atomic_load_explicit(&pool->state, memory_order_acquire); i++)
        pause_briefly();
    if (!atomic_load(&pool->state))
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_or(&pool->state, WAITING);
    while (atomic_load(&pool->state) & ACTIVE)
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->state, 0);
    pthread_mutex_unlock(&pool->lock);
}

static void run_job(DfPool *pool, size_t tasks)
{
    const bool shared = pool->threads > 1 && tasks > 1;
    deal(pool, tasks);
    if (shared)
        open_job(pool);
    take_tasks(pool, &pool->workers[0]);
    if (shared)
        close_job(pool);
}

static int parallel(DfPool *pool, bool in_order, size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    if (tasks == 0)
        return DF_OK;
    if (!pool || inside)
        return run_alone(tasks, scratch, run, arg);
    assert(tasks <= UINT32_MAX);
    pthread_mutex_lock(&pool->turn);
    int error = df_check_patience();
    if (error == DF_OK)
        error = grow_scratch(pool, scratch);
    if (error == DF_OK) {
        pool->run = run;
        pool->arg = arg;
        pool->in_order = in_order;
        pool->asker = df_asker();
        run_job(pool, tasks);
        error = df_check_patience();
    }
    pthread_mutex_unlock(&pool->turn);
    return error;
}

void df_pool_ask(DfPool *pool, bool (*stop)(void *user), void *user)
{
    (void)pool; /* all that the thread waits for asks */
    df_ask(stop, user);
}

int df_parallel(DfPool *pool, size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    return parallel(pool, false, tasks, scratch, run, arg);
}

int df_parallel_in_order(DfPool *pool, size_t tasks, size_t scratch, DfTask *run, void *arg)
{
    return parallel(pool, true, tasks, scratch, run, arg);
}
