#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/CASE/{config.json, weights.pth, input.safetensors, expected.safetensors}: small DETRs by the code of facebookresearch/detr
and of mmdetection 2.11 on a padded batch: what is computed on the way, detections, losses and the gradients of all parameters, in
float64 from float32 weights. Needs torch, torchvision and numpy (SciPy, packaging and mmcv are stood in for).
Usage: make_detr.py DETR_DIR MMDET_DIR OUT_DIR      tests/data/detr holds what it writes"""
import argparse
import importlib
import itertools
import json
import os
import sys
import types

import numpy as np
import torch
import torch.nn as nn
import torchvision

import tensor_files

DETR, MMDET, OUT = (sys.argv[1:] + [None] * 3)[:3]
BASE, LAYERS, CLASSES = 3, [1, 1, 1, 1], 7


def save(path, tensors):
    """Floats and bools as float32."""
    tensor_files.save(path, {k: v.detach().float() if v.is_floating_point() or v.dtype == torch.bool else v
                             for k, v in tensors.items()})


def best_assignment(cost):
    """By trying all of them: few objects."""
    cost = np.asarray(cost)
    rows = min(itertools.permutations(range(cost.shape[0]), cost.shape[1]),
               key=lambda r: sum(cost[q, t] for t, q in enumerate(r)))
    order = np.argsort(rows)
    return np.array(rows, dtype=np.int64)[order], order.astype(np.int64)


def module(name, path=None, **members):
    m = types.ModuleType(name)
    m.__dict__.update(members)
    if path:
        m.__path__ = [path]
    sys.modules[name] = m
    return m


module("scipy")
module("scipy.optimize", linear_sum_assignment=best_assignment)
module("packaging", version=types.SimpleNamespace(parse=lambda text: [int(n) for n in text.split(".")[:2]]))


class SmallResNet(torchvision.models.ResNet):
    """torchvision's with narrow stages."""

    def __init__(self, norm, dilation=False):
        nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = norm, BASE, 1, 1, 64
        block = torchvision.models.resnet.Bottleneck
        self.conv1, self.bn1 = nn.Conv2d(3, BASE, 7, 2, 3, bias=False), norm(BASE)
        self.relu, self.maxpool = nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)
        for i, n in enumerate(LAYERS):
            setattr(self, f"layer{i + 1}", self._make_layer(block, BASE << i, n, min(i + 1, 2), dilation and i == 3))


def draw(net, seed):
    """Weights as they are drawn, norms near one, all exact in float32."""
    g = torch.Generator().manual_seed(seed)
    for name, t in itertools.chain(net.named_parameters(), net.named_buffers()):
        if not t.is_floating_point():
            continue
        if "running_var" in name or ("norm" in name
                                     and "weight" in name) or ("bn" in name and "weight" in name) or "downsample.1.weight" in name:
            t.data = 0.7 + 0.6 * torch.rand(t.shape, generator=g)
        elif t.dim() == 1:
            t.data = 0.2 * torch.randn(t.shape, generator=g)
        elif "embed" not in name or t.dim() > 2:
            t.data = torch.randn(t.shape, generator=g) * (1.6 / t[0].numel()) ** 0.5
        else:
            t.data = torch.randn(t.shape, generator=g) * 0.5
    return net.double().eval()


def batch(seed, sizes):
    g = torch.Generator().manual_seed(seed)
    H, W = (max(s[i] for s in sizes) for i in range(2))
    image, mask = torch.zeros(len(sizes), 3, H, W), torch.ones(len(sizes), H, W, dtype=torch.bool)
    for n, (h, w) in enumerate(sizes):
        image[n, :, :h, :w] = torch.randn(3, h, w, generator=g)
        mask[n, :h, :w] = False
    targets = []
    for n in (3, 2):
        centre, size = 0.25 + 0.5 * torch.rand(n, 2, generator=g), 0.1 + 0.35 * torch.rand(n, 2, generator=g)
        targets.append({"labels": torch.randint(0, CLASSES, (n,), generator=g), "boxes": torch.cat([centre, size], 1)})
    return image, mask, targets


def inputs(image, mask, targets, originals):
    out = {"image": image, "mask": mask, "target_sizes": torch.tensor(originals)}
    for i, t in enumerate(targets):
        out[f"tgt_labels_{i}"], out[f"tgt_boxes_{i}"] = t["labels"], t["boxes"]
    return out


