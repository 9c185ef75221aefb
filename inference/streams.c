/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/streams.c -- several detectors that share one network, lent to the threads that have a picture.
 */
#include "inference/streams.h"

#include <pthread.h>

#include "inference/parts.h"

struct DfStreams {
    int n;                 /* made                              */
    bool own;              /* they are twins, closed at the end */
    DfDetector *detector[DF_MOST_STREAMS];
    DfDetector *free[DF_MOST_STREAMS];
    int n_free;
    pthread_mutex_t lock;  /* guards `free`                     */
    pthread_cond_t came;
};

/* Of `threads` as even a share as there is. */
static int share_of(int threads, int n, int i)
{
    const int share = threads / n + (i < threads % n);
    return share > 1 ? share : 1;
}

static int make_twins(DfStreams *s, const DfDetector *of, int n)
{
    const int threads = df_pool_threads(df_detector_pool(of));
    int error = DF_OK;
    s->own = true;
    for (int i = 0; error == DF_OK && i < n; i++) {
        error = df_detector_twin(&s->detector[i], of, share_of(threads, n, i));
        s->n += error == DF_OK;
    }
    return error;
}

int df_streams_new(DfStreams **out, DfDetector *d, int n)
{
    *out = NULL;
    if (n < 1 || n > DF_MOST_STREAMS)
        return df_fail(DF_EVALUE, "%d streams: want 1 to %d", n, DF_MOST_STREAMS);
    DfStreams *s = df_calloc(1, sizeof *s);
    if (!s)
        return df_fail_memory("the streams");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->came, NULL);
    s->detector[0] = d;
    s->n = n == 1;
    const int error = n > 1 ? make_twins(s, d, n) : DF_OK;
    for (int i = 0; i < s->n; i++)
        s->free[s->n_free++] = s->detector[i];
    if (error < 0)
        df_streams_free(s);
    else
        *out = s;
    return error;
}

void df_streams_free(DfStreams *s)
{
    if (!s)
        return;
    for (int i = 0; s->own && i < s->n; i++)
        df_detector_close(s->detector[i]);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->came);
    df_free(s);
}

int df_streams_count(const DfStreams *s)
{
    return s->n;
}

DfDetector *df_streams_take(DfStreams *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_free == 0)
        pthread_cond_wait(&s->came, &s->lock);
    DfDetector *d = s->free[--s->n_free];
    pthread_mutex_unlock(&s->lock);
    return d;
}

void df_streams_put(DfStreams *s, DfDetector *d)
{
    pthread_mutex_lock(&s->lock);
    s->free[s->n_free++] = d;
    pthread_cond_signal(&s->came);
    pthread_mutex_unlock(&s->lock);
}

/* Measured on two cores: networks of 0.5 to 3 G multiply-adds do 2 to 25 % more pictures a second in two streams,
 * Swin-T with its 4.5 as many, and larger ones as many or fewer. */
static const double SMALL = 4e9;

int df_streams_best(const DfDetector *d, int H, int W)
{
    DetectorCost cost;
    int n = df_clamp_int(df_pool_threads(df_detector_pool(d)), 1, DF_MOST_STREAMS);
    if (n == 1 || df_detector_cost(d, 1, H, W, &cost) < 0 || cost.multiply_adds > SMALL)
        return 1;
    while (n > 1 && n * cost.bytes > df_memory_there() / 2)
        n /= 2;
    return n;
}
