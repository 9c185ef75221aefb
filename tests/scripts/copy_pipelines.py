#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies the training pipelines of the official code, packed, to tests/data/training_pipelines/.
Usage: copy_pipelines.py PIPELINES_SAFETENSORS"""
import gzip
import sys
from pathlib import Path

OUT = Path(__file__).resolve().parent.parent / "data" / "training_pipelines"

OUT.mkdir(exist_ok=True)
with open(OUT / "pipelines.safetensors.gz", "wb") as out, gzip.GzipFile("", "wb", 9, out, 0) as packed:
    packed.write(Path(sys.argv[1]).read_bytes())
