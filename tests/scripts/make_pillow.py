# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/pillow.txt: the pictures of that folder as Pillow reads them.

    python3 tests/scripts/make_pillow.py            needs numpy and Pillow (13)

A line: name, then height width crc32 of the BGR bytes of convert("RGB") as stored, and the same turned upright. Of the TIFF
files in formats/ those are in it that Pillow reads.
"""
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

# Not read as Pillow does: CIELab, which it converts by LittleCMS; 12 bits, which are refused; and planes of 16 bits that are not
# compressed, of which it takes every byte for a pixel.
OTHERS = {"lab.tif", "no_12.tif", "rgb16_tiles_planes.tif"}
OUT = Path(__file__).resolve().parent.parent / "data" / "images"


def row(image):
    pixels = np.asarray(image.convert("RGB"))[..., ::-1]
    return "%d %d %d" % (*pixels.shape[:2], zlib.crc32(np.ascontiguousarray(pixels).tobytes()))


def opens(path):
    try:
        Image.open(path).load()
    except (OSError, ValueError):
        return False
    return True


def main():
    lines = []
    tiff = [path for path in sorted(OUT.glob("formats/*.tif")) if path.name not in OTHERS and opens(path)]
    for path in sorted(OUT.glob("*.jpg")) + sorted(OUT.glob("*.png")) + tiff:
        name = path.relative_to(OUT).as_posix()
        lines.append("%s %s %s" % (name, row(Image.open(path)), row(ImageOps.exif_transpose(Image.open(path)))))
    (OUT / "pillow.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
