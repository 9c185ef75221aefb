/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/whole/tiny.c -- files for a whole run.
 */
#define _GNU_SOURCE
#include "tests/whole/tiny.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "datasets/image/image_file.h"

const char tiny_config[] =
    "model = dict(\n"
    "    type='RetinaNet',\n"
    "    backbone=dict(\n"
    "        type='DAT', img_size=64, patch_size=4, expansion=2, dim_stem=8, dims=[8, 16, 32, 64], depths=[1, 2, 2, 2],\n"
    "        stage_spec=[['L'], ['L', 'S'], ['L', 'D'], ['L', 'D']], heads=[1, 2, 2, 4], window_sizes=[4, 4, 4, 4],\n"
    "        groups=[-1, -1, 1, 2], use_pes=[False, False, True, True], dwc_pes=[False, False, False, False],\n"
    "        strides=[-1, -1, 1, 1], offset_range_factor=[-1, -1, 2, 2], drop_path_rate=0.0, code_version='2022'),\n"
    "    neck=dict(type='FPN', in_channels=[8, 16, 32, 64], out_channels=8, start_level=1, add_extra_convs='on_input', num_outs=5),\n"
    "    bbox_head=dict(\n"
    "        type='RetinaHead', num_classes=7, in_channels=8, stacked_convs=1, feat_channels=8,\n"
    "        anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],\n"
    "                              strides=[8, 16, 32, 64, 128]),\n"
    "        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[.0, .0, .0, .0], target_stds=[1.0, 1.0, 1.0, 1.0])),\n"
    "    test_cfg=dict(nms_pre=100, min_bbox_size=0, score_thr=0.001, nms=dict(type='nms', iou_threshold=0.5), max_per_img=10))\n"
    "test_pipeline = [\n"
    "    dict(type='LoadImageFromFile'),\n"
    "    dict(type='MultiScaleFlipAug', img_scale=(64, 48), flip=False, transforms=[\n"
    "        dict(type='Resize', keep_ratio=True), dict(type='RandomFlip'),\n"
    "        dict(type='Normalize', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True),\n"
    "        dict(type='Pad', size_divisor=32), dict(type='ImageToTensor', keys=['img']), dict(type='Collect', keys=['img'])])]\n"
    "data = dict(test=dict(type='CocoDataset', pipeline=test_pipeline))\n";

static void write_picture(const char *path, int height, int width)
{
    DfImage image;
    cr_assert_eq(df_image_new(&image, height, width, 3), DF_OK, "%s", df_error());
    for (size_t i = 0; i < df_image_bytes(&image); i++)
        image.pixels[i] = (uint8_t)(i * i / 50 + i / 7);
    cr_assert_eq(df_image_write(&image, path, 90), DF_OK, "%s", df_error());
    df_image_free(&image);
}

Tiny tiny_new(void)
{
    return tiny_new_of(tiny_config);
}

Tiny tiny_new_of(const char *config)
{
    Tiny t = { .folder = "/tmp/deformer-tiny-XXXXXX" };
    cr_assert_not_null(mkdtemp(t.folder));
    snprintf(t.config, sizeof t.config, "%s/config.py", t.folder);
    snprintf(t.weights, sizeof t.weights, "%s/weights.pth", t.folder);
    snprintf(t.jpeg, sizeof t.jpeg, "%s/picture.jpg", t.folder);
    snprintf(t.png, sizeof t.png, "%s/picture.png", t.folder);
    snprintf(t.drawn, sizeof t.drawn, "%s/drawn.png", t.folder);
    FILE *out = fopen(t.config, "w");
    cr_assert_not_null(out);
    fputs(config, out);
    cr_assert_eq(fclose(out), 0);
    write_picture(t.jpeg, 40, 70);
    write_picture(t.png, 61, 33);
    return t;
}

void tiny_remove(const Tiny *t)
{
    unlink(t->config);
    unlink(t->weights);
    unlink(t->jpeg);
    unlink(t->png);
    unlink(t->drawn);
    cr_expect_eq(rmdir(t->folder), 0, "%s: files are left in it", t->folder);
}
