/* SPDX-License-Identifier: Apache-2.0
 *
 * config/dialect/detectron2_network.c -- writes the network of our config from the keys of detectron2. Differences
 * from mmdet's arithmetic are set as in configs/detectron2/.
 */
#include "config/dialect/detectron2.h"

#include <string.h>

enum { MOST_CHANNELS = 65536, MOST_BOXES = 1000000, STAGES = 4 };

static const char *truth(bool value)
{
    return value ? "True" : "False";
}

/* ---- backbone and pyramid ---------------------------------------------------------------------------------------- */

static int read_depth(D2 *d)
{
    static const int depths[] = { 18, 34, 50, 101, 152 };
    const int depth = df_d2_int(d, "MODEL.RESNETS.DEPTH", 18, 152);
    for (size_t i = 0; i < sizeof depths / sizeof *depths; i++)
        if (depths[i] == depth)
            return depth;
    if (d->error == DF_OK)
        d->error = df_node_fail(df_node_at(d->config, "MODEL.RESNETS.DEPTH"), DF_EVALUE, "want 18, 34, 50, 101 or 152");
    return depth;
}

/* A bottleneck is NUM_GROUPS * WIDTH_PER_GROUP wide, which without groups is a quarter of its output. */
static void write_widths(D2 *d, bool bottleneck, const int channels[STAGES])
{
    const int groups = df_d2_int(d, "MODEL.RESNETS.NUM_GROUPS", 1, 1024);
    const int width = df_d2_int(d, "MODEL.RESNETS.WIDTH_PER_GROUP", 1, MOST_CHANNELS);
    const bool plain = groups == 1 && (!bottleneck || 4 * width == channels[0]);
    if (d->error == DF_OK && !plain && (channels[0] % 4 || !bottleneck || groups == 1))
        d->error = df_node_fail(df_node_at(d->config, "MODEL.RESNETS.WIDTH_PER_GROUP"), DF_EVALUE,
                                "%d with %d groups and RES2_OUT_CHANNELS = %d is not built in: want a quarter of these "
                                "channels, or groups of bottlenecks", width, groups, channels[0]);
    df_textbuf_add(&d->out, "stage_channels=[%d, %d, %d, %d], stem_channels=%d", channels[0], channels[1], channels[2],
                   channels[3], df_d2_int(d, "MODEL.RESNETS.STEM_OUT_CHANNELS", 1, MOST_CHANNELS));
    if (!plain)
        df_textbuf_add(&d->out, ", groups=%d, width_per_group=%d, base_channels=%d", groups, width, channels[0] / 4);
}

static void write_backbone(D2 *d, int first)
{
    const int depth = read_depth(d);
    const bool strides_first = depth >= 50 && df_d2_bool(d, "MODEL.RESNETS.STRIDE_IN_1X1");
    int channels[STAGES] = { df_d2_int(d, "MODEL.RESNETS.RES2_OUT_CHANNELS", 1, MOST_CHANNELS) };
    for (int i = 1; i < STAGES; i++)
        channels[i] = 2 * channels[i - 1];
    df_textbuf_add(&d->out, "    backbone=dict(type='ResNet', depth=%d, style='%s', frozen_stages=1,\n"
                            "        norm_cfg=dict(type='BN', requires_grad=False), ", depth,
                            strides_first ? "caffe" : "pytorch");
    write_widths(d, depth >= 50, channels);
    df_textbuf_add(&d->out,
                   "),\n    neck=dict(type='FPN', in_channels=[%d, %d, %d, %d], start_level=%d, out_channels=%d, ",
                   channels[0], channels[1], channels[2], channels[3], first,
                   df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS));
    const int maps = df_d2_features(d, "MODEL.FPN.IN_FEATURES", 'r', 2 + first, STAGES - first);
    if (d->error == DF_OK && maps != STAGES - first)
        d->error = df_node_fail(df_node_at(d->config, "MODEL.FPN.IN_FEATURES"), DF_EVALUE,
                                "%d maps, want res%d to res5", maps,
                                2 + first);
}

/* ---- anchors ----------------------------------------------------------------------------------------------------- */

