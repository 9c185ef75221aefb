#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT_DIR/CASE/{config.json, weights.pth, input.safetensors, expected.safetensors}: small Deformable DETRs by the code of
fundamentalvision/Deformable-DETR on a padded batch: what is computed on the way, detections, losses and, for plain and two_stage, the
gradients of all parameters (of more than 64 elements every n-th, 64 at most), in float64 from float16 weights and images.
Needs torch, torchvision and numpy (SciPy, packaging and the CUDA operation are stood in for; get_proposal_pos_embed has 128 features
hard-coded for 256 channels, here it is half of the channels).
Usage: make_deformable_detr.py REPOSITORY OUT_DIR [CASE...]      tests/data/deformable_detr holds what it writes"""
import argparse
import importlib
import inspect
import json
import os
import sys
import textwrap
import types

import torch
import torchvision

import make_detr as small
import tensor_files

REPOSITORY, OUT = sys.argv[1:3]
BASE, CLASSES, HIDDEN, FEW = 1, 8, 32, 64
CASES = {
    "plain": dict(seed=1, sizes=[(60, 88), (72, 70)], grads=True),
    "box_refine": dict(seed=2, sizes=[(56, 72), (64, 60)], with_box_refine=True),
    "single_scale": dict(seed=3, sizes=[(60, 88), (72, 70)], num_feature_levels=1),
    "two_stage": dict(seed=4, sizes=[(16, 200), (24, 170)], with_box_refine=True, two_stage=True, num_queries=14,
                      grads=True),
}
ORIGINALS = [[480, 640], [600, 520]]


def modules():
    sys.path.insert(0, REPOSITORY)
    torchvision.__version__ = "0.9"  # the code takes 0.14 for 0.1
    small.module("models", f"{REPOSITORY}/models")  # without its __init__, which wants all of COCO's tools
    small.module("MultiScaleDeformableAttention")
    small.module("models.segmentation", DETRsegm=None, PostProcessPanoptic=None, PostProcessSegm=None, dice_loss=None,
                 sigmoid_focal_loss=focal_loss)
    transformer = importlib.import_module("models.deformable_transformer")
    attention = importlib.import_module("models.ops.modules.ms_deform_attn")
    core = importlib.import_module("models.ops.functions.ms_deform_attn_func").ms_deform_attn_core_pytorch
    attention.MSDeformAttnFunction = types.SimpleNamespace(apply=lambda value, shapes, start, at, weights, step: core(value, shapes, at, weights))
    source = inspect.getsource(transformer.DeformableTransformer.get_proposal_pos_embed)
    scope = dict(vars(transformer))
    exec(textwrap.dedent(source.replace("num_pos_feats = 128", "num_pos_feats = self.d_model // 2")), scope)
    transformer.DeformableTransformer.get_proposal_pos_embed = scope["get_proposal_pos_embed"]
    return transformer


def focal_loss(inputs, targets, num_boxes, alpha=0.25, gamma=2):
    """The same lines as in models/segmentation.py, whose other imports are not needed."""
    scope = {"torch": torch, "F": torch.nn.functional}
    source = open(f"{REPOSITORY}/models/segmentation.py").read()
    start = source.index("def sigmoid_focal_loss")
    exec(source[start:source.index("\nclass ", start)], scope)
    return scope["sigmoid_focal_loss"](inputs, targets, num_boxes, alpha, gamma)


def draw(net, seed):
    small.draw(net, seed)
    for name, p in net.named_parameters():  # boxes that saturate would say nothing
        if "bbox_embed" in name and ".layers.2." in name or "reference_points" in name:
            p.data *= 0.3
    for t in list(net.parameters()) + list(net.buffers()):
        if t.is_floating_point():
            t.data = t.data.half().double()
    return net


def build(transformer, args, seed):
    backbone, detr = importlib.import_module("models.backbone"), importlib.import_module("models.deformable_detr")
    position = importlib.import_module("models.position_encoding")
    several = args.num_feature_levels > 1
    base = backbone.BackboneBase(small.SmallResNet(backbone.FrozenBatchNorm2d), True, several)
    base.num_channels = [BASE * 8, BASE * 16, BASE * 32] if several else [BASE * 32]
    joined = backbone.Joiner(base, position.build_position_encoding(args))
    net = detr.DeformableDETR(joined, transformer.build_deforamble_transformer(args), CLASSES, args.num_queries,
                              args.num_feature_levels, True,
                              args.with_box_refine, args.two_stage)
    return draw(net, seed), detr


def listen(net, out):
    def taken(y):
        for i, (name, value) in enumerate(zip(("hs", "init_reference", "inter_references"), y)):
            out[name] = value
        if y[3] is not None:
            out["enc_logits"], out["enc_coord_unact"], out["enc_boxes"] = y[3], y[4], y[4].sigmoid()
            out["topk_values"], out["topk_proposals"] = torch.topk(y[3][..., 0], net.transformer.two_stage_num_proposals, dim=1)

    given = lambda _, a: out.update({f"{stem}_{i}": x for stem, list_ in zip(("src", "mask", "pos"), a)
                                     for i, x in enumerate(list_)})
    t = net.transformer
    return [t.register_forward_hook(lambda _, __, y: taken(y)), t.register_forward_pre_hook(given),
            t.encoder.register_forward_pre_hook(lambda _, a: out.update(valid_ratios=a[3])),
            t.encoder.layers[0].register_forward_hook(small.record(out, "enc_layer0")),
            t.encoder.register_forward_hook(small.record(out, "memory"))]


def run(net, detr, args, image, mask, targets):
    """What is computed, in the precision of the network."""
    misc, matcher = importlib.import_module("util.misc"), importlib.import_module("models.matcher")
    kind = next(net.parameters()).dtype
    out = {}
    hooks = listen(net, out)
    result = net(misc.NestedTensor(image.to(kind), mask))
    aux = result["aux_outputs"]
    small.answers(out, [a["pred_logits"] for a in aux] + [result["pred_logits"]],
                  [a["pred_boxes"] for a in aux] + [result["pred_boxes"]])
    for i, r in enumerate(detr.PostProcess()(result, torch.tensor(ORIGINALS))):
        small.best_first(out, i, r["scores"], r["labels"], r["boxes"])
    weights = {"loss_ce": args.cls_loss_coef, "loss_bbox": args.bbox_loss_coef, "loss_giou": args.giou_loss_coef}
    criterion = detr.SetCriterion(CLASSES, matcher.build_matcher(args), weights, ["labels", "boxes", "cardinality"],
                                  focal_alpha=args.focal_alpha)
    losses = criterion(result, [{"labels": t["labels"], "boxes": t["boxes"].to(kind)} for t in targets])
    stem = lambda k: k.replace("_enc", "").rstrip("_0123456789")
    out.update({"loss:" + k: v for k, v in losses.items()})
    out["loss:total"] = sum(v * weights[stem(k)] for k, v in losses.items() if stem(k) in weights)
    net.zero_grad(set_to_none=True)
    out["loss:total"].backward()
    for name, p in net.named_parameters():
        if p.grad is not None:
            out["grad:" + name] = p.grad.clone()
    for hook in hooks:
        hook.remove()
    return {k: (v.reshape(1) if v.dim() == 0 else v).detach() for k, v in out.items()}


def apart(name, one, other):
    """Of the largest value; infinities are the same."""
    one, other = one.double(), other.double()
    if one.shape != other.shape or not torch.equal(torch.isinf(one), torch.isinf(other)):
        return 1
    finite = torch.isfinite(one)
    largest = one[finite].abs().max()
    return 0 if largest < 1e-9 or name.endswith(".0.bias") and "input_proj" in name else float((one - other)[finite].abs().max() / largest)


def case(name, transformer, seed, sizes, grads=False, **changes):
    args = argparse.Namespace(
        lr=2e-4, lr_backbone_names=["backbone.0"], lr_backbone=2e-5,
        lr_linear_proj_names=["reference_points", "sampling_offsets"],
        lr_linear_proj_mult=0.1, weight_decay=1e-4, clip_max_norm=0.1, sgd=False, with_box_refine=False,
        two_stage=False, dilation=False,
        position_embedding="sine", num_feature_levels=4, enc_layers=2, dec_layers=2, dim_feedforward=24,
        hidden_dim=HIDDEN, dropout=0.0,
        nheads=4, num_queries=18, dec_n_points=3, enc_n_points=2, masks=False, aux_loss=True, set_cost_class=2.0,
        set_cost_bbox=5.0,
        set_cost_giou=2.0, cls_loss_coef=2.0, bbox_loss_coef=5.0, giou_loss_coef=2.0, focal_alpha=0.25)
    vars(args).update(changes)
    for seed in range(seed, seed + 100):  # in so small networks rounding may grow: one where it does not
        net, detr = build(transformer, args, seed)
        image, mask, targets = small.batch(seed, sizes)
        image = image.half()
        out = run(net, detr, args, image, mask, targets)
        rough = run(net.float(), detr, args, image, mask, targets)
        worst = max((apart(k, out[k], rough[k]), k) for k in out)
        if worst[0] < 1e-5:
            break
    else:
        raise SystemExit(f"{name}: no seed gives a network that is steady; the last: {worst}")
    print(name, "seed", seed, "float32 is at most", worst)
    folder = f"{OUT}/{name}"
    os.makedirs(folder, exist_ok=True)
    chosen = {}
    for k, v in out.items():
        v = v.float() if v.is_floating_point() else v.byte() if v.dtype == torch.bool else v
        if k.startswith("grad:"):
            v = v.flatten()[::-(-v.numel() // FEW)]
        if grads or not k.startswith("grad:"):
            chosen[k] = v
    tensor_files.save(f"{folder}/expected.safetensors", chosen)
    given = small.inputs(image, mask, targets, ORIGINALS)
    tensor_files.save(f"{folder}/input.safetensors",
                      {k: v.byte() if v.dtype == torch.bool else v for k, v in given.items()})
    halves = {}  # tensors that share their memory go on doing so
    state = {k: halves.setdefault(v.data_ptr(), v.half()) if v.is_floating_point() else v
             for k, v in net.state_dict().items()}
    torch.save({"model": state}, f"{folder}/weights.pth", _use_new_zipfile_serialization=False)
    config = {"type": "DeformableDETR", "args": vars(args), "num_classes": CLASSES,
              "resnet": {"layers": small.LAYERS, "base_width": BASE}}
    with open(f"{folder}/config.json", "w") as f:
        json.dump(config, f, indent=1)
        f.write("\n")


def main():
    small.BASE = BASE
    transformer = modules()
    for name, options in CASES.items():
        if len(sys.argv) <= 3 or name in sys.argv[3:]:
            case(name, transformer, **options)


main()
