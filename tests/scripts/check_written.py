#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares checkpoints that `deformer convert` wrote with their source, as torch.load reads both:
    check_written.py SOURCE.pth WRITTEN.pth
Names, dtypes, shapes and every byte must be equal; the written file must also load with weights_only=True. Needs torch, and
the modules that the classes in SOURCE come from."""
import sys

import torch


def state(path, **how):
    top = torch.load(path, map_location="cpu", **how)
    inner = top.get("state_dict", top.get("model", top))
    return {k[7:] if k.startswith("module.") else k: v for k, v in inner.items() if isinstance(v, torch.Tensor)}


def raw(tensor):
    tensor = tensor.detach().contiguous()
    return (tensor.view(torch.int16) if tensor.dtype == torch.bfloat16 else tensor).numpy().tobytes()


def main():
    source, written = state(sys.argv[1]), state(sys.argv[2], weights_only=True)
    wrong = [k for k, v in source.items() if k not in written or written[k].dtype != v.dtype
             or written[k].shape != v.shape
             or raw(written[k]) != raw(v)]
    print("%d tensors, %d differ%s" % (len(source), len(wrong), ": " + ", ".join(wrong) if wrong else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
