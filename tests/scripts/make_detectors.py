# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/detectors: small detectors with unusual options, and what mmdet itself finds with them.

    python3 tests/scripts/make_detectors.py         needs mmdet 2.11 with mmcv-full 1.3, and numpy

NAME/config.json             the model, with the key by which configs of that time are known
NAME/weights.safetensors     its weights, float16
NAME/expected.safetensors    of image i of a batch (or of the one image seen in several views: 0) boxes_i labels_i masks_i, in original
                             pixels; metadata: img_metas as JSON, and views, "1" if the images are views of one
The images are not kept: their values are those of picture() below.
"""
import copy
import json
from pathlib import Path

import numpy as np
import torch
from mmcv import ConfigDict
from mmdet.models import build_detector

from tensor_files import save

OUT = Path(__file__).resolve().parent.parent / "data" / "detectors"
CHANNELS = 8
BACKBONE = dict(type="SwinTransformer", embed_dim=4, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4)
L1 = dict(type="L1Loss", loss_weight=1.0)
STRIDES = [4, 8, 16, 32, 64]


def coder(stds, **more):
    return dict(type="DeltaXYWHBBoxCoder", target_means=more.pop("means", [0.0] * 4), target_stds=stds, **more)


def rpn(generator, sigmoid=True, **more):
    return dict(type="RPNHead", in_channels=CHANNELS, feat_channels=CHANNELS,
                anchor_generator=dict(type="AnchorGenerator", strides=STRIDES, **generator),
                bbox_coder=coder([1.0] * 4, **more), loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=sigmoid),
                loss_bbox=L1)


def extractor(size, levels=4, scale=56, **align):
    return dict(type="SingleRoIExtractor", roi_layer=dict(type="RoIAlign", output_size=size, **align),
                out_channels=CHANNELS,
                featmap_strides=STRIDES[:levels], finest_scale=scale)


def box_head(kind, size, classes, stds=(0.1, 0.1, 0.2, 0.2), **more):
    return dict(type=kind, in_channels=CHANNELS, roi_feat_size=size, num_classes=classes,
                bbox_coder=coder(list(stds), **more.pop("coder", {})), loss_cls=dict(type="CrossEntropyLoss"),
                loss_bbox=L1, **more)


def mask_head(classes, upsample, **more):
    return dict(type="FCNMaskHead", in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=classes,
                upsample_cfg=upsample,
                loss_mask=dict(type="CrossEntropyLoss", use_mask=True), **more)


def two_stage(kind, rpn_head, test_rpn, test_rcnn, **roi_head):
    neck = dict(type="FPN", in_channels=[4, 8, 16, 32], out_channels=CHANNELS, num_outs=5)
    return dict(type=kind, backbone=BACKBONE, neck=neck, rpn_head=rpn_head, roi_head=roi_head,
                test_cfg=dict(rpn=test_rpn, rcnn=dict(mask_thr_binary=0.5, **test_rcnn)))


def retina():
    neck = dict(type="FPN", in_channels=[4, 8, 16, 32], out_channels=CHANNELS, start_level=1,
                add_extra_convs="on_output", num_outs=5)
    generator = dict(type="AnchorGenerator", octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],
                     strides=[8, 16, 32, 64, 128])
    head = dict(type="RetinaHead", num_classes=3, in_channels=CHANNELS, stacked_convs=1, feat_channels=CHANNELS,
                anchor_generator=generator,
                bbox_coder=coder([1.0] * 4), loss_cls=dict(type="FocalLoss", use_sigmoid=True), loss_bbox=L1)
    return dict(type="RetinaNet", backbone=BACKBONE, neck=neck, bbox_head=head,
                test_cfg=dict(nms_pre=100, min_bbox_size=0, score_thr=0.3, nms=dict(type="nms", iou_threshold=0.5),
                              max_per_img=12))


DECONV = dict(type="deconv", scale_factor=2)
HARD = dict(type="nms", iou_threshold=0.7)
CASES = {
    # name: (model, sizes of the images or views and how each view is mirrored, seed)
    "faster_batch": (two_stage(
        "FasterRCNN", rpn(dict(octave_base_scale=3, scales_per_octave=2, ratios=[0.5, 2.0], scale_major=False,
                               center_offset=0.5), sigmoid=False),
        dict(nms_pre=100, max_per_img=40, min_bbox_size=6, nms=HARD),
        dict(score_thr=0.1, nms=dict(type="soft_nms", min_score=0.05), max_per_img=15),
        type="StandardRoIHead", bbox_roi_extractor=extractor((5, 7), levels=1, sampling_ratio=2, aligned=False),
        bbox_head=box_head("ConvFCBBoxHead", (5, 7), 3, reg_class_agnostic=True, reg_decoded_bbox=True,
                           with_avg_pool=True, num_shared_convs=1,
                           num_cls_convs=1, num_reg_fcs=1, conv_out_channels=8, fc_out_channels=16,
                           norm_cfg=dict(type="GN", num_groups=4))),
        [(64, 96, None), (57, 80, None), (40, 33, None)], 1),
    "mask_batch": (two_stage(
        "MaskRCNN", rpn(dict(scales=[4, 8.5], ratios=[1.0], base_sizes=[5, 9, 14, 30, 70]), means=[0.05, 0, -0.1, 0]),
        dict(nms_pre=60, max_num=50, nms_post=10, nms_thr=0.6, nms_across_levels=False, min_bbox_size=0),
        dict(score_thr=0.25, nms=dict(type="nms", iou_thr=0.4, offset=1), max_per_img=8),
        type="StandardRoIHead", bbox_roi_extractor=extractor(4, scale=14, sampling_ratio=0),
        bbox_head=box_head("Shared2FCBBoxHead", 4, 4, fc_out_channels=16, coder=dict(clip_border=False)),
        mask_roi_extractor=extractor(7, sample_num=3),
        mask_head=mask_head(4, dict(type="bilinear", scale_factor=2), num_convs=1, class_agnostic=True)),
        [(64, 96, None), (50, 71, None)], 2),
    "cascade_batch": (two_stage(
        "CascadeRCNN", rpn(dict(scales=[8], ratios=[0.5, 1.0, 2.0],
                                centers=[(1.0, 2.0), (3.0, 4.0), (8.0, 8.0), (16.0, 10.0), (0.0, 0.0)])),
        dict(nms_pre=-1, max_per_img=30, min_bbox_size=0, nms=HARD),
        dict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5, class_agnostic=True), max_per_img=8),
        type="CascadeRoIHead", num_stages=3, stage_loss_weights=[1, 0.5, 0.25],
        bbox_roi_extractor=[extractor(4), extractor(4, sampling_ratio=1), extractor(4, aligned=False)],
        bbox_head=[box_head("Shared4Conv1FCBBoxHead", 4, 3, conv_out_channels=8, fc_out_channels=16,
                            norm_cfg=dict(type="BN")),
                   box_head("BBoxHead", 4, 3, (0.05, 0.05, 0.1, 0.1), reg_class_agnostic=True),
                   box_head("ConvFCBBoxHead", 4, 3, (0.033, 0.033, 0.067, 0.067), num_shared_fcs=1, num_cls_fcs=1,
                            fc_out_channels=16)],
        mask_head=[mask_head(3, dict(type="deconv", scale_factor=3), num_convs=n, norm_cfg=dict(type="BN"))
                   for n in (0, 1, 2)]),
        [(64, 96, None), (64, 55, None)], 3),
    "mask_views": (two_stage(
        "MaskRCNN", rpn(dict(scales=[8], ratios=[0.5, 1.0, 2.0])),
        dict(nms_pre=100, max_per_img=40, min_bbox_size=0, nms=HARD),
        dict(score_thr=0.05, nms=dict(type="soft_nms", method="gaussian", sigma=0.3, min_score=0.01), max_per_img=8),
        type="StandardRoIHead", bbox_roi_extractor=extractor(4, scale=14),
        bbox_head=box_head("Shared2FCBBoxHead", 4, 3, fc_out_channels=16),
        mask_roi_extractor=extractor(7), mask_head=mask_head(3, DECONV, num_convs=1)),
        [(64, 96, None), (64, 96, "horizontal"), (48, 72, "vertical")], 4),
    "cascade_views": (two_stage(
        "CascadeRCNN", rpn(dict(scales=[8], ratios=[0.5, 1.0, 2.0])),
        dict(nms_pre=100, max_per_img=40, min_bbox_size=0, nms=HARD),
        dict(score_thr=0.05, nms=dict(type="nms", iou_threshold=0.5), max_per_img=8),
        type="CascadeRoIHead", num_stages=2, stage_loss_weights=[1, 0.5], bbox_roi_extractor=extractor(4, scale=14),
        bbox_head=[box_head("Shared2FCBBoxHead", 4, 3, s, fc_out_channels=16)
                   for s in ((0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1))],
        mask_roi_extractor=extractor(7), mask_head=mask_head(3, dict(type="nearest", scale_factor=2), num_convs=1)),
        [(64, 96, None), (64, 96, "horizontal"), (96, 144, "horizontal")], 5),
    "retina_views": (retina(), [(64, 96, None), (64, 96, "horizontal"), (96, 144, None)], 6),
}


def picture(height, width):
    """1 3 height width of noise, a hash of the place; test_detector_options.c has the same."""
    x = np.arange(3 * height * width, dtype=np.uint64) * 2654435761 % 2**32
    x = (x ^ x >> 15) * 2246822519 % 2**32
    x ^= x >> 13
    return torch.from_numpy(((x >> 16) / 32768 - 1).astype(np.float32).reshape(1, 3, height, width))


def draw_weights(net):
    """Weights that spread scores and boxes; all of them float16 numbers."""
    for name, p in net.named_parameters():
        if p.ndim > 1:
            gain = 0.5 if "reg" in name else 2.5 if "fc_cls" in name else 0.7 if "rpn_cls" in name else 1.4
            p.data.normal_(0, gain / p[0].numel() ** 0.5)
        else:
            p.data.normal_(0, 0.1) if name.endswith("bias") else p.data.uniform_(0.5, 1.5)
    for name, b in net.named_buffers():
        if "running_mean" in name:
            b.normal_(0, 0.2)
        elif "running_var" in name:
            b.uniform_(0.5, 2)
    for x in list(net.parameters()) + [b for b in net.buffers() if b.is_floating_point()]:
        x.data = x.data.half().float()


def meta(height, width, original, mirrored):
    scale = [float(np.float32(width / original[1])), float(np.float32(height / original[0]))]
    return dict(img_shape=[height, width, 3], ori_shape=[*original, 3], pad_shape=[0, 0, 3], scale_factor=scale * 2,
                flip=mirrored is not None,
                flip_direction=mirrored)


def flat(result, with_mask):
    """mmdet's lists by class as one list, best first."""
    boxes, masks = result if with_mask else (result, None)
    labels = np.concatenate([np.full(len(b), c, np.int64) for c, b in enumerate(boxes)])
    rows = np.concatenate(boxes).astype(np.float32).reshape(-1, 5)
    order = np.argsort(-rows[:, 4], kind="stable")
    out = dict(boxes=rows[order], labels=labels[order])
    if with_mask:
        pixels = [m.astype(np.uint8) for of_class in masks for m in of_class]
        assert len(pixels) == len(rows)
        out["masks"] = np.stack(pixels)[order]
    return out