static void write_numbers(D2 *d, const DfNode *list)
{
    const bool filled = list->kind == DF_NODE_LIST && list->n > 0;
    df_textbuf_add(&d->out, "[");
    for (const DfNode *item = filled ? list->first : NULL; item; item = item->next)
        df_textbuf_add(&d->out, "%.17g%s", df_node_number(item, 0), item->next ? ", " : "");
    df_textbuf_add(&d->out, "]");
    if (d->error == DF_OK && !filled)
        d->error = df_node_fail(list, DF_EVALUE, "want a list of numbers for each level, or one for all");
}

/* The list of a level; one list is for all levels. */
static const DfNode *of_level(D2 *d, const DfNode *lists, int level, int levels)
{
    const DfNode *list = lists->first;
    if (d->error == DF_OK && lists->n != 1 && lists->n != levels)
        d->error = df_node_fail(lists, DF_EVALUE, "%d lists for %d levels, want one, or one for each", lists->n,
                                levels);
    for (int i = 0; list && i < level && lists->n > 1; i++)
        list = list->next;
    return d->error == DF_OK && list ? list : lists;
}

static bool same_numbers(const DfNode *a, const DfNode *b)
{
    const DfNode *x = a->first, *y = b->first;
    for (; x && y && df_node_number(x, 0) == df_node_number(y, 0); x = x->next)
        y = y->next;
    return !x && !y;
}

static void write_anchors(D2 *d, int first, int levels)
{
    const DfNode *sizes = df_node_at(d->config, "MODEL.ANCHOR_GENERATOR.SIZES");
    const DfNode *ratios = df_node_at(d->config, "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS");
    df_textbuf_add(&d->out,
                   "        anchor_generator=dict(type='AnchorGenerator', scale_major=False, center_offset=%.17g,\n"
                            "            sizes=[", df_d2_number(d, "MODEL.ANCHOR_GENERATOR.OFFSET", 0, 1));
    for (int i = 0; i < levels; i++) {
        write_numbers(d, of_level(d, sizes, i, levels));
        df_textbuf_add(&d->out, ", ");
    }
    df_textbuf_add(&d->out, "],\n            strides=[");
    for (int i = 0; i < levels; i++)
        df_textbuf_add(&d->out, "%d, ", 1 << (first + i));
    df_textbuf_add(&d->out, "], ratios=");
    write_numbers(d, of_level(d, ratios, 0, levels));
    for (int i = 1; i < levels && d->error == DF_OK; i++)
        if (!same_numbers(of_level(d, ratios, i, levels), of_level(d, ratios, 0, levels)))
            d->error = df_node_fail(ratios, DF_EVALUE,
                                    "levels of different ratios are not built in: want the same for all");
    df_textbuf_add(&d->out, "),\n");
}

/* BBOX_REG_WEIGHTS are what mmdet divides by. */
static void write_coder(D2 *d, const char *weights, const char *more)
{
    double w[4];
    df_d2_numbers(d, weights, 4, w);
    df_textbuf_add(&d->out, "        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[0., 0., 0., 0.],\n"
                            "            target_stds=[%.17g, %.17g, %.17g, %.17g], shrink_freely=True%s),\n",
                   1 / w[0], 1 / w[1], 1 / w[2], 1 / w[3], more);
    for (int i = 0; i < 4 && d->error == DF_OK; i++)
        if (!(w[i] > 0))
            d->error = df_node_fail(df_node_at(d->config, weights), DF_EVALUE, "want numbers above 0");
}

/* ---- Faster and Mask R-CNN --------------------------------------------------------------------------------------- */

static void write_rpn(D2 *d, int levels)
{
    const int channels = df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS);
    const DfNode *dims = df_node_at(d->config, "MODEL.RPN.CONV_DIMS");
    const int feat = dims->n == 1 ? (int)df_node_int(dims->first, 0) : 0;
    if (d->error == DF_OK && (dims->n != 1 || feat < -1 || feat == 0 || feat > MOST_CHANNELS))
        d->error = df_node_fail(dims, DF_EVALUE, "want one number of channels, or [-1]");
    df_textbuf_add(&d->out, "    rpn_head=dict(type='RPNHead', in_channels=%d, feat_channels=%d,\n", channels,
                   feat > 0 ? feat : channels);
    write_anchors(d, 2, levels);
    write_coder(d, "MODEL.RPN.BBOX_REG_WEIGHTS", "");
    df_textbuf_add(&d->out,
                   "        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=True), "
                   "loss_bbox=dict(type='L1Loss')),\n");
}

