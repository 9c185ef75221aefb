/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_config_dialect.c -- configs of later releases become what an author of 2.x would have written.
 */
#define _DEFAULT_SOURCE /* mkstemps() */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static DfConfig *parse(const char *text)
{
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "c.py", true), DF_OK, "%s", df_error());
    return config;
}

static void same(const DfNode *a, const DfNode *b)
{
    cr_assert(a && b);
    cr_assert(a->kind == b->kind && a->n == b->n, "%s: %s of %d, want %s of %d", b->key ? b->key : "", df_node_kind_name(a), a->n,
              df_node_kind_name(b), b->n);
    cr_assert(a->number == b->number && a->boolean == b->boolean, "%s", b->key ? b->key : "a number");
    if (a->kind == DF_NODE_TEXT)
        cr_assert_str_eq(a->text, b->text);
    const DfNode *other = a->first;
    for (const DfNode *child = b->first; child; child = child->next) {
        same(child->key ? df_node_get(a, child->key) : other, child);
        other = other->next;
    }
}

/* `foreign` is translated into what `own` says. */
static void becomes(const char *foreign, const char *own)
{
    DfConfig *a = parse(foreign);
    DfConfig *b = parse(own);
    same(df_config_root(a), df_config_root(b));
    df_config_free(a);
    df_config_free(b);
}

Test(config_dialect, objects_of_3_x)
{
    becomes("default_scope = 'mmdet'\n"
            "model = dict(type='RetinaNet', _scope_='mmdet', data_preprocessor=dict(type='DetDataPreprocessor', pad_size_divisor=32))\n"
            "train_dataloader = dict(batch_size=2, num_workers=4, sampler=dict(type='DefaultSampler', shuffle=True), dataset=dict(\n"
            "    type='RepeatDataset', times=3, dataset=dict(type='CocoDataset', ann_file='a.json', data_prefix=dict(img='train/'),\n"
            "    metainfo=dict(classes=('a', 'b'), palette=[(1, 2, 3)]), filter_cfg=dict(min_size=32), pipeline=[dict(type='PackDetInputs')])))\n"
            "test_dataloader = dict(batch_size=1, dataset=dict(type='CocoDataset', ann_file='b.json', lazy_init=True, pipeline=[]))\n",
            "model = dict(type='RetinaNet')\n"
            "p = dict(type='DetDataPreprocessor', pad_size_divisor=32)\n"
            "data = dict(samples_per_gpu=2, workers_per_gpu=4,\n"
            "    train_dataloader=dict(samples_per_gpu=2, workers_per_gpu=4, sampler=dict(type='DefaultSampler', shuffle=True)),\n"
            "    train=dict(type='RepeatDataset', times=3, dataset=dict(type='CocoDataset', ann_file='a.json', img_prefix='train/',\n"
            "    classes=('a', 'b'), filter_cfg=dict(min_size=32), pipeline=[dict(type='PackDetInputs'), p])),\n"
            "    test_dataloader=dict(samples_per_gpu=1),\n"
            "    test=dict(type='CocoDataset', ann_file='b.json', filter_cfg=dict(filter_empty_gt=False), pipeline=[p]))\n"
            "del p\n");
}

Test(config_dialect, label_maps_of_1_x)
{
    becomes("data_preprocessor = dict(type='SegDataPreProcessor', size=(8, 8), test_cfg=dict(size_divisor=4))\n"
            "model = dict(type='EncoderDecoder')\n"
            "train_dataloader = dict(batch_size=4, dataset=dict(type='BaseSegDataset', ann_file='', pipeline=[],\n"
            "    data_prefix=dict(img_path='i', seg_map_path='m')))\n"
            "test_dataloader = dict(batch_size=1, dataset=dict(type='ADE20KDataset', ann_file='list.txt', pipeline=[],\n"
            "    data_prefix=dict(img_path='i', seg_map_path='m')))\n",
            "model = dict(type='EncoderDecoder')\n"
            "data = dict(samples_per_gpu=4, train_dataloader=dict(samples_per_gpu=4), test_dataloader=dict(samples_per_gpu=1),\n"
            "    train=dict(type='CustomDataset', img_dir='i', ann_dir='m', pipeline=[dict(type='SegDataPreProcessor', size=(8, 8))]),\n"
            "    test=dict(type='ADE20KDataset', img_dir='i', ann_dir='m', split='list.txt',\n"
            "        pipeline=[dict(type='SegDataPreProcessor', size_divisor=4)]))\n");
}

