# SPDX-License-Identifier: Apache-2.0
"""What the peers in PyTorch share: config files, stand-ins for packages that their code imports, timed passes, tensors in files.

A peer prints one line for a network, of which bench_networks reads median_ms and peak_rss_mb; it takes the peers in turns, each as a
process of its own:

    torch 2.15.0 NAME threads=2 median_ms=.. min_ms=.. peak_rss_mb=..
"""
import json
import os
import resource
import statistics
import struct
import sys
import time
import types
import warnings

import numpy as np
import torch

warnings.filterwarnings("ignore")  # of what torch and torchvision will no longer accept one day

# ---- the command line and config files ------------------------------------------------------------------------------


def use_threads(arguments):
    """THREADS, the first of what is left of the command line; 2 without it."""
    torch.set_num_threads(int(arguments[0]) if arguments else 2)


def split_size(name, usual=None):
    """CONFIG@HxW: the config, and (H, W)."""
    name, _, size = name.partition("@")
    return name, tuple(int(n) for n in size.split("x")) if size else usual


def merge(base, over):
    """As mmcv merges a config into its base."""
    if not isinstance(base, dict) or not isinstance(over, dict) or over.get("_delete_"):
        return {k: v for k, v in over.items() if k != "_delete_"} if isinstance(over, dict) else over
    return {**base, **{k: merge(base.get(k), v) for k, v in over.items()}}


class Names(dict):
    """What the file of a config assigns. `_base_` becomes what its bases assign, merged: a line may say _base_.model."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder
        self.inherited = {}

    def __setitem__(self, name, value):
        if name != "_base_":
            return super().__setitem__(name, value)
        for base in [value] if isinstance(value, str) else value:
            self.inherited = merge(self.inherited, read_config(os.path.join(self.folder, base)))
        super().__setitem__(name, types.SimpleNamespace(**self.inherited))


def read_config(path):
    names = Names(os.path.dirname(path))
    with open(path) as f:
        text = f.read().replace("{{", "").replace("}}", "")  # {{_base_.model}} is mmcv's form of _base_.model
    exec(compile(text, path, "exec"), {}, names)
    return merge(names.inherited, {k: v for k, v in names.items() if k != "_base_"})


# ---- what stands in for a package -----------------------------------------------------------------------------------


def module(name, **members):
    """An empty module under that name, with these members."""
    m = types.ModuleType(name)
    m.__dict__.update(members)
    m.__path__ = []
    sys.modules[name] = m


# ---- passes ---------------------------------------------------------------------------------------------------------


def time_passes(run, n, warmed=lambda: None):
    """Seconds of n passes behind a first one; `warmed` is called between."""
    seconds = []
    with torch.no_grad():
        run()
        warmed()
        for _ in range(n):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
    return seconds


def median_ms(seconds):
    return 1e3 * statistics.median(seconds)


def passes_of(width):
    """How many passes a picture so wide is worth."""
    return 7 if width < 400 else 3


def report(name, seconds, **figures):
    figures = "".join(f" {key}={value}" for key, value in figures.items())
    print(f"torch {torch.__version__} {name} threads={torch.get_num_threads()} median_ms={median_ms(seconds):.1f} min_ms={1e3 * min(seconds):.1f} "
          f"peak_rss_mb={resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}{figures}", flush=True)


# ---- files ----------------------------------------------------------------------------------------------------------


def save_tensors(path, tensors):
    """As .safetensors, float32."""
    header, blob = {}, b""
    for name, t in tensors.items():
        a = np.ascontiguousarray(t.detach().numpy())
        header[name] = {"dtype": "F32", "shape": list(a.shape), "data_offsets": [len(blob), len(blob) + a.nbytes]}
        blob += a.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + blob)


def load_tensors(path):
    """Arrays of float32 by name."""
    with open(path, "rb") as f:
        data = f.read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header = {name: v for name, v in json.loads(data[8:start]).items() if name != "__metadata__"}
    part = lambda v: data[start + v["data_offsets"][0]:start + v["data_offsets"][1]]
    return {name: np.frombuffer(part(v), np.float32).reshape(v["shape"]).copy() for name, v in header.items()}


def write_case(folder, about, weights, image, expected):
    """A folder that `deformer forward` and the tests read."""
    torch.save(weights, folder + "/weights.pth")
    save_tensors(folder + "/input.safetensors", {"image": image})
    save_tensors(folder + "/expected.safetensors", expected)
    with open(folder + "/config.json", "w") as f:
        json.dump(about, f, indent=1)
