#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/NAME/{config.py, weights.pth, expected.safetensors} and OUT_DIR/picture.png: small networks of mmdetection 3.3 and
mmsegmentation 1.2 with random weights, what their test pipelines make of the picture, and what they find in it, with and without test-time
augmentation: every third pixel of the input, every fourth logit.  Usage: make_mmengine.py OUT_DIR, with mmdet 3.3 and mmseg 1.2 installed."""
import os
import sys

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope

import tensor_files

OUT = os.path.abspath(sys.argv[1])
PICTURE = os.path.join(OUT, "picture.png")
NORM = "dict(type='BN', requires_grad=True)"

SEGMENT = """default_scope = 'mmseg'
data_preprocessor = dict(type='SegDataPreProcessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True,
                         pad_val=0, seg_pad_val=255, size=(48, 48)%s)
model = dict(type='EncoderDecoder', data_preprocessor=data_preprocessor,
    backbone=%s,
%s    train_cfg=dict(), test_cfg=%s)
test_pipeline = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=%s, keep_ratio=%s),
                 dict(type='LoadAnnotations', reduce_zero_label=True), dict(type='PackSegInputs')]
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(type='BaseSegDataset', pipeline=test_pipeline,
    metainfo=dict(classes=('a', 'b', 'c', 'd', 'e', 'f', 'g'), palette=[[i, i, i] for i in range(7)]),
    data_prefix=dict(img_path='p', seg_map_path='m')))
tta_model = dict(type='SegTTAModel')
tta_pipeline = [dict(type='LoadImageFromFile'), dict(type='TestTimeAug', transforms=[
    [dict(type='Resize', scale_factor=r, keep_ratio=True) for r in [0.5, 0.75, 1.25]],
    [dict(type='RandomFlip', prob=0., direction='horizontal'), dict(type='RandomFlip', prob=1., direction='horizontal')],
    [dict(type='LoadAnnotations')], [dict(type='PackSegInputs')]])]
"""
SWIN = """dict(type='SwinTransformer', pretrain_img_size=48, embed_dims=4, patch_size=4, window_size=4, mlp_ratio=2, depths=[2, 1, 1, 1],
                  num_heads=[1, 1, 2, 2], strides=(4, 2, 2, 2), out_indices=(0, 1, 2, 3), drop_path_rate=0.1)"""
RESNET = "dict(type='%s', depth=18, base_channels=2, num_stages=4, out_indices=(0, 1, 2, 3), norm_cfg=" + NORM + "%s)"


def head(kind, **options):
    text = ", ".join(f"{k}={v!r}" for k, v in options.items())
    return (f"    decode_head=dict(type='{kind}', {text}, dropout_ratio=0.1, num_classes=7, norm_cfg={NORM},\n"
            "        align_corners=False, loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=False, loss_weight=1.0)),\n")


FPN_NECK = "    neck=dict(type='FPN', in_channels=[2, 4, 8, 16], out_channels=8, num_outs=4),\n"
CASES = {
    "upernet_swin": SEGMENT % ("", SWIN, head("UPerHead", in_channels=[4, 8, 16, 32], in_index=[0, 1, 2, 3],
                                              pool_scales=(1, 2, 3, 6), channels=8),
                               "dict(mode='whole')", (160, 64), True),
    "fpn_resnet": SEGMENT % (", test_cfg=dict(size_divisor=32)", RESNET % ("ResNet", ""),
                             FPN_NECK + head("FPNHead", in_channels=[8] * 4, in_index=[0, 1, 2, 3],
                                             feature_strides=[4, 8, 16, 32], channels=8),
                             "dict(mode='whole')", (90, 70), False),
    "fcn_resnet_v1c": SEGMENT % ("", RESNET % ("ResNetV1c",
                                               ", dilations=(1, 1, 2, 4), strides=(1, 2, 1, 1), contract_dilation=True"),
                                 head("FCNHead", in_channels=16, in_index=3, channels=8, num_convs=2,
                                      concat_input=True),
                                 "dict(mode='slide', crop_size=(48, 48), stride=(32, 32))", (160, 64), True),
    "retinanet_r18": """default_scope = 'mmdet'
model = dict(type='RetinaNet', data_preprocessor=dict(type='DetDataPreprocessor', mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375], bgr_to_rgb=True, pad_size_divisor=32),
    backbone=""" + RESNET % ("ResNet", ", frozen_stages=1, norm_eval=True, style='pytorch'") + """,
    neck=dict(type='FPN', in_channels=[2, 4, 8, 16], out_channels=8, start_level=1, add_extra_convs='on_input', num_outs=5),
    bbox_head=dict(type='RetinaHead', num_classes=3, in_channels=8, stacked_convs=1, feat_channels=8,
        anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],
                              strides=[8, 16, 32, 64, 128]),
        bbox_coder=dict(type='DeltaXYWHBBoxCoder', target_means=[.0, .0, .0, .0], target_stds=[1.0, 1.0, 1.0, 1.0]),
        loss_cls=dict(type='FocalLoss', use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0), loss_bbox=dict(type='L1Loss')),
    train_cfg=None, test_cfg=dict(nms_pre=100, min_bbox_size=0, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5), max_per_img=20))
