/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/training/training_loader.c -- prepares a batch from its number: selects its samples and runs each through
 * its pipeline, in parallel. core/ahead.h has the threads and keeps the order.
 */
#include "datasets/training/training_loader.h"

#include <stdio.h>
#include <string.h>


enum { TRIES = 1000 }; /* other samples in place of one that is left out, as mmdet 3.x has it (max_refetch) */

struct DfTrainingLoader {
    DfTrainingLoading what;
    DfOrder *order;
    int n_pipelines;
    DfPipeline **pipeline;  /* [n_pipelines]: one for each source, or the one that mixes pictures of all */
    int *drawn;             /* [order.batch]: scratch                                                    */
    DfAhead *ahead;
};

/* ---- one sample ------------------------------------------------------------------------------------------------- */

static const DfPipeline *pipeline_of(const DfTrainingLoader *l, int sample)
{
    return l->pipeline[l->n_pipelines > 1 ? df_training_set_source(l->what.set, sample) : 0];
}

/* Mosaic and MixUp take any other picture of the set. */
static int another(void *user, DfDraws *draws, DfImage *image, DfAnnotations *annotations)
{
    const DfTrainingSet *set = user;
    const int i = df_draw_integer(draws, 0, df_training_set_count(set));
    return df_training_set_load(set, i, image, annotations);
}

static int try_sample(const DfTrainingLoader *l, int sample, DfDraws *draws, DfTrainingSample *out)
{
    DfImage image;
    DfAnnotations annotations;
    DfTrainingSet *set;
    memcpy(&set, &l->what.set, sizeof set); /* `another` reads it only */
    const DfOthers others = { set, another };
    *out = (DfTrainingSample){ 0 };
    int error = df_training_set_load(l->what.set, sample, &image, &annotations);
    if (error < 0)
        return error;
    error = df_pipeline_train(pipeline_of(l, sample), &image, &annotations, &others, draws, out);
    if (error < 0)
        df_fail_in(error, "%s: ", df_training_set_path(l->what.set, sample));
    df_image_free(&image);
    df_annotations_done(&annotations);
    return error;
}

/* `place` is the sample's in the order of training. */
static int make_sample(const DfTrainingLoader *l, int *sample, uint64_t place, DfTrainingSample *out)
{
    DfDraws draws = { .random = df_random(l->what.order.seed ^ df_hash("transforms of a sample"), place) };
    int error = try_sample(l, *sample, &draws, out);
    for (int k = 0; error == DF_OK && out->left_out; k++) {
        df_training_sample_free(out);
        if (k == TRIES)
            return df_fail(DF_EVALUE, "%s: it and %d others leave nothing to learn from after the pipeline",
                           df_training_set_path(l->what.set, *sample), TRIES);
        *sample = df_order_another(l->order, *sample, df_uniform(&draws.random));
        error = try_sample(l, *sample, &draws, out);
    }
    return error;
}

/* ---- one batch -------------------------------------------------------------------------------------------------- */

/* A last batch of fewer samples than processes is filled up with its own, so that each has one. */
static int draw_samples(DfTrainingLoader *l, int64_t k)
{
    const int drawn = df_order_batch(l->order, k, l->drawn);
    int n = drawn;
    for (; n < l->what.ranks; n++)
        l->drawn[n] = l->drawn[n % drawn];
    return n;
}

/* Which samples it has is asked in order, because the order is laid out epoch by epoch. */
static void draw(void *user, int64_t k, void *thing)
{
    DfTrainingLoader *l = user;
    DfBatch *batch = thing;
    int first;
    const int n = draw_samples(l, k);
    const int part = df_order_part(n, l->what.rank, l->what.ranks, &first);
    const int error = df_batch_new(batch, part);
    batch->number = k;
    batch->first = first;
    batch->total = n;
    batch->error = error;
    if (error == DF_OK)
        memcpy(batch->sample, l->drawn + first, (size_t)part * sizeof *batch->sample);
}

/* The same numbers in every process. */
static int mix(const DfTrainingLoader *l, DfBatch *batch)
{
    DfRandom random = df_random(l->what.order.seed ^ df_hash("mixing of a batch"), (uint64_t)batch->number);
    if (df_training_set_learning(l->what.set) != DF_LEARN_IMAGE_CLASS)
        return DF_OK;
    const DfMixture mixture = df_mixing_draw(&l->what.mixing, &random, batch->height, batch->width);
    return df_batch_mix(batch, &mixture);
}

static int fill_batch(const DfTrainingLoader *l, DfBatch *batch, DfTrainingSample *samples)
{
    const uint64_t place = (uint64_t)batch->number * (uint64_t)l->what.order.batch + (uint64_t)batch->first;
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < batch->n; i++) {
        error = make_sample(l, &batch->sample[i], place + (uint64_t)i, &samples[i]);
        batch->path[i] = df_training_set_path(l->what.set, batch->sample[i]);
    }
    if (error == DF_OK) {
        error = df_batch_collate(batch, samples, batch->n, l->what.map_fill);
        return error == DF_OK ? mix(l, batch) : error;
    }
    for (int i = 0; i < batch->n; i++)
        df_training_sample_free(&samples[i]);
    return error;
}

