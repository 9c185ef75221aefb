#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies small training references of mmdetection 3.3 into tests/data/training: the first cases of files of many, and whole steps.
Usage: copy_training.py REFERENCE_DIR, where unit/ holds the files, and a folder each step."""
import json
import shutil
import struct
import sys
from pathlib import Path

REFERENCE = Path(sys.argv[1])
OUT = Path(__file__).resolve().parent.parent / "data/training"


def first_cases(name, n):
    """The first n cases of a file, their bytes as they stand."""
    raw = (REFERENCE / f"unit/{name}.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    meta = header.pop("__metadata__")
    meta["cases"] = json.dumps(json.loads(meta["cases"])[:n])
    kept, out = {"__metadata__": meta}, b""
    for key, entry in header.items():
        if int(key[1:key.index(".")]) >= n:
            continue
        start, end = entry["data_offsets"]
        kept[key] = dict(entry, data_offsets=[len(out), len(out) + end - start])
        out += body[start:end]
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    (OUT / f"{name}.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + out)


def step(name):
    shutil.copytree(REFERENCE / name, OUT / name, dirs_exist_ok=True, copy_function=shutil.copyfile)


def step_of_two_stages(name):
    """Without the targets of anchors and the gradients of the backbone, which other cases have."""
    step(name)
    raw = (REFERENCE / name / "expected.safetensors").read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    header, body = json.loads(raw[8:8 + size]), raw[8 + size:]
    kept, out = {"__metadata__": header.pop("__metadata__")}, b""
    for key, entry in header.items():
        if key.startswith(("anchor_", "gradstat:", "grad:backbone", "roi_targets")):
            continue
        start, end = entry["data_offsets"]
        kept[key] = dict(entry, data_offsets=[len(out), len(out) + end - start])
        out += body[start:end]
    text = json.dumps(kept).encode()
    text += b" " * (-len(text) % 8)
    (OUT / name / "expected.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + out)


OUT.mkdir(parents=True, exist_ok=True)
first_cases("max_iou_assigner", 36)
first_cases("anchor_flags", 8)
first_cases("delta_coder", 10)
first_cases("samplers", 20)
first_cases("mask_targets", 24)
first_cases("hungarian", 20)
step("retina_giou_decoded_ignore")
step("semantic_fpn_ohem")
step_of_two_stages("cascade_mask_agnostic")
step_of_two_stages("faster_ohem")
step_of_two_stages("mask_polygon_ioubal")
