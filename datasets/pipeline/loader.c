/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/loader.c -- a ring of `ahead` slots between the threads that prepare and the one that takes.
 *
 * Picture i goes through slot i % ahead. A worker draws the next picture as soon as its slot is empty, prepares it
 * without holding the lock, and marks the slot full. df_loader_next() waits until the slot of the next picture is
 * full, whatever order the others are finished in, so pictures come out in order. One mutex guards all counters and
 * flags.
 */
#include "datasets/pipeline/loader.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "datasets/image/image_file.h"

typedef struct {
    DfSample sample;
    bool full;
} Slot;

struct DfLoader {
    DfLoading what;
    Slot *slots;
    pthread_t *threads;
    int running;             /* threads that were started             */
    int drawn, taken;        /* pictures begun; pictures handed out   */
    bool stop;
    pthread_mutex_t lock;
    pthread_cond_t emptied;  /* a slot was, or it is time to stop     */
    pthread_cond_t filled;
};

void df_sample_load(DfSample *out, const DfPipeline *pipeline, const char *path, bool keep_image)
{
    *out = (DfSample){ .path = path };
    out->error = df_image_read(&out->image, path);
    if (out->error == DF_OK && (out->error = df_pipeline_run(pipeline, &out->image, &out->views)) < 0)
        df_fail_in(out->error, "%s: ", path);
    if (out->error < 0)
        snprintf(out->message, sizeof out->message, "%s", df_error());
    if (!keep_image || out->error < 0)
        df_image_free(&out->image);
}

void df_sample_free(DfSample *sample)
{
    df_image_free(&sample->image);
    df_views_free(&sample->views);
}

static void prepare(const DfLoading *what, int i, DfSample *out)
{
    const int index = what->order ? what->order[i] : i;
    df_sample_load(out, what->pipeline, what->paths[index], what->keep_images);
    out->index = index;
}

static void *work(void *arg)
{
    DfLoader *l = arg;
    pthread_mutex_lock(&l->lock);
    for (;;) {
        while (!l->stop && l->drawn < l->what.n && l->drawn >= l->taken + l->what.ahead)
            pthread_cond_wait(&l->emptied, &l->lock);
        if (l->stop || l->drawn >= l->what.n)
            break;
        const int i = l->drawn++;
        Slot *slot = &l->slots[i % l->what.ahead];
        pthread_mutex_unlock(&l->lock);
        prepare(&l->what, i, &slot->sample);
        pthread_mutex_lock(&l->lock);
        slot->full = true;
        pthread_cond_signal(&l->filled);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static int start(DfLoader *l)
{
    while (l->running < l->what.threads) {
        const int failed = pthread_create(&l->threads[l->running], NULL, work, l);
        if (failed)
            return df_fail(DF_EIO, "thread %d of the loader cannot be started: %s", l->running, strerror(failed));
        l->running++;
    }
    return DF_OK;
}

int df_loader_new(DfLoader **out, const DfLoading *what)
{
    *out = NULL;
    DfLoader *l = df_calloc(1, sizeof *l);
    if (!l)
        return df_fail_memory("a loader");
    l->what = *what;
    l->what.ahead = what->ahead < 1 ? 1 : what->ahead;
    l->what.threads = what->threads < 0 ? 0 : what->threads;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->emptied, NULL);
    pthread_cond_init(&l->filled, NULL);
    l->slots = df_calloc((size_t)l->what.ahead, sizeof *l->slots);
    l->threads = df_calloc((size_t)l->what.threads, sizeof *l->threads);
    const int error = l->slots && l->threads ? start(l) : df_fail_memory("a loader");
    if (error < 0) {
        df_loader_free(l);
        return error;
    }
    *out = l;
    return DF_OK;
}

bool df_loader_next(DfLoader *l, DfSample *out)
{
    if (l->taken == l->what.n)
        return false;
    if (l->running == 0) {
        prepare(&l->what, l->taken++, out);
        return true;
    }
    pthread_mutex_lock(&l->lock);
    Slot *slot = &l->slots[l->taken % l->what.ahead];
    while (!slot->full)
        pthread_cond_wait(&l->filled, &l->lock);
    *out = slot->sample;
    *slot = (Slot){ 0 };
    l->taken++;
    pthread_cond_broadcast(&l->emptied);
    pthread_mutex_unlock(&l->lock);
    return true;
}

void df_loader_free(DfLoader *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->emptied);
    pthread_mutex_unlock(&l->lock);
    for (int i = 0; i < l->running; i++)
        pthread_join(l->threads[i], NULL);
    for (int i = 0; l->slots && i < l->what.ahead; i++)
        df_sample_free(&l->slots[i].sample);
    pthread_cond_destroy(&l->filled);
    pthread_cond_destroy(&l->emptied);
    pthread_mutex_destroy(&l->lock);
    df_free(l->threads);
    df_free(l->slots);
    df_free(l);
}