/* "bbox", "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION" and what stands beside it */
typedef struct {
    const char *what, *resolution, *sampling, *type;
} Pooler;
static const Pooler box_pooler = {
    .what = "bbox",
    .resolution = "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION",
    .sampling = "MODEL.ROI_BOX_HEAD.POOLER_SAMPLING_RATIO",
    .type = "MODEL.ROI_BOX_HEAD.POOLER_TYPE",
};
static const Pooler mask_pooler = {
    .what = "mask",
    .resolution = "MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION",
    .sampling = "MODEL.ROI_MASK_HEAD.POOLER_SAMPLING_RATIO",
    .type = "MODEL.ROI_MASK_HEAD.POOLER_TYPE",
};

static void write_pooler(D2 *d, const Pooler *p)
{
    static const char *const strides[] = { "", "[4]", "[4, 8]", "[4, 8, 16]", "[4, 8, 16, 32]" };
    const int levels = df_d2_features(d, "MODEL.ROI_HEADS.IN_FEATURES", 'p', 2, STAGES);
    df_textbuf_add(&d->out,
                   "        %s_roi_extractor=dict(type='SingleRoIExtractor', out_channels=%d, featmap_strides=%s,\n"
                            "            roi_layer=dict(type='RoIAlign', output_size=%d, sampling_ratio=%d, "
                            "aligned=%s)),\n",
                   p->what, df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS),
                   d->error == DF_OK ? strides[levels] : "[]",
                   df_d2_int(d, p->resolution, 1, 1024), df_d2_int(d, p->sampling, 0, 1024),
                   truth(df_d2_is(d, p->type, "ROIAlignV2")));
}

static void write_box_head(D2 *d)
{
    df_textbuf_add(&d->out,
                   "        bbox_head=dict(type='ConvFCBBoxHead', in_channels=%d, num_shared_fcs=%d, "
                   "fc_out_channels=%d,\n",
                   df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS),
                   df_d2_int(d, "MODEL.ROI_BOX_HEAD.NUM_FC", 1, 64),
                   df_d2_int(d, "MODEL.ROI_BOX_HEAD.FC_DIM", 1, MOST_CHANNELS));
    df_textbuf_add(&d->out, "        roi_feat_size=%d, num_classes=%d, reg_class_agnostic=%s,\n",
                   df_d2_int(d, "MODEL.ROI_BOX_HEAD.POOLER_RESOLUTION", 1, 1024),
                   df_d2_int(d, "MODEL.ROI_HEADS.NUM_CLASSES", 1, MOST_BOXES),
                   truth(df_d2_bool(d, "MODEL.ROI_BOX_HEAD.CLS_AGNOSTIC_BBOX_REG")));
    write_coder(d, "MODEL.ROI_BOX_HEAD.BBOX_REG_WEIGHTS", "");
    df_textbuf_add(&d->out,
                   "        loss_cls=dict(type='CrossEntropyLoss', use_sigmoid=False), "
                   "loss_bbox=dict(type='L1Loss')),\n");
}

static void write_mask_head(D2 *d)
{
    write_pooler(d, &mask_pooler);
    df_textbuf_add(&d->out,
                   "        mask_head=dict(type='FCNMaskHead', num_convs=%d, in_channels=%d, conv_out_channels=%d,\n",
                   df_d2_int(d, "MODEL.ROI_MASK_HEAD.NUM_CONV", 0, 64),
                   df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS),
                   df_d2_int(d, "MODEL.ROI_MASK_HEAD.CONV_DIM", 1, MOST_CHANNELS));
    df_textbuf_add(&d->out, "            num_classes=%d, class_agnostic=%s,\n"
                            "            loss_mask=dict(type='CrossEntropyLoss', use_mask=True, loss_weight=1.0)),\n",
                   df_d2_int(d, "MODEL.ROI_HEADS.NUM_CLASSES", 1, MOST_BOXES),
                   truth(df_d2_bool(d, "MODEL.ROI_MASK_HEAD.CLS_AGNOSTIC_MASK")));
}

