/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_config_ready.c -- the configs that we ship: each is read, and holds the numbers of the papers.
 * Swin: Liu et al., ICCV 2021, section 3.3. DAT: Xia et al., CVPR 2022, table 1.
 */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static DfConfig *ready(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/configs/%s.py", DF_ROOT, name);
    DfConfig *config = NULL;
    cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
    return config;
}

static int64_t int_at(const DfNode *node, const char *path)
{
    const DfNode *at = df_node_at(node, path);
    cr_assert_not_null(at, "no '%s'", path);
    return df_node_int(at, -999);
}

/* Width of stage 0, blocks of stage 2, heads of stage 0, groups of stage 2 (DAT). */
typedef struct { const char *size; int64_t width, blocks, heads, groups; } Row;
static const Row rows[] = { { "tiny", 96, 6, 3, 3 }, { "small", 96, 18, 3, 3 }, { "base", 128, 18, 4, 4 }, { "large", 192, 18, 6, 0 } };

static void expect_swin(const DfNode *backbone, const Row *row)
{
    cr_expect_eq(int_at(backbone, "embed_dim"), row->width);
    cr_expect_eq(int_at(backbone, "depths.2"), row->blocks);
    cr_expect_eq(int_at(backbone, "num_heads.0"), row->heads);
    cr_expect_eq(int_at(backbone, "num_heads.3"), row->heads * 8);
}

static void expect_dat(const DfNode *backbone, const Row *row)
{
    cr_expect_eq(int_at(backbone, "dims.0"), row->width);
    cr_expect_eq(int_at(backbone, "dims.3"), row->width * 8);
    cr_expect_eq(int_at(backbone, "heads.2"), row->heads * 4);
    cr_expect_eq(int_at(backbone, "groups.2"), row->groups);
    for (int i = 0; i < 4; i++) {
        char depth[16], spec[24];
        snprintf(depth, sizeof depth, "depths.%d", i);
        snprintf(spec, sizeof spec, "stage_spec.%d", i);
        cr_expect_eq(int_at(backbone, depth), i == 2 ? row->blocks : 2);
        cr_expect_eq(df_node_at(backbone, spec)->n, int_at(backbone, depth));
    }
    cr_expect_str_eq(df_node_text(df_node_at(backbone, "stage_spec.2.1"), ""), "D");
    cr_expect_str_eq(df_node_text(df_node_at(backbone, "code_version"), ""), "2022");
}

Test(config_ready, classification)
{
    for (size_t i = 0; i < 4; i++)
        for (int dat = 0; dat < (i < 3 ? 2 : 1); dat++) {
            char name[64];
            snprintf(name, sizeof name, "classification/%s_%s_224", dat ? "dat" : "swin", rows[i].size);
            DfConfig *config = ready(name);
            const DfNode *backbone = df_node_get(df_config_root(config), "backbone");
            (dat ? expect_dat : expect_swin)(backbone, &rows[i]);
            cr_expect_str_eq(df_node_text(df_node_get(backbone, "style"), ""), "classification");
            cr_expect_eq(int_at(backbone, "num_classes"), 1000);
            df_config_free(config);
        }
}

Test(config_ready, retinanet)
{
    for (int i = 0; i < 12; i++) {
        const Row *row = &rows[i / 4];
        const bool dat = i % 2, three = i / 2 % 2;
        char name[64];
        snprintf(name, sizeof name, "retinanet/retinanet_%s_%s_fpn_%s_coco", dat ? "dat" : "swin", row->size, three ? "3x" : "1x");
        DfConfig *config = ready(name);
        const DfNode *root = df_config_root(config), *model = df_node_get(root, "model");
        (dat ? expect_dat : expect_swin)(df_node_get(model, "backbone"), row);
        cr_expect_eq(int_at(model, "neck.in_channels.1"), row->width * 2);
        cr_expect_eq(int_at(model, "bbox_head.num_classes"), 80);
        cr_expect_eq(int_at(root, "runner.max_epochs"), three ? 36 : 12);
        cr_expect_eq(int_at(root, "lr_config.step.1"), three ? 33 : 11);
        cr_expect_eq(int_at(root, "data.test.pipeline.1.img_scale.0"), 1333);
        cr_expect_eq(int_at(root, "data.train.pipeline.3.policies.0.0.img_scale.10.0"), 800);
        cr_expect_str_eq(df_node_text(df_node_at(root, "data.test.ann_file"), ""), "data/coco/annotations/instances_val2017.json");
        df_config_free(config);
    }
}

