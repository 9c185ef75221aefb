#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input.safetensors, expected.safetensors}: small detectors by mmdetection 2.11 and segmentors by
mmsegmentation 0.11, from float16 weights and images: the maps on the way by their names, and boxes, labels, scores and masks, or the
class of every pixel, at the end. upernet_train also has losses, gradients (of more than 64 elements every n-th, 64 at most) and the
statistics after a step in training mode.

A case is written if float64 decides as float32 does, and no two classes of a pixel are within 1e-4.
Needs torch, torchvision, numpy and OpenCV; addict, timm, pycocotools and mmcv's compiled operations are stood in for (RoIAlign and NMS by
torchvision's).
Usage: make_networks.py MMCV_1.3 SWIN_OBJECT_DETECTION SWIN_SEMANTIC_SEGMENTATION OUT [CASE...]; the last two are the repositories
Swin-Transformer-Object-Detection and Swin-Transformer-Semantic-Segmentation. tests/data/networks holds what it writes."""
import copy
import importlib
import importlib.util
import inspect
import json
import os
import sys
import textwrap
import types

import numpy as np
import torch
import torch.nn as nn
import torchvision

import tensor_files

MMCV, MMDET, MMSEG, OUT = sys.argv[1:5]
FEW, CHANNELS = 64, 8
SWIN = dict(type="SwinTransformer", embed_dim=4, depths=[2, 1, 1, 1], num_heads=[1, 1, 2, 2], window_size=4,
            mlp_ratio=2.0, drop_path_rate=0.0)
WIDTHS = [4, 8, 16, 32]
STRIDES = [4, 8, 16, 32, 64]
L1 = dict(type="L1Loss", loss_weight=1.0)
NMS = dict(type="nms", iou_threshold=0.5)


# ---- what stands in for packages ------------------------------------------------------------------------------------


class Dict(dict):
    """addict's, as far as mmcv needs it."""

    def __init__(self, *args, **kwargs):
        super().__init__()
        for k, v in dict(*args, **kwargs).items():
            self[k] = v

    def __setitem__(self, k, v):
        hook = lambda x: type(self)(x) if type(x) is dict else type(x)(map(hook, x)) if isinstance(x, (list, tuple)) else x
        super().__setitem__(k, hook(v))

    def __getattr__(self, k):
        try:
            return self[k]
        except KeyError:
            raise AttributeError(k)

    __setattr__ = __setitem__

    def __deepcopy__(self, memo):
        return type(self)({k: copy.deepcopy(v, memo) for k, v in self.items()})


class Anything(types.ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


def stand_in():
    for name in ("addict", "yapf", "yapf.yapflib", "yapf.yapflib.yapf_api", "pycocotools", "pycocotools.mask",
                 "pycocotools.coco", "pycocotools.cocoeval",
                 "terminaltables", "matplotlib", "matplotlib.pyplot", "matplotlib.collections", "matplotlib.patches",
                 "timm", "timm.models",
                 "timm.models.layers", "mmcv._ext", "lvis"):
        m = sys.modules[name] = Anything(name)
        m.__path__, m.__spec__ = [], importlib.util.spec_from_loader(name, None)
        above = name.rpartition(".")[0]
        if above in sys.modules:
            setattr(sys.modules[above], name.rpartition(".")[2], m)
    sys.modules["addict"].Dict = Dict
    pair = lambda x: tuple(x) if isinstance(x, (tuple, list)) else (x, x)
    layers = sys.modules["timm.models.layers"]
    layers.DropPath, layers.to_2tuple, layers.trunc_normal_ = type("DropPath", (nn.Identity,), {}), pair, nn.init.trunc_normal_
    ext = sys.modules["mmcv._ext"]
    ext.nms = lambda boxes, scores, iou_threshold, offset: torchvision.ops.nms(boxes, scores, float(iou_threshold))
    sys.path[:0] = [MMCV, MMDET, MMSEG]
    importlib.import_module("mmcv.ops")
    sys.modules["mmcv.ops.roi_align"].roi_align = lambda x, rois, size, scale, samples, mode, aligned: torchvision.ops.roi_align(x, rois, size, scale, samples or -1, aligned)


# ---- the networks ---------------------------------------------------------------------------------------------------


def coder(*stds):
    return dict(type="DeltaXYWHBBoxCoder", target_means=[0.0] * 4, target_stds=list(stds))


def retina(where, **test):
    neck = dict(type="FPN", in_channels=WIDTHS, out_channels=CHANNELS, start_level=1, add_extra_convs=where, num_outs=5)
    generator = dict(type="AnchorGenerator", octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0],
                     strides=[8, 16, 32, 64, 128])
    head = dict(type="RetinaHead", num_classes=5, in_channels=CHANNELS, stacked_convs=4, feat_channels=CHANNELS,
                anchor_generator=generator,
                bbox_coder=coder(1.0, 1.0, 1.0, 1.0),
                loss_cls=dict(type="FocalLoss", use_sigmoid=True, gamma=2.0, alpha=0.25, loss_weight=1.0),
                loss_bbox=L1)
    return dict(type="RetinaNet", backbone=SWIN, neck=neck, bbox_head=head,
                test_cfg=dict(dict(nms_pre=1000, min_bbox_size=0, score_thr=0.05, nms=NMS, max_per_img=20), **test))


