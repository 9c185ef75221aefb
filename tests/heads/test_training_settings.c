/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/heads/test_training_settings.c -- losses, assigners and samplers of a config: mmdet's and mmseg's defaults, all
 * that can be said, and what nobody knows, which loads and is refused later.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "heads/heads.h"
#include "heads/settings/loss_cfg.h"
#include "heads/settings/train_cfg.h"

typedef struct {
    DfConfig *config;
    NnModel *model;
    const DfNode *x;
} Text;

/* `value` as a config would write it behind "x = ". */
static Text text_of(const char *value)
{
    Text t;
    char text[2048];
    snprintf(text, sizeof text, "x = %s\n", value);
    cr_assert_eq(df_config_parse(&t.config, text, strlen(text), "text", true), DF_OK, "%s", df_error());
    cr_assert_eq(nn_model_new(&t.model), DF_OK);
    t.x = df_node_get(df_config_root(t.config), "x");
    return t;
}

static void done(Text *t)
{
    cr_expect_eq(nn_model_error(t->model), DF_OK, "%s", df_error());
    nn_model_free(t->model);
    df_config_free(t->config);
}

static LossCfg loss_of(Text *t, const char *value)
{
    LossCfg loss;
    *t = text_of(value);
    df_loss_cfg(nn_root(t->model), &loss, t->x, "loss_cls");
    return loss;
}

/* ---- losses ------------------------------------------------------------------------------------------------------ */

Test(losses, defaults_of_classification)
{
    Text t;
    LossCfg l = loss_of(&t, "dict(type='FocalLoss')");
    cr_expect(l.kind == LOSS_FOCAL && !l.problem && l.weight == 1 && l.reduction == REDUCE_MEAN && !l.name);
    cr_expect(l.focal.use_sigmoid && !l.focal.activated && l.focal.gamma == 2 && l.focal.alpha == 0.25);
    cr_expect_not(df_loss_says_sigmoid(t.x), "a head asks what the dict says, not what the loss has for its default");
    done(&t);
    l = loss_of(&t, "dict(type='CrossEntropyLoss')");
    cr_expect(l.kind == LOSS_CROSS_ENTROPY && !l.problem);
    cr_expect(!l.cross_entropy.use_sigmoid && !l.cross_entropy.use_mask && !l.cross_entropy.avg_non_ignore);
    cr_expect(l.cross_entropy.class_weight.n == 0 && l.cross_entropy.ignore_index.n == 0);
    done(&t);
    l = loss_of(&t, "dict(type='DiceLoss')");
    cr_expect(l.kind == LOSS_DICE && l.dice.use_sigmoid && l.dice.activate && !l.dice.naive_dice && l.dice.eps == 1e-3);
    cr_expect(l.dice.smooth == 1 && l.dice.exponent == 2 && df_ints_have(l.dice.ignore_index, 255));
    done(&t);
    l = loss_of(&t, "dict(type='LovaszLoss')");
    cr_expect(l.kind == LOSS_LOVASZ && l.lovasz.loss_type == LOVASZ_MULTI_CLASS && !l.lovasz.per_image);
    cr_expect_str_eq(df_node_text(l.lovasz.classes, ""), "present");
    done(&t);
}

Test(losses, defaults_of_boxes)
{
    Text t;
    LossCfg l = loss_of(&t, "dict(type='L1Loss', loss_weight=5.0)");
    cr_expect(l.kind == LOSS_L1 && !l.problem && l.weight == 5);
    done(&t);
    l = loss_of(&t, "dict(type='SmoothL1Loss')");
    cr_expect(l.kind == LOSS_SMOOTH_L1 && l.smooth_l1.beta == 1);
    done(&t);
    l = loss_of(&t, "dict(type='BalancedL1Loss')");
    cr_expect(l.kind == LOSS_BALANCED_L1 && l.balanced_l1.alpha == 0.5 && l.balanced_l1.gamma == 1.5 && l.balanced_l1.beta == 1);
    done(&t);
    static const char *const types[] = { "IoULoss", "GIoULoss", "DIoULoss", "CIoULoss" };
    static const LossKind kinds[] = { LOSS_IOU, LOSS_GIOU, LOSS_DIOU, LOSS_CIOU };
    for (int i = 0; i < 4; i++) {
        char value[64];
        snprintf(value, sizeof value, "dict(type='%s')", types[i]);
        l = loss_of(&t, value);
        cr_expect(l.kind == kinds[i] && !l.problem && l.iou.eps == 1e-6, "%s", types[i]);
        cr_expect(i > 0 || (l.iou.mode == IOU_LOG && !l.iou.linear));
        done(&t);
    }
}