def main():
    for name, (model, images, seed) in CASES.items():
        torch.manual_seed(seed)
        net = build_detector(ConfigDict(copy.deepcopy(dict(model, pretrained=None, train_cfg=None)))).eval()
        draw_weights(net)
        views, with_mask = name.endswith("views"), "mask_head" in model.get("roi_head", {})
        original = (48, 72)
        metas = [meta(h, w, original if views else (h * 3 // 4, w * 2 // 3), mirrored) for h, w, mirrored in images]
        pads = [(-(-h // 32) * 32, -(-w // 32) * 32) for h, w, _ in images]
        for m, pad in zip(metas, pads):
            m["pad_shape"][:2] = pad if views else pads[0]
        given = [dict(m, img_shape=tuple(m["img_shape"]), ori_shape=tuple(m["ori_shape"]),
                      scale_factor=np.float32(m["scale_factor"])) for m in metas]
        with torch.no_grad():
            if views:
                found = net.aug_test([picture(*p) for p in pads], [[m] for m in given], rescale=True)
                found = found if isinstance(found, list) else [found]
            else:
                batch = torch.cat([picture(pads[0][0], pads[0][1])] * len(images)).clone()
                for i, (h, w, _) in enumerate(images):
                    batch[i, :, h:] = batch[i, :, :, w:] = 0
                found = net.simple_test(batch, given, rescale=True)
        expected = {f"{key}_{i}": value for i, result in enumerate(found)
                    for key, value in flat(result, with_mask).items()}
        folder = OUT / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({"model": dict(model, pretrained=None)}, indent=1) + "\n")
        save(folder / "weights.safetensors", {k: v.numpy().astype(np.float16) for k, v in net.state_dict().items()
                                               if v.is_floating_point() and "relative_position_index" not in k})
        save(folder / "expected.safetensors", expected, dict(img_metas=json.dumps(metas), views=str(int(views))))
        print(name, {k: v.shape for k, v in expected.items()})


if __name__ == "__main__":
    main()
