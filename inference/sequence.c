/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/sequence.c -- runs pictures in order through three stages: the loader reads and prepares, a stream
 * computes, and the caller takes the results. A single stream has a loader beside it; of several streams each reads
 * its pictures itself, which keeps every thread busy.
 */
#include "inference/sequence.h"

#include <stdio.h>
#include <string.h>

#include "inference/streams.h"

/* Pictures that go through the network together, if they can. */
typedef struct {
    int n;
    DfPicture picture[]; /* [batch] */
} Group;

typedef struct {
    const DfSequence *s;
    DfLoading loading;
    DfLoader *loader;   /* of the only stream; or NULL */
    DfStreams *streams;
    int batch;
} Run;

/* ---- a group ----------------------------------------------------------------------------------------------------- */

static void load(const Run *r, int place, DfSample *sample)
{
    const DfLoading *what = &r->loading;
    const int index = what->order ? what->order[place] : place;
    if (r->loader && df_loader_next(r->loader, sample))
        return;
    df_sample_load(sample, what->pipeline, what->paths[index], what->keep_images);
    sample->index = index;
}

static void prepare(void *user, int64_t i, void *thing)
{
    const Run *r = user;
    Group *g = thing;
    const int64_t first = i * r->batch;
    for (; g->n < r->batch && first + g->n < r->loading.n; g->n++)
        load(r, (int)first + g->n, &g->picture[g->n].sample);
    DfDetector *d = df_streams_take(r->streams);
    df_detector_run_pictures(d, g->picture, g->n);
    df_streams_put(r->streams, d);
}

static void drop_from(Group *g, int first)
{
    for (int i = first; i < g->n; i++) {
        df_sample_free(&g->picture[i].sample);
        df_result_done(&g->picture[i].result);
    }
}

static void drop(void *group)
{
    drop_from(group, 0);
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

static bool goes_on(const DfSequence *s)
{
    return !s->progress || s->progress(s->progress_user, s->done, s->n);
}

static int take_group(DfSequence *s, Group *g, bool *stopped)
{
    int error = DF_OK;
    int i = 0;
    for (; error == DF_OK && !*stopped && i < g->n; i++) {
        DfPicture *p = &g->picture[i];
        if (p->error < 0)
            df_fail(p->error, "%s", p->message);
        error = s->take(s->take_user, &p->sample, &p->result, p->error);
        s->done++;
        df_sample_free(&p->sample);
        df_result_done(&p->result);
        *stopped = error == DF_OK && !goes_on(s);
    }
    drop_from(g, i);
    return error;
}

static int take_all(DfSequence *s, DfAhead *ahead, Group *g)
{
    bool stopped = !goes_on(s);
    int error = DF_OK;
    while (error == DF_OK && !stopped && df_ahead_next(ahead, g))
        error = take_group(s, g, &stopped);
    return error;
}

/* The first picture says for all how large the inputs are. With several views there is work enough for all threads. */
static int best_for_first(const Run *r)
{
    const DfLoading *what = &r->loading;
    DfSample first;
    int streams = 1;
    df_sample_load(&first, what->pipeline, what->paths[what->order ? what->order[0] : 0], false);
    if (first.views.n == 1)
        streams = df_streams_best(r->s->detector, first.views.view[0].meta.pad_h, first.views.view[0].meta.pad_w);
    df_sample_free(&first);
    return streams;
}

static int choose_streams(const Run *r)
{
    const DfSequence *s = r->s;
    if (s->alone || r->loading.n < 2)
        return 1;
    if (s->streams)
        return s->streams;
    return df_pool_threads(df_detector_pool(s->detector)) > 1 ? best_for_first(r) : 1;
}

/* Of a single picture there is nothing to do at the same time. */
static int open_run(Run *r, DfAheadOf *of)
{
    const int groups = (r->loading.n + r->batch - 1) / r->batch;
    const int streams = df_clamp_int(choose_streams(r), 1, groups > 1 ? groups : 1);
    int error = df_streams_new(&r->streams, r->s->detector, streams);
    r->loading.threads = r->loading.n > 1;
    r->loading.ahead += r->batch - 1;
    if (error == DF_OK && streams == 1)
        error = df_loader_new(&r->loader, &r->loading);
    *of = (DfAheadOf){
        .user = r,
        .end = groups,
        .threads = r->s->alone || groups < 2 ? 0 : streams,
        .ahead = streams + 1,
        .size = sizeof(Group) + (size_t)r->batch * sizeof(DfPicture),
        .prepare = prepare,
        .drop = drop,
    };
    return error;
}

int df_sequence_run(DfSequence *s)
{
    Run r = { .s = s, .loading = s->loading, .batch = s->batch > 0 && !s->alone ? s->batch : 1 };
    DfAheadOf of = { 0 };
    DfAhead *ahead = NULL;
    int error = open_run(&r, &of);
    Group *g = df_malloc(of.size);
    if (error == DF_OK && !g)
        error = df_fail_memory("the pictures of a batch");
    if (error == DF_OK)
        error = df_ahead_new(&ahead, &of);
    if (error == DF_OK)
        error = take_all(s, ahead, g);
    df_ahead_free(ahead);
    df_loader_free(r.loader);
    df_streams_free(r.streams);
    df_free(g);
    return error;
}