Test(losses, all_that_can_be_said)
{
    Text t;
    LossCfg l = loss_of(&t,
                        "dict(type='CrossEntropyLoss', use_sigmoid=True, class_weight=[1.0, 0.5], ignore_index=255, avg_non_ignore=True,\n"
                            "     reduction='sum', loss_weight=0.4, loss_name='loss_ce')");
    cr_expect(!l.problem && l.weight == 0.4 && l.reduction == REDUCE_SUM);
    cr_expect_str_eq(l.name, "loss_ce");
    cr_expect(l.cross_entropy.use_sigmoid && l.cross_entropy.avg_non_ignore && l.cross_entropy.class_weight.v[1] == 0.5);
    cr_expect(df_ints_have(l.cross_entropy.ignore_index, 255) && df_loss_says_sigmoid(t.x));
    done(&t);
    l = loss_of(&t, "dict(type='CrossEntropyLoss', class_weight=1.0, ignore_index=None)");
    cr_expect(!l.problem && l.cross_entropy.class_weight.n == 1 && l.cross_entropy.ignore_index.n == 0);
    done(&t);
    l = loss_of(&t, "dict(type='IoULoss', mode='square', eps=1e-3, reduction='none')");
    cr_expect(!l.problem && l.iou.mode == IOU_SQUARE && l.iou.eps == 1e-3 && l.reduction == REDUCE_NONE);
    done(&t);
}

/* Whatever it is, the model is not poisoned: done() looks. */
Test(losses, what_nobody_knows_is_kept)
{
    static const struct {
        const char *value, *type, *says;
        LossKind kind;
    } cases[] = {
        { "dict(type='GHMC', bins=10, use_sigmoid=True)", "GHMC",      "loss_cls: GHMC is not built in",  LOSS_OTHER },
        { "dict(type='FocalLoss', gama=2.0)",             "FocalLoss", "did you mean 'gamma'",            LOSS_FOCAL },
        { "dict(type='FocalLoss', alpha=3)",              "FocalLoss", "alpha = 3, want 0 to 1",          LOSS_FOCAL },
        { "dict(type='L1Loss', reduction='median')",      "L1Loss",    "want one of mean|sum|none",       LOSS_L1    },
        { "dict(loss_weight=1.0)",                        "None",      "want a dict with the key 'type'", LOSS_OTHER },
        { "3",                                            "None",      "want a dict with the key 'type'", LOSS_OTHER },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Text t;
        const LossCfg l = loss_of(&t, cases[i].value);
        cr_expect(l.kind == cases[i].kind, "%s", cases[i].value);
        cr_expect_str_eq(l.type, cases[i].type);
        cr_expect(l.problem && strstr(l.problem, cases[i].says), "%s: %s", cases[i].value,
                  l.problem ? l.problem : "no problem");
        done(&t);
    }
    Text t;
    const LossCfg none = loss_of(&t, "None");
    cr_expect(none.kind == LOSS_NONE && !none.problem);
    done(&t);
}

Test(losses, several)
{
    LossCfg l[2];
    const char *problem = NULL;
    Text t = text_of("[dict(type='CrossEntropyLoss'), dict(type='DiceLoss', loss_weight=3.0)]");
    cr_expect_eq(df_loss_cfgs(nn_root(t.model), l, 2, t.x, "loss_decode", &problem), 2);
    cr_expect(!problem && l[0].kind == LOSS_CROSS_ENTROPY && l[1].kind == LOSS_DICE && l[1].weight == 3);
    cr_expect_eq(df_loss_cfgs(nn_root(t.model), l, 1, t.x, "loss_decode", &problem), 0);
    cr_expect(problem && strstr(problem, "loss_decode lists 2 losses: want at most 1"));
    done(&t);
    problem = NULL;
    t = text_of("dict(type='TverskyLoss')");
    cr_expect_eq(df_loss_cfgs(nn_root(t.model), l, 2, t.x, "loss_decode", &problem), 1);
    cr_expect(problem && strstr(problem, "TverskyLoss is not built in"));
    done(&t);
}

