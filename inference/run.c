/* SPDX-License-Identifier: Apache-2.0
 *
 * inference/run.c -- runs pictures through the network: detections, a class for every pixel, or a class for the
 * picture.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "inference/parts.h"

/* ---- results ----------------------------------------------------------------------------------------------------- */

void df_result_done(DfResult *result)
{
    df_detections_free(&result->detections);
    df_free(result->label_map);
    df_free(result->class_scores);
    *result = (DfResult){ .class_label = -1 };
}

static int by_query(const void *a, const void *b)
{
    const DfDetection *const x = *(const DfDetection *const *)a;
    const DfDetection *const y = *(const DfDetection *const *)b;
    return (x->index > y->index) - (x->index < y->index);
}

const DfDetection **df_detections_listed(const DfDetections *found)
{
    const DfDetection **order = df_calloc(found->n + 1, sizeof *order);
    if (!order)
        df_fail_memory("the detections");
    for (size_t i = 0; order && i < found->n; i++)
        order[i] = &found->v[i];
    if (order && found->by_query)
        qsort(order, found->n, sizeof *order, by_query);
    return order;
}

void df_detections_keep_above(DfDetections *found, double score)
{
    size_t n = 0;
    for (size_t i = 0; i < found->n; i++) {
        const bool keeps = (double)found->v[i].score >= score;
        found->v[n] = found->v[i];
        if (found->masks && keeps)
            found->masks[n] = found->masks[i];
        else if (found->masks)
            df_mask_done(&found->masks[i]);
        n += keeps;
    }
    found->n = n;
}

void df_box_to_xywh(const float box[4], double out[4])
{
    out[0] = (double)box[0];
    out[1] = (double)box[1];
    out[2] = (double)box[2] - (double)box[0];
    out[3] = (double)box[3] - (double)box[1];
}

/* ---- one picture ------------------------------------------------------------------------------------------------- */

static int detect(DfDetector *d, const DfViews *views, DfResult *out)
{
    DetectorInput input;
    const bool mirrored = views->n == 1 && (views->view[0].meta.flip_x || views->view[0].meta.flip_y);
    if (views->n < 1 || views->n > DF_MOST_VIEWS || mirrored)
        return df_fail(DF_EVALUE,
                       "the test pipeline gives %d views of an image%s: want 1 to %d, a single one not mirrored",
                       views->n, mirrored ? ", mirrored" : "", DF_MOST_VIEWS);
    const int error = df_detector_input(&input, d, views, true);
    return error < 0 ? error
                     : df_model_detect_views(d->model, d->c, input.image, input.meta, input.n, &out->detections);
}

/* A segmentor that slides a window over the picture never sees it at once. */
static bool slides(const DfDetector *d)
{
    const DfNode *test_cfg = df_node_at(d->root, "model.test_cfg");
    if (!test_cfg)
        test_cfg = df_node_get(d->root, "test_cfg");
    return strcmp(df_node_text(df_node_get(test_cfg, "mode"), "whole"), "slide") == 0;
}

static int segment(DfDetector *d, const DfViews *views, DfResult *out)
{
    DetectorInput input;
    const size_t pixels = (size_t)out->height * (size_t)out->width;
    if (!(out->label_map = df_malloc(pixels * sizeof *out->label_map)))
        return df_fail_memory("a label map");
    const int error = df_detector_input(&input, d, views, !slides(d));
    return error < 0 ? error : df_model_segment(d->model, d->c, input.image, input.meta, input.n, out->label_map);
}

/* What a classifier's pass says to a listener. */
typedef struct {
    float *scores;
    int n;
} Logits;

static void hear_logits(void *user, const char *name, const DfTensor *x)
{
    Logits *logits = user;
    if (strcmp(name, "logits") == 0 && x->data && df_size(x) == (size_t)logits->n)
        memcpy(logits->scores, x->data, df_size(x) * sizeof *x->data);
}

