/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/train_cfg.c -- assigners and samplers by the names and defaults of mmdet.
 */
#include "heads/settings/train_cfg.h"

#include <string.h>

static const char *type_of(const DfNode *dict)
{
    return df_node_text(df_node_get(dict, "type"), "None");
}

/* ---- assigner ---------------------------------------------------------------------------------------------------- */

typedef struct {
    DfMaxIou out;
    DfFloats neg_iou_thr;
    const DfNode *iou_calculator;
} AssignerDict;

#define ASSIGNER_ROW(key, kind, fallback, lo, hi, help) \
    DF_OPT_AS(AssignerDict, key, out.key, kind, fallback, lo, hi, NULL, help)
static const DfOpt assigner_opts[] = {
    ASSIGNER_ROW(pos_iou_thr, DF_KIND_FLOAT, NULL, 0, 1, "least IoU of a positive box"),
    DF_OPT_FLOATS(AssignerDict, neg_iou_thr, NULL, 0, 1,
                  "IoU below which a box is background; two numbers: lowest and highest"),
    ASSIGNER_ROW(min_pos_iou, DF_KIND_FLOAT, "0.0", 0, 1, "least IoU of the best box of an object"),
    ASSIGNER_ROW(gt_max_assign_all, DF_KIND_BOOL, "True", 0, 1, "all best boxes of an object, not only the first"),
    ASSIGNER_ROW(ignore_iof_thr, DF_KIND_FLOAT, "-1", -1e9, 1,
                 "boxes that lie more than this in an ignored region do not count; < 0: all do"),
    ASSIGNER_ROW(ignore_wrt_candidates, DF_KIND_BOOL, "True", 0, 1, "in parts of the box, not of the region"),
    ASSIGNER_ROW(match_low_quality, DF_KIND_BOOL, "True", 0, 1, "an object gets its best boxes, whatever their IoU"),
    DF_OPT_UNUSED(gpu_assign_thr, "memory of a GPU"),
    DF_OPT_DICT(AssignerDict, iou_calculator, "dict(type='BboxOverlaps2D')", "how overlaps are computed"),
    DF_OPT_END
};

/* mmdet looks at the type: a number with a point is the end of an interval from 0 on, two numbers are an interval, and
 * a whole number leaves no box as background. */
static void background(DfMaxIou *out, const DfNode *node, DfFloats thr)
{
    const bool whole = node && node->kind == DF_NODE_INT;
    out->neg_iou_lo = thr.n == 2 ? thr.v[0] : 0;
    out->neg_iou_hi = whole ? 0 : thr.v[thr.n - 1];
}

static void assigner(NnScope s, TrainCfg *out, const DfNode *dict, const char *what)
{
    AssignerDict k = { 0 };
    if (strcmp(type_of(dict), "MaxIoUAssigner") != 0) {
        df_set_problem(s, &out->problem, "%s.assigner has type '%s': only MaxIoUAssigner is built in", what,
                       type_of(dict));
        return;
    }
    if (!df_bind_for_training(s, dict, assigner_opts, &k, "MaxIoUAssigner", &out->problem))
        return;
    if (k.neg_iou_thr.n < 1 || k.neg_iou_thr.n > 2) {
        df_set_problem(s, &out->problem, "%s.assigner has %d numbers in neg_iou_thr: want one or two", what,
                       k.neg_iou_thr.n);
        return;
    }
    if (strcmp(type_of(k.iou_calculator), "BboxOverlaps2D") != 0) {
        df_set_problem(s, &out->problem, "%s.assigner.iou_calculator has type '%s': only BboxOverlaps2D is built in",
                       what, type_of(k.iou_calculator));
        return;
    }
    background(&k.out, df_node_get(dict, "neg_iou_thr"), k.neg_iou_thr);
    out->assigner = k.out;
}

/* ---- sampler ----------------------------------------------------------------------------------------------------- */

typedef struct {
    DfBoxSampler out;
    bool add_gt_as_proposals;
    const DfNode *pos_sampler, *neg_sampler;
} SamplerDict;

