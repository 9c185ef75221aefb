# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/pillow.txt: the pictures of that folder as Pillow reads them.

    python3 tests/scripts/make_pillow.py            needs numpy and Pillow (13)

A line: name, then height width crc32 of the BGR bytes of convert("RGB") as stored, and the same turned upright.
"""
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

OUT = Path(__file__).resolve().parent.parent / "data" / "images"


def row(image):
    pixels = np.asarray(image.convert("RGB"))[..., ::-1]
    return "%d %d %d" % (*pixels.shape[:2], zlib.crc32(np.ascontiguousarray(pixels).tobytes()))


def main():
    lines = []
    for path in sorted(OUT.glob("*.jpg")) + sorted(OUT.glob("*.png")):
        lines.append("%s %s %s" % (path.name, row(Image.open(path)), row(ImageOps.exif_transpose(Image.open(path)))))
    (OUT / "pillow.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
