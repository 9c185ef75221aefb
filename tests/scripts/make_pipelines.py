# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/pipeline: test pipelines as config files, and what mmcv 1.3's OpenCV calls make of small pictures.

    python3 tests/scripts/make_images.py && python3 tests/scripts/make_pipelines.py        needs numpy, opencv-python (4.6), Pillow

NAME.py   a config with test_pipeline and the pictures it is for
NAME.txt  a line for each view: picture, img_shape, pad_shape, scale_factor (w h), flip, crc32 of the float32 H W C tensor
"""
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

DATA = Path(__file__).resolve().parent.parent / "data"
OUT = DATA / "pipeline"
NORM = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
CAFFE = dict(mean=[103.53, 116.28, 123.675], std=[1.0, 1.0, 1.0], to_rgb=False)
PICTURES = ["420.jpg", "exif6.jpg", "grey.jpg", "rgba.png", "one.jpg"]


def step(kind, **options):
    return dict(type=kind, **options)


def aug(transforms, **options):
    tail = [step("ImageToTensor", keys=["img"]), step("Collect", keys=["img"])]
    return [step("LoadImageFromFile"), step("MultiScaleFlipAug", transforms=transforms + tail, **options)]


CASES = {
    "usual": aug([step("Resize", keep_ratio=True), step("RandomFlip"), step("Normalize", **NORM),
                  step("Pad", size_divisor=32)],
                 img_scale=(133, 80), flip=False),
    "augmented": aug([step("Resize", keep_ratio=True), step("RandomFlip"), step("Normalize", **NORM),
                      step("Pad", size_divisor=16, pad_val=2.5)],
                     img_scale=[(40, 100), (64, 64)], flip=True, flip_direction=["horizontal", "vertical", "diagonal"]),
    "exact_size": aug([step("Resize", keep_ratio=False), step("RandomFlip"), step("Normalize", **CAFFE),
                       step("Pad", size=(60, 70), pad_val=dict(img=[1.5, -2, 3]))], img_scale=(67, 51), flip=False),
    "factor": aug([step("Resize", keep_ratio=False), step("RandomFlip"),
                   step("Pad", size_divisor=8, pad_val=[9, 8, 7]), step("Normalize", **NORM)],
                  scale_factor=[1.5, 2.0], flip=True),
    "pillow": [step("LoadImageFromFile"), step("Resize", img_scale=(50, 30), backend="pillow"),
               step("Normalize", **NORM),
               step("DefaultFormatBundle"), step("Collect", keys=["img"])],
    "aligned": aug([step("AlignResize", keep_ratio=True, size_divisor=32), step("RandomFlip"),
                    step("Normalize", **NORM)],
                   img_scale=(140, 70), flip=True),
    "bare": aug([step("RandomFlip")], img_scale=(100, 100), flip=True, flip_direction="vertical"),
}


def resize(image, options, scale):
    h, w = image.shape[:2]
    if isinstance(scale, float):
        scale = (int(w * scale), int(h * scale))
    scale = options.get("img_scale") if scale is None else scale
    if options.get("keep_ratio", True):
        factor = min(max(scale) / max(h, w), min(scale) / min(h, w))
        scale = (int(w * factor + 0.5), int(h * factor + 0.5))
    if options.get("backend") == "pillow":
        new = np.array(Image.fromarray(image).resize(scale, Image.BILINEAR))
    else:
        new = cv2.resize(image, scale, interpolation=cv2.INTER_LINEAR)
    return new, (np.float32(scale[0] / w), np.float32(scale[1] / h))


def normalize(image, options):
    """mmcv.imnormalize_"""
    mean = np.float64(np.array(options["mean"], np.float32).reshape(1, -1))
    inverse = 1 / np.float64(np.array(options["std"], np.float32).reshape(1, -1))
    image = image.copy().astype(np.float32)
    if options["to_rgb"]:
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)
    cv2.subtract(image, mean, image)
    cv2.multiply(image, inverse, image)
    return image


def pad(image, options):
    """mmcv.impad"""
    h, w = image.shape[:2]
    if options.get("size"):
        height, width = options["size"]
    else:
        d = options["size_divisor"]
        height, width = int(np.ceil(h / d)) * d, int(np.ceil(w / d)) * d
    value = options.get("pad_val", 0)
    value = value["img"] if isinstance(value, dict) else value
    return cv2.copyMakeBorder(image, 0, height - h, 0, width - w, cv2.BORDER_CONSTANT, value=value)


def view(image, steps, scale, flip):
    factor, shape = (1, 1), image.shape
    for options in steps:
        kind = options["type"]
        if kind == "Resize":
            image, factor = resize(image, options, scale)
            shape = image.shape
        elif kind == "AlignResize":
            h, w = image.shape[:2]
            image = resize(image, options, scale)[0]
            up = [-(-side // options["size_divisor"]) * options["size_divisor"] for side in image.shape[:2]]
            image = cv2.resize(image, up[::-1], interpolation=cv2.INTER_LINEAR)
            factor, shape = (np.float32(up[1] / w), np.float32(up[0] / h)), image.shape
        elif kind == "RandomFlip" and flip:
            image = cv2.flip(image, {"horizontal": 1, "vertical": 0, "diagonal": -1}[flip])
        elif kind == "Normalize":
            image = normalize(image, options)
        elif kind == "Pad":
            image = pad(image, options)
    return np.ascontiguousarray(image.astype(np.float32)), shape, factor


def views(image, pipeline):
    last = pipeline[-1]
    if last["type"] != "MultiScaleFlipAug":
        yield view(image, pipeline, None, "") + ("",)
        return
    scales = last.get("img_scale", last.get("scale_factor"))
    scales = scales if isinstance(scales, list) else [scales]
    flips = last.get("flip_direction", "horizontal")
    flips = [""] + (flips if isinstance(flips, list) else [flips]) * last["flip"]
    for scale in scales:
        for flip in flips:
            yield view(image, last["transforms"], scale, flip) + (flip,)


def source(pipeline, indent="    "):
    lines = []
    for options in pipeline:
        inner = options.get("transforms")
        words = ", ".join(f"{k}={v!r}" for k, v in options.items() if k != "transforms")
        if inner:
            words += ", transforms=[\n" + source(inner, indent + "    ") + indent + "]"
        lines.append(f"{indent}dict({words}),\n")
    return "".join(lines)


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for name, pipeline in CASES.items():
        (OUT / f"{name}.py").write_text("# SPDX-License-Identifier: Apache-2.0\n# made by tests/scripts/make_pipelines.py\n"
                                        "test_pipeline = [\n" + source(pipeline) + "]\n")
        lines = []
        for picture in PICTURES:
            for tensor, shape, factor, flip in views(cv2.imread(str(DATA / "images" / picture)), pipeline):
                lines.append(f"{picture} {shape[0]} {shape[1]} {tensor.shape[0]} {tensor.shape[1]} "
                             f"{float(factor[0])!r} {float(factor[1])!r} {flip or 'none'} {zlib.crc32(tensor.tobytes())}")
        (OUT / f"{name}.txt").write_text("\n".join(lines) + "\n")