#define SAMPLER_ROW(key, kind, fallback, lo, hi, help) \
    DF_OPT_AS(SamplerDict, key, out.key, kind, fallback, lo, hi, NULL, help)
#define SAMPLER_COMMON \
    SAMPLER_ROW(num, DF_KIND_INT, NULL, 1, 100000000, "boxes of an image"), \
    SAMPLER_ROW(pos_fraction, DF_KIND_FLOAT, NULL, 0, 1, "largest part of them that is positive"), \
    SAMPLER_ROW(neg_pos_ub, DF_KIND_FLOAT, "-1", -1e9, 1e9, "most negative boxes for a positive one; < 0: any"), \
    DF_OPT_BOOL(SamplerDict, add_gt_as_proposals, True, "the objects themselves are among the boxes")
#define SAMPLER_BALANCED \
    SAMPLER_ROW(floor_thr, DF_KIND_FLOAT, "-1", -1, 1, "IoU below which boxes are a set of their own; -1: none are"), \
    SAMPLER_ROW(floor_fraction, DF_KIND_FLOAT, "0", 0, 1, "part of the negative boxes that is from that set"), \
    SAMPLER_ROW(num_bins, DF_KIND_INT, "3", 1, 10000, "ranges of IoU from which equally many boxes are taken")

static const DfOpt random_opts[] = { SAMPLER_COMMON, DF_OPT_END };
static const DfOpt balanced_opts[] = { SAMPLER_COMMON, SAMPLER_BALANCED, DF_OPT_END };
static const DfOpt hard_opts[] = {
    SAMPLER_COMMON,
    DF_OPT_UNUSED(loss_key, "boxes are compared by their class loss"),
    DF_OPT_END
};
static const DfOpt combined_opts[] = {
    SAMPLER_COMMON,
    DF_OPT_DICT(SamplerDict, pos_sampler, NULL, "how positive boxes are chosen"),
    DF_OPT_DICT(SamplerDict, neg_sampler, NULL, "how negative boxes are chosen"),
    DF_OPT_END
};
/* The two samplers inside a combined one. */
static const DfOpt inner_opts[] = {
    SAMPLER_BALANCED,
    DF_OPT_UNUSED(num, "that of the sampler around it counts"),
    DF_OPT_UNUSED(pos_fraction, "that of the sampler around it counts"),
    DF_OPT_UNUSED(neg_pos_ub, "that of the sampler around it counts"),
    DF_OPT_UNUSED(add_gt_as_proposals, "that of the sampler around it counts"),
    DF_OPT_UNUSED(loss_key, "boxes are compared by their class loss"),
    DF_OPT_END
};

static const struct {
    const char *type;
    DfSampleKind positives, negatives;
    const DfOpt *opts;
} samplers[] = {
    { "RandomSampler",              DF_SAMPLE_RANDOM,            DF_SAMPLE_RANDOM,       random_opts   },
    { "OHEMSampler",                DF_SAMPLE_HARD,              DF_SAMPLE_HARD,         hard_opts     },
    { "IoUBalancedNegSampler",      DF_SAMPLE_RANDOM,            DF_SAMPLE_IOU_BALANCED, balanced_opts },
    { "InstanceBalancedPosSampler", DF_SAMPLE_INSTANCE_BALANCED, DF_SAMPLE_RANDOM,       random_opts   },
    { "CombinedSampler",            DF_SAMPLE_RANDOM,            DF_SAMPLE_RANDOM,       combined_opts },
};
enum { SAMPLERS = sizeof samplers / sizeof *samplers };

static int find(const char *type)
{
    for (int i = 0; i < SAMPLERS; i++)
        if (strcmp(samplers[i].type, type) == 0)
            return i;
    return -1;
}

/* One of the two samplers inside a combined one; its place in the table, or -1. */
static int inner_sampler(NnScope s, TrainCfg *out, const DfNode *dict, SamplerDict *k, const char *what)
{
    const int i = find(type_of(dict));
    if (i < 0)
        df_set_problem(s, &out->problem, "%s.sampler: %s is not built in", what, type_of(dict));
    else
        df_bind_for_training(s, dict, inner_opts, k, type_of(dict), &out->problem);
    return i;
}