def extractor(size, samples=0, **more):
    return dict(type="SingleRoIExtractor", roi_layer=dict(type="RoIAlign", output_size=size, sampling_ratio=samples),
                out_channels=CHANNELS,
                featmap_strides=STRIDES[:4], **more)


def two_stage(kind, roi_head, mask_extractor, rpn_test, **rcnn_test):
    neck = dict(type="FPN", in_channels=WIDTHS, out_channels=CHANNELS, num_outs=5)
    rpn = dict(type="RPNHead", in_channels=CHANNELS, feat_channels=CHANNELS, bbox_coder=coder(1.0, 1.0, 1.0, 1.0),
               loss_bbox=L1,
               anchor_generator=dict(type="AnchorGenerator", scales=[8], ratios=[0.5, 1.0, 2.0], strides=STRIDES),
               loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=True, loss_weight=1.0))
    mask = dict(type="FCNMaskHead", num_convs=2, in_channels=CHANNELS, conv_out_channels=CHANNELS, num_classes=5,
                loss_mask=dict(type="CrossEntropyLoss", use_mask=True, loss_weight=1.0))
    return dict(type=kind, backbone=SWIN, neck=neck, rpn_head=rpn,
                roi_head=dict(roi_head, mask_roi_extractor=mask_extractor, mask_head=mask),
                test_cfg=dict(rpn=dict(dict(nms_pre=200, max_per_img=60, nms=dict(type="nms", iou_threshold=0.7),
                                            min_bbox_size=0), **rpn_test),
                              rcnn=dict(dict(score_thr=0.05, nms=NMS, max_per_img=10, mask_thr_binary=0.5),
                                        **rcnn_test)))


def box_head(kind, stds, **more):
    return dict(type=kind, in_channels=CHANNELS, fc_out_channels=24, roi_feat_size=7, num_classes=5,
                bbox_coder=coder(*stds), reg_class_agnostic=False,
                loss_cls=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=1.0), loss_bbox=L1, **more)


def mask_rcnn():
    roi = dict(type="StandardRoIHead", bbox_roi_extractor=extractor(7, finest_scale=14),
               bbox_head=box_head("Shared2FCBBoxHead", (0.1, 0.1, 0.2, 0.2)))
    return two_stage("MaskRCNN", roi, extractor(14, finest_scale=14), {})


def cascade():
    stds = (0.1, 0.1, 0.2, 0.2), (0.05, 0.05, 0.1, 0.1), (0.033, 0.033, 0.067, 0.067)
    more = dict(num_shared_convs=2, num_shared_fcs=1, conv_out_channels=8,
                norm_cfg=dict(type="BN", requires_grad=True), reg_decoded_bbox=True)
    roi = dict(type="CascadeRoIHead", num_stages=3, stage_loss_weights=[1, 0.5, 0.25],
               bbox_roi_extractor=extractor(7, samples=2),
               bbox_head=[box_head("ConvFCBBoxHead", s, **more) for s in stds])
    return two_stage("CascadeRCNN", roi, extractor(14), dict(nms_across_levels=False, nms_post=30, max_per_img=30))


def segmentor(decode, test, neck=None):
    model = dict(type="EncoderDecoder", backbone=SWIN, decode_head=decode, test_cfg=test)
    return dict(model, neck=neck) if neck else model


def decode_head(kind, classes, **more):
    return dict(type=kind, dropout_ratio=0.0, num_classes=classes, norm_cfg=dict(type="BN", requires_grad=True),
                align_corners=False,
                loss_decode=dict(type="CrossEntropyLoss", use_sigmoid=False, loss_weight=more.pop("weight", 1.0)),
                **more)


