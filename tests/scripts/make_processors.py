# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/processors.txt: pictures of that folder as whole libraries prepare them for a network.

    python3 tests/scripts/make_processors.py        needs torch (2.15, two threads or more), torchvision (0.29), timm (1.0.31),
                                                    transformers (5.24) and Pillow (13)

A line: picture, height and width of the result, crc32 of its floats (H W 3, R G B), and the same as a pipeline of ours.
"""
import zlib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from timm.data import create_transform
from torchvision import transforms as T
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.transforms.functional import to_tensor
from transformers import ConvNextImageProcessor, DetrImageProcessor, PvtImageProcessor, ViTImageProcessor

OUT = Path(__file__).resolve().parent.parent / "data" / "images"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PILLOW13 = "backend='pillow13', interpolation='%s'"
NORMALIZE = "dict(type='DetrNormalize')"


def classifier(side, size, name):
    mode = getattr(T.InterpolationMode, name.upper())
    run = T.Compose([T.Resize(size, interpolation=mode), T.CenterCrop(side), T.ToTensor(), T.Normalize(MEAN, STD)])
    return run, f"dict(type='ResizeEdge', scale={size}, {PILLOW13 % name}), dict(type='CenterCrop', crop_size={side}), {NORMALIZE}"


def timm(size, pct, mode):
    run = create_transform((3, *size), interpolation="bicubic", crop_pct=pct, crop_mode=mode, mean=MEAN, std=STD)
    h, w = int(np.floor(size[0] / pct)), int(np.floor(size[1] / pct))
    resize = f"dict(type='ResizeKeepRatio', size=({h}, {w}), longest={int(mode == 'border')}, {PILLOW13 % 'bicubic'})"
    if mode == "squash":
        resize = f"dict(type='Resize', scale=({w}, {h}), keep_ratio=False, {PILLOW13 % 'bicubic'})"
    fill = f", fill={[round(255 * v) for v in MEAN]}" if mode == "border" else ""
    return run, f"{resize}, dict(type='CenterCrop', crop_size={tuple(size)}{fill}), {NORMALIZE}"


def detector(low, high):
    run = GeneralizedRCNNTransform(low, high, MEAN, STD)
    return (lambda image: run([to_tensor(image)])[0].tensors[0],
            f"{NORMALIZE}, dict(type='TorchvisionResize', scale={low}, max_size={high}), dict(type='Pad', size_divisor=32)")


def processor(kind, resize, **options):
    run = kind(**options)
    numbers = f"mean={list(run.image_mean)}, std={list(run.image_std)}"
    text = f"{resize % int(run.resample)}, dict(type='ProcessorNormalize', rescale_factor=0.00392156862745098, {numbers})"
    return lambda image: torch.from_numpy(run(image, return_tensors="np")["pixel_values"][0]), text


def cases():
    yield classifier(32, 36, "bicubic")
    yield classifier(48, 54, "bilinear")
    for mode in ("border", "center", "squash"):
        yield timm((40, 24), 0.9, mode)
    yield detector(50, 80)
    yield detector(120, 150)
    yield processor(ViTImageProcessor, "dict(type='ProcessorResize', size=(33, 47), resample=%d)",
                    size=dict(height=33, width=47))
    yield processor(PvtImageProcessor, "dict(type='ProcessorResize', size=(32, 32), resample=%d)",
                    size=dict(height=32, width=32))
    yield processor(ConvNextImageProcessor,
                    "dict(type='ProcessorResize', shortest_edge=36, resample=%d), dict(type='CenterCrop', crop_size=32, "
                    "library='transformers')", size=dict(shortest_edge=32), crop_pct=0.875)
    yield processor(DetrImageProcessor, "dict(type='ProcessorResize', shortest_edge=60, longest_edge=70, resample=%d)",
                    size=dict(shortest_edge=60, longest_edge=70))


def main():
    lines = []
    for run, text in cases():
        for name in ("420.jpg", "cmyk.jpg", "exif6.jpg", "rgba.png", "grey16.png"):
            floats = run(Image.open(OUT / name).convert("RGB")).permute(1, 2, 0).contiguous().numpy()
            crc = zlib.crc32(floats.astype(np.float32).tobytes())
            lines.append(f"{name} {floats.shape[0]} {floats.shape[1]} {crc} {text}")
    (OUT / "processors.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