static void sampler(NnScope s, TrainCfg *out, const DfNode *dict, const char *what)
{
    const char *type = type_of(dict);
    if (!dict || dict->kind == DF_NODE_NONE || strcmp(type, "PseudoSampler") == 0)
        return; /* all boxes, which is what zeros say */
    const int i = find(type);
    if (i < 0) {
        df_set_problem(s, &out->problem, "%s.sampler has type '%s': it is not built in", what, type);
        return;
    }
    SamplerDict k = { 0 };
    if (!df_bind_for_training(s, dict, samplers[i].opts, &k, type, &out->problem))
        return;
    k.out.positives = samplers[i].positives;
    k.out.negatives = samplers[i].negatives;
    if (samplers[i].opts == combined_opts) {
        const int positive = inner_sampler(s, out, k.pos_sampler, &k, what);
        const int negative = inner_sampler(s, out, k.neg_sampler, &k, what);
        if (positive < 0 || negative < 0)
            return;
        k.out.positives = samplers[positive].positives;
        k.out.negatives = samplers[negative].negatives;
    }
    out->sampler = k.out;
    out->add_gt_as_proposals = k.add_gt_as_proposals;
}

/* ---- train_cfg --------------------------------------------------------------------------------------------------- */

typedef struct {
    const DfNode *assigner, *sampler;
    double allowed_border, pos_weight;
    DfInts mask_size;
    bool soft_mask_target;
} TrainDict;

static const DfOpt train_opts[] = {
    DF_OPT_DICT(TrainDict, assigner, NULL, "which boxes answer for which object"),
    DF_OPT_DICT(TrainDict, sampler, "None", "which boxes a loss counts; None: all"),
    DF_OPT_FLOAT(TrainDict, allowed_border, -1, -1e9, 1e9,
                 "pixels that an anchor may reach beyond the image; < 0: any number"),
    DF_OPT_FLOAT(TrainDict, pos_weight, -1, -1e9, 1e9, "weight of positive boxes; <= 0: 1"),
    DF_OPT_INTS(TrainDict, mask_size, "None", 1, 4096, "side of the masks that are learnt, in cells"),
    DF_OPT_BOOL(TrainDict, soft_mask_target, False, "a cell of a mask may belong to the object in part"),
    DF_OPT_UNUSED(debug, "without effect, as in mmdet"),
    DF_OPT_END
};

void df_train_cfg(NnScope s, TrainCfg *out, const DfNode *dict, const char *what)
{
    TrainDict k = { 0 };
    *out = (TrainCfg){ .given = dict && dict->kind != DF_NODE_NONE };
    if (!out->given || !df_bind_for_training(s, dict, train_opts, &k, what, &out->problem))
        return;
    out->allowed_border = k.allowed_border;
    out->pos_weight = k.pos_weight;
    out->mask_size = k.mask_size;
    out->soft_mask_target = k.soft_mask_target;
    assigner(s, out, k.assigner, what);
    sampler(s, out, k.sampler, what);
    out->counts_negatives = out->sampler.positives != DF_SAMPLE_ALL;
}

/* ---- sampler of pixels ------------------------------------------------------------------------------------------- */

static const DfOpt pixel_sampler_opts[] = {
    DF_OPT_FLOAT(PixelSamplerCfg, thresh, None, 0, 1,
                 "pixels count whose own class has less than this probability; None: the worst"),
    DF_OPT_INT(PixelSamplerCfg, min_kept, 100000, 1, 1000000000, "pixels of an image that count at least"),
    DF_OPT_END
};

void df_pixel_sampler_cfg(NnScope s, PixelSamplerCfg *out, const DfNode *dict)
{
    *out = (PixelSamplerCfg){ .given = dict && dict->kind != DF_NODE_NONE };
    if (!out->given)
        return;
    if (strcmp(type_of(dict), "OHEMPixelSampler") == 0)
        df_bind_for_training(s, dict, pixel_sampler_opts, out, "OHEMPixelSampler", &out->problem);
    else
        df_set_problem(s, &out->problem, "sampler has type '%s': only OHEMPixelSampler is built in", type_of(dict));
}
