/* SPDX-License-Identifier: Apache-2.0
 *
 * datasets/pipeline/loader.c -- the pictures of a test set, prepared ahead (core/ahead.h).
 */
#include "datasets/pipeline/loader.h"

#include <stdio.h>

#include "datasets/image/image_file.h"

struct DfLoader {
    DfLoading what;
    DfAhead *ahead;
};

void df_sample_load(DfSample *out, const DfPipeline *pipeline, const char *path, bool keep_image)
{
    *out = (DfSample){ .path = path };
    out->error = df_image_read_as(&out->image, path, df_pipeline_pictures(pipeline));
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

static void prepare(void *user, int64_t i, void *sample)
{
    const DfLoading *what = &((const DfLoader *)user)->what;
    const int index = what->order ? what->order[i] : (int)i;
    DfSample *out = sample;
    df_sample_load(out, what->pipeline, what->paths[index], what->keep_images);
    out->index = index;
}

static void drop(void *sample)
{
    df_sample_free(sample);
}

int df_loader_new(DfLoader **out, const DfLoading *what)
{
    *out = NULL;
    DfLoader *l = df_calloc(1, sizeof *l);
    if (!l)
        return df_fail_memory("a loader");
    l->what = *what;
    const DfAheadOf of = {
        .user = l,
        .end = what->n,
        .threads = what->threads,
        .ahead = what->ahead,
        .size = sizeof(DfSample),
        .prepare = prepare,
        .drop = drop,
    };
    const int error = df_ahead_new(&l->ahead, &of);
    if (error < 0) {
        df_free(l);
        return error;
    }
    *out = l;
    return DF_OK;
}

bool df_loader_next(DfLoader *l, DfSample *out)
{
    return df_ahead_next(l->ahead, out);
}

void df_loader_free(DfLoader *l)
{
    if (!l)
        return;
    df_ahead_free(l->ahead);
    df_free(l);
}
