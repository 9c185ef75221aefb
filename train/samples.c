/* SPDX-License-Identifier: Apache-2.0
 *
 * train/samples.c -- a few pictures of the validation set, drawn as they are labelled and as the network sees them.
 */
#include <stdio.h>
#include <string.h>

#include "train/run_parts.h"

enum { SIDE = 480, QUALITY = 88 };
static const double LEAST_SCORE = 0.3;

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

/* Small enough for a page: the longer side of a large picture becomes SIDE. */
static double shrink(DfImage *image)
{
    const int side = image->height > image->width ? image->height : image->width;
    const double scale = side > SIDE ? (double)SIDE / side : 1;
    DfImage small = { 0 };
    if (side <= SIDE)
        return 1;
    const int height = (int)(image->height * scale + 0.5);
    const int width = (int)(image->width * scale + 0.5);
    if (df_resize_pil(&small, image, height > 0 ? height : 1, width > 0 ? width : 1) < 0)
        return 1;
    df_image_free(image);
    *image = small;
    return scale;
}

static void scale_box(DfDrawnBox *box, double scale)
{
    for (int k = 0; k < 4; k++)
        box->box[k] = (float)((double)box->box[k] * scale);
}

/* Boxes of the picture on its small copy. */
static int draw_boxes(const DfRun *r, const DfImage *picture, DfDrawnBox *boxes, int n, const char *path)
{
    const DfClasses *classes = df_detector_class_names(r->detector);
    DfImage image = { 0 };
    int error = df_image_new(&image, picture->height, picture->width, picture->channels);
    if (error < 0)
        return error;
    memcpy(image.pixels, picture->pixels, df_image_bytes(picture));
    const double scale = shrink(&image);
    for (int i = 0; i < n; i++)
        scale_box(&boxes[i], scale);
    error = df_draw_boxes(&image, boxes, n, classes->name, classes->n);
    if (error == DF_OK)
        error = df_image_write(&image, path, QUALITY);
    df_image_free(&image);
    return error;
}

static int draw_truth(const DfRun *r, const DfImage *picture, const DfAnnotations *a, const char *path)
{
    DfDrawnBox *boxes = df_calloc(a->n + 1, sizeof *boxes);
    int n = 0;
    if (!boxes)
        return df_fail_memory("a drawing");
    for (size_t i = 0; i < a->n; i++) {
        if (a->labels[i] < 0)
            continue;
        boxes[n] = (DfDrawnBox){ .label = a->labels[i], .score = -1 };
        memcpy(boxes[n++].box, &a->boxes[4 * i], sizeof boxes->box);
    }
    const int error = draw_boxes(r, picture, boxes, n, path);
    df_free(boxes);
    return error;
}

static int draw_found(const DfRun *r, const DfImage *picture, const DfDetections *found, const char *path)
{
    DfDrawnBox *boxes = df_calloc(found->n + 1, sizeof *boxes);
    int n = 0;
    if (!boxes)
        return df_fail_memory("a drawing");
    for (size_t i = 0; i < found->n; i++) {
        if ((double)found->v[i].score < LEAST_SCORE)
            continue;
        boxes[n] = (DfDrawnBox){ .label = found->v[i].label, .score = found->v[i].score };
        memcpy(boxes[n++].box, found->v[i].box, sizeof boxes->box);
    }
    const int error = draw_boxes(r, picture, boxes, n, path);
    df_free(boxes);
    return error;
}

/* ---- label maps -------------------------------------------------------------------------------------------------- */

static int draw_map(const DfRun *r, const DfImage *picture, const uint16_t *labels, const char *path)
{
    DfImage image = { 0 };
    int error = df_image_new(&image, picture->height, picture->width, picture->channels);
    if (error < 0)
        return error;
    memcpy(image.pixels, picture->pixels, df_image_bytes(picture));
    error = df_draw_classes(&image, labels, df_detector_class_names(r->detector), 0.6f);
    if (error == DF_OK)
        shrink(&image);
    if (error == DF_OK)
        error = df_image_write(&image, path, QUALITY);
    df_image_free(&image);
    return error;
}

