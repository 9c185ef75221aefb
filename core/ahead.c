/* SPDX-License-Identifier: Apache-2.0
 *
 * core/ahead.c -- prepares items ahead in other threads: a ring of `ahead` slots between the workers and the thread
 * that takes them.
 *
 * Item i uses slot i % ahead. A worker takes the next index as soon as its slot is empty, prepares the item without
 * holding the lock, and marks the slot full. df_ahead_next() waits until the slot of the next item is full, in
 * whatever order the others are finished, so items come out in order. One mutex protects all counters and flags.
 */
#include "core/ahead.h"

#include <pthread.h>
#include <string.h>

#include "core/error.h"
#include "core/memory.h"

struct DfAhead {
    DfAheadOf of;
    char *slots;             /* [ahead][size]                                      */
    bool *full;              /* [ahead]                                            */
    pthread_t *threads;
    int running;             /* threads that were started                          */
    int64_t drawn, taken;    /* things begun; things handed out; both from first on */
    size_t held, largest;    /* bytes of things that are full; of the largest so far */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t emptied;  /* a slot was, or it is time to stop                  */
    pthread_cond_t filled;
};

static void *slot_of(const DfAhead *a, int64_t i)
{
    return a->slots + (size_t)(i % a->of.ahead) * a->of.size;
}

/* What is being prepared is taken to become as large as the largest so far. */
static bool has_memory(const DfAhead *a)
{
    int64_t unfinished = 1;
    for (int64_t i = a->taken; i < a->drawn; i++)
        unfinished += !a->full[i % a->of.ahead];
    return a->of.memory == 0 || a->held + (size_t)unfinished * a->largest <= a->of.memory;
}

static bool must_wait(const DfAhead *a)
{
    if (a->drawn == a->taken)
        return false;
    return a->drawn >= a->taken + a->of.ahead || !has_memory(a);
}

static void draw(DfAhead *a, int64_t i, void *thing)
{
    memset(thing, 0, a->of.size);
    if (a->of.draw)
        a->of.draw(a->of.user, i, thing);
}

static void *work(void *arg)
{
    DfAhead *a = arg;
    pthread_mutex_lock(&a->lock);
    for (;;) {
        while (!a->stop && a->drawn < a->of.end && must_wait(a))
            pthread_cond_wait(&a->emptied, &a->lock);
        if (a->stop || a->drawn >= a->of.end)
            break;
        const int64_t i = a->drawn++;
        void *thing = slot_of(a, i);
        draw(a, i, thing);
        pthread_mutex_unlock(&a->lock);
        a->of.prepare(a->of.user, i, thing);
        pthread_mutex_lock(&a->lock);
        const size_t bytes = a->of.bytes ? a->of.bytes(thing) : 0;
        a->held += bytes;
        a->largest = bytes > a->largest ? bytes : a->largest;
        a->full[i % a->of.ahead] = true;
        pthread_cond_signal(&a->filled);
        pthread_cond_broadcast(&a->emptied); /* now that its size is known, others may fit */
    }
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

static int start(DfAhead *a)
{
    while (a->running < a->of.threads) {
        const int failed = pthread_create(&a->threads[a->running], NULL, work, a);
        if (failed)
            return df_fail(DF_EIO, "thread %d of the loader cannot be started: %s", a->running, strerror(failed));
        a->running++;
    }
    return DF_OK;
}

int df_ahead_new(DfAhead **out, const DfAheadOf *of)
{
    *out = NULL;
    DfAhead *a = df_calloc(1, sizeof *a);
    if (!a)
        return df_fail_memory("a loader");
    a->of = *of;
    a->of.ahead = of->ahead < 1 ? 1 : of->ahead;
    a->of.threads = of->threads < 0 ? 0 : of->threads;
    a->drawn = a->taken = of->first;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->emptied, NULL);
    pthread_cond_init(&a->filled, NULL);
    a->slots = df_calloc((size_t)a->of.ahead, of->size);
    a->full = df_calloc((size_t)a->of.ahead, sizeof *a->full);
    a->threads = df_calloc((size_t)a->of.threads, sizeof *a->threads);
    const int error = a->slots && a->full && a->threads ? start(a) : df_fail_memory("a loader");
    if (error < 0) {
        df_ahead_free(a);
        return error;
    }
    *out = a;
    return DF_OK;
}

static bool prepare_now(DfAhead *a, void *thing)
{
    const int64_t i = a->taken++;
    draw(a, i, thing);
    a->of.prepare(a->of.user, i, thing);
    return true;
}

bool df_ahead_next(DfAhead *a, void *thing)
{
    if (a->taken >= a->of.end)
        return false;
    if (a->running == 0)
        return prepare_now(a, thing);
    pthread_mutex_lock(&a->lock);
    bool *full = &a->full[a->taken % a->of.ahead];
    while (!*full)
        pthread_cond_wait(&a->filled, &a->lock);
    memcpy(thing, slot_of(a, a->taken), a->of.size);
    *full = false;
    a->held -= a->of.bytes ? a->of.bytes(thing) : 0;
    a->taken++;
    pthread_cond_broadcast(&a->emptied);
    pthread_mutex_unlock(&a->lock);
    return true;
}

void df_ahead_free(DfAhead *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->stop = true;
    pthread_cond_broadcast(&a->emptied);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < a->running; i++)
        pthread_join(a->threads[i], NULL);
    for (int i = 0; a->slots && a->full && i < a->of.ahead; i++)
        if (a->full[i])
            a->of.drop(a->slots + (size_t)i * a->of.size);
    pthread_cond_destroy(&a->filled);
    pthread_cond_destroy(&a->emptied);
    pthread_mutex_destroy(&a->lock);
    df_free(a->threads);
    df_free(a->full);
    df_free(a->slots);
    df_free(a);
}
