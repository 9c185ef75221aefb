/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_detectron2.c -- YAML files of detectron2: what they become beside our ready configs of the same
 * networks, and what is refused.
 */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *const mask_rcnn = DF_TEST_DATA "/detectron2/mask_rcnn.yaml";
static const char *const retinanet = DF_TEST_DATA "/detectron2/retinanet.yaml";

static DfConfig *read_set(const char *path, const char *setting)
{
    DfConfig *config = NULL;
    cr_assert_eq(df_config_read(&config, path, &setting, setting ? 1 : 0), DF_OK, "%s", df_error());
    return config;
}

static void refuse(const char *path, const char *setting, const char *sentence)
{
    DfConfig *config = NULL;
    cr_expect(df_config_read(&config, path, &setting, 1) < 0, "%s", setting);
    cr_expect(strstr(df_error(), sentence) != NULL, "%s: %s", setting, df_error());
    df_config_free(config);
}

/* Every value of `want` is in `got`, numbers to the last bit; lists are as long. */
static void expect_in(const DfNode *got, const DfNode *want, const char *where)
{
    cr_assert_not_null(got, "%s: not there", where);
    if (want->kind == DF_NODE_INT || want->kind == DF_NODE_FLOAT)
        cr_assert(got->number >= want->number && got->number <= want->number, "%s: %.17g, want %.17g", where,
                  got->number,
                  want->number);
    else
        cr_assert_eq(got->kind, want->kind, "%s", where);
    if (want->kind == DF_NODE_TEXT)
        cr_assert_str_eq(got->text, want->text);
    if (want->kind == DF_NODE_LIST)
        cr_assert_eq(got->n, want->n, "%s: %d entries, want %d", where, got->n, want->n);
    const DfNode *item = got->first;
    for (const DfNode *child = want->first; child; child = child->next, item = item ? item->next : NULL) {
        char below[512];
        snprintf(below, sizeof below, "%.400s.%s", where, child->key ? child->key : "[]");
        expect_in(child->key ? df_node_get(got, child->key) : item, child, below);
    }
}

static void compare(const char *yaml, const char *ready, const char *const *keys)
{
    char path[512];
    snprintf(path, sizeof path, "%s/configs/detectron2/%s.py", DF_ROOT, ready);
    DfConfig *got = read_set(yaml, NULL), *want = read_set(path, NULL);
    for (; *keys; keys++)
        expect_in(df_node_at(df_config_root(got), *keys), df_node_at(df_config_root(want), *keys), *keys);
    df_config_free(got);
    df_config_free(want);
}

Test(detectron2, a_file_on_its_base_is_our_ready_config)
{
    static const char *const keys[] = {
        "model.type", "model.backbone", "model.neck", "model.rpn_head.anchor_generator.sizes",
        "model.rpn_head.bbox_coder",
        "model.rpn_head.anchor_generator.strides", "model.roi_head.bbox_roi_extractor",
        "model.roi_head.mask_roi_extractor",
        "model.roi_head.mask_head", "model.roi_head.bbox_head.bbox_coder", "model.roi_head.bbox_head.fc_out_channels",
        "model.test_cfg", "data.test.pipeline", NULL,
    };
    compare(mask_rcnn, "mask_rcnn_R_50_FPN", keys);
}

Test(detectron2, a_retinanet_is_our_ready_config)
{
    static const char *const keys[] = {
        "model.type", "model.backbone", "model.neck.start_level", "model.neck.add_extra_convs",
        "model.bbox_head.bbox_coder",
        "model.bbox_head.anchor_generator.strides", "model.bbox_head.anchor_generator.ratios",
        "model.bbox_head.num_classes",
        "model.test_cfg", "data.test.pipeline", NULL,
    };
    compare(retinanet, "retinanet_R_50_FPN", keys);
    DfConfig *config = read_set(retinanet, NULL);
    const DfNode *size = df_node_at(df_config_root(config), "model.bbox_head.anchor_generator.sizes.1.2");
    cr_expect_float_eq(df_node_number(size, 0), 101.59366732596476, 1e-10);
    df_config_free(config);
}

Test(detectron2, settings_are_in_the_words_of_the_file)
{
    DfConfig *config = read_set(mask_rcnn, "MODEL.ROI_HEADS.SCORE_THRESH_TEST=0.4");
    cr_expect_float_eq(df_node_number(df_node_at(df_config_root(config), "model.test_cfg.rcnn.score_thr"), 0), 0.4, 0);
    df_config_free(config);
    config = read_set(mask_rcnn, "MODEL.RESNETS={'NUM_GROUPS': 32, 'WIDTH_PER_GROUP': 8, 'DEPTH': 101}");
    cr_expect_eq(df_node_int(df_node_at(df_config_root(config), "model.backbone.groups"), 0), 32);
    cr_expect_eq(df_node_int(df_node_at(df_config_root(config), "model.backbone.width_per_group"), 0), 8);
    df_config_free(config);
    config = read_set(mask_rcnn, "INPUT.MIN_SIZE_TEST=0");
    cr_expect_eq(df_node_at(df_config_root(config), "data.test.pipeline")->n, 3);
    df_config_free(config);
}

/* By its names for sets of data; `where` is in data.test. */
static void has_data(const char *names, const char *where, const char *want)
{
    char setting[256];
    snprintf(setting, sizeof setting, "DATASETS.TEST=%s", names);
    DfConfig *config = read_set(mask_rcnn, setting);
    cr_expect_str_eq(df_node_text(df_node_at(df_node_at(df_config_root(config), "data.test"), where), ""), want, "%s: %s", names, where);
    df_config_free(config);
}

