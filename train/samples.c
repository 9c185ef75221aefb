/* SPDX-License-Identifier: Apache-2.0
 *
 * train/samples.c -- draws a few pictures of the validation set twice: with their labels, and with what the network
 * finds.
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

/* Objects of a picture, with masks or without. */
typedef struct {
    DfArena *arena;
    DfDrawnBox *boxes;    /* [n]                                     */
    DfObjectMask *masks;  /* [n], in the picture's size, or no form  */
    int n;
} Drawing;

static int drawing_new(Drawing *d, size_t most)
{
    *d = (Drawing){ .arena = df_arena_new() };
    if (d->arena) {
        d->boxes = df_arena_alloc(d->arena, most + 1, sizeof *d->boxes);
        d->masks = df_arena_alloc(d->arena, most + 1, sizeof *d->masks);
    }
    return d->boxes && d->masks ? DF_OK : df_fail_memory("a drawing");
}

static void add_object(Drawing *d, const float box[4], int label, float score, const DfObjectMask *mask)
{
    DfDrawnBox *to = &d->boxes[d->n];
    *to = (DfDrawnBox){ .label = label, .score = score };
    memcpy(to->box, box, sizeof to->box);
    d->masks[d->n++] = mask ? *mask : (DfObjectMask){ 0 };
}

/* From the picture's size to that of its small copy. */
static int shrink_object(Drawing *d, int i, const DfImage *picture, const DfImage *small, double scale)
{
    const uint32_t from[2] = { (uint32_t)picture->height, (uint32_t)picture->width };
    const uint32_t to[2] = { (uint32_t)small->height, (uint32_t)small->width };
    DfMask runs = { 0 };
    DfObjectMask mask;
    DfDrawnBox *box = &d->boxes[i];
    for (int k = 0; k < 4; k++)
        box->box[k] = (float)((double)box->box[k] * scale);
    if (d->masks[i].form == DF_MASK_NONE)
        return DF_OK;
    int error = df_object_mask_resize(&mask, &d->masks[i], d->arena, from, to);
    if (error == DF_OK)
        error = df_object_mask_runs(&runs, &mask, to[0], to[1]);
    uint32_t *kept = error == DF_OK ? df_arena_alloc(d->arena, runs.n + 1, sizeof *kept) : NULL;
    if (kept && runs.n) {
        memcpy(kept, runs.runs, runs.n * sizeof *kept);
        box->runs = kept;
        box->n_runs = runs.n;
    }
    df_mask_done(&runs);
    return error == DF_OK && !kept ? df_fail_memory("a drawing") : error;
}

static int draw(const DfRun *r, const DfImage *picture, Drawing *d, const char *path)
{
    const DfClasses *classes = df_detector_class_names(r->detector);
    DfImage image = { 0 };
    int error = df_image_new(&image, picture->height, picture->width, picture->channels);
    if (error < 0)
        return error;
    memcpy(image.pixels, picture->pixels, df_image_bytes(picture));
    const double scale = shrink(&image);
    for (int i = 0; error == DF_OK && i < d->n; i++)
        error = shrink_object(d, i, picture, &image, scale);
    if (error == DF_OK)
        error = df_draw_boxes(&image, d->boxes, d->n, classes->name, classes->n);
    if (error == DF_OK)
        error = df_image_write(&image, path, QUALITY);
    df_image_free(&image);
    return error;
}

static int draw_truth(const DfRun *r, const DfImage *picture, const DfAnnotations *a, const char *path)
{
    Drawing d;
    int error = drawing_new(&d, a->n);
    for (size_t i = 0; error == DF_OK && i < a->n; i++)
        if (a->labels[i] >= 0)
            add_object(&d, &a->boxes[4 * i], a->labels[i], -1, a->masks ? &a->masks[i] : NULL);
    if (error == DF_OK)
        error = draw(r, picture, &d, path);
    df_arena_free(d.arena);
    return error;
}

static int draw_found(const DfRun *r, const DfImage *picture, const DfDetections *found, const char *path)
{
    Drawing d;
    int error = drawing_new(&d, found->n);
    for (size_t i = 0; error == DF_OK && i < found->n; i++) {
        const DfDetection *v = &found->v[i];
        const DfObjectMask mask = { .form = DF_MASK_RUNS, .runs = found->masks ? found->masks[i] : (DfMask){ 0 } };
        if ((double)v->score >= LEAST_SCORE)
            add_object(&d, v->box, v->label, v->score, found->masks ? &mask : NULL);
    }
    if (error == DF_OK)
        error = draw(r, picture, &d, path);
    df_arena_free(d.arena);
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

/* With masks where the network makes some; a set without them has boxes to be drawn. */
static int open_validation(const DfRun *r, const char *place, DfTrainingSet **set)
{
    const DfNode *dict = df_node_at(r->root, place);
    if (df_model_has_masks(r->model) && df_training_set_with_masks(set, dict, NULL) == DF_OK)
        return DF_OK;
    return df_training_set_new(set, dict, NULL);
}

/* A picture that cannot be read is told by the evaluation; here it is left out. */
int df_run_samples_open(DfRun *r)
{
    DfTrainingSet *set = NULL;
    const char *place = df_run_validation(r);
    const DfDetectorTask task = df_detector_task(r->detector);
    if (!place || (task != DF_TASK_DETECTION && task != DF_TASK_SEGMENTATION))
        return DF_OK;
    int error = open_validation(r, place, &set);
    if (error < 0)
        return error;
    const int n = df_training_set_count(set);
    const int wanted = n < RUN_SAMPLES ? n : RUN_SAMPLES;
    for (int i = 0; error == DF_OK && i < wanted; i++)
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
