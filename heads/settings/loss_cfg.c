/* SPDX-License-Identifier: Apache-2.0
 *
 * heads/settings/loss_cfg.c -- losses by the names and defaults of mmdet and mmseg.
 */
#include "heads/settings/loss_cfg.h"

#include <string.h>

#define LOSS_ROW(key, member, kind, fallback, lo, hi, choices, help) \
    DF_OPT_AS(LossCfg, key, member, kind, fallback, lo, hi, choices, help)
#define LOSS_BOOL(key, member, fallback, help) LOSS_ROW(key, member, DF_KIND_BOOL, fallback, 0, 1, NULL, help)
#define LOSS_NUMBER(key, member, fallback, lo, hi, help) \
    LOSS_ROW(key, member, DF_KIND_FLOAT, fallback, lo, hi, NULL, help)

/* What every loss has. */
#define LOSS_COMMON \
    LOSS_NUMBER(loss_weight, weight, "1.0", 0, 1e9, "factor of this loss in the sum of all"), \
    LOSS_ROW(reduction, reduction, DF_KIND_ENUM, "mean", 0, 0, "mean|sum|none", \
             "how the losses of all elements are joined"), \
    LOSS_ROW(loss_name, name, DF_KIND_TEXT, "None", 0, 0, NULL, "name in the log")

#define LOSS_CLASS_WEIGHT(member) \
    LOSS_ROW(class_weight, member, DF_KIND_FLOATS, "None", 0, 1e9, NULL, "factor of each class; None: 1")
#define LOSS_IGNORE_INDEX(member, fallback) \
    LOSS_ROW(ignore_index, member, DF_KIND_INTS, fallback, -1000000, 1000000, NULL, "label that does not count")

