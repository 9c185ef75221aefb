# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images: small pictures in every kind of JPEG and PNG, and what OpenCV and Pillow make of them.

    python3 tests/scripts/make_images.py            needs numpy, opencv-python (4.6) and Pillow (9.4)

expected.txt  name height width crc32 of the BGR bytes of cv2.imread, or of the stored numbers for label maps
resize.txt    height width out_height out_width channels crc32 of cv2.resize and of PIL.Image.resize; the input is noise()
"""
import struct
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parent.parent / "data" / "images"


def noise(height, width, channels, seed):
    """The same bytes as noise() of tests/datasets/test_resize.c: a linear congruential generator."""
    values, state = np.empty(height * width * channels, np.uint8), seed
    for i in range(values.size):
        state = (state * 1103515245 + 12345) & 0xFFFFFFFF
        values[i] = state >> 24
    return values.reshape(height, width, channels)


def scene(height, width, seed):
    """A smooth picture with edges, so that chroma upsampling and the DCT have something to do."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    rng = np.random.default_rng(seed)
    planes = [127 + 90 * np.sin(x / rng.uniform(3, 12) + rng.uniform(0, 6)) * np.cos(y / rng.uniform(3, 12))
              for _ in range(3)]
    image = np.stack(planes, -1)
    image[height // 4:height // 2, width // 3:width // 2] = rng.integers(0, 256, 3)
    return np.clip(image, 0, 255).astype(np.uint8)


def png(height, width, depth, colour, rows, before=b"", after=b"", interlaced=False):
    """PNG by hand: the kinds that Pillow does not write. `rows` are packed lines without filter bytes, or Adam7's."""
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, int(interlaced))
    data = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + chunk(b"IDAT", data) + after + chunk(b"IEND", b"")


def png_chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed(values, depth):
    """Lines of small numbers, several in a byte, first in the high bits."""
    lines = []
    for line in values:
        bits = "".join(format(int(v), "0%db" % depth) for v in line)
        bits += "0" * (-len(bits) % 8)
        lines.append(bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8)))
    return lines


def adam7(values):
    """The seven passes over an 8-bit image of H W C, as lines."""
    lines = []
    for y0, x0, dy, dx in ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2),
                           (1, 0, 2, 1)):
        part = values[y0::dy, x0::dx]
        if part.size:
            lines += [row.tobytes() for row in part]
    return lines


def exif(orientation, order="<"):
    mark = b"II" if order == "<" else b"MM"
    return mark + struct.pack(order + "HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def jpegs():
    rgb = Image.fromarray(scene(43, 37, 1))
    for name, options in (("420", dict(subsampling=2)), ("422", dict(subsampling=1)), ("444", dict(subsampling=0)),
                          ("progressive", dict(progressive=True)), ("q20", dict(quality=20, optimize=True))):
        rgb.save(OUT / f"{name}.jpg", **{"quality": 90, **options})
    rgb.convert("L").save(OUT / "grey.jpg", quality=90)
    Image.fromarray(np.dstack([scene(21, 30, 2), scene(21, 30, 3)[..., :1]]), "CMYK").save(OUT / "cmyk.jpg", quality=95)
    for orientation in range(1, 9):
        block = exif(orientation, "<" if orientation % 2 else ">")
        Image.fromarray(scene(16, 25, 4)).save(OUT / f"exif{orientation}.jpg", quality=90, exif=b"Exif\0\0" + block)
    Image.fromarray(scene(1, 1, 5)).save(OUT / "one.jpg")


def pngs():
    write = lambda name, content: (OUT / name).write_bytes(content)
    rgb = scene(19, 23, 6)
    alpha = noise(19, 23, 1, 7)
    palette = noise(1, 16, 3, 8).tobytes()
    colours = png_chunk(b"PLTE", palette)
    clear = png_chunk(b"tRNS", bytes(range(0, 160, 10)))
    index = noise(19, 23, 1, 9)[..., 0] & 15
    write("rgb.png", png(19, 23, 8, 2, [r.tobytes() for r in rgb]))
    write("rgb_trns.png",
          png(19, 23, 8, 2, [r.tobytes() for r in rgb], png_chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3))))
    write("rgba.png", png(19, 23, 8, 6, [r.tobytes() for r in np.dstack([rgb, alpha])]))
    write("rgb16.png", png(19, 23, 16, 2, [r.tobytes() for r in noise(19, 23, 6, 10)]))
    write("rgba16.png", png(19, 23, 16, 6, [r.tobytes() for r in noise(19, 23, 8, 11)]))
    write("grey8.png", png(19, 23, 8, 0, [r.tobytes() for r in rgb[..., 0]]))
    write("grey16.png", png(19, 23, 16, 0, [r.tobytes() for r in noise(19, 23, 2, 12)]))
    write("grey_alpha.png", png(19, 23, 8, 4, [r.tobytes() for r in np.dstack([rgb[..., 0], alpha[..., 0]])]))
    for depth in (1, 2, 4):
        write(f"grey{depth}.png", png(19, 23, depth, 0, packed(index & ((1 << depth) - 1), depth)))
    write("palette4.png", png(19, 23, 4, 3, packed(index, 4), colours))
    write("palette8.png", png(19, 23, 8, 3, [bytes(r) for r in index], colours))
    write("palette_trns.png", png(19, 23, 8, 3, [bytes(r) for r in index], colours + clear))
    write("interlaced.png", png(19, 23, 8, 2, adam7(rgb), interlaced=True))
    write("exif6.png", png(19, 23, 8, 2, [r.tobytes() for r in rgb], png_chunk(b"eXIf", exif(6))))
    write("exif8_late.png", png(19, 23, 8, 2, [r.tobytes() for r in rgb], after=png_chunk(b"eXIf", exif(8))))


def expected():
    lines = []
    for path in sorted(OUT.glob("*.[jp][pn]g")):
        image = cv2.imread(str(path))
        lines.append(f"{path.name} {image.shape[0]} {image.shape[1]} {zlib.crc32(image.tobytes())}")
    for name in ("palette4.png", "palette8.png", "palette_trns.png", "grey1.png", "grey2.png", "grey4.png",
                 "grey8.png", "grey16.png"):
        labels = np.array(Image.open(OUT / name)).astype(np.uint8)  # as mmseg
        lines.append(f"labels:{name} {labels.shape[0]} {labels.shape[1]} {zlib.crc32(labels.tobytes())}")
    (OUT / "expected.txt").write_text("\n".join(lines) + "\n")


def resizes():
    rng, lines = np.random.default_rng(13), []
    for i in range(60):
        h, w, out_h, out_w = (int(v) for v in rng.integers(1, 70, 4))
        if i % 6 == 0:
            h, w = 2 * out_h, 2 * out_w
        if i % 6 == 1:
            out_h = h
        channels = (3, 1, 3, 4)[i % 4]
        image = noise(h, w, channels, i)
        cv = cv2.resize(image, (out_w, out_h))
        mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]  # CMYK: four plain channels; RGBA would be premultiplied
        pil = Image.fromarray(image[..., 0] if channels == 1 else image, mode).resize((out_w, out_h), Image.BILINEAR)
        lines.append(f"{h} {w} {out_h} {out_w} {channels} {zlib.crc32(cv.tobytes())} {zlib.crc32(np.array(pil).tobytes())}")
    (OUT / "resize.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    jpegs()
    pngs()
    expected()
    resizes()
    sys.exit(0)
