# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/images/formats: small pictures in many kinds of BMP, TIFF and WebP, and what OpenCV and Pillow make of them.

    python3 tests/scripts/make_formats.py           needs numpy, opencv-python (5.0) and Pillow (13.0)

expected.txt  name height width crc32 of the BGR bytes of cv2, or (labels:NAME) of the numbers that Pillow gives
refused.txt   files that neither OpenCV nor we read: name and a part of our sentence
"""
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

OUT = Path(__file__).resolve().parent.parent / "data" / "images" / "formats"
RNG = np.random.default_rng(17)


def scene(height, width, channels):
    small = RNG.integers(0, 256, (max(1, height // 4), max(1, width // 4), channels)).astype(np.uint8)
    return cv2.resize(small, (width, height)).reshape(height, width, channels)


def write(name, content):
    (OUT / name).write_bytes(content)


# ---- BMP ------------------------------------------------------------------------------------------------------------

def bmp(width, height, bits, data, *, size=40, compression=0, masks=b"", inside=b"", palette=b"", used=0, gap=0):
    if size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, 0, 0, 0, used, 0)
        header += inside + bytes(size - 40 - len(inside))
    at = 14 + len(header) + len(masks) + len(palette) + gap
    return b"BM" + struct.pack("<IHHI", at + len(data), 0, 0, at) + header + masks + palette + bytes(gap) + data


def lines(width, height, bits):
    return RNG.bytes((width * bits + 31) // 32 * 4 * height)


def colours(n, stride=4):
    return RNG.bytes(n * stride)


RUNS_8 = bytes([3, 5, 0, 4, 1, 2, 3, 4, 2, 9, 0, 0]) + bytes([9,
                                                              7]) + bytes([0, 0, 0, 2, 2, 1, 3, 8, 0, 0]) + bytes([0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0]) \
    + bytes([4, 200, 0, 1])
RUNS_4 = bytes([3, 0x52, 0, 5, 0x12, 0x34, 0x50, 0, 0,
                0]) + bytes([9, 0x77, 0, 0]) + bytes([2, 0x12, 0, 2, 3, 0, 3, 0x9a, 0, 0]) \
    + bytes([0, 9, 0x12, 0x34, 0x56, 0x78, 0x90, 0, 0, 0]) + bytes([5, 0xab, 0, 0, 0, 0, 0, 1])


def bmps():
    for bits in (1, 4, 8):
        write(f"{bits}.bmp", bmp(19, 7, bits, lines(19, 7, bits), palette=colours(1 << bits)))
    write("8_few.bmp", bmp(19, 7, 8, lines(19, 7, 8), palette=colours(77), used=77, gap=5))
    write("4_os2.bmp", bmp(13, 6, 4, lines(13, 6, 4), palette=colours(16, 3), size=12))
    write("24_os2.bmp", bmp(13, 6, 24, lines(13, 6, 24), size=12))
    write("24.bmp", bmp(13, 6, 24, lines(13, 6, 24)))
    write("24_down.bmp", bmp(13, -6, 24, lines(13, 6, 24)))
    write("32.bmp", bmp(13, 6, 32, lines(13, 6, 32)))
    write("32_v4.bmp", bmp(13, 6, 32, lines(13, 6, 32), size=108, compression=3,
                           inside=struct.pack("<IIII", 0xff, 0xff00, 0xff0000, 0xff000000)))
    write("32_ten.bmp", bmp(13, 6, 32, lines(13, 6, 32), size=124, compression=3,
                            inside=struct.pack("<IIII", 0x3ff00000, 0xffc00, 0x3ff, 0)))
    write("16.bmp", bmp(13, 6, 16, lines(13, 6, 16)))
    write("565.bmp", bmp(13, 6, 16, lines(13, 6, 16), compression=3, masks=struct.pack("<III", 0xf800, 0x7e0, 0x1f)))
    write("rle8.bmp", bmp(9, 6, 8, RUNS_8, compression=1, palette=colours(256)))
    write("rle4.bmp", bmp(9, 6, 4, RUNS_4, compression=2, palette=colours(16)))
    write("no_444.bmp", bmp(13, 6, 16, lines(13, 6, 16), compression=3, masks=struct.pack("<III", 0xf00, 0xf0, 0xf)))
    write("no_run.bmp", bmp(9, 6, 8, bytes([10, 1, 0, 1]), compression=1, palette=colours(256)))


# ---- TIFF -----------------------------------------------------------------------------------------------------------

def packed(values, bits, order):
    if bits >= 8:
        return values.astype(f"{order}u{bits // 8}").tobytes()
    out = b""
    for line in values:
        text = "".join(format(int(v), f"0{bits}b") for v in line)
        text += "0" * (-len(text) % 8)
        out += bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
    return out


def blocks_of(plane, bits, order, samples, tile, rows):
    height, width = plane.shape[0], plane.shape[1] // samples
    if not tile:
        return [packed(plane[y:y + rows], bits, order) for y in range(0, height, rows)]
    blocks = []
    for y in range(0, height, tile[1]):
        for x in range(0, width, tile[0]):
            block = np.zeros((tile[1], tile[0] * samples), int)
            part = plane[y:y + tile[1], x * samples:(x + tile[0]) * samples]
            block[:part.shape[0], :part.shape[1]] = part
            blocks.append(packed(block, bits, order))
    return blocks


def tiff(values, bits, photometric, *, order="<", tile=None, rows=8, planar=False, deflate=False, more=(), big=False):
    """TIFF by hand: values is H W C; more: entries (tag, type, numbers)."""
    height, width, samples = values.shape
    planes = [values[..., i] for i in range(samples)] if planar else [values.reshape(height, -1)]
    blocks = [b for p in planes for b in blocks_of(p, bits, order, 1 if planar else samples, tile, rows)]
    blocks = [zlib.compress(b) for b in blocks] if deflate else blocks
    offsets, data, head = [], b"", 16 if big else 8
    for block in blocks:
        offsets.append(head + len(data))
        data += block + bytes(len(block) & 1)
    entries = [(256, 4, [width]), (257, 4, [height]), (258, 3, [bits] * samples), (259, 3, [8 if deflate else 1]),
               (262, 3, [photometric]),
               (277, 3, [samples]), (284, 3, [2 if planar else 1]), (324 if tile else 273, 4, offsets),
               (325 if tile else 279, 4, [len(b) for b in blocks])]
    entries += [(322, 4, [tile[0]]), (323, 4, [tile[1]])] if tile else [(278, 4, [rows])]
    entries = sorted(entries + list(more))
    number, count, length, room = ("Q", "Q", 20, 8) if big else ("I", "H", 12, 4)
    after = head + len(data) + struct.calcsize(order + count) + length * len(entries) + room
    body, rest = b"", b""
    for tag, kind, numbers in entries:
        raw = struct.pack(order + ("H" if kind == 3 else "I") * len(numbers), *[int(v) for v in numbers])
        body += struct.pack(order + "HH" + number, tag, kind, len(numbers))
        body += raw + bytes(room - len(raw)) if len(raw) <= room else struct.pack(order + number, after + len(rest))
        rest += raw + bytes(len(raw) & 1) if len(raw) > room else b""
    mark = (b"II" if order == "<" else b"MM") + struct.pack(order + "H", 43 if big else 42)
    mark += struct.pack(order + "HHQ", 8, 0, head + len(data)) if big else struct.pack(order + "I", head + len(data))
    return mark + data + struct.pack(order + count, len(entries)) + body + bytes(room) + rest


def tiffs():
    any_of = lambda bits, samples: RNG.integers(0, 1 << bits, (17, 21, samples))
    smooth = lambda samples: scene(17, 21, samples).astype(int)
    palette = lambda bits: [(320, 3, RNG.integers(0, 65536, 3 << bits))]
    held = lambda how: [(274, 3, [how])]
    for bits in (1, 8, 16):
        write(f"grey{bits}.tif", tiff(any_of(bits, 1), bits, 1))
    write("white1.tif", tiff(any_of(1, 1), 1, 0))
    write("white8_tiles.tif", tiff(any_of(8, 1), 8, 0, tile=(16, 16), order=">"))
    write("palette4.tif", tiff(any_of(4, 1), 4, 3, more=palette(4)))
    write("palette8.tif", tiff(any_of(8, 1), 8, 3, more=palette(8), deflate=True))
    write("palette8_dim.tif", tiff(any_of(8, 1), 8, 3, more=[(320, 3, RNG.integers(0, 256, 768))]))
    write("rgb8.tif", tiff(smooth(3), 8, 2))
    write("rgb8_tiles.tif", tiff(smooth(3), 8, 2, tile=(16, 16), order=">"))
    write("rgb8_planes.tif", tiff(smooth(3), 8, 2, planar=True))
    write("rgb16_big.tif", tiff(any_of(16, 3), 16, 2, order=">", big=True))
    write("alpha8.tif", tiff(any_of(8, 4), 8, 2, more=[(338, 3, [1])]))
    write("alpha8_apart.tif", tiff(any_of(8, 4), 8, 2, more=[(338, 3, [2])]))
    write("alpha16_planes.tif", tiff(any_of(16, 4), 16, 2, more=[(338, 3, [1])], planar=True))
    write("cmyk8.tif", tiff(any_of(8, 4), 8, 5))
    write("held4.tif", tiff(smooth(3), 8, 2, more=held(4)))
    write("held6.tif", tiff(smooth(3), 8, 2, more=held(6)))
    write("grey_held7.tif", tiff(any_of(8, 1), 8, 1, more=held(7)))
    rgb = Image.fromarray(scene(17, 21, 3))
    for name, picture, how in (("lzw", rgb, "tiff_lzw"), ("jpeg", rgb, "jpeg"),
                               ("packbits", rgb.convert("YCbCr"), "packbits"),
                               ("g4", rgb.convert("1"), "group4"),
                               ("lab", Image.fromarray(scene(17, 21, 3), "LAB"), None)):
        file = io.BytesIO()
        picture.save(file, "TIFF", compression=how)
        write(f"{name}.tif", file.getvalue())
    write("no_float.tif", tiff(any_of(16, 1), 32, 1, more=[(339, 3, [3])]))
    write("no_int32.tif", tiff(any_of(16, 1), 32, 1))
    write("no_12.tif",
          tiff(any_of(8, 1), 8, 1).replace(struct.pack("<HHII", 258, 3, 1, 8), struct.pack("<HHII", 258, 3, 1, 12)))


def large_tiffs():
    """BigTIFF, tiles and 16 bits together, of pictures and of label maps."""
    any_of = lambda bits, samples: RNG.integers(0, 1 << bits, (37, 53, samples))
    palette = [(320, 3, RNG.integers(0, 65536, 3 << 8))]
    write("big_rgb8_tiles.tif", tiff(any_of(8, 3), 8, 2, tile=(16, 32), big=True, deflate=True))
    write("big_rgb16_tiles.tif", tiff(any_of(16, 3), 16, 2, tile=(32, 16), big=True))
    write("rgb16_tiles_planes.tif", tiff(any_of(16, 3), 16, 2, tile=(16, 16), order=">", planar=True))
    write("big_grey16_tiles.tif", tiff(any_of(16, 1), 16, 1, tile=(16, 16), big=True, deflate=True))
    write("grey16_tiles.tif", tiff(any_of(9, 1), 16, 1, tile=(32, 32)))
    write("big_grey8.tif", tiff(any_of(8, 1), 8, 1, big=True, rows=5))
    write("big_palette8_tiles.tif", tiff(any_of(8, 1), 8, 3, more=palette, tile=(16, 16), big=True))
    write("grey4_tiles.tif", tiff(any_of(4, 1), 4, 3, more=[(320, 3, RNG.integers(0, 65536, 3 << 4))], tile=(16, 16)))


# ---- WebP -----------------------------------------------------------------------------------------------------------

def exif(how):
    return b"II" + struct.pack("<HIHHHIHHI", 42, 8, 1, 0x0112, 3, 1, how, 0, 0)


def webps():
    rgb, rgba = Image.fromarray(scene(17, 21, 3)), Image.fromarray(scene(17, 21, 4))
    rgb.save(OUT / "lossy.webp", quality=60)
    rgb.save(OUT / "lossless.webp", lossless=True)
    rgba.save(OUT / "alpha.webp", quality=80, exact=True)
    rgba.save(OUT / "alpha_lossless.webp", lossless=True, exact=True)
    rgb.save(OUT / "exif6.webp", quality=80, exif=exif(6))
    rgba.save(OUT / "moving.webp", save_all=True, append_images=[Image.fromarray(scene(17, 21, 4)) for _ in range(2)],
              lossless=True)


def expected():
    rows, refused = [], []
    sentences = {"no_444.bmp": "with masks f00 f0 f", "no_run.bmp": "a run goes beyond the end of line 0",
                 "no_float.tif": "floating-point numbers of 32 bits",
                 "no_int32.tif": "a TIFF of 32 bits", "no_12.tif": "a TIFF of 12 bits"}
    for path in sorted(OUT.glob("*.*")):
        if path.suffix == ".txt":
            continue
        # imread refuses what must be turned, ...
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
        # ... and imdecode tiles of odd sizes
        image = cv2.imread(str(path)) if image is None else image
        assert image is not None or path.name.startswith("no_"), path
        if path.name.startswith("no_"):
            assert image is None, path
            refused.append(f"{path.name} {sentences[path.name]}")
            continue
        rows.append(f"{path.name} {image.shape[0]} {image.shape[1]} {zlib.crc32(image.tobytes())}")
    for name in ("1.bmp", "4.bmp", "8.bmp", "8_few.bmp", "4_os2.bmp", "grey8.tif", "grey_held7.tif",
                 "white8_tiles.tif", "palette4.tif", "palette8.tif", "grey1.tif", "white1.tif", "g4.tif",
                 "grey16.tif", "no_int32.tif", "no_float.tif", "big_grey16_tiles.tif", "grey16_tiles.tif",
                 "big_grey8.tif", "big_palette8_tiles.tif"):
        labels = np.array(Image.open(OUT / name))
        rows.append(f"labels:{name} {labels.shape[0]} {labels.shape[1]} {zlib.crc32(labels.astype(np.uint8).tobytes())}")
    (OUT / "expected.txt").write_text("\n".join(rows) + "\n")
    (OUT / "refused.txt").write_text("\n".join(refused) + "\n")


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    bmps()
    tiffs()
    webps()
    large_tiffs()
    expected()
