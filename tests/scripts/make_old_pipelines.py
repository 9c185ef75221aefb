#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/training_pipelines/old.safetensors.gz: training pipelines of mmdet 2.x and mmseg 0.x, whose transforms of the same names
differ from those of later releases, written out in numpy and OpenCV, with every random number that they draw. The form is that of
pipelines.safetensors.gz. Needs numpy and OpenCV."""
import gzip
import json
import tempfile
from pathlib import Path

import cv2
import numpy as np

import tensor_files

OUT = Path(__file__).resolve().parent.parent / "data" / "training_pipelines"
NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375])


class Draws:
    """numpy's random numbers, written down."""

    def __init__(self, seed):
        self.rng, self.list = np.random.RandomState(seed), []

    def note(self, name, args, value):
        self.list.append(["np." + name, args, value])
        return value

    def randint(self, *args):
        return self.note("randint", list(args), int(self.rng.randint(*args)))

    def uniform(self, low, high):
        return self.note("uniform", [low, high], float(self.rng.uniform(low, high)))

    def rand(self):
        return self.note("rand", [], float(self.rng.rand()))

    def rand2(self):
        return np.array(self.note("rand", [2], self.rng.rand(2).tolist()))

    def choice(self, items, p=None):
        return self.note("choice", [items], items[self.rng.choice(len(items), p=p)])

    def permutation(self, n):
        return self.note("permutation", [n], self.rng.permutation(n).tolist())


def rescaled(size, scale):
    w, h = size
    factor = min(max(scale) / max(h, w), min(scale) / min(h, w))
    return int(w * factor + 0.5), int(h * factor + 0.5)


def resize(r, d, img_scale, multiscale_mode="range", ratio_range=None, keep_ratio=True, override=False,
           bbox_clip_border=True):
    scales = img_scale if isinstance(img_scale[0], list) else [img_scale]
    if ratio_range:
        ratio = d.note("random_sample", [],
                       float(d.rng.random_sample())) * (ratio_range[1] - ratio_range[0]) + ratio_range[0]
        scale = int(scales[0][0] * ratio), int(scales[0][1] * ratio)
    elif len(scales) == 1:
        scale = scales[0]
    elif multiscale_mode == "range":
        long, short = [max(s) for s in scales], [min(s) for s in scales]
        scale = d.randint(min(long), max(long) + 1), d.randint(min(short), max(short) + 1)
    else:
        scale = scales[d.randint(len(scales))]
    h, w = r["img"].shape[:2]
    size = rescaled((w, h), scale) if keep_ratio else tuple(scale)
    r["img"] = cv2.resize(r["img"], size, interpolation=cv2.INTER_LINEAR)
    if "seg" in r:
        r["seg"] = cv2.resize(r["seg"], size, interpolation=cv2.INTER_NEAREST)
    if "masks" in r:
        r["masks"] = np.stack([cv2.resize(m, size, interpolation=cv2.INTER_NEAREST) for m in r["masks"]])
    r["scale_factor"] = [size[0] / w, size[1] / h]
    r["boxes"] = r["boxes"] * np.array(r["scale_factor"] * 2, np.float32)
    if bbox_clip_border:
        r["boxes"][:, 0::2] = np.clip(r["boxes"][:, 0::2], 0, size[0])
        r["boxes"][:, 1::2] = np.clip(r["boxes"][:, 1::2], 0, size[1])


def flip(r, d, flip_ratio=None, prob=None, direction="horizontal"):
    if "flip" not in r:
        if prob is not None:
            r["flip"] = direction if d.rand() < prob else None
        else:
            directions = (direction if isinstance(direction, list) else [direction]) + [None]
            ratios = flip_ratio if isinstance(flip_ratio,
                                              list) else [flip_ratio / (len(directions) - 1)] * (len(directions) - 1)
            r["flip"] = d.choice(directions, p=ratios + [1 - sum(ratios)])
    h, w = r["img"].shape[:2]
    axes = {None: (), "horizontal": (1,), "vertical": (0,), "diagonal": (0, 1)}[r["flip"]]
    for axis in axes:
        r["img"] = np.flip(r["img"], axis)
        if "seg" in r:
            r["seg"] = np.flip(r["seg"], axis)
        if "masks" in r:
            r["masks"] = np.flip(r["masks"], axis + 1)
        k = 1 - axis
        r["boxes"][:, [k, k + 2]] = np.float32((h, w)[axis]) - r["boxes"][:, [k + 2, k]]