/* The authors of DAT++ used mmdetection 2.26, which chooses pairs of an anchor and a class; the older networks older releases. */
Test(config_ready, retinanet_chooses_candidates_as_its_authors_did)
{
    static const struct {
        const char *name;
        bool pairs;
    } want[] = {
        { "retinanet_dat_pp_tiny_fpn_1x_coco", true },   { "retinanet_dat_pp_tiny_fpn_3x_coco", true },
        { "retinanet_dat_pp_small_fpn_1x_coco", true },  { "retinanet_dat_pp_small_fpn_3x_coco", true },
        { "retinanet_dat_tiny_fpn_1x_coco", false },     { "retinanet_swin_tiny_fpn_1x_coco", false },
        { "retinanet_pvt_v2_b0_fpn_1x_coco", false },    { "retinanet_focal_tiny_fpn_1x_coco", false },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char name[64];
        snprintf(name, sizeof name, "retinanet/%s", want[i].name);
        DfConfig *config = ready(name);
        const DfNode *test = df_node_at(df_config_root(config), "model.test_cfg");
        cr_expect_eq(df_node_bool(df_node_get(test, "filter_scores_and_topk"), false), want[i].pairs, "%s", name);
        cr_expect_eq(df_node_int(df_node_get(test, "min_bbox_size"), 0), want[i].pairs ? -1 : 0, "%s", name);
        df_config_free(config);
    }
}

/* The linear rule: AdamW's rate is 5e-4 for 512 pictures, or 2e-5 where a network of 384 x 384 begins with learnt weights. */
Test(config_ready, classifiers_say_how_they_were_trained)
{
    static const struct {
        const char *name;
        int epochs;
        double rate; /* for one picture in a step */
    } want[] = {
        { "classification/dat_tiny_224", 300, 5e-4 / 512 },    { "classification/swin_small_224", 300, 5e-4 / 512 },
        { "classification/pvt_v2_b0_224", 300, 5e-4 / 512 },   { "classification/focal_base_useconv_224", 300, 5e-4 / 512 },
        { "classification/swin_large_384", 30, 2e-5 / 512 },   { "classification/dat_pp_base_384", 30, 2e-5 / 512 },
        { "classification/resnet18_224", 90, 0.1 / 256 },      { "torchvision/wide_resnet50_2", 90, 0.1 / 256 },
        { "torchvision/resnet50_imagenet1k_v2", 600, 0.5 / 1024 }, { "torchvision/swin_v2_b", 300, 1e-3 / 1024 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        DfConfig *config = ready(want[i].name);
        const DfNode *root = df_config_root(config);
        const double rate = df_node_number(df_node_at(root, "optimizer.lr"), 0);
        cr_expect_eq(int_at(root, "runner.max_epochs"), want[i].epochs, "%s", want[i].name);
        cr_expect_float_eq(rate / (double)int_at(root, "data.samples_per_gpu"), want[i].rate, 1e-12, "%s", want[i].name);
        cr_expect_not_null(df_node_at(root, "lr_config.policy"), "%s", want[i].name);
        df_config_free(config);
    }
}

/* The authors' code: to a square of 256/224 of the side, of which the middle is cut out, or to one of the side alone. */
Test(config_ready, dat_and_classifiers_of_384_squash_pictures)
{
    static const struct {
        const char *name;
        int side, crop;
    } want[] = {
        { "dat_tiny_224", 256, 224 }, { "dat_pp_base_224", 256, 224 }, { "dat_base_384", 438, 384 },
        { "dat_pp_base_384", 384, 384 }, { "swin_base_384", 384, 0 }, { "swin_large_384", 384, 0 },
    };
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char name[64];
        snprintf(name, sizeof name, "classification/%s", want[i].name);
        DfConfig *config = ready(name);
        const DfNode *steps = df_node_at(df_config_root(config), "data.test.pipeline");
        cr_expect(!df_node_bool(df_node_at(steps, "1.keep_ratio"), true), "%s", name);
        cr_expect(int_at(steps, "1.scale.0") == want[i].side && int_at(steps, "1.scale.1") == want[i].side, "%s", name);
        cr_expect_eq(df_node_int(df_node_at(steps, "2.crop_size"), 0), want[i].crop, "%s", name);
        df_config_free(config);
    }
}

Test(config_ready, demo)
{
    DfConfig *config = ready("demo/retinanet_dat_nano");
    const DfNode *root = df_config_root(config);
    cr_expect_eq(int_at(root, "model.backbone.dims.0"), 16);
    cr_expect_eq(int_at(root, "model.neck.out_channels"), 32);
    cr_expect_eq(int_at(root, "data.test.pipeline.1.img_scale.1"), 192);
    df_config_free(config);
}

Test(config_ready, deformable_detr)
{
    static const struct {
        const char *name;
        bool refine, two_stage, dilation;
        int levels;
    } official[] = {
        { "deformable_detr/deformable_detr_r50", false, false, false, 4 },
        { "deformable_detr/deformable_detr_r50_refine", true, false, false, 4 },
        { "deformable_detr/deformable_detr_r50_two_stage", true, true, false, 4 },
        { "deformable_detr/deformable_detr_r50_single_scale", false, false, false, 1 },
        { "deformable_detr/deformable_detr_r50_single_scale_dc5", false, false, true, 1 },
    };
    for (size_t i = 0; i < sizeof official / sizeof *official; i++) {
        char path[1024];
        DfConfig *config;
        snprintf(path, sizeof path, "%s/configs/%s.py", DF_ROOT, official[i].name);
        cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
        const DfNode *args = df_node_get(df_config_root(config), "args");
        cr_expect_eq(df_node_bool(df_node_get(args, "with_box_refine"), false), official[i].refine, "%s", official[i].name);
        cr_expect_eq(df_node_bool(df_node_get(args, "two_stage"), false), official[i].two_stage, "%s", official[i].name);
        cr_expect_eq(df_node_bool(df_node_get(args, "dilation"), false), official[i].dilation, "%s", official[i].name);
        cr_expect_eq(df_node_int(df_node_get(args, "num_feature_levels"), 0), official[i].levels, "%s", official[i].name);
        cr_expect_eq(df_node_int(df_node_get(args, "num_queries"), 0), 300);
        cr_expect_eq(df_node_int(df_node_at(df_config_root(config), "data.test.id_classes"), 0), 91);
        df_config_free(config);
    }
}

