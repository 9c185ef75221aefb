/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet_losses.c -- what mmdet's loss_cls, loss_bbox, loss_iou and train_cfg.assigner say of the
 * criterion. A network that is not trained does not fail by them: what is wrong is kept in the criterion.
 */
#include "heads/set/detr_mmdet.h"

#include <string.h>

#include "heads/settings/loss_cfg.h"

/* ---- losses ---------------------------------------------------------------------------------------------------- */

static void read_loss(NnScope s, LossCfg *loss, const DfNode *dict, const char *key, LossKind kind, const char *type,
                      const char **problem)
{
    df_loss_cfg(s, loss, dict, key);
    if (loss->problem)
        df_set_problem(s, problem, "%s", loss->problem);
    else if (loss->kind != kind)
        df_set_problem(s, problem, "%s has type '%s': want %s", key, loss->type, type);
    else if (loss->reduction != REDUCE_MEAN)
        df_set_problem(s, problem, "%s.reduction: want 'mean'", key);
}

static void read_cross_entropy(NnScope s, const DfNode *dict, DfSetCriterion *k)
{
    LossCfg loss;
    read_loss(s, &loss, dict, "loss_cls", LOSS_CROSS_ENTROPY, "CrossEntropyLoss", &k->problem);
    if (k->problem)
        return;
    const DfFloats class_weight = loss.cross_entropy.class_weight;
    if (class_weight.n > 1 || (class_weight.n == 1 && (class_weight.v[0] < 1 || class_weight.v[0] > 1)))
        df_set_problem(s, &k->problem, "loss_cls.class_weight: want 1.0");
    if (loss.cross_entropy.use_sigmoid)
        df_set_problem(s, &k->problem, "loss_cls.use_sigmoid: want False");
    k->weight_ce = loss.weight;
    k->background = loss.cross_entropy.background;
}

static void read_focal_loss(NnScope s, const DfNode *dict, DfSetCriterion *k)
{
    LossCfg loss;
    read_loss(s, &loss, dict, "loss_cls", LOSS_FOCAL, "FocalLoss", &k->problem);
    if (k->problem)
        return;
    if (!loss.focal.use_sigmoid)
        df_set_problem(s, &k->problem, "loss_cls.use_sigmoid: want True");
    if (loss.focal.gamma < 2 || loss.focal.gamma > 2)
        df_set_problem(s, &k->problem, "loss_cls.gamma: want 2.0");
    k->weight_ce = loss.weight;
    k->alpha = loss.focal.alpha;
}

static void read_box_losses(NnScope s, const DetrLossDicts *dicts, DfSetCriterion *k)
{
    LossCfg l1, giou;
    read_loss(s, &l1, dicts->loss_bbox, "loss_bbox", LOSS_L1, "L1Loss", &k->problem);
    read_loss(s, &giou, dicts->loss_iou, "loss_iou", LOSS_GIOU, "GIoULoss", &k->problem);
    k->weight_bbox = l1.weight;
    k->weight_giou = giou.weight;
}

/* ---- costs of the matching ------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *assigner;
} TrainDict;
typedef struct {
    const DfNode *cls_cost, *reg_cost, *iou_cost;
} AssignerDict;
typedef struct {
    double weight, alpha;
    int gamma, box_format, iou_mode;
} CostDict;
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
    DF_OPT_INT(CostDict, gamma, 2, 2, 2, "how much less an easy example costs; only 2 is supported"),
    DF_OPT_UNUSED(eps, "logarithms are never of 0"),
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
    DF_OPT_ENUM(CostDict, iou_mode, giou, "giou", "only the generalised IoU is supported"),
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
    if (class_opts == focal_cost_opts)
        k->matcher.alpha = cls.alpha;
}

/* ---- criteria -------------------------------------------------------------------------------------------------- */

DfSetCriterion df_detr_mmdet_softmax_criterion(NnScope s, const DetrLossDicts *dicts)
{
    DfSetCriterion k = df_set_criterion_softmax();
    k.mmdet = true;
    k.matcher.corners = true; /* the distance that mmdet takes unless told otherwise */
    read_matcher(s, dicts->train_cfg, "ClassificationCost", class_cost_opts, &k);
    read_box_losses(s, dicts, &k);
    read_cross_entropy(s, dicts->loss_cls, &k);
    return k;
}

DfSetCriterion df_detr_mmdet_sigmoid_criterion(NnScope s, const DetrLossDicts *dicts)
{
    DfSetCriterion k = df_set_criterion();
    k.mmdet = true;
    read_matcher(s, dicts->train_cfg, "FocalLossCost", focal_cost_opts, &k);
    read_box_losses(s, dicts, &k);
    read_focal_loss(s, dicts->loss_cls, &k);
    return k;
}
