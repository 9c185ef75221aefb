/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/dense/targets.c -- training targets of mmdet's AnchorHead. Anchors inside the image are assigned to its
 * objects and sampled (Ren et al., NIPS 2015, section 3.1.2); RetinaNet uses all (Lin et al., ICCV 2017, section 4).
 *     loss_cls  = sum over the sampled anchors of weight * loss(scores, class or background) / average
 *     loss_bbox = sum over positive anchors of loss(deltas, deltas to the object) / average
 */
#include "heads/dense/targets.h"

#include <string.h>

#include "heads/decode_boxes.h"

/* The anchors of all levels, one level behind the other; the same for each image of the batch. */
typedef struct {
    int levels;
    int h[DF_LEVELS], w[DF_LEVELS];
    size_t first[DF_LEVELS + 1]; /* of each level; in the end, how many there are         */
    float *boxes;                /* [n][4]                                                */
    DfAnchors of;              /* for maps of these sizes */
    int strides[2 * DF_LEVELS];
} Anchors;

/* What is known of an image when its anchors are assigned and sampled. */
typedef struct {
    Truth truth;
    int *object_of_anchor; /* [n]: of anchors that count; DF_NEITHER for all others       */
} ImageTargets;

/* A step on its way. */
typedef struct {
    DfCtx *c;
    DfArena *arena;
    const DenseTeacher *teacher;
    const DfLossBatch *batch;
    DfLosses *losses;
    Anchors anchors;
    ImageTargets *images;  /* [batch->n]                                                  */
    double average;
} Step;

static void *make(Step *s, size_t n, size_t size)
{
    void *block = df_arena_alloc(s->arena, n + 1, size);
    if (!block)
        df_ctx_fail(s->c, DF_ENOMEM, "out of memory for the targets of %zu anchors", n);
    return block;
}

static bool passed(Step *s, int error)
{
    if (error < 0)
        df_ctx_fail(s->c, error, "%s", df_error());
    return error == DF_OK;
}

void df_dense_train_cfg_2(TrainCfg *train, const LossCfg *loss_cls)
{
    train->counts_negatives = loss_cls->kind != LOSS_FOCAL;
    if (train->counts_negatives)
        return;
    train->sampler = (DfBoxSampler){ 0 };
    train->add_gt_as_proposals = false;
}

/* ---- which anchors are examples of what -------------------------------------------------------------------------- */

static bool make_anchors(Step *s, const DfDense *dense)
{
    const DfAnchors *const all = &s->teacher->decoder->anchors;
    Anchors *a = &s->anchors;
    a->levels = dense->n;
    for (int i = 0; i < dense->n; i++) {
        a->h[i] = df_dim(dense->cls_score[i], 1);
        a->w[i] = df_dim(dense->cls_score[i], 2);
        a->first[i + 1] = a->first[i] + (size_t)a->h[i] * (size_t)a->w[i] * (size_t)all->per_cell;
    }
    df_anchors_fit(&a->of, all, a->h, a->w, a->strides);
    a->boxes = make(s, a->first[a->levels], 4 * sizeof *a->boxes);
    for (int i = 0; a->boxes && i < a->levels; i++)
        df_anchors_grid(&a->of, i, a->h[i], a->w[i], a->boxes + 4 * a->first[i]);
    return a->boxes != NULL;
}

/* Anchors that count: in the image with its own padding, and not too far over its border. */
typedef struct {
    size_t n;
    int *from;    /* [n]: which of all anchors */
    float *boxes; /* [n][4]                    */
    int *object;  /* [n]                       */
    float *overlap;
} Inside;

static void flag_inside(const Step *s, const DfImageMeta *meta, bool *flag)
{
    const Anchors *const a = &s->anchors;
    for (int i = 0; i < a->levels; i++)
        df_anchors_valid(&a->of, i, a->h[i], a->w[i], meta->pad_h, meta->pad_w,
                         flag + a->first[i]);
    df_anchors_inside(a->first[a->levels], a->boxes, meta->img_h, meta->img_w, s->teacher->train->allowed_border, flag);
}

static bool take_inside(Step *s, int image, Inside *out)
{
    const size_t all = s->anchors.first[s->anchors.levels];
    bool *flag = make(s, all, sizeof *flag);
    *out = (Inside){
        .from = make(s, all, sizeof *out->from),
        .boxes = make(s, all, 4 * sizeof *out->boxes),
        .object = make(s, all, sizeof *out->object),
        .overlap = make(s, all, sizeof *out->overlap),
    };
    if (s->c->err)
        return false;
    flag_inside(s, &s->batch->metas[image], flag);
    for (size_t i = 0; i < all; i++)
        if (flag[i]) {
            memcpy(out->boxes + 4 * out->n, s->anchors.boxes + 4 * i, 4 * sizeof *out->boxes);
            out->from[out->n++] = (int)i;
        }
    if (out->n == 0)
        df_ctx_fail(s->c, DF_EVALUE, "no anchor lies in image %d: want smaller ones, or another allowed_border", image);
    return out->n > 0;
}

