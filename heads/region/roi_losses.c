/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/region/roi_losses.c -- a training step of a region head, stage by stage: regions are sampled, their features
 * read from the maps, and the box head and the mask head get their targets. He et al., Mask R-CNN, ICCV 2017, section
 * 3: the loss of a region is that of its class, its box and its mask. Cai and Vasconcelos, Cascade R-CNN, CVPR 2018,
 * section 4: the next stage learns from the boxes of this one.
 */
#include "heads/region/roi_losses.h"

#include <string.h>

#include "heads/region/roi_forward.h"
#include "heads/region/roi_sample.h"

static void *make(DfCtx *c, RoiStep *s, size_t n, size_t size)
{
    void *block = df_arena_alloc(s->arena, n + 1, size);
    if (!block)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the targets of a training step");
    return block;
}

/* Losses of a part join those of the step: in a cascade by the stage's name and weight. Figures, such as the share of
 * right classes, are not weighted. */
static void join(DfCtx *c, const RoiStep *s, int stage, const DfLosses *part)
{
    const float weight = (float)s->head->stage_weights[stage];
    for (int i = 0; i < part->n; i++) {
        const DfLoss *l = &part->v[i];
        const char *name = l->name;
        if (!s->head->cascade && l->loss)
            df_losses_add(c, s->out, l->loss, "%s", name);
        else if (!s->head->cascade)
            df_losses_figure(s->out, (double)l->figure, "%s", name);
        else if (l->loss)
            df_losses_add(c, s->out, df_scale(c, l->loss, weight), "s%d.%s", stage, name);
        else
            df_losses_figure(s->out, (double)l->figure, "s%d.%s", stage, name);
    }
}

/* ---- boxes ------------------------------------------------------------------------------------------------------- */

/* What a stage said of its regions. */
typedef struct {
    DfTensor *features; /* n h w C: what the box head saw          */
    DfTensor *scores;   /* n classes+1                             */
    DfTensor *deltas;   /* n 4*classes, or n 4, or NULL            */
} Said;

static Said learn_boxes(DfCtx *c, RoiStep *s, int stage, const RoiSample *sample)
{
    const BoxPart *box = &s->head->box[stage];
    const DfRegionTargets targets = {
        .n = sample->n,
        .rois = sample->rois,
        .labels = sample->labels,
        .weights = sample->weights,
        .boxes = sample->boxes,
    };
    DfLosses part = { 0 };
    Said said;
    df_roi_boxes(c, s->head, stage, s->maps, sample->rois, sample->n, &said.scores, &said.deltas, &said.features);
    if (c->err)
        return said;
    box->record->losses(c, box->self, said.scores, said.deltas, &targets, &part);
    join(c, s, stage, &part);
    return said;
}

/* ---- masks ------------------------------------------------------------------------------------------------------- */

/* The positive rows of a sample. */
typedef struct {
    int n;
    int *rows;    /* [n]    */
    float *rois;  /* [n][5] */
    int *labels;  /* [n]    */
    int *objects; /* [n]: of the annotations of its image */
} Positives;

static Positives positives_of(DfCtx *c, RoiStep *s, const RoiSample *sample)
{
    const size_t n = (size_t)sample->n_positive;
    Positives p = {
        .rows = make(c, s, n, sizeof *p.rows),
        .rois = make(c, s, n, 5 * sizeof *p.rois),
        .labels = make(c, s, n, sizeof *p.labels),
        .objects = make(c, s, n, sizeof *p.objects),
    };
    for (int image = 0; !c->err && image < s->batch->n; image++)
        for (int i = 0; i < sample->positives[image]; i++) {
            const int row = sample->first[image] + i;
            const int k = p.n++;
            p.rows[k] = row;
            memcpy(p.rois + 5 * k, sample->rois + 5 * row, 5 * sizeof *p.rois);
            p.labels[k] = sample->labels[row];
            p.objects[k] = c->dry ? 0 : s->truth[image].index[sample->objects[row]];
        }
    return p;
}

/* The picture that the masks of an image are of: that of its runs, which may be padded, else the picture itself. */
static bool find_canvas(DfCtx *c, const RoiStep *s, int image, DfMaskTarget *t)
{
    const DfAnnotations *a = &s->batch->objects[image];
    const DfImageMeta *meta = &s->batch->metas[image];
    t->height = (uint32_t)meta->img_h;
    t->width = (uint32_t)meta->img_w;
    for (size_t i = 0; i < a->n; i++)
        if (a->masks[i].form == DF_MASK_RUNS) {
            t->height = a->masks[i].runs.height;
            t->width = a->masks[i].runs.width;
            break;
        }
    if (t->height >= (uint32_t)meta->img_h && t->width >= (uint32_t)meta->img_w)
        return true;
    df_ctx_fail(c, DF_EVALUE, "image %d of the batch is %d x %d and has masks of %u x %u (height x width)", image,
                meta->img_h, meta->img_w, (unsigned)t->height, (unsigned)t->width);
    return false;
}