/* softmax(x)_i = exp(x_i - max x) / sum_j exp(x_j - max x) */
static int softmax(float *x, int n)
{
    int best = 0;
    double sum = 0;
    for (int i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    const float most = x[best];
    for (int i = 0; i < n; i++) {
        x[i] = expf(x[i] - most);
        sum += (double)x[i];
    }
    for (int i = 0; i < n; i++)
        x[i] = (float)((double)x[i] / sum);
    return best;
}

/* Scores of n pictures, a row each. */
static int class_scores(DfDetector *d, DfTensor *image, int n, float *scores)
{
    Logits logits = { scores, n * d->n_classes };
    df_listen(d->c, hear_logits, false, &logits);
    df_model_forward(d->model, d->c, image);
    const int error = df_ctx_error(d->c);
    df_listen(d->c, NULL, false, NULL);
    return error;
}

static int take_scores(const DfDetector *d, const float *logits, DfResult *out)
{
    const size_t n = (size_t)d->n_classes;
    if (!(out->class_scores = df_calloc(n + 1, sizeof *out->class_scores)))
        return df_fail_memory("the scores of classes");
    memcpy(out->class_scores, logits, n * sizeof *logits);
    out->class_label = softmax(out->class_scores, d->n_classes);
    return DF_OK;
}

static int classify(DfDetector *d, DfTensor *image, int n, DfResult *const *out)
{
    float *logits = df_calloc((size_t)n * (size_t)d->n_classes + 1, sizeof *logits);
    int error = logits ? class_scores(d, image, n, logits) : df_fail_memory("the scores of classes");
    for (int i = 0; error == DF_OK && i < n; i++)
        error = take_scores(d, logits + (size_t)i * (size_t)d->n_classes, out[i]);
    df_free(logits);
    return error;
}

static int classify_views(DfDetector *d, const DfViews *views, DfResult *out)
{
    DetectorInput input;
    const int error = df_detector_input(&input, d, views, true);
    return error < 0 ? error : classify(d, input.image[0], 1, &out);
}

static int pass(DfDetector *d, const DfViews *views)
{
    DetectorInput input;
    const int error = df_detector_input(&input, d, views, true);
    if (error < 0)
        return error;
    df_model_forward(d->model, d->c, input.image[0]);
    return df_ctx_error(d->c);
}

static int run_task(DfDetector *d, const DfViews *views, DfResult *out)
{
    switch (df_detector_task(d)) {
    case DF_TASK_DETECTION:
        return detect(d, views, out);
    case DF_TASK_SEGMENTATION:
        return segment(d, views, out);
    case DF_TASK_CLASSIFICATION:
        return classify_views(d, views, out);
    default:
        return pass(d, views);
    }
}

static bool all_finite(const float *x, size_t n)
{
    size_t bad = 0;
    for (size_t i = 0; i < n; i++)
        bad += isfinite(x[i]) ? 0 : 1;
    return bad == 0;
}

/* Finite weights can overflow, too. No result that is written has a number that JSON cannot say. */
static int check_numbers(const DfDetector *d, const DfResult *out)
{
    bool good = !out->class_scores || all_finite(out->class_scores, (size_t)d->n_classes);
    for (size_t i = 0; good && i < out->detections.n; i++)
        good = all_finite(out->detections.v[i].box, 4) && isfinite(out->detections.v[i].score);
    return good ? DF_OK : df_fail(DF_EVALUE, "the network gives numbers that are NaN or infinite: want weights that "
                                             "were trained with this config");
}

static int run_views(DfDetector *d, const DfViews *views, DfResult *out)
{
    *out = (DfResult){ .height = views->view[0].meta.ori_h, .width = views->view[0].meta.ori_w, .class_label = -1 };
    const int error = run_task(d, views, out);
    return error == DF_OK ? check_numbers(d, out) : error;
}

int df_detector_run_sample(DfDetector *d, const DfSample *sample, DfResult *out)
{
    *out = (DfResult){ .class_label = -1 };
    const int error =
        sample->error < 0 ? df_fail(sample->error, "%s", sample->message) : run_views(d, &sample->views, out);
    if (error == DF_OK)
        return DF_OK;
    df_result_done(out);
    return sample->error < 0 ? error : df_fail_in(error, "%s: ", sample->path);
}

/* ---- pictures of one size in one pass ---------------------------------------------------------------------------- */

static int detect_all(DfDetector *d, const DetectorBatch *b, DfResult *const *out)
{
    DfDetections found[DF_MOST_BATCH];
    const int error = df_model_detect(d->model, d->c, b->image, b->meta, b->n, true, found);
    for (int i = 0; error == DF_OK && i < b->n; i++)
        out[i]->detections = found[i];
    return error;
}

/* Segmentors put a picture together from windows and views: one by one. */
static bool joins(const DfDetector *d, const DfPicture *p)
{
    const DfDetectorTask task = df_detector_task(d);
    const DfViews *views = &p->sample.views;
    const bool whole = task == DF_TASK_DETECTION || task == DF_TASK_CLASSIFICATION;
    return whole && p->sample.error == DF_OK && views->n == 1 && !views->view[0].meta.flip_x &&
           !views->view[0].meta.flip_y;
}

static bool same_size(const DfPicture *a, const DfPicture *b)
{
    const DfImageMeta *x = &a->sample.views.view[0].meta;
    const DfImageMeta *y = &b->sample.views.view[0].meta;
    return x->pad_h == y->pad_h && x->pad_w == y->pad_w;
}

/* With the sentence of df_error(), or with `sentence` behind the name of the picture. */
static void note_error(DfPicture *p, int error, const char *sentence)
{
    df_result_done(&p->result);
    p->error = error;
    if (sentence)
        snprintf(p->message, sizeof p->message, "%s: %s", p->sample.path, sentence);
    else
        snprintf(p->message, sizeof p->message, "%s", df_error());
}

static void run_one(DfDetector *d, DfPicture *p)
{
    const int error = df_detector_run_sample(d, &p->sample, &p->result);
    if (error < 0)
        note_error(p, error, NULL);
}

/* What one picture fails with, all do. */
static void run_together(DfDetector *d, DfPicture *const *p, int n)
{
    DetectorBatch b;
    DfResult *out[DF_MOST_BATCH];
    for (int i = 0; i < n; i++) {
        const DfImageMeta *meta = &p[i]->sample.views.view[0].meta;
        out[i] = &p[i]->result;
        *out[i] = (DfResult){ .height = meta->ori_h, .width = meta->ori_w, .class_label = -1 };
    }
    int error = df_detector_batch(&b, d, p, n);
    if (error == DF_OK)
        error = df_detector_task(d) == DF_TASK_DETECTION ? detect_all(d, &b, out) : classify(d, b.image, n, out);
    char sentence[800];
    snprintf(sentence, sizeof sentence, "%s", error < 0 ? df_error() : "");
    for (int i = 0; i < n; i++) {
        const int own = error == DF_OK ? check_numbers(d, out[i]) : error;
        if (own < 0)
            note_error(p[i], own, error < 0 ? sentence : df_error());
    }
}

static void free_pixels(DfPicture *p)
{
    for (int i = 0; i < p->sample.views.n; i++) {
        df_free(p->sample.views.view[i].pixels);
        p->sample.views.view[i].pixels = NULL;
    }
}

void df_detector_run_pictures(DfDetector *d, DfPicture *pictures, int n)
{
    bool done[DF_MOST_BATCH] = { false };
    for (int i = 0; i < n; i++) {
        DfPicture *together[DF_MOST_BATCH];
        int many = 0;
        for (int k = i; k < n && !done[i] && joins(d, &pictures[i]); k++)
            if (!done[k] && joins(d, &pictures[k]) && same_size(&pictures[i], &pictures[k])) {
                together[many++] = &pictures[k];
                done[k] = k > i;
            }
        if (many > 1)
            run_together(d, together, many);
        else if (!done[i])
            run_one(d, &pictures[i]);
    }
    for (int i = 0; i < n; i++)
        free_pixels(&pictures[i]);
}

int df_detector_run(DfDetector *d, const DfImage *pictures, int n, DfResult *results)
{
    return df_detector_run_as(d, pictures, n, DF_PIXELS_BGR, results);
}

int df_detector_run_as(DfDetector *d, const DfImage *pictures, int n, DfPixelOrder order, DfResult *results)
{
    int error = d->pipeline ? DF_OK : df_fail(DF_EVALUE, "want df_detector_prepare() before df_detector_run()");
    for (int i = 0; i < n; i++)
        results[i] = (DfResult){ .class_label = -1 };
    for (int i = 0; error == DF_OK && i < n; i++) {
        DfViews views = { 0 };
        error = df_pipeline_run_as(d->pipeline, &pictures[i], order, &views);
        if (error == DF_OK)
            error = run_views(d, &views, &results[i]);
        df_views_free(&views);
    }
    for (int i = 0; error < 0 && i < n; i++)
        df_result_done(&results[i]);
    return error;
}
