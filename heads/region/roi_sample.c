/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_sample.c -- samples regions for a training step: assigns them to objects, and selects those that
 * the loss uses. Girshick, Fast R-CNN, ICCV 2015, section 2.3; hard examples: Shrivastava et al., CVPR 2016.
 */
#include "heads/region/roi_sample.h"

#include <stdio.h>
#include <string.h>

#include "heads/examples.h"
#include "heads/region/roi_forward.h"

enum { MOST_OF_A_DRY_PASS = 2000 }; /* regions of an image, where a sampler would take all that there are */

/* The regions of one image, and what the assigner says of each. With add_gt_as_proposals the first n_objects are the
 * objects themselves. */
typedef struct {
    int n, n_objects;
    float *boxes;   /* [n][4]                                            */
    int *object;    /* [n]: df_assign()                                  */
    float *overlap; /* [n]                                               */
    float *loss;    /* [n] of their classes; NULL: nobody asks           */
} Assigned;

static void *make(DfCtx *c, RoiStep *s, int n, size_t size)
{
    void *block = df_arena_alloc(s->arena, (size_t)n + 1, size);
    if (!block)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the regions of a training step");
    return block;
}

static void check(DfCtx *c, int error)
{
    if (error < 0)
        df_ctx_fail(c, error, "%s", df_error());
}

/* ---- assigning --------------------------------------------------------------------------------------------------- */

static Assigned assign(DfCtx *c, RoiStep *s, int stage, int image)
{
    const TrainCfg *cfg = &s->head->train[stage];
    const Truth *truth = &s->truth[image];
    const RoiBoxes *proposals = &s->proposals[image];
    Assigned a = { .n_objects = cfg->add_gt_as_proposals ? truth->n : 0 };
    a.n = a.n_objects + proposals->n;
    a.boxes = make(c, s, a.n, 4 * sizeof *a.boxes);
    a.object = make(c, s, a.n, sizeof *a.object);
    a.overlap = make(c, s, a.n, sizeof *a.overlap);
    if (c->err)
        return (Assigned){ 0 };
    memcpy(a.boxes, truth->boxes, 4 * (size_t)a.n_objects * sizeof *a.boxes);
    memcpy(a.boxes + 4 * a.n_objects, proposals->at, 4 * (size_t)proposals->n * sizeof *a.boxes);
    for (int i = 0; i < a.n_objects; i++) {
        a.object[i] = i;
        a.overlap[i] = 1;
    }
    check(c, df_assign(&cfg->assigner, (size_t)proposals->n, proposals->at, (size_t)truth->n, truth->boxes,
                       (size_t)truth->n_ignored, truth->ignored, a.object + a.n_objects, a.overlap + a.n_objects));
    return a;
}

static int label_of(const RoiStep *s, int image, int object)
{
    return object >= 0 ? s->truth[image].labels[object] : df_roi_head_classes(s->head);
}

/* ---- hard examples ----------------------------------------------------------------------------------------------- */