static void prepare(void *user, int64_t k, void *thing)
{
    const DfTrainingLoader *l = user;
    DfBatch *batch = thing;
    DfTrainingSample *samples = df_calloc((size_t)batch->n + 1, sizeof *samples);
    int error = batch->error;
    if (error == DF_OK)
        error = samples ? fill_batch(l, batch, samples) : df_fail_memory("a batch");
    df_free(samples);
    if (error == DF_OK)
        return;
    df_batch_free(batch);
    batch->number = k;
    batch->error = error;
    snprintf(batch->message, sizeof batch->message, "%s", df_error());
}

static size_t bytes(const void *thing)
{
    return df_batch_bytes(thing);
}

static void drop(void *thing)
{
    df_batch_free(thing);
}

/* ---- made and freed --------------------------------------------------------------------------------------------- */

/* Below MultiImageMixDataset the pictures come as they are: its own pipeline does everything. */
static int check_inner(const DfNode *list)
{
    for (const DfNode *step = list ? list->first : NULL; step; step = step->next) {
        const char *type = df_node_text(df_node_get(step, "type"), "");
        if (!df_starts_with(type, "Load"))
            return df_node_fail(step, DF_EVALUE,
                                "%s below MultiImageMixDataset: want only LoadImageFromFile and LoadAnnotations there",
                                type);
    }
    return DF_OK;
}

static int read_pipeline(DfTrainingLoader *l, const DfNode *list)
{
    DfPipelineKind kind = { .training = true };
    kind.codebase = df_training_set_learning(l->what.set) == DF_LEARN_LABEL_MAPS ? DF_CODEBASE_SEGMENTATION
                                                                               : DF_CODEBASE_DETECTION;
    const int error = list ? df_pipeline_new_as(&l->pipeline[l->n_pipelines], list, &kind)
                           : df_fail(DF_EVALUE, "a training set without a pipeline: want a list of transforms");
    if (error == DF_OK)
        l->n_pipelines++;
    return error;
}

bool df_training_loader_normalises(const DfTrainingLoader *l)
{
    bool all = true;
    for (int i = 0; i < l->n_pipelines; i++)
        all = all && df_pipeline_normalises(l->pipeline[i]);
    return all;
}

static int read_pipelines(DfTrainingLoader *l)
{
    const DfTrainingSet *set = l->what.set;
    const DfNode *mixing = df_training_set_mix_pipeline(set);
    const int sources = df_training_set_sources(set);
    int error = DF_OK;
    l->pipeline = df_calloc((size_t)sources + 1, sizeof *l->pipeline);
    if (!l->pipeline)
        return df_fail_memory("a loader");
    for (int s = 0; error == DF_OK && s < sources; s++)
        error = mixing ? check_inner(df_training_set_pipeline(set, s))
                       : read_pipeline(l, df_training_set_pipeline(set, s));
    return error == DF_OK && mixing ? read_pipeline(l, mixing) : error;
}

static int start(DfTrainingLoader *l)
{
    const DfAheadOf of = {
        .user = l,
        .first = l->what.first,
        .end = l->what.end ? l->what.end : INT64_MAX,
        .threads = l->what.threads,
        .ahead = l->what.ahead,
        .memory = l->what.memory,
        .size = sizeof(DfBatch),
        .draw = draw,
        .prepare = prepare,
        .bytes = bytes,
        .drop = drop,
    };
    return df_ahead_new(&l->ahead, &of);
}

int df_training_loader_new(DfTrainingLoader **out, const DfTrainingLoading *what)
{
    *out = NULL;
    DfTrainingLoader *l = df_calloc(1, sizeof *l);
    if (!l)
        return df_fail_memory("a loader");
    l->what = *what;
    l->what.ranks = what->ranks < 1 ? 1 : what->ranks;
    l->what.map_fill = what->map_fill ? what->map_fill : 255;
    int error = df_order_new(&l->order, &what->order, what->set);
    if (error == DF_OK && what->order.batch < what->ranks)
        error = df_fail(DF_EVALUE, "a batch of %d samples for %d processes: want one for each or more",
                        what->order.batch, what->ranks);
    if (error == DF_OK)
        error = read_pipelines(l);
    if (error == DF_OK && !(l->drawn = df_malloc((size_t)what->order.batch * sizeof *l->drawn)))
        error = df_fail_memory("a loader");
    if (error == DF_OK)
        error = start(l);
    if (error < 0)
        df_training_loader_free(l);
    else
        *out = l;
    return error;
}

int64_t df_training_loader_epoch_batches(const DfTrainingLoader *l)
{
    return df_order_epoch_batches(l->order);
}

bool df_training_loader_next(DfTrainingLoader *l, DfBatch *out)
{
    return df_ahead_next(l->ahead, out);
}

void df_training_loader_free(DfTrainingLoader *l)
{
    if (!l)
        return;
    df_ahead_free(l->ahead);
    for (int i = 0; i < l->n_pipelines; i++)
        df_pipeline_free(l->pipeline[i]);
    df_free(l->pipeline);
    df_free(l->drawn);
    df_order_free(l->order);
    df_free(l);
}