def crop_det(r, d, crop_size, crop_type="absolute", allow_negative_crop=False, recompute_bbox=False,
             bbox_clip_border=True):
    h, w = r["img"].shape[:2]
    if crop_type == "absolute":
        ch, cw = min(crop_size[0], h), min(crop_size[1], w)
    elif crop_type == "absolute_range":
        ch = d.randint(min(h, crop_size[0]), min(h, crop_size[1]) + 1)
        cw = d.randint(min(w, crop_size[0]), min(w, crop_size[1]) + 1)
    elif crop_type == "relative":
        ch, cw = int(h * crop_size[0] + 0.5), int(w * crop_size[1] + 0.5)
    else:
        share = np.asarray(crop_size, dtype=np.float32)
        share = share + d.rand2() * (1 - share)
        ch, cw = int(h * share[0] + 0.5), int(w * share[1] + 0.5)
    y, x = d.randint(0, max(h - ch, 0) + 1), d.randint(0, max(w - cw, 0) + 1)
    r["img"] = r["img"][y:y + ch, x:x + cw]
    boxes = r["boxes"] - np.array([x, y, x, y], np.float32)
    if bbox_clip_border:
        boxes[:, 0::2] = np.clip(boxes[:, 0::2], 0, cw)
        boxes[:, 1::2] = np.clip(boxes[:, 1::2], 0, ch)
    valid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if not (valid & (r["ignore"] == 0)).any() and not allow_negative_crop:  # boxes to be ignored are apart
        return False
    r["boxes"], r["labels"], r["ignore"] = boxes[valid], r["labels"][valid], r["ignore"][valid]
    if "masks" in r:
        r["masks"] = r["masks"][valid][:, y:y + ch, x:x + cw]
        for i, m in enumerate(r["masks"] if recompute_bbox else []):
            xs, ys = np.where(m.any(0))[0], np.where(m.any(1))[0]
            r["boxes"][i] = (xs[0], ys[0], xs[-1] + 1, ys[-1] + 1) if len(xs) else 0
    if "seg" in r:
        r["seg"] = r["seg"][y:y + ch, x:x + cw]


def crop_seg(r, d, crop_size, cat_max_ratio=1.0, ignore_index=255):
    def place():
        h, w = r["img"].shape[:2]
        y, x = d.randint(0, max(h - crop_size[0], 0) + 1), d.randint(0, max(w - crop_size[1], 0) + 1)
        return slice(y, y + crop_size[0]), slice(x, x + crop_size[1])
    at = place()
    for _ in range(10 if cat_max_ratio < 1 else 0):
        labels, count = np.unique(r["seg"][at], return_counts=True)
        count = count[labels != ignore_index]
        if len(count) > 1 and np.max(count) / np.sum(count) < cat_max_ratio:
            break
        at = place()
    r["img"], r["seg"] = r["img"][at], r["seg"][at]


def photo_det(r, d, brightness_delta=32, contrast_range=(0.5, 1.5), saturation_range=(0.5, 1.5), hue_delta=18):
    img = r["img"].astype(np.float32)
    if d.randint(2):
        img += np.float32(d.uniform(-brightness_delta, brightness_delta))
    mode = d.randint(2)
    if mode == 1 and d.randint(2):
        img *= np.float32(d.uniform(*contrast_range))
    img = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
    if d.randint(2):
        img[..., 1] *= np.float32(d.uniform(*saturation_range))
    if d.randint(2):
        img[..., 0] += np.float32(d.uniform(-hue_delta, hue_delta))
        img[..., 0][img[..., 0] > 360] -= 360
        img[..., 0][img[..., 0] < 0] += 360
    img = cv2.cvtColor(img, cv2.COLOR_HSV2BGR)
    if mode == 0 and d.randint(2):
        img *= np.float32(d.uniform(*contrast_range))
    if d.randint(2):
        img = img[..., d.permutation(3)]
    r["img"] = np.ascontiguousarray(img)


