#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/training/bccd_retina: 200 steps of SGD of the network of its config.py on 8 pictures, in PyTorch, once in float64 and
once in float32. The weights are those of `deformer init config.py OUT --seed 1`; all else is written here again from the papers and
mmdetection 3.3. Needs torch, numpy and Pillow.
Usage: make_learning.py DEFORMER BCCD_DIR, where BCCD_DIR (github.com/Shenggan/BCCD_Dataset) has images/ and instances_train.json."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

import tensor_files

PROGRAM, BCCD = sys.argv[1], Path(sys.argv[2])
OUT = Path(__file__).resolve().parent.parent / "data/training/bccd_retina"
STEPS, RATE, WARM_UP, WIDTH, HEIGHT, CLASSES = 200, .001, 20, 128, 96, 3

# ---- the network: P are its parameters by name ----------------------------------------------------------------------


def norm(P, name, x):
    x = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), P[name + ".norm.weight"], P[name + ".norm.bias"], 1e-5)
    return x.permute(0, 3, 1, 2)


def zones_mask(Hp, Wp, w, shift, like):
    """Tokens that a shift brings together from different regions do not see one another."""
    zone = like.new_zeros(Hp, Wp)
    parts = slice(0, -w), slice(-w, -shift), slice(-shift, None)
    for i, rows in enumerate(parts):
        for j, columns in enumerate(parts):
            zone[rows, columns] = 3 * i + j
    zone = zone.view(Hp // w, w, Wp // w, w).transpose(1, 2).reshape(-1, w * w)
    return (zone[:, None] != zone[:, :, None]).to(like.dtype) * -100.


def window_attention(P, name, x, heads, w=7, shift=0):
    B, C, H, W = x.shape
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, -W % w, 0, -H % w))
    Hp, Wp = x.shape[1:3]
    x = torch.roll(x, (-shift, -shift), (1, 2))
    x = x.view(B, Hp // w, w, Wp // w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, C)
    qkv = F.linear(x, P[name + ".proj_qkv.weight"], P[name + ".proj_qkv.bias"])
    q, k, v = qkv.view(-1, w * w, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
    apart = at[:, :, None] - at[:, None] + w - 1
    bias = P[name + ".relative_position_bias_table"][(apart[0] * (2 * w - 1) + apart[1]).view(-1)]
    a = (q * (C // heads) ** -.5) @ k.transpose(-2, -1) + bias.view(w * w, w * w, heads).permute(2, 0, 1)
    if shift:
        a = a.view(B, -1, heads, w * w, w * w) + zones_mask(Hp, Wp, w, shift, x)[:, None]
        a = a.view(-1, heads, w * w, w * w)
    x = (a.softmax(-1) @ v).transpose(1, 2).reshape(-1, w * w, C)
    x = F.linear(x, P[name + ".proj_out.weight"], P[name + ".proj_out.bias"])
    x = x.view(B, Hp // w, Wp // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, Hp, Wp, C)
    return torch.roll(x, (shift, shift), (1, 2))[:, :H, :W].permute(0, 3, 1, 2)


def conv(P, name, x, **options):
    return F.conv2d(x, P[name + ".weight"], P.get(name + ".bias"), **options)


def deformable_attention(P, name, x, heads, groups, reach=2.):
    B, C, H, W = x.shape
    q = conv(P, name + ".proj_q", x)
    kernel, of_group = P[name + ".conv_offset.0.weight"].shape[-1], q.reshape(B * groups, C // groups, H, W)
    offset = conv(P, name + ".conv_offset.0", of_group, padding=kernel // 2, groups=C // groups)
    offset = conv(P, name + ".conv_offset.3", F.gelu(norm(P, name + ".conv_offset.1", offset)))
    Hk, Wk = offset.shape[2:]
    grid = lambda n, d, first: (torch.arange(n, dtype=x.dtype) + first) / d * 2 - 1
    pairs = lambda y, x: torch.stack(torch.meshgrid(y, x, indexing="ij"), -1)
    position = pairs(grid(Hk, Hk - 1, .5), grid(Wk, Wk - 1, .5))
    position = position + offset.tanh().permute(0, 2, 3, 1) * x.new_tensor([reach / (Hk - 1), reach / (Wk - 1)])
    sampled = F.grid_sample(x.reshape(B * groups, C // groups, H, W), position.flip(-1), mode="bilinear",
                            align_corners=True)
    sampled = sampled.reshape(B, C, 1, Hk * Wk)
    split = lambda t: t.reshape(B * heads, C // heads, -1)
    q, k, v = split(q), split(conv(P, name + ".proj_k", sampled)), split(conv(P, name + ".proj_v", sampled))
    apart = (pairs(grid(H, H - 1, 0), grid(W, W - 1, 0)).view(1, H * W, 1,
                                                              2) - position.reshape(B * groups, 1, Hk * Wk, 2)) * .5
    table = P[name + ".rpe_table"]
    table = table[None].expand(B, -1, -1, -1).reshape(B * groups, heads // groups, *table.shape[1:])
    bias = F.grid_sample(table, apart.flip(-1), mode="bilinear", align_corners=True).reshape(B * heads, H * W, Hk * Wk)
    a = (q.transpose(1, 2) @ k * (C // heads) ** -.5 + bias).softmax(-1)
    return conv(P, name + ".proj_out", (v @ a.transpose(1, 2)).reshape(B, C, H, W))


def attention(P, name, x, stage, block):
    heads, groups = (1, 2, 4, 8)[stage], (0, 0, 2, 4)[stage]
    if block == 0:
        return window_attention(P, name, x, heads)
    return window_attention(P, name, x, heads,
                            shift=4) if stage < 2 else deformable_attention(P, name, x, heads, groups)


def backbone(P, x):
    x, maps = norm(P, "backbone.patch_proj.1", conv(P, "backbone.patch_proj.0", x, stride=4)), []
    for i in range(4):
        for j in range(2):
            at = f"backbone.stages.{i}."
            x = x + attention(P, at + f"attns.{j}", norm(P, at + f"layer_norms.{2 * j}", x), i, j)
            y = norm(P, at + f"layer_norms.{2 * j + 1}", x).permute(0, 2, 3, 1)
            for k in 1, 2:
                y = F.gelu(y) if k == 2 else y
                y = F.linear(y, P[at + f"mlps.{j}.chunk.linear{k}.weight"], P[at + f"mlps.{j}.chunk.linear{k}.bias"])
            x = x + y.permute(0, 3, 1, 2)
        if i:
            maps.append(norm(P, f"backbone.norms.{i}", x))
        if i < 3:
            x = norm(P, f"backbone.down_projs.{i}.1", conv(P, f"backbone.down_projs.{i}.0", x, stride=2))
    return maps


def pyramid(P, c):
    p = [conv(P, f"neck.lateral_convs.{i}.conv", t) for i, t in enumerate(c)]
    for i in 1, 0:
        p[i] = p[i] + F.interpolate(p[i + 1], size=p[i].shape[-2:], mode="nearest")
    p = [conv(P, f"neck.fpn_convs.{i}.conv", t, padding=1) for i, t in enumerate(p)]
    p.append(conv(P, "neck.fpn_convs.3.conv", c[-1], stride=2, padding=1))
    p.append(conv(P, "neck.fpn_convs.4.conv", p[-1], stride=2, padding=1))
    return p


def tower(P, name, last, x):
    for i in range(2):
        x = F.relu(conv(P, f"bbox_head.{name}_convs.{i}.conv", x, padding=1))
    return conv(P, "bbox_head." + last, x, padding=1)


def network(P, x):
    maps = pyramid(P, backbone(P, x))
    return [tower(P, "cls", "retina_cls", t) for t in maps], [tower(P, "reg", "retina_reg", t) for t in maps]


# ---- what it should say ---------------------------------------------------------------------------------------------


def anchors(sizes):
    out = []
    for stride, (h, w) in zip((8, 16, 32, 64, 128), sizes):
        scales = torch.tensor(4 * 2 ** (np.arange(3) / 3), dtype=torch.float32)
        root = torch.tensor([.5, 1, 2]).sqrt()
        aw, ah = (stride * (1 / root)[:, None] * scales).view(-1), (stride * root[:, None] * scales).view(-1)
        base = torch.stack([-.5 * aw, -.5 * ah, .5 * aw, .5 * ah], -1)
        x, y = (torch.arange(w) * stride).repeat(h), (torch.arange(h) * stride).repeat_interleave(w)
        out.append((base[None] + torch.stack([x, y, x, y], -1).float()[:, None]).view(-1, 4))
    return torch.cat(out)


def overlaps(a, b):
    size = (torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])).clamp(min=0)
    both, area = size[..., 0] * size[..., 1], lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return both / (area(a)[:, None] + area(b) - both).clamp(min=1e-6)


def assign(boxes, objects):
    """mmdet's MaxIoUAssigner: from 1 on an object, 0 background, -1 neither."""
    o = overlaps(objects, boxes)
    most, best = o.max(0)
    of = torch.full((len(boxes),), -1)
    of[most < .4] = 0
    of[most >= .5] = best[most >= .5] + 1
    for j in range(len(objects)):
        of[o[j] == o[j].max()] = j + 1
    return of


def encode(boxes, objects):
    b, o = boxes.double(), objects.double()
    size, centre = b[:, 2:] - b[:, :2], (b[:, :2] + b[:, 2:]) / 2
    return torch.cat([((o[:, :2] + o[:, 2:]) / 2 - centre) / size, ((o[:, 2:] - o[:, :2]) / size).log()], 1)


def targets(sizes, batch, kind):
    boxes, out, average = anchors(sizes), [], 0
    for i in 0, 1:
        objects, labels = torch.tensor(batch[f"gt_bboxes_{i}"]), torch.tensor(batch[f"gt_labels_{i}"])
        of = assign(boxes, objects)
        positive, one_hot = of > 0, torch.zeros(len(boxes), CLASSES, dtype=kind)
        one_hot[positive, labels[of[positive] - 1]] = 1
        out.append((one_hot, of >= 0, positive, encode(boxes[positive], objects[of[positive] - 1]).to(kind)))
        average += max(int(positive.sum()), 1)
    return out, average + 1.1920929e-07


def losses(scores, deltas, wanted):
    rows = lambda maps, n: torch.cat([t.permute(0, 2, 3, 1).reshape(2, -1, n) for t in maps], 1)
    (images, average), x, d = wanted, rows(scores, CLASSES), rows(deltas, 4)
    cls = box = 0
    for i, (t, counts, positive, boxes) in enumerate(images):
        p = x[i].sigmoid()
        wrong = (1 - p) * t + p * (1 - t)
        focal = (.25 * t + .75 * (1 - t)) * wrong ** 2 * F.binary_cross_entropy_with_logits(x[i], t, reduction="none")
        cls, box = cls + focal[counts].sum(), box + (d[i][positive] - boxes).abs().sum()
    return cls / average, box / average


# ---- 200 steps ------------------------------------------------------------------------------------------------------


def pictures():
    """Four batches of two, in the form of `deformer forward --losses`."""
    index, of = json.loads((BCCD / "instances_train.json").read_text()), {}
    for a in index["annotations"]:
        of.setdefault(a["image_id"], []).append(a)
    chosen = [i for i in index["images"] if i["width"] == 640][:200:25][:8]
    for k in range(0, 8, 2):
        batch = {"image_u8": np.zeros((2, 3, HEIGHT, WIDTH), np.uint8)}
        for i, image in enumerate(chosen[k:k + 2]):
            picture = Image.open(BCCD / "images" / Path(image["file_name"]).name).convert("RGB").resize((WIDTH, HEIGHT), Image.BILINEAR)
            batch["image_u8"][i] = np.asarray(picture).transpose(2, 0, 1)
            boxes = np.array([a["bbox"] for a in of[image["id"]]])
            boxes[:, 2:] += boxes[:, :2]
            boxes = (boxes * WIDTH / 640).clip(0, [WIDTH, HEIGHT, WIDTH, HEIGHT]).astype(np.float32)
            whole = (boxes[:, 2:] - boxes[:, :2] > 1).all(1)
            batch[f"gt_bboxes_{i}"] = boxes[whole]
            batch[f"gt_labels_{i}"] = np.array([a["category_id"] - 1 for a in of[image["id"]]])[whole]
        yield batch


def learn(weights, batches, kind):
    P = {name: torch.tensor(w).to(kind).requires_grad_() for name, w in weights.items()}
    velocity, wanted, out = {name: torch.zeros_like(p) for name, p in P.items()}, {}, []
    for step in range(STEPS):
        at = step % len(batches)
        scores, deltas = network(P, (torch.tensor(batches[at]["image_u8"]).to(kind) - 128) / 64)
        if at not in wanted:
            wanted[at] = targets([s.shape[2:] for s in scores], batches[at], kind)
        cls, box = losses(scores, deltas, wanted[at])
        gradients = torch.autograd.grad(cls + box, list(P.values()))
        rate = RATE * min(1, .1 + .9 * step / WARM_UP)
        with torch.no_grad():
            for (name, p), g in zip(P.items(), gradients):
                velocity[name].mul_(.9).add_(g + 1e-4 * p)
                p -= rate * velocity[name]
        out.append([(cls + box).item(), cls.item(), box.item()])
    return np.array(out)


def main():
    torch.set_num_threads(1)
    meta = dict(ori_shape=[HEIGHT, WIDTH], img_shape=[HEIGHT, WIDTH], pad_shape=[HEIGHT, WIDTH],
                scale_factor=[1., 1.], flip=False)
    batches = list(pictures())
    for i, batch in enumerate(batches):
        tensor_files.save(OUT / f"input{i}.safetensors", batch, {"img_metas": json.dumps([meta, meta])})
    with tempfile.TemporaryDirectory() as folder:
        weights = folder + "/weights.safetensors"
        subprocess.run([PROGRAM, "init", OUT / "config.py", weights, "--seed", "1", "--quiet"], check=True)
        weights = tensor_files.load(weights)
        double, single = learn(weights, batches, torch.float64), learn(weights, batches, torch.float32)
    tensor_files.save(OUT / "expected.safetensors", {"losses": double, "losses_float32": single})
    print("float32 is off by", np.abs(single / double - 1).max(0))


main()
