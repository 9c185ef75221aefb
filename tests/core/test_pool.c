/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/core/test_pool.c -- every task runs once, whatever the number of threads and however often workers have fallen
 * asleep before.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* A job whose user is asked twice. */
typedef struct {
    pthread_t caller;
    atomic_int asked, done;
} Asked;

static bool at_the_second_time(void *user)
{
    return atomic_fetch_add(&((Asked *)user)->asked, 1) == 1;
}

/* The caller, who is asked, takes its time; the others wait for the answer, so that they cannot finish the job before. */
static void await_the_answer(void *arg, size_t task, void *scratch)
{
    Asked *const job = arg;
    const struct timespec pause = { 0, 2000000 };
    (void)scratch;
    (void)task;
    do
        nanosleep(&pause, NULL);
    while (!pthread_equal(pthread_self(), job->caller) && atomic_load(&job->asked) < 2);
    atomic_fetch_add(&job->done, 1);
}

static bool at_once(void *user)
{
    (void)user;
    return true;
}

/* A thread that does not hear it waits for half a minute: nobody writes to the pipe. */
Test(pool, reading_and_sorting_stop_too)
{
    enum { N = 100 };
    uint32_t order[N];
    uint64_t key[N];
    DfFile file;
    char pipe_name[32];
    int ends[2];
    for (uint32_t i = 0; i < N; i++) {
        order[i] = i;
        key[i] = N - i;
    }
    cr_assert_eq(pipe(ends), 0);
    snprintf(pipe_name, sizeof pipe_name, "/dev/fd/%d", ends[0]);
    df_pool_ask(NULL, at_once, NULL);
    cr_expect_eq(df_file_open(&file, pipe_name, 100), DF_EINTERRUPT, "%s", df_error());
    cr_expect_eq(df_file_open(&file, DF_ROOT "/README.md", 1 << 20), DF_EINTERRUPT);
    cr_expect_null(file.data);
    cr_expect_eq(df_sort(order, N, key), DF_EINTERRUPT);
    cr_expect(order[0] == 0 && order[N - 1] == N - 1, "it changes nothing");
    df_pool_ask(NULL, NULL, NULL);
    cr_expect_eq(df_sort(order, N, key), DF_OK);
    cr_expect_eq(order[0], N - 1u);
    cr_assert_eq(df_file_open(&file, DF_ROOT "/README.md", 1 << 20), DF_OK);
    df_file_close(&file);
    close(ends[0]);
    close(ends[1]);
}

Test(pool, a_job_is_stopped_by_who_is_asked)
{
    enum { TASKS = 1000000 };
    for (int threads = 1; threads <= 3; threads++) {
        DfPool *pool = NULL;
        Asked job = { .caller = pthread_self() };
        cr_assert_eq(df_pool_new(&pool, threads), DF_OK);
        df_pool_ask(pool, at_the_second_time, &job);
        cr_expect_eq(df_parallel(pool, TASKS, 0, await_the_answer, &job), DF_EINTERRUPT);
        cr_expect_eq(atomic_load(&job.asked), 2);
        cr_expect(atomic_load(&job.done) > 0 && atomic_load(&job.done) < TASKS, "%d tasks", atomic_load(&job.done));
        cr_expect_eq(df_parallel(pool, TASKS, 0, await_the_answer, &job), DF_EINTERRUPT, "it stays so");
        df_pool_ask(pool, NULL, NULL);
        check_job(pool, 64, 8);
        df_pool_free(pool);
    }
}
