#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the losses of mmdetection 3.3 and mmsegmentation 1.2 in float64, and their gradients, into tests/data/losses: one file of tensors
(c7.pred, c7.out.loss, ..; results as float32) and one of options. Usage: copy_losses.py REFERENCE_DIR, where unit/losses.safetensors is;
needs numpy."""
import json
import struct
import sys
from pathlib import Path

import numpy as np

import tensor_files

tensor_files.KINDS["int32"] = "I32"
OUT = Path(__file__).resolve().parent.parent / "data" / "losses"


def metadata(path):
    with open(path, "rb") as f:
        return json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))["__metadata__"]


def narrow(array):
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    small = array.astype(np.uint8)
    return small if np.array_equal(small, array) else array.astype(np.int64)


OUT.mkdir(exist_ok=True)
for name in "losses", "ohem_pixel_sampler":
    source = Path(sys.argv[1]) / "unit" / f"{name}.safetensors"
    cases = json.loads(metadata(source)["cases"])
    if name == "losses":
        cases = [dict(lib=c["lib"], loss=dict(type=c["type"], **c["kwargs"]), call=c["call"]) for c in cases]
    else:
        cases = [dict(c, loss_kwargs=dict(type="CrossEntropyLoss", **c["loss_kwargs"])) for c in cases]
    lines = ",\n".join(json.dumps(c) for c in cases)
    (OUT / f"{name}.json").write_text(f'{{"cases": [\n{lines}\n]}}\n')
    tensor_files.save(OUT / f"{name}.safetensors", {key: narrow(t) for key, t in tensor_files.load(source).items()})