Test(detectron2, sets_by_name)
{
    has_data("()", "ann_file", "data/coco/annotations/instances_val2017.json");
    has_data("('coco_2014_minival',)", "ann_file", "data/coco/annotations/instances_minival2014.json");
    has_data("('coco_2014_minival',)", "img_prefix", "data/coco/val2014/");
    has_data("('keypoints_coco_2017_val',)", "classes.0", "person");
    has_data("('lvis_v1_val',)", "type", "LVISV1Dataset");
    has_data("('lvis_v1_val',)", "ann_file", "data/lvis/lvis_v1_val.json");
    has_data("('lvis_v1_val',)", "img_prefix", "data/coco/");
    has_data("('lvis_v0.5_val',)", "type", "LVISV05Dataset");
    has_data("('cityscapes_fine_instance_seg_val',)", "type", "CityscapesDataset");
    has_data("('cityscapes_fine_instance_seg_val',)", "img_prefix", "data/cityscapes/leftImg8bit/val/");
    has_data("('voc_2007_test',)", "type", "VOCDataset");
    has_data("('voc_2007_test',)", "ann_file", "data/VOC2007/ImageSets/Main/test.txt");
    has_data("('voc_2012_val',)", "img_prefix", "data/VOC2012/");
    has_data("['voc_2007_test', 'voc_2012_val']", "1.ann_file", "data/VOC2012/ImageSets/Main/val.txt");
    has_data("('my_own_val',)", "type", "CocoDataset");
    has_data("('my_own_val',)", "ann_file", "");
    refuse(mask_rcnn, "DATASETS.TEST=coco_2017_val", "key 'DATASETS.TEST': a string, want a list");
    refuse(mask_rcnn, "DATASETS.TESTS=('coco_2017_val',)", "did you mean 'TEST'?");
}

Test(detectron2, what_would_change_the_network_is_refused)
{
    refuse(mask_rcnn, "MODEL.ROI_HEADS.SCORE_TRESH_TEST=0.4", "no such key; did you mean 'SCORE_THRESH_TEST'?");
    refuse(mask_rcnn, "MODEL.ROI_HEADS.NUM_CLASSES=many",
           "key 'MODEL.ROI_HEADS.NUM_CLASSES': a string, want an integer");
    refuse(mask_rcnn, "MODEL.ROI_HEADS.NUM_CLASSES=0", "want an integer in 1..1000000");
    refuse(mask_rcnn, "MODEL.ROI_HEADS.NAME=CascadeROIHeads", "is not built in: want StandardROIHeads");
    refuse(mask_rcnn, "MODEL.RESNETS.DEFORM_ON_PER_STAGE=[False, True, True, True]", "want False for every stage");
    refuse(mask_rcnn, "MODEL.RESNETS.WIDTH_PER_GROUP=32", "want a quarter of these channels");
    refuse(mask_rcnn, "MODEL.FPN.NORM=GN", "is not built in: want ''");
    refuse(mask_rcnn, "MODEL.FPN.IN_FEATURES=['res3', 'res4']", "want ['res2', 'res3', ..]");
    refuse(mask_rcnn, "MODEL.ANCHOR_GENERATOR.SIZES=[[32], [64]]", "2 lists for 5 levels");
    refuse(mask_rcnn, "MODEL.RPN.NMS_THRESH=7", "want 0 to 1");
    refuse(mask_rcnn, "MODEL.PIXEL_STD=[1.0]", "want 3 numbers");
    refuse(mask_rcnn, "VERSION=1", "want 2");
    refuse(retinanet, "MODEL.BACKBONE.NAME=build_resnet_backbone", "want build_retinanet_resnet_fpn_backbone");
}

/* ---- YAML -------------------------------------------------------------------------------------------------------- */

static void refuse_yaml(const char *text, const char *sentence)
{
    DfConfig *config = NULL;
    char *folder = df_temporary_folder();
    char *path = df_path_join(folder, "a.yaml");
    cr_assert_eq(df_file_write_text(path, text), DF_OK, "%s", df_error());
    cr_expect(df_config_read(&config, path, NULL, 0) < 0, "%s", text);
    cr_expect(strstr(df_error(), sentence) != NULL, "%s: %s", text, df_error());
    df_config_free(config);
    df_free(path);
    df_remove_folder(folder, (const char *const[]){ "a.yaml", NULL });
    df_free(folder);
}

Test(detectron2, yaml_that_is_not_read_is_one_sentence)
{
    refuse_yaml("a: |\n  text\n", ":1: met '|', want a text in one line");
    refuse_yaml("a: 1\n  b: 2\n", ":2: met 'b: 2', want the column of the keys above");
    refuse_yaml("a: [1, 2\n", "the closing bracket");
    refuse_yaml("a: [1 2}\n", "a comma or the closing bracket");
    refuse_yaml("a: 'x\n", "a quoted text that ends in its line");
    refuse_yaml("a: 'x' y\n", "the end of the line");
    refuse_yaml("a: *b\n", "no anchor &b stands above");
    refuse_yaml("a: !!python/object:os.system x\n", "want no tag, or !!python/tuple");
    refuse_yaml("a: [1, 2\n", "met the end of the file, want");
    refuse_yaml("MODEL:\n  META_ARCHITECTURE: GeneralizedRCNN\n",
                "a.yaml: does not set MODEL.BACKBONE.NAME, and detectron2's default is not built in: want build_resnet");
    refuse_yaml("- 1\n- 2\n", "want keys and values as the whole config");
    refuse_yaml("a: 1\n---\nb: 2\n", "a key and a colon");
    refuse_yaml("a: 1\n", "key 'a': detectron2 has no such key");
    refuse_yaml("\ta: 1\n", "met 'a: 1', want spaces in front of a line, not tabs");
}