/* ---- train_cfg --------------------------------------------------------------------------------------------------- */

static TrainCfg train_of(Text *t, const char *value)
{
    TrainCfg train;
    *t = text_of(value);
    df_train_cfg(nn_root(t->model), &train, t->x, "train_cfg.rpn");
    return train;
}

#define ASSIGNER "assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3)"

Test(train_cfg, defaults)
{
    Text t;
    TrainCfg c = train_of(&t, "dict(" ASSIGNER ")");
    cr_expect(c.given && !c.problem, "%s", c.problem ? c.problem : "");
    cr_expect(c.allowed_border == -1 && c.pos_weight == -1 && c.mask_size.n == 0);
    const DfMaxIou *a = &c.assigner;
    cr_expect(a->pos_iou_thr == 0.7 && a->neg_iou_lo == 0 && a->neg_iou_hi == 0.3 && a->min_pos_iou == 0);
    cr_expect(a->match_low_quality && a->gt_max_assign_all && a->ignore_wrt_candidates && a->ignore_iof_thr == -1);
    cr_expect(c.sampler.positives == DF_SAMPLE_ALL && c.sampler.negatives == DF_SAMPLE_ALL);
    done(&t);
    c = train_of(&t, "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=1))");
    cr_expect(!c.problem && c.assigner.neg_iou_lo == 0 && c.assigner.neg_iou_hi == 0, "a whole number leaves no background");
    done(&t);
    c = train_of(&t, "None");
    cr_expect(!c.given && !c.problem);
    done(&t);
}

Test(train_cfg, faster_rcnn)
{
    Text t;
    const TrainCfg c = train_of(&t,
                                "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=(0.1, 0.5), min_pos_iou=0.5,\n"
                                    "     match_low_quality=False, ignore_iof_thr=0.5, gt_max_assign_all=False, iou_calculator=dict(type='BboxOverlaps2D')),\n"
                                    "     sampler=dict(type='RandomSampler', num=512, pos_fraction=0.25, neg_pos_ub=5, add_gt_as_proposals=False),\n"
                                    "     allowed_border=0, pos_weight=2.5, mask_size=28, debug=False)");
    cr_expect(!c.problem, "%s", c.problem ? c.problem : "");
    cr_expect(c.assigner.neg_iou_lo == 0.1 && c.assigner.neg_iou_hi == 0.5 && c.assigner.min_pos_iou == 0.5 && c.assigner.ignore_iof_thr == 0.5);
    cr_expect(!c.assigner.match_low_quality && !c.assigner.gt_max_assign_all);
    cr_expect(c.sampler.positives == DF_SAMPLE_RANDOM && c.sampler.negatives == DF_SAMPLE_RANDOM && c.sampler.num == 512);
    cr_expect(c.sampler.pos_fraction == 0.25 && c.sampler.neg_pos_ub == 5 && !c.add_gt_as_proposals);
    cr_expect(c.allowed_border == 0 && c.pos_weight == 2.5 && c.mask_size.n == 1 && c.mask_size.v[0] == 28);
    done(&t);
}