def photo_seg(r, d):
    def convert(v, alpha=1, beta=0):
        return np.clip(v.astype(np.float32) * np.float32(alpha) + np.float32(beta), 0, 255).astype(np.uint8)

    def contrast(img):
        return convert(img, alpha=d.uniform(0.5, 1.5)) if d.randint(2) else img
    img = np.ascontiguousarray(r["img"])
    if d.randint(2):
        img = convert(img, beta=d.uniform(-32, 32))
    mode = d.randint(2)
    if mode == 1:
        img = contrast(img)
    if d.randint(2):
        img = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
        img[:, :, 1] = convert(img[:, :, 1], alpha=d.uniform(0.5, 1.5))
        img = cv2.cvtColor(img, cv2.COLOR_HSV2BGR)
    if d.randint(2):
        img = cv2.cvtColor(img, cv2.COLOR_BGR2HSV)
        img[:, :, 0] = (img[:, :, 0].astype(int) + d.randint(-18, 18)) % 180
        img = cv2.cvtColor(img, cv2.COLOR_HSV2BGR)
    if mode == 0:
        img = contrast(img)
    r["img"] = img


def normalize(r, d, mean, std, to_rgb=True):
    img = np.ascontiguousarray(r["img"]).astype(np.float32)
    if to_rgb:
        img = cv2.cvtColor(img, cv2.COLOR_BGR2RGB)
    img = img - np.float32(mean)
    r["img"] = (img.astype(np.float64) * (1 / np.float64(np.float32(std)))).astype(np.float32)


