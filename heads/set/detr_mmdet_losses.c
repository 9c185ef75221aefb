/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet_losses.c -- reads the criterion from mmdet's loss_cls, loss_bbox, loss_iou and
 * train_cfg.assigner. A mistake in them does not make a network fail that is not trained; it is stored in the
 * criterion.
 */
#include "heads/set/detr_mmdet.h"

#include <string.h>

#include "heads/set/mmdet_losses.h"

/* ---- losses ---------------------------------------------------------------------------------------------------- */

enum { MOST_KINDS = 4 };

/* A loss of one of the kinds that fit; `want` names them. */
static void read_loss(NnScope s, LossCfg *loss, const DfNode *dict, const char *key, const LossKind *kinds,
                      const char *want, const char **problem)
{
    bool fits = false;
    df_loss_cfg(s, loss, dict, key);
    for (int i = 0; i < MOST_KINDS; i++)
        fits = fits || loss->kind == kinds[i];
    if (loss->problem)
        df_set_problem(s, problem, "%s", loss->problem);
    else if (!fits)
        df_set_problem(s, problem, "%s has type '%s': want %s", key, loss->type, want);
}

static void read_box_losses(NnScope s, const DetrLossDicts *dicts, struct DfMmdetSetLosses *k, const char **problem)
{
    static const LossKind distances[MOST_KINDS] = { LOSS_L1, LOSS_SMOOTH_L1, LOSS_BALANCED_L1, LOSS_MSE };
    static const LossKind overlaps[MOST_KINDS] = { LOSS_IOU, LOSS_GIOU, LOSS_DIOU, LOSS_CIOU };
    read_loss(s, &k->bbox, dicts->loss_bbox, "loss_bbox", distances, "a distance of boxes, such as L1Loss", problem);
    read_loss(s, &k->iou, dicts->loss_iou, "loss_iou", overlaps, "an overlap of boxes, such as GIoULoss", problem);
}

/* class_weight is a number here: of every class, and bg_cls_weight that of "nothing". Where it is not given all classes
 * count 1, and queries without an object do not count in the divisor. */
static void read_cross_entropy(NnScope s, const DfNode *dict, int classes, struct DfMmdetSetLosses *k,
                               const char **problem)
{
    static const LossKind kinds[MOST_KINDS] = { LOSS_CROSS_ENTROPY, LOSS_CROSS_ENTROPY, LOSS_CROSS_ENTROPY,
                                                LOSS_CROSS_ENTROPY };
    read_loss(s, &k->cls, dict, "loss_cls", kinds, "CrossEntropyLoss", problem);
    const DfFloats given = k->cls.cross_entropy.class_weight;
    if (*problem || given.n == 0)
        return;
    if (given.n > 1)
        df_set_problem(s, problem, "loss_cls.class_weight has %d numbers: want one", given.n);
    if (k->cls.cross_entropy.use_sigmoid)
        df_set_problem(s, problem, "loss_cls.use_sigmoid: want False");
    k->background = df_node_get(dict, "bg_cls_weight") ? k->cls.cross_entropy.background : given.v[0];
    double *weight = nn_alloc(s, (size_t)classes + 1, sizeof *weight);
    for (int i = 0; weight && i <= classes; i++)
        weight[i] = i < classes ? given.v[0] : k->background;
    k->cls.cross_entropy.class_weight = (DfFloats){ weight ? classes + 1 : 0, weight };
}

static void read_sigmoid_loss(NnScope s, const DfNode *dict, struct DfMmdetSetLosses *k, const char **problem)
{
    static const LossKind kinds[MOST_KINDS] = { LOSS_FOCAL, LOSS_CROSS_ENTROPY, LOSS_FOCAL, LOSS_FOCAL };
    read_loss(s, &k->cls, dict, "loss_cls", kinds, "FocalLoss", problem);
    if (*problem)
        return;
    const bool focal = k->cls.kind == LOSS_FOCAL;
    if (focal ? !k->cls.focal.use_sigmoid : !k->cls.cross_entropy.use_sigmoid)
        df_set_problem(s, problem, "loss_cls.use_sigmoid: want True");
}