Test(train_cfg, samplers)
{
    static const struct {
        const char *value;
        DfSampleKind positives, negatives;
    } cases[] = {
        { "dict(type='PseudoSampler')", DF_SAMPLE_ALL, DF_SAMPLE_ALL },
        { "None", DF_SAMPLE_ALL, DF_SAMPLE_ALL },
        { "dict(type='OHEMSampler', num=512, pos_fraction=0.25)", DF_SAMPLE_HARD, DF_SAMPLE_HARD },
        { "dict(type='IoUBalancedNegSampler', num=512, pos_fraction=0.25, num_bins=4)", DF_SAMPLE_RANDOM, DF_SAMPLE_IOU_BALANCED },
        { "dict(type='InstanceBalancedPosSampler', num=512, pos_fraction=0.25)", DF_SAMPLE_INSTANCE_BALANCED, DF_SAMPLE_RANDOM },
        { "dict(type='CombinedSampler', num=512, pos_fraction=0.25, pos_sampler=dict(type='InstanceBalancedPosSampler'),\n"
          "     neg_sampler=dict(type='IoUBalancedNegSampler', floor_thr=0.1, floor_fraction=0.2, num_bins=4))",
          DF_SAMPLE_INSTANCE_BALANCED, DF_SAMPLE_IOU_BALANCED },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char value[1024];
        Text t;
        snprintf(value, sizeof value, "dict(" ASSIGNER ", sampler=%s)", cases[i].value);
        const TrainCfg c = train_of(&t, value);
        cr_expect(!c.problem, "%s: %s", cases[i].value, c.problem ? c.problem : "");
        cr_expect(c.sampler.positives == cases[i].positives && c.sampler.negatives == cases[i].negatives, "%s",
                  cases[i].value);
        cr_expect(i < 2 || (c.sampler.num == 512 && c.sampler.pos_fraction == 0.25 && c.add_gt_as_proposals && c.sampler.neg_pos_ub == -1));
        cr_expect((i != 3 && i != 5) || c.sampler.num_bins == 4);
        cr_expect(i != 5 || (c.sampler.floor_thr == 0.1 && c.sampler.floor_fraction == 0.2));
        done(&t);
    }
}