/* mmpretrain's mixtures are the model's; augments of batches stand in training alone. */
Test(config_dialect, augments_of_batches)
{
    becomes("data_preprocessor = dict(mean=[1], batch_augments=dict(augments=dict(type='Mixup', alpha=0.2), probs=[0.5]))\n"
            "model = dict(type='ImageClassifier')\n"
            "train_dataloader = dict(dataset=dict(type='ImageNet', pipeline=[]))\n",
            "model = dict(type='ImageClassifier', train_cfg=dict(augments=dict(type='Mixup', alpha=0.2), probs=[0.5]))\n"
            "data = dict(train_dataloader=dict(),\n"
            "    train=dict(type='ImageNet', pipeline=[dict(mean=[1], type='DetDataPreprocessor')]))\n");
    becomes("model = dict(type='RetinaNet', data_preprocessor=dict(mean=[1], batch_augments=[dict(type='BatchFixedSizePad')]))\n"
            "train_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[]))\n"
            "test_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[]))\n",
            "model = dict(type='RetinaNet')\n"
            "rules = dict(filter_empty_gt=False)\n"
            "data = dict(train_dataloader=dict(), train=dict(type='CocoDataset', filter_cfg=rules, pipeline=[\n"
            "        dict(mean=[1], batch_augments=[dict(type='BatchFixedSizePad')], type='DetDataPreprocessor')]),\n"
            "    test_dataloader=dict(), test=dict(type='CocoDataset', filter_cfg=rules, pipeline=[\n"
            "        dict(mean=[1], type='DetDataPreprocessor')]))\n"
            "del rules\n");
}

Test(config_dialect, label_zero_of_1_x)
{
    becomes("test_dataloader = dict(dataset=dict(type='BaseSegDataset', pipeline=[dict(type='LoadAnnotations', reduce_zero_label=True)],\n"
            "    data_prefix=dict(img_path='i', seg_map_path='m')))\n",
            "data = dict(test_dataloader=dict(), test=dict(type='CustomDataset', img_dir='i', ann_dir='m', reduce_zero_label=True,\n"
            "    pipeline=[dict(type='LoadAnnotations', reduce_zero_label=True)]))\n");
}

Test(config_dialect, evaluators_of_3_x)
{
    becomes("default_scope = 'mmdet'\ntest_evaluator = [dict(type='CocoMetric', metric='bbox', classwise=True), 3]\n",
            "test_evaluator = [dict(type='CocoMetric', metric='bbox', classwise=True), 3]\nevaluation = dict(classwise=True)\n");
    becomes("default_scope = 'mmdet'\ntest_evaluator = dict(type='VOCMetric', iou_thrs=[0.5, 0.7])\n",
            "test_evaluator = dict(type='VOCMetric', iou_thrs=[0.5, 0.7])\nevaluation = dict(iou_thr=[0.5, 0.7], eval_mode='11points')\n");
    becomes("test_evaluator = dict(type='IoUMetric', ignore_index=0)\nval_evaluator = dict(type='IoUMetric')\n"
            "test_dataloader = dict(dataset=dict(type='ConcatDataset', datasets=[dict(type='CityscapesDataset', pipeline=[]),\n"
            "    dict(type='CityscapesDataset', pipeline=[], ignore_index=7)]))\n"
            "val_dataloader = dict(dataset=dict(type='CityscapesDataset', pipeline=[], ignore_index=7))\n",
            "test_evaluator = dict(type='IoUMetric', ignore_index=0)\nval_evaluator = dict(type='IoUMetric')\nevaluation = dict()\n"
            "data = dict(val_dataloader=dict(), val=dict(type='CityscapesDataset', pipeline=[]), test_dataloader=dict(),\n"
            "    test=dict(type='ConcatDataset', datasets=[dict(type='CityscapesDataset', pipeline=[], ignore_index=0),\n"
            "        dict(type='CityscapesDataset', pipeline=[], ignore_index=0)]))\n");
    becomes("default_scope = 'mmdet'\ntest_evaluator = dict(type='VOCMetric', eval_mode='area')\n",
            "test_evaluator = dict(type='VOCMetric', eval_mode='area')\nevaluation = dict(eval_mode='area')\n");
}