static bool have_masks(DfCtx *c, const RoiStep *s, int image, int n, const int *objects)
{
    const DfAnnotations *a = &s->batch->objects[image];
    for (int i = 0; i < n; i++)
        if (!a->masks || a->masks[objects[i]].form == DF_MASK_NONE) {
            df_ctx_fail(c, DF_EVALUE, "object %d of image %d has no mask, and the network learns masks", objects[i],
                        image);
            return false;
        }
    return true;
}

/* Crops the masks of an image's objects to its positive regions, which begin at row `first`. */
static void crop_masks(DfCtx *c, const RoiStep *s, int image, const Positives *p, int first, int n, DfMaskTarget t,
                       float *out)
{
    const DfAnnotations *a = &s->batch->objects[image];
    const DfMaskRegions regions = {
        .n = (size_t)n,
        .stride = 5,
        .boxes = p->rois + 5 * first + 1,
        .objects = p->objects + first,
    };
    if (n == 0 || !have_masks(c, s, image, n, regions.objects) || !find_canvas(c, s, image, &t))
        return;
    const size_t size = (size_t)t.out_height * (size_t)t.out_width;
    const int error = df_mask_targets(&t, a->masks, a->n, &regions, out + size * (size_t)first);
    if (error < 0)
        df_ctx_fail(c, error, "image %d of the batch: %s", image, df_error());
}

static float *mask_targets(DfCtx *c, RoiStep *s, const RoiSample *sample, const Positives *p, const DfMaskTarget *t)
{
    float *out = make(c, s, (size_t)p->n * (size_t)t->out_height * (size_t)t->out_width, sizeof *out);
    for (int image = 0, first = 0; !c->err && !c->dry && image < s->batch->n; image++) {
        crop_masks(c, s, image, p, first, sample->positives[image], *t, out);
        first += sample->positives[image];
    }
    return out;
}

/* The size of masks that the config wants; where it says nothing, the size that the head gives. */
static bool find_size(DfCtx *c, const RoiStep *s, int stage, const DfTensor *logits, DfMaskTarget *t)
{
    const DfInts size = s->head->train[stage].mask_size;
    const int height = df_dim(logits, 1), width = df_dim(logits, 2);
    *t = (DfMaskTarget){ .out_height = height, .out_width = width, .soft = s->head->train[stage].soft_mask_target };
    if (size.n == 0 || (size.v[0] == height && size.v[size.n - 1] == width))
        return true;
    df_ctx_fail(c, DF_ESHAPE, "train_cfg.rcnn.mask_size is %d x %d, the mask head gives %d x %d", size.v[0],
                size.v[size.n - 1], height, width);
    return false;
}

/* Masks of positive regions: with an extractor of their own, or from what the box head saw ("share_roi_extractor"). */
static DfTensor *say_masks(DfCtx *c, const RoiStep *s, int stage, const Positives *p, const Said *said)
{
    if (s->head->mask_extractor != s->head->box_extractor)
        return df_roi_masks(c, s->head, stage, s->maps, p->rois, p->n);
    const DfShape shape = said->features->shape;
    const int size = shape.d[1] * shape.d[2] * shape.d[3];
    DfTensor *rows = df_reshape(c, said->features, DF_SHAPE(shape.d[0], size));
    rows = df_gather_rows(c, rows, p->rows, p->n);
    return df_roi_masks_of(c, s->head, stage, df_reshape(c, rows, DF_SHAPE(p->n, shape.d[1], shape.d[2], shape.d[3])));
}

static void learn_masks(DfCtx *c, RoiStep *s, int stage, const RoiSample *sample, const Said *said)
{
    const MaskPart *mask = &s->head->mask[stage];
    const Positives p = positives_of(c, s, sample);
    DfTensor *logits = c->err ? &c->nil : say_masks(c, s, stage, &p, said); /* positives h w classes, or .. 1 */
    DfMaskTarget size;
    if (c->err || !find_size(c, s, stage, logits, &size))
        return;
    const DfRegionTargets targets = {
        .n = p.n,
        .rois = p.rois,
        .labels = p.labels,
        .masks = mask_targets(c, s, sample, &p, &size),
    };
    DfLosses part = { 0 };
    if (c->err)
        return;
    const DfShape shape = DF_SHAPE(p.n, size.out_height, size.out_width);
    if (df_listens(c))
        df_observe(c, df_from(c, shape, targets.masks), "mask_targets_", stage);
    mask->record->losses(c, mask->self, logits, &targets, &part);
    join(c, s, stage, &part);
}