def record(out, name, transform=lambda x: x):
    def hook(_, __, y):
        out.setdefault(name, transform(y))
    return hook


def answers(out, logits, boxes):
    out["pred_logits"], out["pred_boxes"] = logits[-1], boxes[-1]
    for i in range(len(logits) - 1):
        out[f"aux_{i}_logits"], out[f"aux_{i}_boxes"] = logits[i], boxes[i]


def best_first(out, i, scores, labels, boxes):
    order = torch.argsort(scores, descending=True, stable=True)
    out[f"scores_{i}"], out[f"labels_{i}"], out[f"boxes_{i}"] = scores[order], labels[order], boxes[order]


def write(case, config, net, checkpoint, given, out, total):
    folder = f"{OUT}/{case}"
    os.makedirs(folder, exist_ok=True)
    out["loss:total"] = total.reshape(1)
    total.backward()
    for name, p in net.named_parameters():
        if p.grad is not None:
            out["grad:" + name] = p.grad
    state = {k: v.float() if v.is_floating_point() else v for k, v in net.state_dict().items()}
    torch.save(checkpoint(state), f"{folder}/weights.pth")
    save(f"{folder}/input.safetensors", given)
    save(f"{folder}/expected.safetensors", {k: v.reshape(1) if v.dim() == 0 else v for k, v in out.items()})
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")


# ---- facebookresearch/detr ------------------------------------------------------------------------------------------

def official(case, seed, sizes, originals, **changes):
    sys.path.insert(0, DETR)
    backbone, transformer = importlib.import_module("models.backbone"), importlib.import_module("models.transformer")
    detr, matcher = importlib.import_module("models.detr"), importlib.import_module("models.matcher")
    position, misc = importlib.import_module("models.position_encoding"), importlib.import_module("util.misc")
    args = argparse.Namespace(
        lr=1e-4, lr_backbone=1e-5, batch_size=1, weight_decay=1e-4, epochs=500, lr_drop=400, clip_max_norm=0.1,
        frozen_weights=None,
        backbone="resnet50", dilation=False, position_embedding="sine", enc_layers=2, dec_layers=2,
        dim_feedforward=24, hidden_dim=16,
        dropout=0.0, nheads=2, num_queries=9, pre_norm=False, masks=False, aux_loss=True, set_cost_class=1,
        set_cost_bbox=5,
        set_cost_giou=2, mask_loss_coef=1, dice_loss_coef=1, bbox_loss_coef=5, giou_loss_coef=2, eos_coef=0.1,
        dataset_file="coco",
        coco_path="coco", coco_panoptic_path=None, remove_difficult=False, output_dir="", device="cuda", seed=42,
        resume="",
        start_epoch=0, eval=False, num_workers=2, world_size=8, dist_url="env://", rank=0, gpu=0, distributed=True,
        dist_backend="nccl")
    args.__dict__.update(changes)
    body = SmallResNet(backbone.FrozenBatchNorm2d, args.dilation)
    joined = backbone.Joiner(backbone.BackboneBase(body, True, BASE * 32, False),
                             position.build_position_encoding(args))
    joined.num_channels = BASE * 32
    net = draw(detr.DETR(joined, transformer.build_transformer(args), CLASSES, args.num_queries, aux_loss=True), seed)
    weights = {"loss_ce": 1, "loss_bbox": args.bbox_loss_coef, "loss_giou": args.giou_loss_coef}
    criterion = detr.SetCriterion(CLASSES, matcher.build_matcher(args), weights, args.eos_coef,
                                  ["labels", "boxes", "cardinality"]).double()

    out = {}
    net.input_proj.register_forward_hook(record(out, "src_0"))
    net.backbone[1].register_forward_hook(record(out, "pos_0"))
    for i, layer in enumerate(net.transformer.encoder.layers):
        layer.register_forward_hook(record(out, f"enc_layer{i}", lambda y: y.transpose(0, 1)))
    net.transformer.register_forward_hook(lambda _, __, y: out.update(hs=y[0], memory=y[1].flatten(2).transpose(1, 2)))
    image, mask, targets = batch(seed, sizes)
    result = net(misc.NestedTensor(image.double(), mask))
    aux = result["aux_outputs"]
    answers(out, [a["pred_logits"] for a in aux] + [result["pred_logits"]],
            [a["pred_boxes"] for a in aux] + [result["pred_boxes"]])
    for i, r in enumerate(detr.PostProcess()(result, torch.tensor(originals))):
        best_first(out, i, r["scores"], r["labels"], r["boxes"])
    losses = criterion(result, [{"labels": t["labels"], "boxes": t["boxes"].double()} for t in targets])
    total = sum(v * weights[k.rstrip("_0123456789")] for k, v in losses.items() if k.rstrip("_0123456789") in weights)
    out.update({"loss:" + k: v for k, v in losses.items()})
    known = {k: v for k, v in vars(args).items() if v is not None}
    write(case, {"type": "DETR", "args": known, "num_classes": CLASSES,
                 "resnet": {"layers": LAYERS, "base_width": BASE}}, net,
          lambda state: {"model": state, "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "params": [0]}]},
                         "lr_scheduler": {"step_size": 400, "last_epoch": 500}, "epoch": 499, "args": args},
          inputs(image, mask, targets, originals), out, total)