static int draw_true_map(const DfRun *r, const DfImage *picture, const DfLabelMap *map, const char *path)
{
    const size_t n = (size_t)picture->height * (size_t)picture->width;
    uint16_t *labels = df_malloc(n * sizeof *labels);
    if (!labels)
        return df_fail_memory("a drawing");
    for (size_t i = 0; i < n; i++)
        labels[i] = map->wide ? map->wide[i] : map->narrow[i];
    const int error = draw_map(r, picture, labels, path);
    df_free(labels);
    return error;
}

/* ---- the pictures ------------------------------------------------------------------------------------------------ */

/* Every n-th picture of the set, so that they are of all kinds. */
static int open_sample(DfRun *r, const DfTrainingSet *set, int i)
{
    RunSample *s = &r->samples[r->n_samples];
    DfImage picture = { 0 };
    DfAnnotations known = { 0 };
    snprintf(s->truth, sizeof s->truth, "samples/%d_labelled.jpg", r->n_samples);
    snprintf(s->found, sizeof s->found, "samples/%d_found.jpg", r->n_samples);
    const char *path = df_training_set_path(set, i);
    const char *to = df_run_path(r, s->truth);
    s->path = df_arena_copy(r->arena, path, strlen(path));
    int error = to && s->path ? df_training_set_load(set, i, &picture, &known) : df_fail_memory("a path");
    if (error == DF_OK && known.map.height)
        error = draw_true_map(r, &picture, &known.map, to);
    else if (error == DF_OK)
        error = draw_truth(r, &picture, &known, to);
    df_image_free(&picture);
    df_annotations_done(&known);
    if (error < 0)
        return error;
    s->name = strrchr(s->path, '/') ? strrchr(s->path, '/') + 1 : s->path;
    const char *found = df_run_path(r, s->found);   /* of an earlier part of the run */
    if (found && df_file_exists(found) && r->state.at.step > 0) {
        snprintf(s->found_now, sizeof s->found_now, "samples/%d_found.jpg", r->n_samples);
        r->samples_seen = true;
    }
    r->n_samples++;
    return DF_OK;
}

/* A picture that cannot be read is told by the evaluation; here it is left out. */
int df_run_samples_open(DfRun *r)
{
    DfTrainingSet *set = NULL;
    const char *place = df_run_validation(r);
    const DfDetectorTask task = df_detector_task(r->detector);
    if (!place || (task != DF_TASK_DETECTION && task != DF_TASK_SEGMENTATION))
        return DF_OK;
    int error = df_training_set_new(&set, df_node_at(r->root, place), NULL);
    if (error < 0)
        return error;
    const int n = df_training_set_count(set);
    const int wanted = n < RUN_SAMPLES ? n : RUN_SAMPLES;
    for (int i = 0; i < wanted; i++)
        if (open_sample(r, set, (int)((int64_t)i * n / wanted)) == DF_ENOMEM)
            error = DF_ENOMEM;
    df_training_set_free(set);
    return error;
}

static int look(DfRun *r, RunSample *s)
{
    DfImage picture = { 0 };
    DfResult result = { 0 };
    const char *to = df_run_path(r, s->found);
    int error = to ? df_image_read(&picture, s->path) : DF_ENOMEM;
    if (error == DF_OK)
        error = df_detector_run(r->detector, &picture, 1, &result);
    if (error == DF_OK && result.label_map)
        error = draw_map(r, &picture, result.label_map, to);
    else if (error == DF_OK)
        error = draw_found(r, &picture, &result.detections, to);
    snprintf(s->found_now, sizeof s->found_now, "%s?step=%lld", s->found, (long long)r->state.at.step);
    df_result_done(&result);
    df_image_free(&picture);
    return error;
}

int df_run_samples_look(DfRun *r)
{
    int error = DF_OK;
    for (int i = 0; error == DF_OK && i < r->n_samples; i++)
        error = look(r, &r->samples[i]);
    r->samples_seen = error == DF_OK && r->n_samples > 0;
    return error;
}
