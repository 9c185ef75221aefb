#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Small files that ask for much: tests/data/bombs/, and copies of most in tests/fuzz/corpus/.

    tests/scripts/make_bombs.py

Needs nothing but Python. Every file is read in the blink of an eye and in little memory, or is refused with a sentence.
"""
import pathlib
import shutil
import struct
import zipfile
import zlib

TESTS = pathlib.Path(__file__).resolve().parent.parent
OUT = TESTS / "data" / "bombs"
ZEROS = 16 << 20  # what a chunk expands to


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(before=b"", header=(2, 2, 8, 2, 0, 0, 0), pixels=None):
    """A PNG, 2 x 2 pixels of four colours unless told otherwise, with chunks before its pixels."""
    lines = b"\0\xff\0\0\0\xff\0" + b"\0\0\0\xff\x80\x80\x80"
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header)) + before
            + chunk(b"IDAT", zlib.compress(lines) if pixels is None else pixels) + chunk(b"IEND", b""))


def pngs():
    zeros = zlib.compress(bytes(ZEROS), 9)
    yield "ztxt.png", png(chunk(b"zTXt", b"Comment\0\0" + zeros))
    yield "itxt.png", png(chunk(b"iTXt", b"Comment\0\1\0\0\0" + zeros))
    yield "iccp.png", png(chunk(b"iCCP", b"icc\0\0" + zeros))
    yield "splt.png", png(chunk(b"sPLT", b"name\0\x08" + bytes(6 * 500)) * 4)
    yield "sbit_hist.png", png(chunk(b"sBIT", bytes(3)) + chunk(b"hIST", bytes(512)))
    # A chunk of a gigabyte in a file of 57 bytes.
    yield "splt_cut.png", png()[:33] + struct.pack(">I", 0x3FFFFFFF) + b"sPLT" + chunk(b"IEND", b"")
    yield "trns_long.png", png(chunk(b"tRNS", bytes(4096)))
    yield "huge.png", png(header=(32768, 32768, 8, 2, 0, 0, 0))
    yield "huge_interlaced.png", png(header=(32767, 32767, 16, 6, 0, 0, 1))
    yield "too_large.png", png(header=(65500, 65500, 8, 2, 0, 0, 0))


def jpeg(height, width, scans):
    """A progressive grey JPEG: a scan of flat blocks, then many that say in a few bytes that nothing changes."""
    blocks = -(-height // 8) * -(-width // 8)

    def segment(marker, body):
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    def bits(text):
        text += "1" * (-len(text) % 8)
        out = bytes(int(text[i:i + 8], 2) for i in range(0, len(text), 8))
        return out.replace(b"\xff", b"\xff\0")

    dc = segment(0xC4, bytes([0x00, 1] + [0] * 15 + [0]))             # code 0: difference 0
    # code 0: a run of 2^14.. blocks; code 10: one block
    ac = segment(0xC4, bytes([0x10, 1, 1] + [0] * 14 + [0xE0, 0x00]))
    first = segment(0xDA, bytes([1, 1, 0x00, 0, 0, 0])) + bits("0" * blocks)
    again = ""
    left = blocks
    while left >= 1 << 14:
        run = min(left, (1 << 15) - 1)
        again += "0" + format(run - (1 << 14), "014b")
        left -= run
    again += "10" * left
    more = segment(0xDA, bytes([1, 1, 0x00, 1, 63, 0])) + bits(again)
    frame = segment(0xC2, struct.pack(">BHHB", 8, height, width, 1) + bytes([1, 0x11, 0]))
    return (b"\xff\xd8" + segment(0xDB, bytes([0] + [1] * 64)) + frame + dc + ac + first + more * (scans - 1)
            + b"\xff\xd9")


def pth(rows):
    """A checkpoint as torch.save() writes one, of tensors that are views of one storage of 16 floats."""
    def text(s):
        return b"X" + struct.pack("<I", len(s)) + s.encode()

    def number(n):
        body = n.to_bytes(n.bit_length() // 8 + 1, "little")
        return b"\x8a" + bytes([len(body)]) + body

    def numbers(values):
        return b"(" + b"".join(number(v) for v in values) + b"t"

    tensors = b""
    for name, shape, stride in rows:
        storage = (b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(16) + b"tQ")
        tensors += (text(name) + b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(0) + numbers(shape)
                    + numbers(stride) + b"\x89" + b"ccollections\nOrderedDict\n)R" + b"tR")
    pickle = b"\x80\x02}(" + tensors + b"u."
    return {"archive/data.pkl": pickle, "archive/data/0": bytes(64), "archive/version": b"3\n"}


def pths():
    yield "expand_59.pth", pth([("w", [1 << 59], [0])])
    yield "expand_rows.pth", pth([("w", [1 << 27, 5], [0, 1])])
    yield "overlap.pth", pth([("w", [8, 8], [1, 1]), ("v", [1 << 30, 8], [0, 1])])
    yield "many_views.pth", pth([(f"w{i}", [1 << 20, 4], [0, 1]) for i in range(64)])
    yield "expand_small.pth", pth([("w", [3, 16], [0, 1])])  # what honest files do


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, body in pngs():
        (OUT / name).write_bytes(body)
    (OUT / "scans.jpg").write_bytes(jpeg(64, 64, 501))
    (OUT / "scans_large.jpg").write_bytes(jpeg(2048, 20480, 65))
    (OUT / "scans_fine.jpg").write_bytes(jpeg(64, 64, 100))
    for name, files in pths():
        with zipfile.ZipFile(OUT / name, "w") as archive:
            for path, body in files.items():
                archive.writestr(zipfile.ZipInfo(path), body)
    for path in OUT.iterdir():
        kind = {".png": "image", ".jpg": "image", ".pth": "pth"}[path.suffix]
        if path.stat().st_size < 20000:
            shutil.copy(path, TESTS / "fuzz" / "corpus" / kind / f"bomb_{path.name}")


if __name__ == "__main__":
    main()
