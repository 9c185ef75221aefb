/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_pool.c -- every task runs once, whatever the number of threads and however often workers have fallen
 * asleep before.
 */
#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "core/core.h"

enum { MOST = 3000 };

static atomic_int ran[MOST];
static atomic_size_t begun;

static void count(void *arg, size_t task, void *scratch)
{
    memset(scratch, (int)task, *(const size_t *)arg);
    atomic_fetch_add(&ran[task], 1);
}

static void check_job(DfPool *pool, size_t tasks, size_t scratch)
{
    memset(ran, 0, sizeof ran);
    cr_assert_eq(df_parallel(pool, tasks, scratch, count, &scratch), DF_OK);
    for (size_t i = 0; i < MOST; i++)
        cr_assert_eq(atomic_load(&ran[i]), i < tasks, "task %zu of %zu ran %d times", i, tasks, atomic_load(&ran[i]));
}

Test(pool, every_task_runs_once)
{
    static const size_t sizes[] = { 0, 1, 2, 3, 7, 64, 1000, MOST };
    for (int threads = 1; threads <= 7; threads += 2) {
        DfPool *pool = NULL;
        cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
        for (size_t i = 0; i < 400; i++)
            check_job(pool, sizes[i % 8], 1 + i * 331 % 5000);
        df_pool_free(pool);
    }
}

/* Pauses in which workers fall asleep, at whatever moment. */
Test(pool, after_a_sleep)
{
    DfPool *pool = NULL;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    for (long i = 0; i < 300; i++) {
        const struct timespec pause = { 0, i * 1000 };
        nanosleep(&pause, NULL);
        check_job(pool, 5, 64);
    }
    df_pool_free(pool);
}

static void note_order(void *arg, size_t task, void *scratch)
{
    (void)arg;
    (void)scratch;
    atomic_fetch_add(&begun, 1);
    while (atomic_load(&begun) < task) /* hangs if those before it are never begun */
        sched_yield();
}

Test(pool, in_order)
{
    DfPool *pool = NULL;
    cr_assert_eq(df_pool_new(&pool, 4), DF_OK);
    for (int i = 0; i < 50; i++) {
        atomic_store(&begun, 0);
        cr_assert_eq(df_parallel_in_order(pool, 200, 0, note_order, NULL), DF_OK);
        cr_assert_eq(atomic_load(&begun), 200);
    }
    df_pool_free(pool);
}

static void nested(void *arg, size_t task, void *scratch)
{
    DfPool *pool = arg;
    size_t bytes = 16;
    (void)task;
    (void)scratch;
    cr_assert_eq(df_parallel(pool, 10, bytes, count, &bytes), DF_OK);
}

Test(pool, inside_a_task)
{
    DfPool *pool = NULL;
    cr_assert_eq(df_pool_new(&pool, 3), DF_OK);
    memset(ran, 0, sizeof ran);
    cr_assert_eq(df_parallel(pool, 20, 0, nested, pool), DF_OK);
    for (size_t i = 0; i < 10; i++)
        cr_assert_eq(atomic_load(&ran[i]), 20);
    df_pool_free(pool);
}

static void pause_a_little(void *arg, size_t task, void *scratch)
{
    const struct timespec pause = { 0, 2000000 };
    (void)scratch;
    (void)task;
    nanosleep(&pause, NULL);
    atomic_fetch_add((atomic_int *)arg, 1);
}

static bool at_the_second_time(void *user)
{
    return ++*(int *)user == 2;
}

/* Some 40 ms in; a job takes 2 ms a task. */
Test(pool, a_job_is_stopped_by_who_is_asked)
{
    enum { TASKS = 2000 };
    for (int threads = 1; threads <= 3; threads++) {
        DfPool *pool = NULL;
        atomic_int done = 0;
        int times = 0;
        cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
        df_pool_ask(pool, at_the_second_time, &times);
        cr_expect_eq(df_parallel(pool, TASKS, 0, pause_a_little, &done), DF_EINTERRUPT);
        cr_expect_eq(times, 2);
        cr_expect(atomic_load(&done) > 0 && atomic_load(&done) < TASKS, "%d tasks", atomic_load(&done));
        check_job(pool, 64, 8);
        df_pool_ask(pool, NULL, NULL);
        check_job(pool, 64, 8);
        df_pool_free(pool);
    }
}
