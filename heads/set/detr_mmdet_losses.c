/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/set/detr_mmdet_losses.c -- what mmdet's loss_cls, loss_bbox, loss_iou and train_cfg.assigner say of the criterion.
 */
#include "heads/set/detr_mmdet.h"

#include <string.h>

/* Reads a dict whose only supported type is `type`; NULL gives the defaults. */
static bool read_dict(NnScope s, const DfNode *dict, const char *key, const char *type, const DfOpt *opts, void *out)
{
    const char *met = df_node_text(df_node_get(dict, "type"), type);
    if (strcmp(met, type) != 0)
        nn_fail(s, DF_EVALUE, "%s has type '%s': only %s is supported", key, met, type);
    return nn_ok(s) && nn_configure(s, dict, opts, out, type);
}

/* ---- losses --------------------------------------------------------------------------------------------------------- */

typedef struct {
    double loss_weight, bg_cls_weight, class_weight, alpha;
    int gamma;
    bool use_sigmoid;
} LossDict;

static const DfOpt cross_entropy_opts[] = {
    DF_OPT_FLOAT(LossDict, loss_weight, 1.0, 0, 1e6, "weight of the class loss"),
    DF_OPT_FLOAT(LossDict, bg_cls_weight, 1.0, 0, 1e6, "weight of the class that is nothing"),
    DF_OPT_FLOAT(LossDict, class_weight, 1.0, 0, 1e6, "weight of the other classes; only 1.0 is supported"),
    DF_OPT_BOOL(LossDict, use_sigmoid, False, "binary cross entropy; only False is supported"),
    DF_OPT_UNUSED(use_mask, "used for mask heads only"),
    DF_OPT_UNUSED(reduction, "the loss is a mean weighted by class"),
    DF_OPT_UNUSED(ignore_index, "no label is ignored"),
    DF_OPT_UNUSED(avg_non_ignore, "no label is ignored"),
    DF_OPT_END
};

static const DfOpt focal_opts[] = {
    DF_OPT_FLOAT(LossDict, loss_weight, 1.0, 0, 1e6, "weight of the class loss"),
    DF_OPT_FLOAT(LossDict, alpha, 0.25, 0, 1, "weight of positive examples"),
    DF_OPT_INT(LossDict, gamma, 2, 2, 2, "exponent; only 2 is supported"),
    DF_OPT_BOOL(LossDict, use_sigmoid, True, "only True is supported"),
    DF_OPT_UNUSED(reduction, "the loss is a sum divided by the number of objects"),
    DF_OPT_UNUSED(activated, "scores are logits here"),
    DF_OPT_END
};

static const DfOpt box_loss_opts[] = {
    DF_OPT_FLOAT(LossDict, loss_weight, 1.0, 0, 1e6, "weight of the loss"),
    DF_OPT_UNUSED(reduction, "the loss is a sum divided by the number of objects"),
    DF_OPT_UNUSED(eps, "areas are at least as large as float32 can tell"),
    DF_OPT_END
};

static void read_box_losses(NnScope s, const DetrLossDicts *dicts, DfSetCriterion *k)
{
    LossDict l1 = { 0 }, giou = { 0 };
    if (read_dict(s, dicts->loss_bbox, "loss_bbox", "L1Loss", box_loss_opts, &l1))
        k->weight_bbox = l1.loss_weight;
    if (read_dict(s, dicts->loss_iou, "loss_iou", "GIoULoss", box_loss_opts, &giou))
        k->weight_giou = giou.loss_weight;
}

/* ---- costs of the matching ------------------------------------------------------------------------------------------ */

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
    DF_OPT_DICT(TrainDict, assigner, "None", "a HungarianAssigner: costs of the matching"),
    DF_OPT_UNUSED(sampler, "no queries are sampled"),
    DF_OPT_END
};

static const DfOpt assigner_opts[] = {
    DF_OPT_DICT(AssignerDict, cls_cost, "None", "cost of a wrong class: ClassificationCost or, for Deformable DETR, FocalLossCost"),
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
    DF_OPT_FLOAT(CostDict, alpha, 0.25, 0, 1, "as in the focal loss"),
    DF_OPT_INT(CostDict, gamma, 2, 2, 2, "exponent; only 2 is supported"),
    DF_OPT_UNUSED(eps, "logarithms are of numbers that are not 0"),
    DF_OPT_UNUSED(binary_input, "used for masks only"),
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

/* Leaves the matcher as it is if there is no assigner. Gives whether there is one. */
static bool read_matcher(NnScope s, const DfNode *train_cfg, const char *class_cost, const DfOpt *class_opts, DfSetMatcher *matcher)
{
    TrainDict train = { 0 };
    AssignerDict a = { 0 };
    CostDict cls = { 0 }, box = { 0 }, iou = { 0 };
    if (!nn_configure(s, train_cfg, train_opts, &train, "train_cfg") || !train.assigner)
        return false;
    if (!read_dict(s, train.assigner, "assigner", "HungarianAssigner", assigner_opts, &a) || !read_dict(s, a.cls_cost, "cls_cost", class_cost, class_opts, &cls) ||
        !read_dict(s, a.reg_cost, "reg_cost", "BBoxL1Cost", box_cost_opts, &box) || !read_dict(s, a.iou_cost, "iou_cost", "IoUCost", iou_cost_opts, &iou))
        return false;
    matcher->cost_class = cls.weight;
    matcher->cost_bbox = box.weight;
    matcher->cost_giou = iou.weight;
    matcher->corners = box.box_format == XYXY;
    if (class_opts == focal_cost_opts)
        matcher->alpha = cls.alpha;
    return true;
}

/* ---- criteria ------------------------------------------------------------------------------------------------------- */

DfSetCriterion df_detr_mmdet_softmax_criterion(NnScope s, const DetrLossDicts *dicts)
{
    DfSetCriterion k = df_set_criterion_softmax();
    LossDict ce = { 0 };
    k.matcher.corners = true; /* the distance that mmdet takes unless told otherwise */
    read_matcher(s, dicts->train_cfg, "ClassificationCost", class_cost_opts, &k.matcher);
    read_box_losses(s, dicts, &k);
    if (!read_dict(s, dicts->loss_cls, "loss_cls", "CrossEntropyLoss", cross_entropy_opts, &ce))
        return k;
    if (ce.class_weight < 1 || ce.class_weight > 1) /* None, which is NaN, is as good as 1 */
        nn_fail(s, DF_EVALUE, "loss_cls.class_weight: want 1.0");
    if (ce.use_sigmoid)
        nn_fail(s, DF_EVALUE, "loss_cls.use_sigmoid: want False");
    k.weight_ce = ce.loss_weight;
    k.background = ce.bg_cls_weight;
    return k;
}

DfSetCriterion df_detr_mmdet_sigmoid_criterion(NnScope s, const DetrLossDicts *dicts)
{
    DfSetCriterion k = df_set_criterion();
    LossDict focal = { 0 };
    read_matcher(s, dicts->train_cfg, "FocalLossCost", focal_cost_opts, &k.matcher);
    read_box_losses(s, dicts, &k);
    if (!read_dict(s, dicts->loss_cls, "loss_cls", "FocalLoss", focal_opts, &focal))
        return k;
    if (!focal.use_sigmoid)
        nn_fail(s, DF_EVALUE, "loss_cls.use_sigmoid: want True");
    k.weight_ce = focal.loss_weight;
    k.alpha = focal.alpha;
    return k;
}