/* An image adds its positives to the average and, if anchors are sampled, its negatives; at least one of each. */
static double counted(const TrainCfg *train, const DfBoxSample *sample)
{
    const double positives = sample->n_positive ? (double)sample->n_positive : 1;
    const double negatives = sample->n_negative ? (double)sample->n_negative : 1;
    return train->counts_negatives ? positives + negatives : positives;
}

static void note(Step *s, const Inside *in, const DfBoxSample *sample, int *object_of_anchor)
{
    for (size_t i = 0; i < s->anchors.first[s->anchors.levels]; i++)
        object_of_anchor[i] = DF_NEITHER;
    for (size_t i = 0; i < sample->n_positive; i++)
        object_of_anchor[in->from[sample->positive[i]]] = in->object[sample->positive[i]];
    for (size_t i = 0; i < sample->n_negative; i++)
        object_of_anchor[in->from[sample->negative[i]]] = DF_BACKGROUND;
    s->average += counted(s->teacher->train, sample);
}

static bool image_targets(Step *s, int image, ImageTargets *out)
{
    const TrainCfg *const train = s->teacher->train;
    Truth *const truth = &out->truth;
    Inside in;
    out->object_of_anchor = make(s, s->anchors.first[s->anchors.levels], sizeof *out->object_of_anchor);
    if (s->c->err || !passed(s, df_truth(truth, &s->batch->objects[image], s->teacher->classes, image, s->arena)) ||
        !take_inside(s, image, &in))
        return false;
    if (!passed(s, df_assign(&train->assigner, in.n, in.boxes, (size_t)truth->n, truth->boxes,
                             (size_t)truth->n_ignored, truth->ignored, in.object, in.overlap)))
        return false;
    const AssignedBoxes assigned = { .image = image, .n = in.n, .object_of_box = in.object, .overlap = in.overlap };
    DfBoxSample sample;
    const bool chosen = df_choose_examples(s->c, train, s->batch, s->losses, &assigned, &sample);
    if (chosen)
        note(s, &in, &sample, out->object_of_anchor);
    df_box_sample_done(&sample);
    return chosen;
}

/* ---- labels, weights and boxes of a level ------------------------------------------------------------------------ */

static bool level_room(Step *s, size_t rows, int n_positive, LevelTargets *out)
{
    const size_t n = (size_t)n_positive;
    *out = (LevelTargets){
        .rows = rows,
        .label = make(s, rows, sizeof *out->label),
        .weight = make(s, rows, sizeof *out->weight),
        .positive = make(s, n, sizeof *out->positive),
        .target = make(s, n, 4 * sizeof *out->target),
        .anchor = make(s, n, 4 * sizeof *out->anchor),
    };
    return !s->c->err;
}

static int count_positives(const Step *s, int level)
{
    int positives = 0;
    for (int image = 0; image < s->batch->n; image++)
        for (size_t i = s->anchors.first[level]; i < s->anchors.first[level + 1]; i++)
            positives += s->images[image].object_of_anchor[i] >= 0;
    return positives;
}

static void add_positive(const DenseTeacher *t, const float *anchor, const float *box, size_t row, LevelTargets *out)
{
    const size_t k = (size_t)out->n_positive++;
    out->positive[k] = (int)row;
    memcpy(out->anchor + 4 * k, anchor, 4 * sizeof *anchor);
    memcpy(out->target + 4 * k, box, 4 * sizeof *box);
    if (!t->decoded)
        df_delta_encode(&t->decoder->coder, 1, anchor, box, out->target + 4 * k);
}

static void fill_level(const Step *s, int level, const ImageTargets *image, size_t row, LevelTargets *out)
{
    const DenseTeacher *const t = s->teacher;
    const float positive_weight = t->train->pos_weight > 0 ? (float)t->train->pos_weight : 1;
    const int background = t->one_class ? 1 : t->classes;
    for (size_t i = s->anchors.first[level]; i < s->anchors.first[level + 1]; i++, row++) {
        const int object = image->object_of_anchor[i];
        out->label[row] = background;
        out->weight[row] = object == DF_BACKGROUND ? 1 : 0;
        if (object < 0)
            continue;
        out->label[row] = t->one_class ? 0 : image->truth.labels[object];
        out->weight[row] = positive_weight;
        add_positive(t, s->anchors.boxes + 4 * i, image->truth.boxes + 4 * object, row, out);
    }
}

static bool level_targets(Step *s, int level, LevelTargets *out)
{
    const size_t n = s->anchors.first[level + 1] - s->anchors.first[level];
    if (!level_room(s, (size_t)s->batch->n * n, count_positives(s, level), out))
        return false;
    for (int i = 0; i < s->batch->n; i++)
        fill_level(s, level, &s->images[i], (size_t)i * n, out);
    return true;
}