def upernet(test):
    uper = decode_head("UPerHead", 5, in_channels=WIDTHS, in_index=[0, 1, 2, 3], pool_scales=[1, 2, 3, 6], channels=6)
    aux = decode_head("FCNHead", 5, in_channels=16, in_index=2, channels=6, num_convs=1, concat_input=False, weight=0.4)
    return dict(segmentor(uper, test), auxiliary_head=aux)


def semantic_fpn():
    neck = dict(type="FPN", in_channels=WIDTHS, out_channels=CHANNELS, num_outs=4)
    head = decode_head("FPNHead", 4, in_channels=[CHANNELS] * 4, in_index=[0, 1, 2, 3],
                       feature_strides=[4, 8, 16, 32], channels=6)
    return segmentor(head, dict(mode="whole"), neck)


def out_of_place():
    """UPerHead's `laterals[i - 1] += resize()` has no gradient since PyTorch 1.10."""
    uper = importlib.import_module("mmseg.models.decode_heads.uper_head")
    source = textwrap.dedent(inspect.getsource(uper.UPerHead.forward))
    scope = dict(vars(uper))
    assert "laterals[i - 1] += resize(" in source
    exec(source.replace("laterals[i - 1] += resize(", "laterals[i - 1] = laterals[i - 1] + resize("), scope)
    uper.UPerHead.forward = scope["forward"]


WHOLE = dict(mode="whole")
CASES = {
    # name: model, size of the image, of its original
    "retinanet_on_input": (retina("on_input"), (61, 93), (42, 64)),
    "retinanet_on_output": (retina("on_output", nms_pre=30), (90, 60), (60, 40)),
    "mask_rcnn": (mask_rcnn(), (93, 61), (64, 42)),
    "cascade_mask_rcnn": (cascade(), (61, 93), (42, 64)),
    "upernet_whole": (upernet(WHOLE), (58, 75), (59, 76)),
    "upernet_slide": (upernet(dict(mode="slide", crop_size=[48, 48], stride=[32, 32])), (60, 87), (54, 78)),
    "upernet_flip": (upernet(WHOLE), (54, 71), (48, 63)),
    "semantic_fpn": (semantic_fpn(), (58, 75), (59, 76)),
    "upernet_train": (upernet(WHOLE), (48, 64), (48, 64)),
}


# ---- a case ---------------------------------------------------------------------------------------------------------


def draw(net, seed):
    """Weights that spread scores and boxes; all of them float16 numbers."""
    g = torch.Generator().manual_seed(seed)
    for name, p in net.named_parameters():
        if p.dim() > 1:
            gain = 0.5 if "reg" in name else 2.0 if "fc_cls" in name else 0.7 if "rpn" in name else 3.0 if "conv_seg" in name or "retina_cls" in name else 1.4
            p.data = torch.randn(p.shape, generator=g) * gain / p[0].numel() ** 0.5
        else:
            p.data = 0.1 * torch.randn(p.shape, generator=g) if name.endswith("bias") else 0.5 + torch.rand(p.shape, generator=g)
    for name, b in net.named_buffers():
        if "running_mean" in name:
            b.data = 0.2 * torch.randn(b.shape, generator=g)
        elif "running_var" in name:
            b.data = 0.5 + 1.5 * torch.rand(b.shape, generator=g)
    for t in list(net.parameters()) + list(net.buffers()):
        if t.is_floating_point():
            t.data = t.data.half().float()


def hooks(net, out):
    """The maps under the names of the reference outputs. What is computed for a second view or window is not taken."""
    def keep(pairs):
        for name, t in pairs:
            out.setdefault(name, t)

    def several(stem):
        return lambda _, __, y: keep((f"{stem}_{i}", t) for i, t in enumerate(y))

    def pairs(*stems):
        return lambda _, __, y: keep((f"{stem}_{i}", t) for stem, maps in zip(stems, y) for i, t in enumerate(maps))

    def single(*names):
        return lambda _, __, y: keep(zip(names, y if isinstance(y, tuple) else [y]))

    all_ = [net.backbone.register_forward_hook(several("backbone"))]
    if getattr(net, "neck", None) is not None:
        all_.append(net.neck.register_forward_hook(several("fpn")))
    if hasattr(net, "decode_head"):
        all_.append(net.decode_head.register_forward_hook(single("decode_logits")))
        if getattr(net, "auxiliary_head", None) is not None:
            all_.append(net.auxiliary_head.register_forward_hook(single("aux_logits")))
    elif hasattr(net, "rpn_head"):
        all_.append(net.rpn_head.register_forward_hook(pairs("rpn_cls_score", "rpn_bbox_pred")))
        found = net.rpn_head.simple_test_rpn
        net.rpn_head.simple_test_rpn = lambda x, metas: [keep([("proposals", y)]) or y for y in found(x, metas)]
        roi = net.roi_head
        mine = lambda head, i: head[i] if isinstance(head, nn.ModuleList) else head

        def regions(rois, features):
            return lambda _, given, y: keep([(rois, given[1]), (features, y)])
        stages = list(roi.bbox_head) if isinstance(roi.bbox_head, nn.ModuleList) else [roi.bbox_head]
        for i, head in enumerate(stages):
            stem = f"s{i}_" if len(stages) > 1 else ""
            all_.append(head.register_forward_hook(single(stem + "cls_score", stem + "bbox_pred")))
            all_.append(mine(roi.bbox_roi_extractor,
                             i).register_forward_hook(regions(stem + "rois", stem + "bbox_roi_feats")))
        all_.append(mine(roi.mask_roi_extractor, 0).register_forward_hook(regions("mask_rois", "mask_roi_feats")))
        all_.append(mine(roi.mask_head,
                         0).register_forward_hook(single("s0_mask_logits" if len(stages) > 1 else "mask_logits")))
    else:
        all_.append(net.bbox_head.register_forward_hook(pairs("cls_score", "bbox_pred")))
    return all_