/* The class loss of every region of an image, by the head as it is: a pass forward that nobody goes back. */
static void measure(DfCtx *c, RoiStep *s, int stage, int image, Assigned *a)
{
    const BoxPart *box = &s->head->box[stage];
    float *rois = make(c, s, a->n, 5 * sizeof *rois);
    int *labels = make(c, s, a->n, sizeof *labels);
    a->loss = make(c, s, a->n, sizeof *a->loss);
    if (c->err || a->n == 0)
        return;
    for (int i = 0; i < a->n; i++) {
        rois[5 * i] = (float)image;
        memcpy(rois + 5 * i + 1, a->boxes + 4 * i, 4 * sizeof *rois);
        labels[i] = label_of(s, image, a->object[i]);
    }
    const bool recording = c->recording;
    c->recording = false;
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *scores, *deltas;
    df_roi_boxes(c, s->head, stage, s->maps, rois, a->n, &scores, &deltas, NULL);
    const DfTensor *loss = box->record->class_losses(c, box->self, scores, labels);
    if (!c->err)
        memcpy(a->loss, loss->data, (size_t)a->n * sizeof *a->loss);
    df_leave_all(c, m, NULL, 0);
    c->recording = recording;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------- */

static bool wants_losses(const RoiStep *s, const DfBoxSampler *sampler)
{
    const DfGivenSample *given = df_given_sample(s->batch, s->out);
    const bool hard = sampler->positives == DF_SAMPLE_HARD || sampler->negatives == DF_SAMPLE_HARD;
    return hard && !(given && given->negative);
}

static DfBoxSample choose(DfCtx *c, RoiStep *s, int stage, int image, Assigned *a)
{
    const TrainCfg *cfg = &s->head->train[stage];
    DfBoxSample sample = { 0 };
    if (wants_losses(s, &cfg->sampler))
        measure(c, s, stage, image, a);
    const AssignedBoxes boxes = {
        .image = image,
        .n = (size_t)a->n,
        .object_of_box = a->object,
        .overlap = a->overlap,
        .loss = a->loss,
    };
    if (!c->err)
        df_choose_examples(c, cfg, s->batch, s->out, &boxes, &sample);
    return sample;
}

/* ---- targets ----------------------------------------------------------------------------------------------------- */

static bool room(DfCtx *c, RoiStep *s, RoiSample *out, int n)
{
    *out = (RoiSample){
        .first = make(c, s, s->batch->n, sizeof *out->first),
        .positives = make(c, s, s->batch->n, sizeof *out->positives),
        .rois = make(c, s, n, 5 * sizeof *out->rois),
        .labels = make(c, s, n, sizeof *out->labels),
        .weights = make(c, s, n, sizeof *out->weights),
        .boxes = make(c, s, n, 4 * sizeof *out->boxes),
        .objects = make(c, s, n, sizeof *out->objects),
        .is_object = make(c, s, n, sizeof *out->is_object),
    };
    return !c->err;
}

static void add_row(const RoiStep *s, int stage, int image, const Assigned *a, int region, bool positive,
                    RoiSample *out)
{
    const double pos_weight = s->head->train[stage].pos_weight;
    const int object = positive ? a->object[region] : -1;
    const int row = out->n++;
    out->rois[5 * row] = (float)image;
    memcpy(out->rois + 5 * row + 1, a->boxes + 4 * region, 4 * sizeof *out->rois);
    out->labels[row] = label_of(s, image, object);
    out->weights[row] = positive && pos_weight > 0 ? (float)pos_weight : 1;
    out->objects[row] = object;
    out->is_object[row] = positive && region < a->n_objects;
    if (positive)
        memcpy(out->boxes + 4 * row, s->truth[image].boxes + 4 * object, 4 * sizeof *out->boxes);
}

static void add_image(const RoiStep *s, int stage, int image, const Assigned *a, const DfBoxSample *sample,
                      RoiSample *out)
{
    out->first[image] = out->n;
    out->positives[image] = (int)sample->n_positive;
    for (size_t i = 0; i < sample->n_positive; i++)
        add_row(s, stage, image, a, sample->positive[i], true, out);
    for (size_t i = 0; i < sample->n_negative; i++)
        add_row(s, stage, image, a, sample->negative[i], false, out);
    out->n_positive += (int)sample->n_positive;
    out->first[image + 1] = out->n;
}

/* A listener hears the regions that were chosen. */
static void observe(DfCtx *c, const RoiStep *s, int image, const RoiSample *sample)
{
    const int first = sample->first[image], n = sample->first[image + 1] - first;
    const DfMark m = df_enter(c, NULL, -1);
    DfTensor *x = df_new(c, DF_SHAPE(n, 4));
    for (int i = 0; !c->err && i < n; i++)
        memcpy(x->data + 4 * i, sample->rois + 5 * (first + i) + 1, 4 * sizeof *x->data);
    char name[48];
    snprintf(name, sizeof name, "sample%d_boxes", s->out->samplings - s->batch->n + image);
    df_observe(c, x, name, -1);
    df_leave_all(c, m, NULL, 0);
}

/* In a dry pass nothing is known of regions: as many as there can be. */
static void sample_dry(DfCtx *c, RoiStep *s, int stage, RoiSample *out)
{
    const DfBoxSampler *sampler = &s->head->train[stage].sampler;
    const int each = df_clamp_int(sampler->num, 1, MOST_OF_A_DRY_PASS);
    if (!room(c, s, out, each * s->batch->n))
        return;
    out->n = each * s->batch->n;
    for (int i = 0; i < s->batch->n; i++) {
        out->first[i + 1] = (i + 1) * each;
        out->positives[i] = (int)(each * sampler->pos_fraction);
        out->n_positive += out->positives[i];
    }
}

void df_roi_sample(DfCtx *c, RoiStep *s, int stage, RoiSample *out)
{
    const int images = s->batch->n;
    *out = (RoiSample){ 0 };
    if (c->dry) {
        sample_dry(c, s, stage, out);
        return;
    }
    Assigned *assigned = make(c, s, images, sizeof *assigned);
    DfBoxSample *samples = make(c, s, images, sizeof *samples);
    int n = 0;
    for (int i = 0; !c->err && i < images; i++) {
        assigned[i] = assign(c, s, stage, i);
        if (!c->err)
            samples[i] = choose(c, s, stage, i, &assigned[i]);
        n += (int)(samples[i].n_positive + samples[i].n_negative);
    }
    const bool enough = !c->err && room(c, s, out, n);
    for (int i = 0; samples && i < images; i++) {
        if (enough)
            add_image(s, stage, i, &assigned[i], &samples[i], out);
        df_box_sample_done(&samples[i]);
        if (enough && df_listens(c))
            observe(c, s, i, out);
    }
}