# ---- mmdetection 2.11 -----------------------------------------------------------------------------------------------

class Registry(dict):
    def __init__(self, name, **_):
        super().__init__()

    def register_module(self, *_, **__):
        return lambda cls: self.setdefault(cls.__name__, cls)


def build_from_cfg(cfg, registry, default_args=None):
    cfg = {**(default_args or {}), **cfg}
    return registry[cfg.pop("type")](**cfg)


def identity(*_, **__):
    return lambda f: f


def mmdet_head():
    """Its real modules, whose packages load nothing else."""
    module("mmcv", jit=identity)
    module("mmcv.utils", Registry=Registry, build_from_cfg=build_from_cfg)
    module("mmcv.runner", force_fp32=identity)
    module("mmcv.cnn", MODELS=Registry("models"), Conv2d=nn.Conv2d, Linear=nn.Linear,
           build_activation_layer=lambda cfg: nn.ReLU(inplace=True),
           build_norm_layer=lambda cfg, n: ("ln", nn.LayerNorm(n)), xavier_init=None,
           uniform_init=lambda m: nn.init.uniform_(m.weight))
    for name in ("", ".utils", ".core", ".core.bbox", ".core.bbox.assigners", ".core.bbox.samplers",
                 ".core.bbox.match_costs",
                 ".core.bbox.iou_calculators", ".models", ".models.utils", ".models.losses", ".models.dense_heads"):
        module("mmdet" + name, f"{MMDET}/mmdet" + name.replace(".", "/"))
    module("mmdet.utils.util_mixins", NiceRepr=object)
    sys.modules["mmdet.utils"].util_mixins = sys.modules["mmdet.utils.util_mixins"]

    def expose(package, *files):
        for file in files:
            sys.modules[package].__dict__.update(vars(importlib.import_module(f"{package}.{file}")))

    expose("mmdet.core.bbox.iou_calculators", "iou2d_calculator")
    expose("mmdet.core.bbox.match_costs", "match_cost", "builder")
    expose("mmdet.core.bbox.assigners", "hungarian_assigner")
    expose("mmdet.core.bbox.samplers", "pseudo_sampler")
    sys.modules["mmdet.core"].__dict__.update(vars(importlib.import_module("mmdet.core.bbox.transforms")))
    sys.modules["mmdet.core"].bbox_overlaps = sys.modules["mmdet.core.bbox.iou_calculators"].bbox_overlaps
    builder = importlib.import_module("mmdet.core.bbox.builder")
    sys.modules["mmdet.core"].__dict__.update(
        build_assigner=builder.build_assigner, build_sampler=builder.build_sampler, reduce_mean=lambda x: x,
        multi_apply=lambda f, *a, **k: tuple(map(list, zip(*(f(*x, **k) for x in zip(*a))))))
    expose("mmdet.models.utils", "transformer", "positional_encoding", "builder")
    expose("mmdet.models.losses", "utils", "cross_entropy_loss", "smooth_l1_loss", "iou_loss")
    module("mmdet.models.dense_heads.anchor_free_head", AnchorFreeHead=type("AnchorFreeHead", (nn.Module,), {}))
    return importlib.import_module("mmdet.models.dense_heads.transformer_head").TransformerHead


