/* SPDX-License-Identifier: Apache-2.0
 *
 * train/batches.c -- the pictures of a step side by side.
 */
#include "train/batches.h"

#include <string.h>

enum { MOST_PICTURES = 1024 };

struct DfBatches {
    const DfTrainingSet *set;
    DfPipeline *pipeline;
    int n;                 /* pictures of a batch */
    int64_t step;
    uint64_t seed;
    int64_t order_of;      /* the epoch of `order`; -1: none */
    int *order;
    float *pixels;
    size_t room;
    int taken;
    DfViews views[MOST_PICTURES];
    DfImageMeta metas[MOST_PICTURES];
    DfAnnotations objects[MOST_PICTURES];
    const char *paths[MOST_PICTURES];
};

int df_batches_new(DfBatches **out, const DfNode *root, const DfTrainingSet *set, int pictures, int threads, uint64_t seed)
{
    (void)threads;
    *out = NULL;
    DfBatches *b = df_calloc(1, sizeof *b);
    if (!b)
        return df_fail_memory("the loader");
    *b = (DfBatches){ .set = set, .n = pictures, .seed = seed, .order_of = -1 };
    b->order = df_malloc((size_t)df_training_set_count(set) * sizeof *b->order);
    int error = b->order ? DF_OK : df_fail_memory("the loader");
    if (error == DF_OK)
        error = df_pipeline_new(&b->pipeline, df_node_at(root, "data.test.pipeline"));
    if (error < 0)
        df_batches_free(b);
    else
        *out = b;
    return error;
}

static void drop(DfBatches *b)
{
    for (int i = 0; i < b->taken; i++) {
        df_views_free(&b->views[i]);
        df_annotations_done(&b->objects[i]);
    }
    b->taken = 0;
}

void df_batches_free(DfBatches *b)
{
    if (!b)
        return;
    drop(b);
    df_pipeline_free(b->pipeline);
    df_free(b->order);
    df_free(b->pixels);
    df_free(b);
}

int64_t df_batches_per_epoch(const DfBatches *b)
{
    return (df_training_set_count(b->set) + b->n - 1) / b->n;
}

int df_batches_seek(DfBatches *b, int64_t step)
{
    b->step = step;
    return DF_OK;
}

static void shuffle(DfBatches *b, int64_t epoch)
{
    const int n = df_training_set_count(b->set);
    DfRandom random = df_random(b->seed, (uint64_t)epoch + 1);
    for (int i = 0; i < n; i++)
        b->order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        const int k = (int)(df_uniform(&random) * (i + 1));
        const int kept = b->order[i];
        b->order[i] = b->order[k];
        b->order[k] = kept;
    }
    b->order_of = epoch;
}

static int load(DfBatches *b, int sample)
{
    const int i = b->taken;
    DfImage image = { 0 };
    int error = df_training_set_load(b->set, sample, &image, &b->objects[i]);
    if (error == DF_OK)
        error = df_pipeline_run(b->pipeline, &image, &b->views[i]);
    df_image_free(&image);
    if (error < 0)
        return error;
    b->taken++;
    b->metas[i] = b->views[i].view[0].meta;
    b->paths[i] = df_training_set_path(b->set, sample);
    for (size_t k = 0; k < 4 * b->objects[i].n; k++)
        b->objects[i].boxes[k] *= b->metas[i].scale_factor[k % 4];
    return DF_OK;
}

static int place(DfBatches *b, DfTrainingBatch *out)
{
    for (int i = 0; i < b->n; i++) {
        out->height = b->metas[i].pad_h > out->height ? b->metas[i].pad_h : out->height;
        out->width = b->metas[i].pad_w > out->width ? b->metas[i].pad_w : out->width;
    }
    const size_t row = 3 * (size_t)out->width, floats = (size_t)b->n * (size_t)out->height * row;
    if (floats > b->room) {
        df_free(b->pixels);
        b->room = 0;
        b->pixels = df_malloc(floats * sizeof *b->pixels);
        if (!b->pixels)
            return df_fail_memory("the pictures of a step");
        b->room = floats;
    }
    memset(b->pixels, 0, floats * sizeof *b->pixels);
    for (int i = 0; i < b->n; i++)
        for (int y = 0; y < b->metas[i].pad_h; y++)
            memcpy(b->pixels + ((size_t)i * (size_t)out->height + (size_t)y) * row,
                   b->views[i].view[0].pixels + (size_t)y * 3 * (size_t)b->metas[i].pad_w,
                   3 * (size_t)b->metas[i].pad_w * sizeof *b->pixels);
    out->pixels = b->pixels;
    return DF_OK;
}

int df_batches_next(DfBatches *b, DfTrainingBatch *out)
{
    const int64_t per_epoch = df_batches_per_epoch(b);
    const int64_t epoch = b->step / per_epoch;
    const int64_t first = b->step % per_epoch * b->n;
    int error = DF_OK;
    *out = (DfTrainingBatch){ .n = b->n, .metas = b->metas, .objects = b->objects, .paths = b->paths };
    drop(b);
    if (b->order_of != epoch)
        shuffle(b, epoch);
    for (int i = 0; error == DF_OK && i < b->n; i++)
        error = load(b, b->order[(first + i) % df_training_set_count(b->set)]);
    b->step++;
    return error == DF_OK ? place(b, out) : error;
}
