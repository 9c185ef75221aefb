#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Transforms of classification by timm and torchvision on small pictures, with every random number that they drew.

    make_classification.py OUT.txt        timm 1.0, torchvision 0.29, Pillow 13, NumPy

A case is a line "case CONFIG", a line "in HEIGHT WIDTH" and the pixels (R G B, two hexadecimal digits each), a line "draws N" and N lines
"KIND LOW HIGH VALUE", and "out HEIGHT WIDTH" with pixels, or "floats HEIGHT WIDTH" with numbers where the result is normalised.

Pillow 13 resizes in whichever direction first is faster; earlier ones, which the networks were trained with, go along lines first.
"""
import math
import random
import sys

import numpy as np
import torch
from PIL import Image
from timm.data import auto_augment, random_erasing, transforms as timm_transforms
from torchvision import transforms

drawn = []


def record(kind, low, high, value):
    drawn.append((kind, float(low), float(high), float(value)))
    return value


rng = random.Random(3)
real = dict(random=rng.random, uniform=rng.uniform, randint=rng.randint, gauss=rng.gauss)
random.random = lambda: record("share", 0, 1, real["random"]())
random.uniform = lambda a, b: record("uniform", a, b, real["uniform"](a, b))
random.randint = lambda a, b: record("integer", a, b + 1, real["randint"](a, b))
random.gauss = lambda m, s: record("normal", m, s, real["gauss"](m, s))


def choice(items):
    i = rng.randrange(len(items))
    record("choice", 0, len(items), i)
    return items[i]


random.choice = choice


def np_choice(ops, n, replace=True, p=None):
    assert replace and p is None
    return [choice(ops) for _ in range(n)]


np.random.choice = np_choice
old_resize = Image.Image.resize


def resize(self, size, resample=None, *args, **kwargs):
    return old_resize(old_resize(self, (size[0], self.height), resample), size, resample)


Image.Image.resize = resize


def picture(height, width, seed):
    r = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    smooth = np.stack([x * 9 + y, 250 - y * 7, (x * y) % 200 + 20], -1)
    return Image.fromarray(np.clip(smooth + r.integers(-12, 13, smooth.shape), 0, 255).astype(np.uint8))


def hexed(image):
    return np.asarray(image).tobytes().hex()


def write(f, config, image, result):
    print("case", config, file=f)
    print("in", image.height, image.width, hexed(image), file=f)
    print("draws", len(drawn), file=f)
    for d in drawn:
        print(d[0], *("%.17g" % v for v in d[1:]), file=f)
    if isinstance(result, Image.Image):
        print("out", result.height, result.width, hexed(result), file=f)
    else:
        print("floats", *result.shape[1:], *("%.9g" % v for v in result.permute(1, 2, 0).flatten().tolist()), file=f)
    drawn.clear()


def main(path):
    with open(path, "w") as f:
        for i, (h, w) in enumerate([(20, 26), (31, 17), (9, 40), (12, 12)]):
            for name, mode in (("bicubic", "bicubic"), ("bilinear", "bilinear")):
                image = picture(h, w, i)
                crop = timm_transforms.RandomResizedCropAndInterpolation((14, 16), scale=(0.08, 1.0), interpolation=mode)
                write(f, f"RandomResizedCrop scale=(14,16),interpolation='{name}'", image, crop(image))
        image = picture(6, 60, 9)  # no part of that shape: the middle
        crop = timm_transforms.RandomResizedCropAndInterpolation(10, scale=(0.9, 1.0), interpolation="bicubic")
        write(f, "RandomResizedCrop scale=10,crop_ratio_range=(0.9,1.0)", image, crop(image))
        for i in range(26):
            config = ["rand-m9-mstd0.5-inc1", "rand-m7-n3-mstd0.5", "rand-m15-mmax12-p0.9-inc1"][i % 3]
            mode = ["bicubic", "bilinear", "random"][i // 3 % 3]
            hparams = dict(translate_pct=0.45, img_mean=(124, 116, 104))
            if mode != "random":
                hparams["interpolation"] = getattr(Image.Resampling, mode.upper())
            image = picture(14 + i % 5, 18, i)
            augment = auto_augment.rand_augment_transform(config, hparams)
            write(f, f"RandAugment config='{config}',interpolation='{mode}'", image, augment(image))
        for i in range(6):
            image = picture(10, 11, 30 + i)
            kwargs = [dict(brightness=0.4, contrast=0.4, saturation=0.4), dict(hue=0.1, contrast=[0.5, 1.5])][i % 2]
            jitter = transforms.ColorJitter(**kwargs)
            order = torch.tensor(rng.sample(range(4), 4))
            values = [None] * 4
            ranges = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue]
            for k in order.tolist():
                record("order", 0, 4, k)
            for k in range(4):
                if ranges[k] is not None:
                    values[k] = real["uniform"](*ranges[k])
                    record("uniform", *ranges[k], values[k])
            jitter.get_params = lambda *_, o=order, v=values: (o, *v)
            options = ",".join(f"{k}={v}".replace(" ", "") for k, v in kwargs.items())
            write(f, f"ColorJitter {options}", image, jitter(image))
        for i, (h, w, size) in enumerate([(30, 41, 18), (25, 19, 16), (10, 33, 14)]):
            image = picture(h, w, 50 + i)
            result = transforms.CenterCrop(16)(transforms.Resize(size, transforms.InterpolationMode.BICUBIC)(image))
            write(f, f"ResizeEdge scale={size}+CenterCrop crop_size=16", image, result)
        for i in range(4):
            image = picture(9, 12, 60 + i)
            count = dict(max_count=1 + i % 2 * 2)
            erase = random_erasing.RandomErasing(0.9, mode="const", device="cpu", **count)
            x = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(transforms.ToTensor()(image))
            write(f, f"RandomErasing erase_prob=0.9,mode='const',max_count={count['max_count']}", image, erase(x))


main(sys.argv[1])
