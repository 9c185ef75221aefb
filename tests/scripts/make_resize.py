# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/antialiased.txt: what Pillow and PyTorch make of noise in many sizes.

    python3 tests/scripts/make_resize.py            needs numpy, Pillow (13), torch (2.15) and torchvision (0.29)

A line: height width out_height out_width channels, and crc32 of the bytes: Pillow's bilinear, bicubic, box, hamming,
lanczos, nearest; torchvision's bilinear, bicubic, lanczos, nearest-exact; torch's interpolate() of three floats (the
bytes as floats, less 100) without antialiasing. The input is noise() of make_images.py.
"""
import zlib
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.v2.functional as F
from PIL import Image
from torchvision.transforms import InterpolationMode as Mode

OUT = Path(__file__).resolve().parent.parent / "data" / "images"
PILLOW = [Image.BILINEAR, Image.BICUBIC, Image.BOX, Image.HAMMING, Image.LANCZOS, Image.NEAREST]
TORCH = [Mode.BILINEAR, Mode.BICUBIC, Mode.LANCZOS, Mode.NEAREST_EXACT]


def noise(height, width, channels, seed):
    values, state = np.empty(height * width * channels, np.uint8), seed
    for i in range(values.size):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        values[i] = state >> 24
    return values.reshape(height, width, channels)


def crc(array):
    return zlib.crc32(np.ascontiguousarray(array).tobytes())


def row(seed, h, w, oh, ow, c):
    x = noise(h, w, c, seed)
    tensor = torch.from_numpy(np.ascontiguousarray(x.transpose(2, 0, 1)))
    image = Image.fromarray(x if c == 3 else x[..., 0])
    sums = [crc(np.asarray(image.resize((ow, oh), f))) for f in PILLOW]
    sums += [crc(F.resize(tensor, [oh, ow], f, antialias=True).permute(1, 2, 0).numpy()) for f in TORCH]
    floats = torch.nn.functional.interpolate(tensor[None].float() - 100, (oh, ow), mode="bilinear")
    sums.append(crc(floats[0].permute(1, 2, 0).numpy()) if c == 3 else 0)
    return " ".join(map(str, [h, w, oh, ow, c] + sums))


def main():
    rng = np.random.default_rng(17)
    sizes = [rng.integers(1, 90, 4).tolist() for _ in range(40)]
    sizes += [[82, 29, 34, 13], [40, 30, 40, 12], [33, 50, 61, 50], [1, 1, 7, 5], [64, 3, 1, 1], [6, 18, 141, 28]]
    lines = [row(i, *size, 1 if i % 5 == 4 else 3) for i, size in enumerate(sizes)]
    (OUT / "antialiased.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
