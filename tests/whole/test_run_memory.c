/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole training run, from a folder of pictures to its last checkpoint, while one allocation after the other fails:
 * each time an error with a sentence, no crash, and nothing kept. Run it under AddressSanitizer too.
 */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "train/train.h"

static const char tiny[] =
    "model = dict(\n"
    "    type='RetinaNet',\n"
    "    backbone=dict(\n"
    "        type='DAT', dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 1, 2, 2], stage_spec=[['L'], ['L'], ['L', 'D'], ['L', 'D']],\n"
    "        heads=[1, 2, 2, 4], groups=[-1, -1, 1, 2], use_pes=[False, False, True, True], strides=[-1, -1, 1, 1],\n"
    "        offset_range_factor=[-1, -1, 2, 2], drop_path_rate=0.1, code_version='2022'),\n"
    "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, start_level=1, add_extra_convs='on_input', num_outs=5),\n"
    "    bbox_head=dict(\n"
    "        type='RetinaHead', num_classes=80, in_channels=8, stacked_convs=1, feat_channels=8,\n"
    "        anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],\n"
    "                              strides=[8, 16, 32, 64, 128]),\n"
    "        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[.0, .0, .0, .0], target_stds=[1.0, 1.0, 1.0, 1.0]),\n"
    "        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),\n"
    "        loss_bbox=dict(type='L1Loss', loss_weight=1.0)),\n"
    "    train_cfg=dict(assigner=dict(type='MaxIoUAssigner', pos_iou_thr=0.5, neg_iou_thr=0.4, min_pos_iou=0), allowed_border=-1,\n"
    "                   pos_weight=-1),\n"
    "    test_cfg=dict(nms_pre=100, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=10))\n"
    "norm = dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)\n"
    "train_pipeline = [\n"
    "    dict(type='LoadImageFromFile'), dict(type='LoadAnnotations', with_bbox=True),\n"
    "    dict(type='Resize', img_scale=(64, 48), keep_ratio=True), dict(type='RandomFlip', flip_ratio=0.5), norm,\n"
    "    dict(type='Pad', size_divisor=32), dict(type='DefaultFormatBundle'), dict(type='Collect', keys=['img', 'gt_bboxes'])]\n"
    "test_pipeline = [\n"
    "    dict(type='LoadImageFromFile'),\n"
    "    dict(type='MultiScaleFlipAug', img_scale=(64, 48), flip=False, transforms=[\n"
    "        dict(type='Resize', keep_ratio=True), dict(type='RandomFlip'), norm, dict(type='Pad', size_divisor=32),\n"
    "        dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])]\n"
    "data = dict(samples_per_gpu=2, workers_per_gpu=0, train=dict(type='CocoDataset', pipeline=train_pipeline),\n"
    "            val=dict(type='CocoDataset', pipeline=test_pipeline), test=dict(type='CocoDataset', pipeline=test_pipeline))\n"
    "optimizer = dict(type='AdamW', lr=0.001)\noptimizer_config = dict(grad_clip=dict(max_norm=1))\n"
    "lr_config = dict(policy='step', step=[1])\nrunner = dict(type='EpochBasedRunner', max_epochs=1)\n"
    "custom_hooks = [dict(type='EMAHook')]\n";

typedef struct {
    char folder[64], config[128], data[128], work_dir[128];
} Place;

static void make_place(Place *p)
{
    snprintf(p->folder, sizeof p->folder, "/tmp/deformer-train-XXXXXX");
    cr_assert_not_null(mkdtemp(p->folder));
    snprintf(p->config, sizeof p->config, "%s/tiny.py", p->folder);
    snprintf(p->data, sizeof p->data, "%s/data", p->folder);
    snprintf(p->work_dir, sizeof p->work_dir, "%s/run", p->folder);
    cr_assert_eq(df_file_write_text(p->config, tiny), DF_OK, "%s", df_error());
    cr_assert_eq(df_synth_write(p->data, &(DfSynth){ .val = 3, .seed = 1, .coco = true }, NULL), DF_OK, "%s", df_error());
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    (void)info, (void)kind, (void)at;
    return remove(path);
}

static void remove_place(const Place *p)
{
    nftw(p->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

typedef struct {
    int steps, scored, kept;
    bool finite;
} Heard;

static bool hear(void *user, const DfNews *news)
{
    Heard *h = user;
    h->steps += news->kind == DF_NEWS_STEP;
    h->scored += news->kind == DF_NEWS_SCORED;
    h->kept += news->kind == DF_NEWS_KEPT;
    for (int i = 0; i < news->n; i++)
        h->finite &= isfinite(news->values[i].value);
    return true;
}

static int train(const Place *p, Heard *heard)
{
    DfRun *run = NULL;
    const DfRunOptions options = { .config = p->config, .work_dir = p->work_dir, .threads = 1, .data_dir = p->data,
                                   .fresh = true, .told = hear, .told_user = heard };
    int error = df_run_open(&run, &options);
    if (error == DF_OK)
        error = df_run_train(run);
    df_run_close(run);
    return error;
}

Test(run_memory, a_run_by_the_library)
{
    Place p;
    Heard heard = { .finite = true };
    make_place(&p);
    cr_assert_eq(train(&p, &heard), DF_OK, "%s", df_error());
    cr_expect(heard.steps >= 1 && heard.scored == 1 && heard.kept >= 1 && heard.finite, "%d %d %d", heard.steps,
              heard.scored, heard.kept);
    remove_place(&p);
}

/* Not all: there are thousands, and most stand in loops. A few may fail without harm: what they are for is left out. */
Test(run_memory, allocations_fail)
{
    enum { TRIES = 150 };
    Place p;
    Heard heard = { 0 };
    make_place(&p);
    const size_t calls = df_memory().calls;
    cr_assert_eq(train(&p, &heard), DF_OK, "%s", df_error());
    const size_t all = df_memory().calls - calls;
    const size_t before = df_memory().now;
    int failed = 0;
    for (int i = 0; i < TRIES; i++) {
        const size_t n = 1 + all * (size_t)i / TRIES;
        df_memory_fail_at(n, false);
        const int error = train(&p, &heard);
        df_memory_fail_at(0, false);
        failed += error < 0;
        cr_expect(error == DF_OK || strlen(df_error()) > 0, "allocation %zu fails without a sentence", n);
        cr_expect_eq(df_memory().now, before, "allocation %zu: %zu bytes are kept", n, df_memory().now - before);
    }
    cr_expect_gt(failed, TRIES / 2);
    remove_place(&p);
}
