# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/preprocessing: pictures of usual sizes, and what mmdet, mmseg and DETR make of them.

    python3 tests/scripts/make_preprocessing.py                needs numpy, opencv-python (4.6), Pillow (9.4), torch and torchvision
    python3 tests/scripts/make_preprocessing.py PICTURE.jpg    prints the same for a picture of yours

NAME.jpg    made here
NAME.json   decoded_bgr_crc32; mmdet, mmseg: for each scale the sizes, and crc32 of the resized bytes and of the float32 C H W tensor; detr: for
            each size the size that comes out and crc32 of the tensor
"""
import json
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import torchvision.transforms.functional as F
from PIL import Image

import make_images
import make_pipelines

OUT = Path(__file__).resolve().parent.parent / "data" / "preprocessing"
PICTURES = {"wide": (370, 500, 11), "small": (240, 320, 12), "tall": (640, 427, 13)}
DETR_MEAN, DETR_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def scene(height, width, seed):
    """Slow waves with edges, and a little noise."""
    image = cv2.resize(make_images.scene(height // 4, width // 4, seed), (width, height),
                       interpolation=cv2.INTER_CUBIC).astype(np.int32)
    image[height // 3:height // 2, width // 5:width // 3] = (30, 200, 90)
    return np.clip(image + np.random.default_rng(seed).integers(-3, 4, image.shape), 0, 255).astype(np.uint8)


def mm(image, scale, divisor):
    resized, (w, h) = make_pipelines.resize(image, {}, scale)
    tensor = make_pipelines.normalize(resized, make_pipelines.NORM)
    if divisor:
        tensor = make_pipelines.pad(tensor, {"size_divisor": divisor})
    return dict(scale=list(scale), img_shape=list(resized.shape), pad_shape=list(tensor.shape),
                scale_factor=[float(f) for f in (w, h, w, h)],
                resized_bgr_u8_crc32=crc(resized), tensor_chw_f32_crc32=crc(tensor.transpose(2, 0, 1)))


def detr(path, size, max_size):
    """RandomResize, ToTensor and Normalize of datasets/transforms.py."""
    image = Image.open(path).convert("RGB")
    w, h = image.size
    if max(w, h) / min(w, h) * size > max_size:
        size_used = int(round(max_size * min(w, h) / max(w, h)))
    else:
        size_used = size
    if min(w, h) == size_used:
        to = (h, w)
    else:
        to = (int(size_used * h / w), size_used) if w < h else (size_used, int(size_used * w / h))
    tensor = F.normalize(F.to_tensor(F.resize(image, to)), DETR_MEAN, DETR_STD).numpy()
    return dict(size=size, max_size=max_size, out_hw=list(to), tensor_chw_f32_crc32=crc(tensor))


def about(path):
    image = cv2.imread(str(path))
    return dict(decoded_bgr_crc32=crc(image), mmdet=[mm(image, s, 32) for s in ((1333, 800), (333, 200), (160, 96))],
                mmseg=[mm(image, s, 0) for s in ((2048, 512), (512, 128))],
                detr=[detr(path, s, m) for s, m in ((800, 1333), (480, 1333), (200, 333), (96, 160))])


def main():
    if len(sys.argv) > 1:
        print(json.dumps(about(sys.argv[1]), indent=1))
        return
    OUT.mkdir(parents=True, exist_ok=True)
    for name, (height, width, seed) in PICTURES.items():
        path = OUT / f"{name}.jpg"
        Image.fromarray(scene(height, width, seed)).save(path, quality=85)
        (OUT / f"{name}.json").write_text(json.dumps(about(path), indent=1) + "\n")


main()