def pad(r, d, size=None, size_divisor=None, pad_val=0, seg_pad_val=255):
    h, w = r["img"].shape[:2]
    r["img_shape"] = [h, w]
    ph, pw = size or [-(-s // size_divisor) * size_divisor for s in (h, w)]
    r["img"] = cv2.copyMakeBorder(r["img"], 0, ph - h, 0, pw - w, cv2.BORDER_CONSTANT, value=pad_val)
    if "seg" in r:
        r["seg"] = cv2.copyMakeBorder(r["seg"], 0, ph - h, 0, pw - w, cv2.BORDER_CONSTANT, value=seg_pad_val)
    if "masks" in r:
        r["masks"] = np.pad(r["masks"], ((0, 0), (0, ph - h), (0, pw - w)))


def auto(r, d, policies):
    return run(r, d, policies[d.choice(list(range(len(policies))))], "mmdet")


def run(r, d, transforms, lib):
    todo = dict(Resize=resize, RandomFlip=flip, Normalize=normalize, Pad=pad, AutoAugment=auto,
                RandomCrop=crop_seg if lib == "mmseg" else crop_det, PhotoMetricDistortion=photo_seg
                if lib == "mmseg" else photo_det)
    for t in transforms:
        if todo[t["type"]](r, d, **{k: v for k, v in t.items() if k != "type"}) is False:
            return False


def picture(rng, h, w, n):
    small = rng.randint(0, 256, (h // 6 + 2, w // 6 + 2, 3)).astype(np.uint8)
    img = np.clip(cv2.resize(small, (w, h)).astype(int) + rng.randint(-6, 7, (h, w, 3)), 0, 255).astype(np.uint8)
    xy, wh = rng.uniform(-3, [w * 0.7, h * 0.7], (n, 2)), rng.uniform(5, [w * 0.5, h * 0.5], (n, 2))
    boxes = np.concatenate([xy, xy + wh], 1).astype(np.float32)
    masks = np.zeros((n, h, w), np.uint8)
    for m, b in zip(masks, boxes):
        m[max(int(b[1]) + 1, 0):int(b[3]), max(int(b[0]) + 2, 0):int(b[2]) - 1] = 1
    seg = cv2.resize(rng.randint(0, 5, (5, 6)).astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST)
    seg[rng.rand(h, w) < 0.02] = 255
    return dict(img=img, boxes=boxes, labels=rng.randint(0, 4, n).astype(np.int32),
                ignore=(rng.rand(n) < 0.3).astype(np.uint8), masks=masks, seg=seg)


CROPS = [dict(type="RandomCrop", crop_type="absolute", crop_size=[23, 31]),
         dict(type="RandomCrop", crop_type="absolute", crop_size=[12, 9]),
         dict(type="RandomCrop", crop_type="absolute_range", crop_size=[14, 40], allow_negative_crop=True),
         dict(type="RandomCrop", crop_type="relative", crop_size=[0.5, 0.8], recompute_bbox=True,
              allow_negative_crop=True),
         dict(type="RandomCrop", crop_type="relative_range", crop_size=[0.3, 0.6], bbox_clip_border=False)]
DETR = [dict(type="RandomFlip", flip_ratio=0.5),
        dict(type="AutoAugment", policies=[
            [dict(type="Resize", img_scale=[[48, 90], [60, 90], [55, 90]], multiscale_mode="value", keep_ratio=True)],
            [dict(type="Resize", img_scale=[[40, 90], [50, 90]], multiscale_mode="value", keep_ratio=True),
             dict(type="RandomCrop", crop_type="absolute_range", crop_size=[20, 35], allow_negative_crop=True),
             dict(type="Resize", img_scale=[[48, 90], [60, 90]], multiscale_mode="value", override=True,
                  keep_ratio=True)]]),
        dict(type="Normalize", **NORM), dict(type="Pad", size_divisor=32)]
ADE = [dict(type="Resize", img_scale=[100, 40], ratio_range=[0.5, 2.0]),
       dict(type="RandomCrop", crop_size=[34, 38], cat_max_ratio=0.5),
       dict(type="RandomFlip", prob=0.5), dict(type="PhotoMetricDistortion"), dict(type="Normalize", **NORM),
       dict(type="Pad", size=[34, 38])]
CASES = [("mmdet", "masks", [c]) for c in CROPS for _ in range(3)]
CASES += [("mmdet", "none", [dict(type="PhotoMetricDistortion")]) for _ in range(4)]
CASES += [("mmdet", "masks", DETR) for _ in range(4)] + [("mmseg", "seg", ADE) for _ in range(4)]
CASES += [("mmdet", "masks",
           [dict(type="Resize", img_scale=[[70, 40], [90, 60]], multiscale_mode="range", bbox_clip_border=False),
                              dict(type="RandomFlip", flip_ratio=[0.4, 0.3, 0.3],
                                   direction=["horizontal", "vertical", "diagonal"])]) for _ in range(2)]
CASES += [("mmdet", "seg", [dict(type="Resize", img_scale=[64, 40], ratio_range=[0.6, 1.4], keep_ratio=False),
                            dict(type="RandomFlip", flip_ratio=0.7), dict(type="RandomFlip", flip_ratio=0.1)])
                            for _ in range(2)]

rng = np.random.RandomState(7)
inputs = [picture(rng, 41, 53, 5), picture(rng, 50, 36, 4)]
tensors = {f"in{i}.{k}": v for i, p in enumerate(inputs) for k, v in p.items()}
cases = []
for i, (lib, uses, transforms) in enumerate(CASES):
    d, which = Draws(100 + i), i % 2
    r = {k: v.copy() for k, v in inputs[which].items() if k not in ("masks", "seg") or k == uses}
    if run(r, d, transforms, lib) is False:
        result = {"result": None}
    else:
        result = {"img_shape": r.get("img_shape", list(r["img"].shape[:2]))}
        result.update({k: r[k] for k in ("scale_factor",) if k in r})
        if r.get("flip"):
            result["flip_direction"] = r["flip"]
        skipped = ("boxes", "labels", "ignore") if lib == "mmseg" else ()
        tensors.update({f"c{i}.out.{k}": np.ascontiguousarray(v)
                        for k, v in r.items() if isinstance(v, np.ndarray) and k not in skipped})
    cases.append(dict(lib=lib, release="old", transforms=transforms, input=which,
                      uses=dict(mask="bitmap" if uses == "masks" else "none", seg=uses == "seg"),
                      draws=d.list, result=result))
print(len(cases), "cases,", sum("result" in c["result"] for c in cases), "of them without a sample")
OUT.mkdir(exist_ok=True)
with tempfile.NamedTemporaryFile(suffix=".safetensors") as plain:
    tensor_files.save(plain.name, tensors, {"cases": json.dumps(cases), "polygons": "[[], []]", "preprocessors": "[]"})
    with open(OUT / "old.safetensors.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, 0) as packed:
        packed.write(Path(plain.name).read_bytes())