/* Test-time augmentation of 3.x and 1.x, if somebody asks for it. */
Test(config_dialect, views_of_3_x)
{
#define VIEWS_OF(...) "tta_pipeline = [dict(type='Load'), dict(type='TestTimeAug', transforms=[" __VA_ARGS__ "])]\n"
    static const char data[] = "test_dataloader = dict(dataset=dict(type='CocoDataset', pipeline=[dict(type='Load'), dict(type='Pack')]))\n"
                               "model = dict(type='RetinaNet', data_preprocessor=dict(type='DetDataPreprocessor', mean=[1]))\n";
    static const char own[] = "model = dict(type='RetinaNet')\n"
                              "data = dict(test_dataloader=dict(), test=dict(type='CocoDataset', filter_cfg=dict(filter_empty_gt=False), pipeline=[\n"
                              "    dict(type='Load'), dict(type='MultiScaleFlipAug', flips=%s)]))\n%s";
    static const char usual[] = "tta_model = dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.5), max_per_img=100))\n";
    char text[2048], want[2048];
    snprintf(text, sizeof text, "%s%saug_test = True\n", data,
             VIEWS_OF("[dict(type='Resize', scale=(2, 1)), dict(type='Resize', scale=(4, 2))],\n"
                      "[dict(type='RandomFlip', prob=1.), dict(type='RandomFlip', prob=0.)], [dict(type='Pack')]"));
    snprintf(want, sizeof want, own, "['horizontal', 'none'], img_scale=[(2, 1), (4, 2)], transforms=[dict(type='Resize', keep_ratio=False),\n"
             "dict(type='RandomFlip'), dict(type='Pack'), dict(type='DetDataPreprocessor', mean=[1])]", "");
    becomes(text, want);
    snprintf(text, sizeof text, "%s%saug_test = True\n", data, VIEWS_OF("[dict(type='Resize', scale_factor=0.5, keep_ratio=True)], [dict(type='Pack')]"));
    snprintf(want, sizeof want, own, "['none'], scale_factor=[0.5], transforms=[dict(type='Resize', keep_ratio=True),\n"
             "dict(type='Pack'), dict(type='DetDataPreprocessor', mean=[1])]", "");
    becomes(text, want);
    snprintf(text, sizeof text, "%saug_test = True\n", data);
    snprintf(want, sizeof want, own, "['horizontal', 'none'], transforms=[dict(type='RandomFlip'), dict(type='Pack'),\n"
             "dict(type='DetDataPreprocessor', mean=[1])]", usual);
    becomes(text, want);
}

static void refused(const char *text, const char *why)
{
    DfConfig *config;
    cr_expect_lt(df_config_parse(&config, text, strlen(text), "c.py", true), 0, "%s", text);
    cr_expect(strstr(df_error(), why), "%s: want %s", df_error(), why);
}

Test(config_dialect, views_that_are_not_understood)
{
#define ASKED "default_scope = 'mmseg'\naug_test = True\n"
    refused("aug_test = True\ndata = dict(test=dict(pipeline=[dict(type='Load')]))\n", "there is no tta_pipeline, and no MultiScaleFlipAug");
    refused(ASKED VIEWS_OF("3"), "want lists of transforms");
    refused(ASKED VIEWS_OF("[dict(type='Resize', scale=(2, 1)), dict(type='Resize', scale_factor=2)]"), "all with scale or all with scale_factor");
    refused(ASKED VIEWS_OF("[dict(type='RandomFlip', prob=0.5)]"), "with prob=0. or prob=1.");
    refused(ASKED VIEWS_OF("[dict(type='A'), dict(type='B')]"), "want alternatives of Resize and of RandomFlip alone");
}

Test(config_dialect, views_of_2_x)
{
    becomes("data = dict(test=dict(pipeline=[dict(type='MultiScaleFlipAug', img_scale=(2, 1), flip=False, transforms=[])]))\naug_test = True\n",
            "data = dict(test=dict(pipeline=[dict(type='MultiScaleFlipAug', img_scale=(2, 1), flip=True, transforms=[],\n"
            "    img_ratios=[0.5, 0.75, 1.0, 1.25, 1.5, 1.75])]))\n");
}

Test(config_dialect, our_own_form_stays)
{
    static const char own[] = "model = dict(type='RetinaNet')\n"
                              "data = dict(train=dict(type='CocoDataset', ann_file='a.json', img_prefix='x', pipeline=[]))\n";
    becomes(own, own);
}