/* -alpha (1 - p)^gamma log(p), and with 1 - alpha for what is not the class. */
static const DfOpt focal_opts[] = {
    LOSS_BOOL(use_sigmoid, focal.use_sigmoid, "True", "one sigmoid a class"),
    LOSS_NUMBER(gamma, focal.gamma, "2.0", 0, 100, "how much less an easy example counts"),
    LOSS_NUMBER(alpha, focal.alpha, "0.25", 0, 1, "weight of the class against everything else"),
    LOSS_BOOL(activated, focal.activated, "False", "the input is a probability, not a logit"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt cross_entropy_opts[] = {
    LOSS_BOOL(use_sigmoid, cross_entropy.use_sigmoid, "False", "one sigmoid a class instead of a softmax"),
    LOSS_BOOL(use_mask, cross_entropy.use_mask, "False",
              "one sigmoid for each pixel of a mask, of the object's class alone"),
    LOSS_CLASS_WEIGHT(cross_entropy.class_weight),
    LOSS_IGNORE_INDEX(cross_entropy.ignore_index, "None"),
    LOSS_BOOL(avg_non_ignore, cross_entropy.avg_non_ignore, "False",
              "the mean is over what counts, not over everything"),
    DF_OPT_UNUSED(use_soft, "mmcls: shares of classes are taken wherever a picture is a mixture"),
    LOSS_NUMBER(bg_cls_weight, cross_entropy.background, "1.0", 0, 1e9, "DETR: weight of the no-object class"),
    LOSS_COMMON,
    DF_OPT_END
};

/* mmcls: the class has 1 - s, and s is spread over all classes; 'classy_vision' has s / (1 + s) for s. */
static const DfOpt label_smooth_opts[] = {
    LOSS_NUMBER(label_smooth_val, cross_entropy.smoothing, "0.1", 0, 1, "part of a target that all classes share"),
    LOSS_ROW(mode, cross_entropy.smooth_mode, DF_KIND_ENUM, "original", 0, 0, "original|classy_vision",
             "the part as it is, or divided by 1 + itself"),
    DF_OPT_UNUSED(num_classes, "the logits say it"),
    DF_OPT_UNUSED(use_sigmoid, "of mode multi_label alone, which is not built in"),
    LOSS_COMMON,
    DF_OPT_END
};

/* mmdet's CrossEntropyCustomLoss: with use_sigmoid each class is asked alone, and there is no background. */
static const DfOpt custom_opts[] = {
    LOSS_BOOL(use_sigmoid, cross_entropy.use_sigmoid, "False", "one sigmoid a class instead of a softmax"),
    LOSS_BOOL(use_mask, cross_entropy.use_mask, "False", "not for boxes"),
    LOSS_CLASS_WEIGHT(cross_entropy.class_weight),
    LOSS_IGNORE_INDEX(cross_entropy.ignore_index, "None"),
    LOSS_BOOL(avg_non_ignore, cross_entropy.avg_non_ignore, "False",
              "the mean is over what counts, not over everything"),
    DF_OPT_UNUSED(num_classes, "the head says it"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt seesaw_opts[] = {
    DF_OPT_UNUSED(use_sigmoid, "False; mmdet knows nothing else"),
    LOSS_NUMBER(p, seesaw.p, "0.8", 0, 100, "how much less a class counts that was seen less often"),
    LOSS_NUMBER(q, seesaw.q, "2.0", 0, 100, "how much more a class counts that is taken for likelier"),
    LOSS_ROW(num_classes, seesaw.num_classes, DF_KIND_INT, "1203", 1, 1000000, NULL, "number of classes"),
    LOSS_NUMBER(eps, seesaw.eps, "1e-2", 1e-30, 1, "least probability of a region's own class, as a divisor"),
    LOSS_BOOL(return_dict, seesaw.return_dict, "True", "two losses in the log, not their sum"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt l1_opts[] = { LOSS_COMMON, DF_OPT_END }; /* and MSE */

/* x^2 / (2 beta) where |x| < beta, else |x| - beta / 2. */
static const DfOpt smooth_l1_opts[] = {
    LOSS_NUMBER(beta, smooth_l1.beta, "1.0", 1e-9, 1e9, "below this difference the loss is quadratic"),
    LOSS_COMMON,
    DF_OPT_END
};

/* With b = e^(gamma / alpha) - 1: alpha / b (b x + 1) ln(b x / beta + 1) - alpha x where x < beta, else gamma x + gamma
 * / b - alpha beta. */
static const DfOpt balanced_l1_opts[] = {
    LOSS_NUMBER(alpha, balanced_l1.alpha, "0.5", 1e-9, 1e9,
                "gradient of small differences: the smaller, the larger it is"),
    LOSS_NUMBER(gamma, balanced_l1.gamma, "1.5", 1e-9, 1e9, "gradient of large differences"),
    LOSS_NUMBER(beta, balanced_l1.beta, "1.0", 1e-9, 1e9, "where small differences end"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt iou_opts[] = {
    LOSS_NUMBER(eps, iou.eps, "1e-6", 0, 1, "least IoU, and least area of a union in pixels"),
    LOSS_ROW(mode, iou.mode, DF_KIND_ENUM, "log", 0, 0, "linear|square|log", "1 - IoU, 1 - IoU^2 or -log IoU"),
    LOSS_BOOL(linear, iou.linear, "False", "older spelling of mode='linear'"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt giou_opts[] = { /* and DIoU */
    LOSS_NUMBER(eps, iou.eps, "1e-6", 0, 1, "keeps divisors from being 0"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt ciou_opts[] = {
    LOSS_NUMBER(eps, iou.eps, "1e-6", 0, 1, "keeps divisors from being 0"),
    LOSS_ROW(code_version, iou.formula, DF_KIND_ENUM, "3", 0, 0, "3|2.11",
             "weight of the aspect ratio as mmdet has it now, or as it had it up to 2.11"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt bounded_iou_opts[] = {
    LOSS_NUMBER(beta, bounded_iou.beta, "0.2", 1e-9, 1e9, "below this the loss is quadratic"),
    LOSS_NUMBER(eps, bounded_iou.eps, "1e-3", 0, 1, "keeps divisors from being 0"),
    LOSS_COMMON,
    DF_OPT_END
};

/* The options of mmdet, of mmseg 1 and of mmseg 0 together: they overlap, and each version has its own formula. */
static const DfOpt dice_opts[] = {
    LOSS_BOOL(use_sigmoid, dice.use_sigmoid, "True", "one sigmoid a class instead of a softmax"),
    LOSS_BOOL(activate, dice.activate, "True", "the input is logits, not probabilities"),
    LOSS_BOOL(naive_dice, dice.naive_dice, "False", "sums of the numbers in the divisor, not of their squares"),
    LOSS_NUMBER(eps, dice.eps, "1e-3", 0, 1e9, "added to the divisor, which must not be 0"),
    LOSS_NUMBER(smooth, dice.smooth, "1", 0, 1e9, "mmseg 0: added to numerator and divisor"),
    LOSS_NUMBER(exponent, dice.exponent, "2", 0, 100, "mmseg 0: power of the numbers in the divisor"),
    LOSS_CLASS_WEIGHT(dice.class_weight),
    LOSS_IGNORE_INDEX(dice.ignore_index, "255"),
    LOSS_COMMON,
    DF_OPT_END
};

static const DfOpt lovasz_opts[] = {
    LOSS_ROW(loss_type, lovasz.loss_type, DF_KIND_ENUM, "multi_class", 0, 0, "binary|multi_class",
             "hinge of two classes, or softmax of many"),
    LOSS_ROW(classes, lovasz.classes, DF_KIND_NODE, "'present'", 0, 0, NULL,
             "classes in the mean: 'present', 'all' or a list of numbers"),
    LOSS_BOOL(per_image, lovasz.per_image, "False", "images apart, not the batch as one"),
    LOSS_CLASS_WEIGHT(lovasz.class_weight),
    LOSS_COMMON,
    DF_OPT_END
};

static const struct {
    const char *type;
    LossKind kind;
    const DfOpt *opts;
} losses[] = {
    { "FocalLoss",        LOSS_FOCAL,         focal_opts         },
    { "CrossEntropyLoss", LOSS_CROSS_ENTROPY, cross_entropy_opts },
    { "LabelSmoothLoss",  LOSS_CROSS_ENTROPY, label_smooth_opts  },
    { "CrossEntropyCustomLoss", LOSS_CROSS_ENTROPY, custom_opts  },
    { "SeesawLoss",       LOSS_SEESAW,        seesaw_opts        },
    { "L1Loss",           LOSS_L1,            l1_opts            },
    { "SmoothL1Loss",     LOSS_SMOOTH_L1,     smooth_l1_opts     },
    { "BalancedL1Loss",   LOSS_BALANCED_L1,   balanced_l1_opts   },
    { "IoULoss",          LOSS_IOU,           iou_opts           },
    { "GIoULoss",         LOSS_GIOU,          giou_opts          },
    { "DIoULoss",         LOSS_DIOU,          giou_opts          },
    { "CIoULoss",         LOSS_CIOU,          ciou_opts          },
    { "BoundedIoULoss",   LOSS_BOUNDED_IOU,   bounded_iou_opts   },
    { "MSELoss",          LOSS_MSE,           l1_opts            },
    { "DiceLoss",         LOSS_DICE,          dice_opts          },
    { "LovaszLoss",       LOSS_LOVASZ,        lovasz_opts        },
};
enum { LOSSES = sizeof losses / sizeof *losses };

/* mmseg 0 and 1 have different formulas under one name; the keys tell which. */
static bool is_older_dice(const DfNode *dict)
{
    return df_node_get(dict, "smooth") || df_node_get(dict, "exponent") || df_node_get(dict, "class_weight");
}

void df_loss_cfg(NnScope s, LossCfg *out, const DfNode *dict, const char *key)
{
    *out = (LossCfg){ .kind = LOSS_NONE, .type = "None" };
    if (!dict || dict->kind == DF_NODE_NONE)
        return;
    const char *type = df_node_text(df_node_get(dict, "type"), NULL);
    *out = (LossCfg){ .kind = LOSS_OTHER, .type = type ? type : "None" };
    for (int i = 0; type && i < LOSSES; i++)
        if (strcmp(losses[i].type, type) == 0) {
            out->kind = losses[i].kind;
            df_bind_for_training(s, dict, losses[i].opts, out, type, &out->problem);
            if (out->kind == LOSS_CROSS_ENTROPY && out->cross_entropy.smooth_mode == SMOOTH_CLASSY_VISION)
                out->cross_entropy.smoothing /= 1 + out->cross_entropy.smoothing;
            if (out->kind == LOSS_DICE)
                out->dice.older = is_older_dice(dict);
            return;
        }
    if (type)
        df_set_problem(s, &out->problem, "%s: %s is not built in: no losses are computed with it", key, type);
    else
        df_set_problem(s, &out->problem, "%s: want a dict with the key 'type'", key);
}

int df_loss_cfgs(NnScope s, LossCfg *out, int most, const DfNode *node, const char *key, const char **problem)
{
    const bool many = node && node->kind == DF_NODE_LIST;
    if (many && node->n > most) {
        df_set_problem(s, problem, "%s lists %d losses: want at most %d", key, node->n, most);
        return 0;
    }
    int n = 0;
    for (const DfNode *dict = many ? node->first : node; dict; dict = many ? dict->next : NULL, n++) {
        df_loss_cfg(s, &out[n], dict, key);
        if (out[n].problem)
            df_set_problem(s, problem, "%s", out[n].problem);
    }
    return n;
}

bool df_loss_says_sigmoid(const DfNode *dict)
{
    return df_node_bool(df_node_get(dict, "use_sigmoid"), false);
}