def best_first(result, with_mask):
    boxes, masks = result if with_mask else (result, None)
    labels = np.concatenate([np.full(len(b), c, np.int64) for c, b in enumerate(boxes)])
    rows = np.concatenate(boxes).astype(np.float32).reshape(-1, 5)
    order = np.argsort(-rows[:, 4], kind="stable")
    out = dict(boxes=rows[order], labels=labels[order])
    if with_mask:
        pixels = [m.astype(np.uint8) for of_class in masks for m in of_class]
        # mmdet forgets boxes that end at y = 0
        out["masks"] = np.stack(pixels)[order] if len(pixels) == len(rows) else np.zeros(0)
    return {k: torch.from_numpy(np.ascontiguousarray(v)) for k, v in out.items()}


def detect(net, image, meta, out):
    with_mask = net.with_mask
    found = net.simple_test(image, [meta], rescale=True)[0]
    out.update(best_first(found, with_mask))
    if not with_mask:
        plain = best_first(net.simple_test(image, [meta], rescale=False)[0], False)
        out.update(boxes_noscale=plain["boxes"], labels_noscale=plain["labels"])


def segment(net, views, metas, out):
    maps = net.extract_feat(views[0])  # of the whole image, also where windows follow
    net.decode_head(maps)
    if net.with_auxiliary_head:
        net.auxiliary_head(maps)
    prob = sum(net.inference(v, [m], True) for v, m in zip(views, metas)) / len(views)
    best = prob.topk(2, dim=1).values
    out["margin"] = (best[:, 0] - best[:, 1]).min()
    out["seg_map"] = prob.argmax(1)[0].byte()


def train(net, image, labels, out):
    net.train()
    losses = net.forward_train(image, [{}] * len(image), labels)
    total = sum(v for k, v in losses.items() if "loss" in k)
    net.zero_grad(set_to_none=True)
    total.backward()
    out.update({"loss:" + k: v for k, v in losses.items() if "loss" in k})
    for name, p in net.named_parameters():
        if p.grad is not None:
            out["grad:" + name] = p.grad.clone()
    for name, b in net.named_buffers():
        if "running" in name:
            out["buffer_after:" + name] = b.clone()
    net.eval()


def run(name, net, kind, views, metas, labels):
    net = copy.deepcopy(net).to(kind).eval()
    views = [v.to(kind) for v in views]
    out = {}
    taken = hooks(net, out)
    if name.endswith("train"):
        train(net, views[0], labels, out)
    else:
        with torch.no_grad():
            (segment
             if hasattr(net, "decode_head") else lambda n, v, m, o: detect(n, v[0], m[0], o))(net, views, metas, out)
    for hook in taken:
        hook.remove()
    return {k: v.detach() for k, v in out.items()}


def trouble(one, exact):
    """Why float32 and float64 do not say the same; None if they do."""
    for k, v in one.items():
        if v.shape != exact[k].shape or (k == "masks" and len(v) != len(one["boxes"])):
            return f"{k}: {tuple(v.shape)} and {tuple(exact[k].shape)}"
        apart, largest = float((v.double() - exact[k].double()).abs().max()), float(exact[k].abs().max())
        if k in ("labels", "seg_map", "labels_noscale", "masks"):
            if apart:
                return f"{k} differ"
        elif k.startswith("boxes"):
            if apart > 2e-3 or (len(v) > 1 and float((v[:-1, 4] - v[1:, 4]).abs().min()) < 1e-6):
                return f"{k}: {apart} pixels, or scores that are too near"
        elif k == "margin":
            if v < 1e-4:
                return "classes of a pixel that are too near"
        elif apart > (5e-5 if k.startswith("grad") else 5e-6) * max(largest, 1e-3):
            return f"{k}: {apart} of {largest}"
    return None