def mmdet(case, seed, sizes, originals):
    head_class = mmdet_head()
    costs = dict(type="HungarianAssigner", cls_cost=dict(type="ClassificationCost", weight=1.0),
                 reg_cost=dict(type="BBoxL1Cost", weight=5.0),
                 iou_cost=dict(type="IoUCost", iou_mode="giou", weight=2.0))
    head = dict(
        num_classes=CLASSES, in_channels=BASE * 32, num_fcs=2,
        transformer=dict(type="Transformer", embed_dims=16, num_heads=2, num_encoder_layers=2, num_decoder_layers=2,
                         feedforward_channels=24,
                         dropout=0.0, act_cfg=dict(type="ReLU", inplace=True), norm_cfg=dict(type="LN"), num_fcs=2,
                         pre_norm=False,
                         return_intermediate_dec=True),
        positional_encoding=dict(type="SinePositionalEncoding", num_feats=8, normalize=False),
        loss_cls=dict(type="CrossEntropyLoss", bg_cls_weight=0.2, use_sigmoid=False, loss_weight=1.0, class_weight=1.0),
        loss_bbox=dict(type="L1Loss", loss_weight=5.0), loss_iou=dict(type="GIoULoss", loss_weight=2.0))
    model = dict(
        type="DETR",
        backbone=dict(type="ResNet", depth=50, stage_blocks=LAYERS, base_channels=BASE, num_stages=4, out_indices=[3],
                      frozen_stages=1,
                      norm_cfg=dict(type="BN", requires_grad=False), norm_eval=True, style="pytorch"),
        bbox_head=dict(type="TransformerHead", **head), train_cfg=dict(assigner=costs), test_cfg=dict(max_per_img=9))
    config = json.loads(json.dumps(dict(model=model)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = SmallResNet(nn.BatchNorm2d)
            self.bbox_head = head_class(**head, train_cfg=dict(assigner=costs), test_cfg=dict(max_per_img=9))

    net = draw(Net(), seed)
    for name, p in net.backbone.named_parameters():
        if "bn" in name or "downsample.1" in name or name.startswith(("conv1", "layer1")):
            p.requires_grad_(False)
    net.bbox_head.loss_cls.class_weight = net.bbox_head.loss_cls.class_weight.double()
    out = {}
    net.bbox_head.input_proj.register_forward_hook(record(out, "src_0"))
    net.bbox_head.positional_encoding.register_forward_hook(record(out, "pos_0"))
    for i, layer in enumerate(net.bbox_head.transformer.encoder.layers):
        layer.register_forward_hook(record(out, f"enc_layer{i}", lambda y: y.transpose(0, 1)))
    net.bbox_head.transformer.register_forward_hook(lambda _, __, y: out.update(hs=y[0], memory=y[1].flatten(2).transpose(1, 2)))
    image, mask, targets = batch(seed, sizes)
    b, x = net.backbone, image.double()
    x = b.layer4(b.layer3(b.layer2(b.layer1(b.maxpool(b.relu(b.bn1(b.conv1(x))))))))
    metas = [dict(batch_input_shape=tuple(image.shape[2:]), img_shape=(*s, 3),
                  scale_factor=np.array([s[1] / o[1], s[0] / o[0]] * 2, np.float32))
             for s, o in zip(sizes, originals)]
    logits, boxes = net.bbox_head([x], metas)
    answers(out, logits[0], boxes[0])
    for i, (found, labels) in enumerate(net.bbox_head.get_bboxes(logits, boxes, metas, rescale=True)):
        best_first(out, i, found[:, 4], labels, found[:, :4])
    core = sys.modules["mmdet.core"]
    pixels = [core.bbox_cxcywh_to_xyxy(t["boxes"].double()) * torch.tensor([w, h, w, h])
              for t, (h, w) in zip(targets, sizes)]
    losses = net.bbox_head.loss(logits, boxes, pixels, [t["labels"] for t in targets], metas)
    for name, value in losses.items():
        out["loss:" + name] = value
    write(case, config, net, lambda state: {"meta": {"epoch": 150, "iter": 1}, "state_dict": state},
          {**inputs(image, mask, targets, originals),
           "scale_factor": torch.tensor(np.stack([m["scale_factor"] for m in metas]))}, out,
          sum(losses.values()))


def main():
    sizes, originals = [(72, 66), (49, 100)], [[480, 440], [245, 500]]
    official("plain", 1, sizes, originals)
    official("dc5_pre_norm_learned", 2, sizes, originals, dilation=True, pre_norm=True, position_embedding="learned",
             eos_coef=0.3, num_queries=7)
    mmdet("mmdet_211", 3, sizes, originals)


if __name__ == "__main__":  # make_deformable_detr.py borrows from it
    main()