Test(config_ready, detr)
{
    static const struct {
        const char *name, *backbone;
        bool dilation;
    } official[] = {
        { "detr_r50", "resnet50", false }, { "detr_r50_dc5", "resnet50", true }, { "detr_r101", "resnet101", false }, { "detr_r101_dc5", "resnet101", true },
    };
    for (size_t i = 0; i < sizeof official / sizeof *official; i++) {
        char path[1024];
        DfConfig *config;
        snprintf(path, sizeof path, "%s/configs/detr/%s.py", DF_ROOT, official[i].name);
        cr_assert_eq(df_config_read(&config, path, NULL, 0), DF_OK, "%s", df_error());
        const DfNode *args = df_node_get(df_config_root(config), "args");
        cr_expect_str_eq(df_node_text(df_node_get(args, "backbone"), ""), official[i].backbone);
        cr_expect_eq(df_node_bool(df_node_get(args, "dilation"), false), official[i].dilation, "%s", official[i].name);
        cr_expect_eq(df_node_int(df_node_get(args, "num_queries"), 0), 100);
        cr_expect_eq(df_node_int(df_node_get(args, "dim_feedforward"), 0), 2048);
        cr_expect_eq(df_node_number(df_node_get(args, "eos_coef"), 0), 0.1);
        df_config_free(config);
    }
}

/* ---- torchvision opens pictures with Pillow, and does not turn them ------------------------------------------------ */

Test(config_ready, torchvision_reads_pictures_as_they_are_stored)
{
    static const char *const names[] = {
        "fasterrcnn_resnet50_fpn", "fasterrcnn_resnet50_fpn_v2", "maskrcnn_resnet50_fpn", "maskrcnn_resnet50_fpn_v2",
        "retinanet_resnet50_fpn", "retinanet_resnet50_fpn_v2", "resnet18", "resnet152", "swin_t", "swin_v2_b",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64];
        snprintf(name, sizeof name, "torchvision/%s", names[i]);
        DfConfig *config = ready(name);
        const DfNode *load = df_node_at(df_config_root(config), "data.test.pipeline.0");
        cr_expect_str_eq(df_node_text(df_node_get(load, "imdecode_backend"), ""), "pillow", "%s", name);
        cr_expect_str_eq(df_node_text(df_node_get(load, "color_type"), ""), "color_ignore_orientation", "%s", name);
        df_config_free(config);
    }
}

/* By the transform of each of its weights: resize_size, crop_size and interpolation. */
Test(config_ready, torchvision_resizes_as_the_weights_want)
{
    static const struct {
        const char *name, *interpolation;
        int scale, crop;
    } wanted[] = {
        { "resnet50", "bilinear", 256, 224 },             { "resnet50_imagenet1k_v2", "bilinear", 232, 224 },
        { "resnet152_imagenet1k_v2", "bilinear", 232, 224 }, { "resnext50_32x4d", "bilinear", 256, 224 },
        { "resnext101_64x4d", "bilinear", 232, 224 },     { "wide_resnet101_2_imagenet1k_v2", "bilinear", 232, 224 },
        { "swin_t", "bicubic", 232, 224 },                { "swin_s", "bicubic", 246, 224 },
        { "swin_b", "bicubic", 238, 224 },                { "swin_v2_t", "bicubic", 260, 256 },
        { "swin_v2_s", "bicubic", 260, 256 },             { "swin_v2_b", "bicubic", 272, 256 },
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char name[64];
        snprintf(name, sizeof name, "torchvision/%s", wanted[i].name);
        DfConfig *config = ready(name);
        const DfNode *pipeline = df_node_at(df_config_root(config), "data.test.pipeline");
        const DfNode *resize = df_node_at(pipeline, "1");
        cr_expect_eq(df_node_int(df_node_get(resize, "scale"), 0), wanted[i].scale, "%s", name);
        cr_expect_str_eq(df_node_text(df_node_get(resize, "interpolation"), ""), wanted[i].interpolation, "%s", name);
        cr_expect_str_eq(df_node_text(df_node_get(resize, "backend"), ""), "pillow13", "%s", name);
        cr_expect_eq(df_node_int(df_node_at(pipeline, "2.crop_size"), 0), wanted[i].crop, "%s", name);
        df_config_free(config);
    }
}