/* In a dry pass nothing is known of objects: a few dozen anchors of a level are positive. */
static bool dry_targets(Step *s, DenseTargets *out)
{
    bool ok = true;
    out->average = 1;
    for (int level = 0; ok && level < out->n; level++) {
        const size_t n = s->anchors.first[level + 1] - s->anchors.first[level];
        const size_t rows = (size_t)s->batch->n * n;
        const int positives = (int)df_clamp_size(rows, 0, 32);
        ok = level_room(s, rows, positives, &out->level[level]);
        out->level[level].n_positive = positives;
    }
    return ok;
}

bool df_dense_targets(DfCtx *c, DfArena *arena, const DenseTeacher *t, const DfDense *dense, const DfLossBatch *batch,
                      DfLosses *losses, DenseTargets *out)
{
    Step s = { .c = c, .arena = arena, .teacher = t, .batch = batch, .losses = losses };
    *out = (DenseTargets){ .n = dense->n };
    bool ok = make_anchors(&s, dense);
    if (ok && c->dry)
        return dry_targets(&s, out);
    s.images = make(&s, (size_t)batch->n, sizeof *s.images);
    ok = ok && s.images;
    for (int i = 0; ok && i < batch->n; i++)
        ok = image_targets(&s, i, &s.images[i]);
    for (int level = 0; ok && level < dense->n; level++)
        ok = level_targets(&s, level, &out->level[level]);
    out->average = s.average;
    return ok;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

static DfTensor *class_loss(DfCtx *c, const DenseTeacher *t, DfTensor *scores, const LevelTargets *level,
                            double average)
{
    const LossTargets targets = {
        .label = level->label,
        .weight = level->weight,
        .averaged = true,
        .average = average,
    };
    DfTensor *x = df_reshape(c, scores, DF_SHAPE((int)level->rows, t->decoder->columns)); /* anchors classes */
    return df_loss_apply(c, t->loss_cls, x, &targets);
}

static DfTensor *box_loss(DfCtx *c, const DenseTeacher *t, DfTensor *deltas, const LevelTargets *level, double average)
{
    const LossTargets targets = { .target = level->target, .averaged = true, .average = average };
    DfTensor *x = df_reshape(c, deltas, DF_SHAPE((int)level->rows, 4)); /* anchors 4   */
    x = df_gather_rows(c, x, level->positive, level->n_positive);       /* positives 4 */
    if (t->decoded)
        x = df_decode_boxes(c, &t->decoder->coder, x, level->anchor);
    DfTensor *loss = df_loss_apply(c, t->loss_bbox, x, &targets);
    if (t->loss_bbox->reduction == REDUCE_NONE) /* logged is the mean over all anchors */
        loss = df_scale(c, loss, (float)level->n_positive / (float)level->rows);
    return loss;
}

static const char *problem_of(const DenseTeacher *t)
{
    const DfBoxSampler *const sampler = &t->train->sampler;
    if (!t->train->given)
        return "the config has no train_cfg, which says which anchors are examples of which object";
    if (t->train->problem)
        return t->train->problem;
    if (t->loss_cls->problem)
        return t->loss_cls->problem;
    if (t->loss_bbox->problem)
        return t->loss_bbox->problem;
    if (t->train->add_gt_as_proposals)
        return "train_cfg.sampler: want add_gt_as_proposals=False where anchors are sampled";
    if (sampler->positives == DF_SAMPLE_HARD || sampler->negatives == DF_SAMPLE_HARD)
        return "train_cfg.sampler: OHEMSampler chooses among regions, not anchors";
    return NULL;
}

static void add_losses(DfCtx *c, const DenseTeacher *t, const DfDense *dense, const DenseTargets *targets,
                       DfLosses *out)
{
    for (int i = 0; i < dense->n; i++)
        df_losses_add(c, out, class_loss(c, t, dense->cls_score[i], &targets->level[i], targets->average), "%s.%d",
                      t->cls_name, i);
    for (int i = 0; i < dense->n; i++)
        df_losses_add(c, out, box_loss(c, t, dense->bbox_pred[i], &targets->level[i], targets->average), "%s.%d",
                      t->bbox_name, i);
}

void df_dense_losses(DfCtx *c, const DenseTeacher *t, const DfDense *dense, const DfLossBatch *batch, DfLosses *out)
{
    const char *problem = problem_of(t);
    if (problem)
        df_ctx_fail(c, DF_EVALUE, "%s", problem);
    if (c->err)
        return;
    DenseTargets targets;
    DfArena *arena = df_arena_new();
    if (!arena)
        df_ctx_fail(c, DF_ENOMEM, "out of memory for the targets of anchors");
    else if (df_dense_targets(c, arena, t, dense, batch, out, &targets))
        add_losses(c, t, dense, &targets, out);
    df_arena_free(arena);
}
