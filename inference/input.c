/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/input.c -- converts prepared views to tensors, after checking that they fit into memory.
 */
#include <string.h>

#include "inference/parts.h"

/* Pixels of a network's input: from the first on the memory for its activations is asked for before, above the second
 * it is refused. */
enum { LARGE_INPUT = 1 << 21, MOST_INPUT = 1 << 24 };

int df_detector_cost(const DfDetector *d, int n, int H, int W, DetectorCost *out)
{
    const DfProfileRow *rows;
    DfCtx *c;
    *out = (DetectorCost){ 0 };
    int error = df_ctx_new(&c, NULL);
    if (error < 0)
        return error;
    c->dry = true;
    df_profile(c, true);
    df_model_forward(d->model, c, df_new(c, DF_SHAPE(n, H, W, df_model_channels(d->model))));
    error = df_ctx_error(c);
    if (error == DF_OK && df_profile_rows(c, &rows) > 0)
        *out = (DetectorCost){ rows[0].macs[DF_MACS_LAYER] + rows[0].macs[DF_MACS_ATTENTION], (double)c->peak };
    df_ctx_free(c);
    return error;
}

int df_detector_check_memory(const DfDetector *d, int n, int H, int W)
{
    DetectorCost cost;
    const int error = df_detector_cost(d, n, H, W, &cost);
    const double there = df_memory_there();
    if (error == DF_OK && cost.bytes > there)
        return df_fail(DF_ENOMEM,
                       "a network input of %d x %d x %d x %d needs %.1f GB of memory: %.1f GB are available", n,
                       df_model_channels(d->model), H, W, 1e-9 * cost.bytes, 1e-9 * there);
    return error;
}

static int check_size(const DfDetector *d, const DfImageMeta *meta, int n, bool whole)
{
    const int64_t pixels = (int64_t)meta->pad_h * meta->pad_w;
    if (pixels > MOST_INPUT)
        return df_fail(DF_EVALUE, "the test pipeline makes it %d x %d: want at most %d pixels for the network",
                       meta->pad_h, meta->pad_w, MOST_INPUT);
    return n * pixels > LARGE_INPUT && whole ? df_detector_check_memory(d, n, meta->pad_h, meta->pad_w) : DF_OK;
}

int df_detector_check_channels(const DfDetector *d)
{
    const int channels = df_model_channels(d->model);
    return channels == 3 ? DF_OK : df_fail(DF_EVALUE, "the network reads %d channels, and a picture has 3", channels);
}

int df_detector_input(DetectorInput *out, DfDetector *d, const DfViews *views, bool whole)
{
    const int unfit = df_detector_check_channels(d);
    if (unfit < 0)
        return unfit;
    df_reset(d->c);
    if (views->n > DF_MOST_VIEWS)
        return df_fail(DF_EVALUE, "the test pipeline gives %d views of an image: want at most %d", views->n,
                       DF_MOST_VIEWS);
    out->n = views->n;
    for (int i = 0; i < views->n; i++) {
        const DfView *view = &views->view[i];
        const int error = check_size(d, &view->meta, 1, whole);
        if (error < 0)
            return error;
        out->meta[i] = view->meta;
        out->image[i] = df_borrow(d->c, DF_SHAPE(1, view->meta.pad_h, view->meta.pad_w, 3), view->pixels);
    }
    return DF_OK;
}

int df_detector_batch(DetectorBatch *out, DfDetector *d, DfPicture *const *pictures, int n)
{
    const DfImageMeta *size = &pictures[0]->sample.views.view[0].meta;
    int error = df_detector_check_channels(d);
    if (error == DF_OK)
        error = check_size(d, size, n, true);
    if (error < 0)
        return error;
    df_reset(d->c);
    out->n = n;
    out->image = df_new(d->c, DF_SHAPE(n, size->pad_h, size->pad_w, 3));
    const size_t floats = df_size(out->image) / (size_t)n;
    for (int i = 0; i < n && !d->c->err; i++) {
        const DfView *view = &pictures[i]->sample.views.view[0];
        out->meta[i] = view->meta;
        memcpy(out->image->data + (size_t)i * floats, view->pixels, floats * sizeof(float));
    }
    return df_ctx_error(d->c);
}