def chosen(out):
    """Of what there is once for each region, some; of large gradients, some elements."""
    kept = {}
    for k, v in out.items():
        if k == "margin":
            continue
        if k.startswith("grad:"):
            v = v.flatten()[::-(-v.numel() // FEW)]
        if "mask_logits" in k or k == "mask_roi_feats":
            v = v[:3]
        if "bbox_roi_feats" in k:
            kept[k + "_inds"] = torch.arange(0, len(v), len(v) // 5)
            v = v[kept[k + "_inds"]]
        kept[k] = v.float() if v.is_floating_point() else v
    return kept


def case(name, model, size, original):
    from mmcv import ConfigDict
    from mmdet.models import build_detector
    from mmseg.models import build_segmentor
    build = build_segmentor if "decode_head" in model else build_detector
    scale = [float(np.float32(size[1] / original[1])), float(np.float32(size[0] / original[0]))] * 2
    pad = size if "decode_head" in model else [-(-n // 32) * 32 for n in size]
    for seed in range(1, 300):
        net = build(ConfigDict(copy.deepcopy(dict(model, pretrained=None, train_cfg=dict()
                                                  if "decode_head" in model else None))))
        draw(net, seed)
        torch.manual_seed(seed)
        image = torch.zeros(2 if name.endswith("train") else 1, 3, *pad)
        image[:, :, :size[0], :size[1]] = torch.randn(len(image), 3, *size).half().float()
        meta = dict(ori_shape=[*original, 3], img_shape=[*size, 3], pad_shape=[*pad, 3], scale_factor=scale,
                    flip=False, flip_direction="horizontal")
        views, metas = [image], [meta]
        if name.endswith("flip"):
            views, metas = [image, image.flip(3)], [meta, dict(meta, flip=True)]
        labels = torch.randint(0, 5, (len(image), 1, *pad))
        labels[:, :, 5:9, 3:20] = 255
        given = [dict(m, img_shape=tuple(m["img_shape"]), ori_shape=tuple(m["ori_shape"]),
                      scale_factor=np.float32(scale)) for m in metas]
        out, exact = run(name, net, torch.float32, views, given,
                         labels), run(name, net, torch.float64, views, given, labels)
        why = trouble(out, exact)
        if os.environ.get("WHY"):
            print(why)
        if why is None and (name.endswith("train") or "decode_head" in model or len(out["boxes"]) > 4):
            break
    else:
        raise SystemExit(f"{name}: no seed will do; the last: {why}")
    folder = f"{OUT}/{name}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/config.json", "w") as f:
        known = dict(model, pretrained=None) if "decode_head" not in model else model  # as configs of that time are
        json.dump({"model": known, **({"img_norm_cfg": {"mean": [0, 0, 0], "std": [1, 1, 1]}} if name.endswith("train") else {})}, f, indent=1)
        f.write("\n")
    state = {k: v.half() if v.is_floating_point() else v
             for k, v in net.state_dict().items() if "relative_position_index" not in k}
    torch.save({"meta": {}, "state_dict": state}, f"{folder}/weights.pth", _use_new_zipfile_serialization=False)
    tensors = {"image" if len(views) == 1 else f"image_{i}": v.half() for i, v in enumerate(views)}
    if name.endswith("train"):
        tensors["gt_semantic_seg"] = labels.byte()
    tensor_files.save(f"{folder}/input.safetensors", tensors,
                      {"img_metas": json.dumps(metas), "ori_shape": json.dumps(metas[0]["ori_shape"])})
    tensor_files.save(f"{folder}/expected.safetensors", chosen(exact if name.endswith("train") else out))
    print(name, "seed", seed, {k: tuple(v.shape) for k, v in out.items() if k in ("boxes", "seg_map", "masks")})


def main():
    stand_in()
    out_of_place()
    sample = nn.functional.grid_sample  # mmdet pastes masks by a grid in float32, whatever they are
    nn.functional.grid_sample = lambda x, grid, **options: sample(x, grid.to(x.dtype), **options)
    torch.set_default_dtype(torch.float32)
    for name, (model, size, original) in CASES.items():
        if len(sys.argv) <= 5 or name in sys.argv[5:]:
            case(name, model, size, original)


main()