/* From mmdetection 2.22 on, as keys of its default_runtime.py tell. What a run wrote is read again as it is. */
Test(config_dialect, candidates_of_2_22)
{
    static const char before[] = "model = dict(type='RetinaNet', test_cfg=dict(nms_pre=1000, min_bbox_size=0))\n";
    static const char after[] = "model = dict(type='RetinaNet', test_cfg=dict(nms_pre=1000, filter_scores_and_topk=True, min_bbox_size=-1))\n"
                                "mp_start_method = 'fork'\n";
    char text[512];
    snprintf(text, sizeof text, "%smp_start_method = 'fork'\n", before);
    becomes(text, after);
    becomes(after, after);
    becomes(before, before);
    snprintf(text, sizeof text, "%smp_start_method = 'fork'\nmodel['test_cfg']['filter_scores_and_topk'] = False\n", before);
    becomes(text, "model = dict(type='RetinaNet', test_cfg=dict(nms_pre=1000, min_bbox_size=0, filter_scores_and_topk=False))\n"
                  "mp_start_method = 'fork'\n");
}

/* Proposals without area are left out there; what a config says of that stays. */
Test(config_dialect, proposals_of_2_22)
{
    static const char before[] = "model = dict(type='FasterRCNN', test_cfg=dict(rpn=dict(min_bbox_size=0)))\n";
    static const char after[] = "model = dict(type='FasterRCNN', test_cfg=dict(rpn=dict(min_bbox_size=0, drop_empty=True)))\n"
                                "opencv_num_threads = 0\n";
    char text[512];
    snprintf(text, sizeof text, "%sopencv_num_threads = 0\n", before);
    becomes(text, after);
    becomes(after, after);
    becomes(before, before);
    snprintf(text, sizeof text, "%sdefault_scope = 'mmdet'\n", before);
    becomes(text, "model = dict(type='FasterRCNN', test_cfg=dict(rpn=dict(min_bbox_size=0, drop_empty=True)))\n");
    snprintf(text, sizeof text, "%sopencv_num_threads = 0\nmodel['test_cfg']['rpn']['drop_empty'] = False\n", before);
    becomes(text, "model = dict(type='FasterRCNN', test_cfg=dict(rpn=dict(min_bbox_size=0, drop_empty=False)))\n"
                  "opencv_num_threads = 0\n");
}

/* What a config is of, by its own signs and by what it says; the keys that follow from that. */
static void is_of_release(const char *text, int release, bool leaves_out_empty, bool pairs)
{
    char with_model[1024];
    snprintf(with_model, sizeof with_model, "model = dict(type='FasterRCNN', backbone=dict(), test_cfg=dict(rpn=dict()))\n%s", text);
    DfConfig *config = parse(with_model);
    const DfNode *root = df_config_root(config);
    cr_expect_eq(df_config_mmdet_release(root), release, "%s: %d", text, df_config_mmdet_release(root));
    cr_expect_eq(df_node_bool(df_node_at(root, "model.test_cfg.rpn.drop_empty"), false), leaves_out_empty, "%s", text);
    df_config_free(config);
    snprintf(with_model, sizeof with_model, "model = dict(type='RetinaNet', backbone=dict(), test_cfg=dict())\n%s", text);
    config = parse(with_model);
    root = df_config_root(config);
    cr_expect_eq(df_node_bool(df_node_at(root, "model.test_cfg.filter_scores_and_topk"), false), pairs, "%s", text);
    df_config_free(config);
}

#define PRETRAINED "model['pretrained'] = 'torchvision://resnet50'\n"
#define INIT_CFG "model['backbone']['init_cfg'] = dict(type='Pretrained', checkpoint='torchvision://resnet50')\n"
#define RUNTIME "opencv_num_threads = 0\nmp_start_method = 'fork'\n"

Test(config_dialect, releases_of_2_x)
{
    is_of_release("", 0, false, false);
    is_of_release(PRETRAINED, 12, false, false);
    is_of_release(INIT_CFG, 0, true, false);
    is_of_release(PRETRAINED INIT_CFG, 0, true, false);
    is_of_release(PRETRAINED RUNTIME, 22, true, true);
    is_of_release(INIT_CFG RUNTIME, 22, true, true);
    is_of_release(PRETRAINED "mmdet_version = '2.13.0'\n", 13, true, false);
    is_of_release(INIT_CFG "mmdet_version = '2.14.0'\n", 14, false, false);
    is_of_release(PRETRAINED "mmdet_version = '2.17.0'\n", 17, true, false);
    is_of_release("mmdet_version = '2.18.0+1a2b3c4'\n", 18, true, true);
    is_of_release(RUNTIME "mmdet_version = '2.11.0'\n", 11, false, false);
    is_of_release("mmdet_version = '3.3.0'\n", 28, true, true);
    refused("mmdet_version = 2.20\n", "key 'mmdet_version': want a release of mmdetection with three numbers, such as '2.18.0'");
    refused("mmdet_version = '4.0.0'\n", "such as '2.18.0'");
}