/* ---- the next stage ---------------------------------------------------------------------------------------------- */

static int largest(const float *x, int n)
{
    int at = 0;
    for (int i = 1; i < n; i++)
        at = x[i] > x[at] ? i : at;
    return at;
}

/* Every region becomes the box that this stage makes of it: as one of its object's class or, of background, as one of
 * the class that it looks most like. */
static void refine_row(const RoiStep *s, int stage, const RoiSample *sample, const Said *said, int row, float *out)
{
    const DfBoxHeadShape *shape = &s->head->box[stage].shape;
    const DfImageMeta *meta = &s->batch->metas[(int)sample->rois[5 * row]];
    const float *scores = said->scores->data + (size_t)row * (size_t)shape->columns;
    const float *box = sample->rois + 5 * row + 1;
    int label = sample->labels[row];
    if (label == shape->classes)
        label = largest(scores, shape->classes);
    const size_t delta = shape->class_agnostic ? (size_t)row : (size_t)row * (size_t)shape->classes + (size_t)label;
    if (said->deltas)
        df_delta_decode(shape->coder, 1, 1, box, said->deltas->data + 4 * delta, meta->img_h, meta->img_w, out);
    else
        memcpy(out, box, 4 * sizeof *out);
}

/* The objects among the regions are left out: the next stage adds them itself. */
static void refine(DfCtx *c, RoiStep *s, int stage, const RoiSample *sample, const Said *said)
{
    for (int image = 0; !c->dry && image < s->batch->n; image++) {
        const int first = sample->first[image], end = sample->first[image + 1];
        RoiBoxes next = { .at = make(c, s, (size_t)(end - first), 4 * sizeof *next.at) };
        for (int row = first; !c->err && row < end; row++)
            if (!sample->is_object[row])
                refine_row(s, stage, sample, said, row, next.at + 4 * next.n++);
        s->proposals[image] = next;
    }
}

/* ---- the step ---------------------------------------------------------------------------------------------------- */

static void learn_stage(DfCtx *c, RoiStep *s, int stage)
{
    RoiSample sample;
    df_roi_sample(c, s, stage, &sample);
    if (c->err)
        return;
    const Said said = learn_boxes(c, s, stage, &sample);
    if (s->head->mask && !c->err)
        learn_masks(c, s, stage, &sample, &said);
    if (stage + 1 < s->head->num_stages && !c->err)
        refine(c, s, stage, &sample, &said);
}

static void begin(DfCtx *c, RoiStep *s, const DfDetections *proposals)
{
    const size_t n = (size_t)s->batch->n;
    s->truth = make(c, s, n, sizeof *s->truth);
    s->proposals = make(c, s, n, sizeof *s->proposals);
    for (size_t i = 0; !c->err && !c->dry && i < n; i++) {
        RoiBoxes *boxes = &s->proposals[i];
        const int error = df_truth(&s->truth[i], &s->batch->objects[i], df_roi_head_classes(s->head), (int)i, s->arena);
        if (error < 0)
            df_ctx_fail(c, error, "%s", df_error());
        boxes->at = make(c, s, proposals[i].n, 4 * sizeof *boxes->at);
        for (size_t k = 0; !c->err && k < proposals[i].n; k++)
            memcpy(boxes->at + 4 * boxes->n++, proposals[i].v[k].box, 4 * sizeof *boxes->at);
    }
}

static void check_config(DfCtx *c, const RoiHead *h)
{
    if (h->stage_weights_problem)
        df_ctx_fail(c, DF_EVALUE, "%s", h->stage_weights_problem);
    for (int i = 0; i < h->num_stages; i++) {
        const TrainCfg *cfg = &h->train[i];
        if (cfg->problem)
            df_ctx_fail(c, DF_EVALUE, "%s", cfg->problem);
        else if (!cfg->given)
            df_ctx_fail(c, DF_EVALUE, "train_cfg.rcnn is missing: want an assigner and a sampler");
    }
}

void df_roi_losses(DfCtx *c, const RoiHead *h, const DfMaps *maps, const DfDetections *proposals,
                   const DfLossBatch *batch, DfLosses *out)
{
    RoiStep s = { .head = h, .maps = maps, .batch = batch, .out = out, .arena = df_arena_new() };
    check_config(c, h);
    if (!s.arena)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for a training step");
    if (!c->err)
        begin(c, &s, proposals);
    for (int stage = 0; !c->err && stage < h->num_stages; stage++)
        learn_stage(c, &s, stage);
    df_arena_free(s.arena);
}