/* ---- costs of the matching ------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *assigner;
} TrainDict;
typedef struct {
    const DfNode *cls_cost, *reg_cost, *iou_cost;
} AssignerDict;
typedef struct {
    double weight, alpha, eps;
    double gamma;
    int box_format, iou_mode;
} CostDict;
enum { GIOU, IOU };
enum { XYXY, XYWH };

static const DfOpt train_opts[] = {
    DF_OPT_DICT(TrainDict, assigner, "None", "HungarianAssigner: costs of the matching"),
    DF_OPT_UNUSED(sampler, "no queries are sampled"),
    DF_OPT_END
};

static const DfOpt assigner_opts[] = {
    DF_OPT_DICT(AssignerDict, cls_cost, "None", "ClassificationCost; for Deformable DETR FocalLossCost"),
    DF_OPT_DICT(AssignerDict, reg_cost, "None", "BBoxL1Cost: distance of boxes"),
    DF_OPT_DICT(AssignerDict, iou_cost, "None", "IoUCost: generalised IoU"),
    DF_OPT_END
};

static const DfOpt class_cost_opts[] = {
    DF_OPT_FLOAT(CostDict, weight, 1.0, 0, 1e6, "weight of the cost"),
    DF_OPT_END
};

static const DfOpt focal_cost_opts[] = {
    DF_OPT_FLOAT(CostDict, weight, 1.0, 0, 1e6, "weight of the cost"),
    DF_OPT_FLOAT(CostDict, alpha, 0.25, 0, 1, "weight of the class against everything else"),
    DF_OPT_FLOAT(CostDict, gamma, 2.0, 0, 100, "how much less an easy example costs"),
    DF_OPT_FLOAT(CostDict, eps, 1e-12, 0, 1, "keeps logarithms from being of 0"),
    DF_OPT_UNUSED(binary_input, "for masks"),
    DF_OPT_END
};

static const DfOpt box_cost_opts[] = {
    DF_OPT_FLOAT(CostDict, weight, 1.0, 0, 1e6, "weight of the cost"),
    DF_OPT_ENUM(CostDict, box_format, xyxy, "xyxy|xywh", "distance of corners, or of centres and sizes"),
    DF_OPT_END
};

static const DfOpt iou_cost_opts[] = {
    DF_OPT_FLOAT(CostDict, weight, 1.0, 0, 1e6, "weight of the cost"),
    DF_OPT_ENUM(CostDict, iou_mode, giou, "giou|iou", "the generalised IoU, or the IoU"),
    DF_OPT_END
};

/* Reads a dict that can be of one type only; NULL gives the defaults. */
static void read_dict(NnScope s, const DfNode *dict, const char *key, const char *type, const DfOpt *opts, void *out,
                      const char **problem)
{
    const char *met = df_node_text(df_node_get(dict, "type"), type);
    if (strcmp(met, type) != 0)
        df_set_problem(s, problem, "%s has type '%s': want %s", key, met, type);
    else
        df_bind_for_training(s, dict, opts, out, type, problem);
}

/* Leaves the matcher as it is if there is no assigner. */
static void read_matcher(NnScope s, const DfNode *train_cfg, const char *class_cost, const DfOpt *class_opts,
                         DfSetCriterion *k)
{
    TrainDict train = { 0 };
    AssignerDict a = { 0 };
    CostDict cls = { 0 }, box = { 0 }, iou = { 0 };
    if (!df_bind_for_training(s, train_cfg, train_opts, &train, "train_cfg", &k->problem) || !train.assigner)
        return;
    read_dict(s, train.assigner, "assigner", "HungarianAssigner", assigner_opts, &a, &k->problem);
    read_dict(s, a.cls_cost, "cls_cost", class_cost, class_opts, &cls, &k->problem);
    read_dict(s, a.reg_cost, "reg_cost", "BBoxL1Cost", box_cost_opts, &box, &k->problem);
    read_dict(s, a.iou_cost, "iou_cost", "IoUCost", iou_cost_opts, &iou, &k->problem);
    k->matcher.cost_class = cls.weight;
    k->matcher.cost_bbox = box.weight;
    k->matcher.cost_giou = iou.weight;
    k->matcher.corners = box.box_format == XYXY;
    k->matcher.plain_iou = iou.iou_mode == IOU;
    if (class_opts == focal_cost_opts) {
        k->matcher.alpha = cls.alpha;
        k->matcher.gamma = cls.gamma;
        k->matcher.eps = cls.eps;
    }
}

/* ---- criteria -------------------------------------------------------------------------------------------------- */

DfSetCriterion df_detr_mmdet_softmax_criterion(NnScope s, const DetrLossDicts *dicts, int classes)
{
    DfSetCriterion k = df_set_criterion_softmax();
    struct DfMmdetSetLosses *losses = nn_alloc(s, 1, sizeof *losses);
    k.mmdet = losses;
    k.matcher.corners = true; /* the distance that mmdet takes unless told otherwise */
    read_matcher(s, dicts->train_cfg, "ClassificationCost", class_cost_opts, &k);
    if (losses) {
        read_box_losses(s, dicts, losses, &k.problem);
        read_cross_entropy(s, dicts->loss_cls, classes, losses, &k.problem);
    }
    return k;
}

DfSetCriterion df_detr_mmdet_sigmoid_criterion(NnScope s, const DetrLossDicts *dicts)
{
    DfSetCriterion k = df_set_criterion();
    struct DfMmdetSetLosses *losses = nn_alloc(s, 1, sizeof *losses);
    k.mmdet = losses;
    k.matcher.eps = 1e-12;
    read_matcher(s, dicts->train_cfg, "FocalLossCost", focal_cost_opts, &k);
    if (losses) {
        read_box_losses(s, dicts, losses, &k.problem);
        read_sigmoid_loss(s, dicts->loss_cls, losses, &k.problem);
    }
    return k;
}