/* Proposals are kept whose sides are above MIN_SIZE. */
static void write_rcnn_test(D2 *d)
{
    const double least = df_d2_number(d, "MODEL.PROPOSAL_GENERATOR.MIN_SIZE", 0, DF_D2_MOST_SIDE);
    df_textbuf_add(&d->out,
                   "    test_cfg=dict(rpn=dict(nms_pre=%d, max_per_img=%d, nms=dict(type='nms', iou_threshold=%.17g),\n"
                            "            min_bbox_size=%.17g, by_logit=True),\n",
                   df_d2_int(d, "MODEL.RPN.PRE_NMS_TOPK_TEST", 1, MOST_BOXES),
                   df_d2_int(d, "MODEL.RPN.POST_NMS_TOPK_TEST", 1, MOST_BOXES),
                   df_d2_number(d, "MODEL.RPN.NMS_THRESH", 0, 1), least > 0 ? least : 1e-9);
    df_textbuf_add(&d->out,
                   "        rcnn=dict(score_thr=%.17g, nms=dict(type='nms', iou_threshold=%.17g), max_per_img=%d,\n"
                            "            clip_detections=True, mask_thr_binary=0.5)))\n",
                   df_d2_number(d, "MODEL.ROI_HEADS.SCORE_THRESH_TEST", -1, 1),
                   df_d2_number(d, "MODEL.ROI_HEADS.NMS_THRESH_TEST", 0, 1),
                   df_d2_int(d, "TEST.DETECTIONS_PER_IMAGE", -1, MOST_BOXES));
}

void df_d2_write_rcnn(D2 *d, bool masks)
{
    const int levels = df_d2_features(d, "MODEL.RPN.IN_FEATURES", 'p', 2, STAGES + 1);
    df_textbuf_add(&d->out, "model = dict(type='%s',\n", masks ? "MaskRCNN" : "FasterRCNN");
    write_backbone(d, 0);
    df_textbuf_add(&d->out, "num_outs=%d),\n", levels > STAGES ? levels : STAGES);
    write_rpn(d, levels);
    df_textbuf_add(&d->out, "    roi_head=dict(type='StandardRoIHead',\n");
    write_pooler(d, &box_pooler);
    write_box_head(d);
    if (masks)
        write_mask_head(d);
    df_textbuf_add(&d->out, "    ),\n");
    write_rcnn_test(d);
}

/* ---- RetinaNet --------------------------------------------------------------------------------------------------- */

void df_d2_write_retinanet(D2 *d)
{
    const int levels = df_d2_features(d, "MODEL.RETINANET.IN_FEATURES", 'p', 3, 5);
    const int channels = df_d2_int(d, "MODEL.FPN.OUT_CHANNELS", 1, MOST_CHANNELS);
    df_textbuf_add(&d->out, "model = dict(type='RetinaNet',\n");
    write_backbone(d, 1);
    df_textbuf_add(&d->out, "add_extra_convs='on_input', relu_before_extra_convs=True, num_outs=%d),\n"
                            "    bbox_head=dict(type='RetinaHead', num_classes=%d, in_channels=%d, "
                            "feat_channels=%d, stacked_convs=%d,\n",
                   levels, df_d2_int(d, "MODEL.RETINANET.NUM_CLASSES", 1, MOST_BOXES), channels, channels,
                   df_d2_int(d, "MODEL.RETINANET.NUM_CONVS", 0, 64));
    write_anchors(d, 3, levels);
    write_coder(d, "MODEL.RETINANET.BBOX_REG_WEIGHTS", ", clip_border=False");
    df_textbuf_add(&d->out, "        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25),\n"
                            "        loss_bbox=dict(type='SmoothL1Loss', beta=0.1)),\n");
    df_textbuf_add(&d->out,
                   "    test_cfg=dict(nms_pre=%d, filter_scores_and_topk=True, min_bbox_size=-1, score_thr=%.17g,\n"
                            "        nms=dict(type='nms', iou_threshold=%.17g), max_per_img=%d, "
                            "clip_detections=True))\n",
                   df_d2_int(d, "MODEL.RETINANET.TOPK_CANDIDATES_TEST", 1, MOST_BOXES),
                   df_d2_number(d, "MODEL.RETINANET.SCORE_THRESH_TEST", -1, 1),
                   df_d2_number(d, "MODEL.RETINANET.NMS_THRESH_TEST", 0, 1),
                   df_d2_int(d, "TEST.DETECTIONS_PER_IMAGE", -1, MOST_BOXES));
}