/* mmsegmentation's FPN makes extra outputs from its last one; its ResNets have a
 * stem of their own and learn by the batch. */
Test(config_dialect, defaults_of_segmentors)
{
    becomes("model = dict(type='EncoderDecoder', backbone=dict(type='ResNetV1c', depth=18, base_channels=8))\n",
            "model = dict(type='EncoderDecoder', backbone=dict(type='ResNetV1c', depth=18, base_channels=8, stem_channels=64, norm_eval=False))\n");
    becomes("model = dict(type='EncoderDecoder', backbone=dict(type='ResNet', stem_channels=8))\n",
            "model = dict(type='EncoderDecoder', backbone=dict(type='ResNet', stem_channels=8, norm_eval=False))\n");
    becomes("model = dict(type='EncoderDecoder', neck=dict(type='FPN', add_extra_convs=True))\n",
            "model = dict(type='EncoderDecoder', neck=dict(type='FPN', add_extra_convs=True, extra_convs_on_inputs=False))\n");
    static const char detector[] = "model = dict(type='RetinaNet', neck=dict(type='FPN', add_extra_convs=True))\n";
    becomes(detector, detector);
    static const char said[] = "model = dict(type='EncoderDecoder', neck=dict(type='FPN', add_extra_convs='on_lateral'))\n";
    becomes(said, said);
}

/* Settings of other commands are in our own words, those of a user in the file's. */
Test(config_dialect, settings_of_both_kinds)
{
    char path[64] = "/tmp/deformer-dialect-XXXXXX.py";
    static const char text[] = "test_dataloader = dict(batch_size=1, dataset=dict(type='CocoDataset', ann_file='b.json', pipeline=[]))\n";
    static const char *const set[] = { "data.test.ann_file='d.json'", "test_dataloader.batch_size=5" };
    const int fd = mkstemps(path, 3);
    cr_assert(fd >= 0 && write(fd, text, sizeof text - 1) == (ssize_t)(sizeof text - 1));
    close(fd);
    DfConfig *config;
    cr_assert_eq(df_config_read(&config, path, set, 2), DF_OK, "%s", df_error());
    cr_expect_str_eq(df_node_text(df_node_at(df_config_root(config), "data.test.ann_file"), ""), "d.json");
    cr_expect_eq(df_node_int(df_node_at(df_config_root(config), "data.test_dataloader.samples_per_gpu"), 0), 5);
    df_config_free(config);
    remove(path);
}

/* ---- pure Python ------------------------------------------------------------------------------------------------- */

static void file_becomes(const char *name, const char *own)
{
    char path[256];
    DfConfig *a;
    DfConfig *b = parse(own);
    snprintf(path, sizeof path, DF_TEST_DATA "/config/pure/%s", name);
    cr_assert_eq(df_config_read(&a, path, NULL, 0), DF_OK, "%s", df_error());
    same(df_config_root(a), df_config_root(b));
    df_config_free(a);
    df_config_free(b);
}

Test(config_dialect, bases_by_import)
{
    file_becomes("retinanet/r50.py",
                 "model = dict(type='RetinaNet', backbone=dict(type='ResNet', depth=101, norm_cfg=dict(type='BN')),\n"
                 "    neck=dict(type='FPN', norm_cfg=dict(type='SyncBN'), num_outs=5),\n"
                 "    bbox_head=dict(type='RetinaHead', num_classes=80), train_cfg=dict(a=1))\n"
                 "data = dict(test_dataloader=dict(samples_per_gpu=1), test=dict(pipeline=[\n"
                 "    dict(type='LoadImageFromFile', backend_args=None), dict(type='Resize', scale=(2048, 512))]))\n"
                 "args = None\nown = dict(a=dict(c=2))\n");
}

Test(config_dialect, values_of_bases_are_changed)
{
    file_becomes("old_style.py",
                 "model = dict(type='RetinaNet', backbone=dict(type='ResNet', depth=18, norm_cfg=dict(type='BN'), stages=[2, 3]),\n"
                 "    neck=dict(type='FPN'), bbox_head=dict(type='RetinaHead', num_classes=80), train_cfg=dict(b=2))\n"
                 "data = dict(test_dataloader=dict(samples_per_gpu=1), test=dict(pipeline=[\n"
                 "    dict(type='LoadImageFromFile', backend_args=None), dict(type='Resize', scale=(2048, 512)), dict(type='Pack')]))\n"
                 "copied = dict(type='ResNet', depth=18, stages=[2, 3])\nown = dict()\n");
}