test_pipeline = [dict(type='LoadImageFromFile', backend_args=None), dict(type='Resize', scale=(160, 96), keep_ratio=True),
                 dict(type='LoadAnnotations', with_bbox=True),
                 dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'))]
test_dataloader = dict(batch_size=1, num_workers=1, dataset=dict(type='CocoDataset', ann_file='a.json', data_prefix=dict(img='p/'),
    metainfo=dict(classes=('a', 'b', 'c')), test_mode=True, pipeline=test_pipeline))
tta_model = dict(type='DetTTAModel', tta_cfg=dict(nms=dict(type='nms', iou_threshold=0.4), max_per_img=25))
tta_pipeline = [dict(type='LoadImageFromFile', backend_args=None), dict(type='TestTimeAug', transforms=[
    [dict(type='Resize', scale=s, keep_ratio=True) for s in [(160, 96), (120, 64)]],
    [dict(type='RandomFlip', prob=1.), dict(type='RandomFlip', prob=0.)], [dict(type='LoadAnnotations', with_bbox=True)],
    [dict(type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor', 'flip', 'flip_direction'))]])]
""",
}


def draw_picture():
    y, x = np.mgrid[0:61, 0:94].astype(float)
    rng = np.random.RandomState(5)
    waves = [127 + 90 * np.sin(x / (3 + 2 * k)) * np.cos(y / (7 - k)) for k in range(3)]
    picture = np.stack(waves, 2) + rng.randn(61, 94, 3) * 12
    cv2.rectangle(picture, (10, 12), (34, 40), (20, 200, 240), -1)
    cv2.circle(picture, (66, 30), 17, (230, 30, 60), -1)
    cv2.imwrite(PICTURE, picture.clip(0, 255).astype(np.uint8))


def randomise(net):
    """Weights whose features stay of one size, and results that are not all alike."""
    for name, p in net.named_parameters():
        spread = (2.0 / p[0].numel()) ** 0.5 if p.dim() > 1 else 0.2
        spread *= 0.2 if "retina_" in name else 1
        p.data = torch.randn_like(p) * spread + (1 if p.dim() == 1 and name.endswith("weight") else 0)
    for name, b in net.named_buffers():
        if name.endswith("running_mean"):
            b.data = torch.randn_like(b) * 0.2
        elif name.endswith("running_var"):
            b.data = torch.rand_like(b) + 0.5


def pipeline(steps):
    def without(step):
        if step["type"] == "TestTimeAug":
            step = dict(step, transforms=[[t for t in group if t["type"] != "LoadAnnotations"]
                                          for group in step["transforms"]])
            step["transforms"] = [group for group in step["transforms"] if group]
        return step
    return Compose([without(s) for s in steps if s["type"] != "LoadAnnotations"])


def boxes(found, prefix):
    p = found.pred_instances
    return {prefix + "boxes": p.bboxes, prefix + "scores": p.scores, prefix + "labels": p.labels}


def label_map(found, prefix):
    return {prefix + "labels": found.pred_sem_seg.data[0].byte()}


def run(net, wrapper, cfg, kind):
    tell = label_map if kind == "mmseg" else boxes
    plain = pipeline(cfg.test_pipeline)(dict(img_path=PICTURE, img_id=0))
    batch = dict(inputs=[plain["inputs"]], data_samples=[plain["data_samples"]])
    found = net.test_step(batch)[0]
    out = tell(found, "")
    if kind == "mmseg":
        out["logits"] = found.seg_logits.data[:, ::4, ::4]
    again = dict(inputs=[plain["inputs"]], data_samples=[plain["data_samples"]])
    out["input"] = net.data_preprocessor(again, False)["inputs"][0, :, ::3, ::3]
    views = pipeline(cfg.tta_pipeline)(dict(img_path=PICTURE, img_id=0))
    found = wrapper.test_step({k: [[v] for v in views[k]] for k in ("inputs", "data_samples")})[0]
    out.update(label_map(found, "tta_") if kind == "mmseg" else boxes(found, "tta_"))
    return out


def case(name, text):
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "config.py"), "w") as f:
        f.write(text)
    cfg = Config.fromfile(os.path.join(folder, "config.py"))
    kind = cfg.default_scope
    with DefaultScope.overwrite_default_scope(kind):
        registry = __import__(kind + ".registry", fromlist=["MODELS"])
        torch.manual_seed(11)
        net = registry.MODELS.build(cfg.model).eval()
        randomise(net)
        wrapper = registry.MODELS.build(dict(cfg.tta_model, module=net)).eval()
        torch.save({"state_dict": net.state_dict(), "meta": {}}, os.path.join(folder, "weights.pth"))
        with torch.no_grad():
            out = run(net, wrapper, cfg, kind)
    tensor_files.save(os.path.join(folder, "expected.safetensors"), out)
    print(name, {k: tuple(v.shape) for k, v in out.items()}, np.unique(out["labels"].numpy(), return_counts=True))


os.makedirs(OUT, exist_ok=True)
draw_picture()
import mmdet.utils # noqa: E402
import mmseg.utils # noqa: E402
mmdet.utils.register_all_modules(init_default_scope=False)
mmseg.utils.register_all_modules(init_default_scope=False)
torch.set_num_threads(1)
for name, text in CASES.items():
    case(name, text)