Test(train_cfg, what_nobody_knows_is_kept)
{
    static const struct {
        const char *value, *says;
    } cases[] = {
        { "dict(assigner=dict(type='ATSSAssigner', topk=9))", "train_cfg.rpn.assigner has type 'ATSSAssigner'" },
        { "dict(assigner=dict(type='MaxIoUAssigner', neg_iou_thr=0.3))", "requires the key 'pos_iou_thr'" },
        { "dict(" ASSIGNER ", sampler=dict(type='ScoreHLRSampler', num=512))", "sampler has type 'ScoreHLRSampler'" },
        { "dict(" ASSIGNER ", sampler=dict(type='RandomSampler', num=512, pos_fraction=2))", "pos_fraction = 2, want 0 to 1" },
        { "dict(" ASSIGNER ", sampler=dict(type='CombinedSampler', num=512, pos_fraction=0.25, pos_sampler=dict(type='Mine'),\n"
          "     neg_sampler=dict(type='IoUBalancedNegSampler')))", "Mine is not built in" },
        { "dict(" ASSIGNER ", alowed_border=0)", "did you mean 'allowed_border'" },
        { "dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.7, neg_iou_thr=0.3, iou_calculator=dict(type='Mine')))",
          "only BboxOverlaps2D is built in" },
        { "dict(sampler=dict(type='PseudoSampler'))", "requires the key 'assigner'" },
        { "7", "train_cfg.rpn, want a dict" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Text t;
        const TrainCfg c = train_of(&t, cases[i].value);
        cr_expect(c.given && c.problem && strstr(c.problem, cases[i].says), "%s: %s", cases[i].value,
                  c.problem ? c.problem : "no problem");
        done(&t);
    }
}

Test(train_cfg, pixels)
{
    PixelSamplerCfg p;
    Text t = text_of("dict(type='OHEMPixelSampler', thresh=0.7)");
    df_pixel_sampler_cfg(nn_root(t.model), &p, t.x);
    cr_expect(p.given && !p.problem && p.thresh == 0.7 && p.min_kept == 100000);
    done(&t);
    t = text_of("dict(type='OHEMPixelSampler', min_kept=10)");
    df_pixel_sampler_cfg(nn_root(t.model), &p, t.x);
    cr_expect(p.given && !p.problem && isnan(p.thresh) && p.min_kept == 10);
    done(&t);
    t = text_of("dict(type='Mine')");
    df_pixel_sampler_cfg(nn_root(t.model), &p, t.x);
    cr_expect(p.given && p.problem && strstr(p.problem, "Mine"));
    done(&t);
}

/* ---- heads ------------------------------------------------------------------------------------------------------- */

static int build(Text *t, const DfDenseHead *head)
{
    const NnScope s = nn_root(t->model);
    const DfHeadSettings settings = { .train_cfg = df_node_get(t->x, "train"), .proposals = df_node_get(t->x, "proposals") };
    void *self = nn_alloc(s, 1, head->size);
    if (self && nn_configure(s, df_node_get(t->x, "head"), head->opts, self, head->name))
        head->init(s, self, settings);
    return nn_model_error(t->model);
}

/* A head whose training nobody knows is built all the same. */
Test(heads, load_with_any_training)
{
    static const char *const heads[] = {
        "dict(num_classes=3, in_channels=8, loss_cls=dict(type='QualityFocalLoss', use_sigmoid=True, beta=2.0), loss_bbox=dict(type='Mine', a=1))",
        "dict(in_channels=8, loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True, mine=1), loss_bbox=dict(type='MineToo'))",
    };
    for (int i = 0; i < 2; i++) {
        char value[1024];
        snprintf(value, sizeof value,
                 "dict(head=%s, train=dict(assigner=dict(type='Mine'), sampler=7), proposals=dict(nms=dict(type='mine'), what=1))",
                 heads[i]);
        Text t = text_of(value);
        cr_expect_eq(build(&t, df_dense_head_find(i ? "RPNHead" : "RetinaHead")), DF_OK, "%s", df_error());
        done(&t);
    }
}

Test(heads, proposals_of_several_convolutions)
{
    Text t = text_of("dict(head=dict(in_channels=8, feat_channels=4, num_convs=2))");
    cr_assert_eq(build(&t, df_dense_head_find("RPNHead")), DF_OK, "%s", df_error());
    cr_expect_eq(nn_model_find(t.model, "rpn_conv.0.conv.weight")->shape.d[1], 8);
    cr_expect_eq(nn_model_find(t.model, "rpn_conv.1.conv.weight")->shape.d[1], 4);
    cr_expect_null(nn_model_find(t.model, "rpn_conv.weight"));
    done(&t);
}

Test(heads, without_memory)
{
    const DfDenseHead *head = df_dense_head_find("RPNHead");
    Text t = text_of("dict(head=dict(in_channels=8, loss_cls=dict(type='GHMC')),\n"
                     "     train=dict(" ASSIGNER ", sampler=dict(type='RandomSampler', num=5, pos_fraction=0.5), mask_size=(28, 28)),\n"
                     "     proposals=dict(nms=dict(type='nms', iou_threshold=0.7)))");
    const size_t before = df_memory().calls;
    cr_assert_eq(build(&t, head), DF_OK, "%s", df_error());
    const size_t calls = df_memory().calls - before;
    cr_expect_gt(calls, 0);
    for (size_t i = 1; i <= calls; i++) {
        nn_model_free(t.model);
        cr_assert_eq(nn_model_new(&t.model), DF_OK);
        df_memory_fail_at(i, false);
        const int error = build(&t, head);
        df_memory_fail_at(0, false);
        cr_expect_eq(error, DF_ENOMEM, "allocation %zu of %zu", i, calls);
    }
    nn_model_free(t.model);
    df_config_free(t.config);
}

/* ---- by name ----------------------------------------------------------------------------------------------------- */

Test(heads, of_every_kind_by_name)
{
    cr_expect_not_null(df_dense_head_find("RetinaHead"));
    cr_expect_not_null(df_region_head_find("CascadeRoIHead"));
    cr_expect_not_null(df_box_head_find("Shared2FCBBoxHead"));
    cr_expect_not_null(df_mask_head_find("FCNMaskHead"));
    cr_expect_not_null(df_pixel_head_find("UPerHead"));
    cr_expect_null(df_dense_head_find("RetinaHed"));
    cr_expect_str_eq(df_error(), "no dense head 'RetinaHed'; did you mean 'RetinaHead'?");
    cr_expect_null(df_dense_head_find("FCNMaskHead"));
    cr_expect_str_eq(df_error(), "FCNMaskHead is a mask head: want a dense head");
}

/* The list of all has each of every kind once. */
Test(heads, all)
{
    const void *const tables[] = { df_dense_heads, df_region_heads, df_box_heads, df_mask_heads, df_pixel_heads, df_set_heads };
    int n = 0;
    DfPlugin p;
    for (size_t k = 0; k < sizeof tables / sizeof *tables; k++)
        for (int i = 0; df_plugin_at(tables[k], i, &p); i++, n++)
            cr_expect_not_null(df_plugin_find("head", p.name, df_heads), "%s", p.name);
    cr_expect_not(df_plugin_at(df_heads, n, &p));
    cr_expect(df_plugin_at(df_heads, n - 1, &p));
}
