#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Copies small reference outputs into tests/data: the matching, losses and gradients of Deformable DETR's official code and SciPy's
assignments (matching/), how mmcv rounds sizes (preprocessing/sizes.json), the mIoU of mmseg (eval/miou/), PyTorch's convolutions (ops/), learning
rates, optimizers and groups of parameters of mmcv and mmengine (train/).
Usage: copy_references.py REFERENCE_DIR, where heads/, ops/, eval/ and train/ hold reference outputs; needs numpy. Of the assignments it leaves out the largest of
random numbers (300 x 300)."""
import json
import shutil
import sys
from pathlib import Path

import numpy as np

import tensor_files

REFERENCE = Path(sys.argv[1])
DATA = Path(__file__).resolve().parent.parent / "data"


def matching():
    out = DATA / "matching"
    out.mkdir(parents=True, exist_ok=True)
    for name in "hungarian_matcher", "set_criterion", "set_criterion_two_stage":
        shutil.copyfile(REFERENCE / "heads" / name / "expected.safetensors", out / f"{name}.safetensors")
    shutil.copyfile(REFERENCE / "heads/hungarian_matcher/config.json", out / "hungarian_matcher.json")
    folder = REFERENCE / "heads/linear_sum_assignment"
    config, tensors, kept = json.loads((folder / "config.json").read_text()), tensor_files.load(str(folder / "expected.safetensors")), {}
    cases = [c for c in enumerate(config["cases"]) if c[1]["rows"] * c[1]["cols"] <= 15000
             or c[1]["kind"] == "integer_ties"]
    for to, (at, _) in enumerate(cases):
        for part in "cost", "row", "col":
            t = tensors[f"c{at:02}_{part}"]
            kinds = np.uint8, np.float32, t.dtype
            kept[f"c{to:02}_{part}"] = next(n for n in map(t.astype, kinds if part == "cost" else kinds[2:])
                                            if np.array_equal(n, t))
    (out / "linear_sum_assignment.json").write_text(json.dumps(dict(config, cases=[c for _, c in cases]), indent=1)
                                                    + "\n")
    tensor_files.save(out / "linear_sum_assignment.safetensors", kept)


def miou():
    for name in "m01_basic", "m03_absent_classes", "m05_ignored", "m07_out_of_range", "m12_palette_png":
        shutil.copytree(REFERENCE / "eval/miou" / name, DATA / "eval/miou" / name, dirs_exist_ok=True,
                        copy_function=shutil.copyfile)


def convolutions():
    for path in (REFERENCE / "ops").glob("conv*2d_*.safetensors"):
        shutil.copyfile(path, DATA / "ops" / path.name)


def schedules():
    """Rates of every iteration: of mmengine's schedulers, and of mmcv's hooks of two releases."""
    (DATA / "train").mkdir(exist_ok=True)
    optim = REFERENCE / "train/optim"
    hooks = json.loads((REFERENCE / "heads/lr_schedule/expected.json").read_text())
    cases = json.loads((optim / "schedules.json").read_text()) + json.loads((optim / "legacy_schedules.json").read_text())
    for hook in hooks:
        rules = dict(hook["kwargs"], policy=hook["hook"].replace("LrUpdaterHook", ""))
        cases.append(dict(base_lr=[hook["base_lr"]], epochs=hook["epochs"], iters_per_epoch=hook["iters_per_epoch"],
                          lr_config=rules,
                          lr=[[rate] for rate in hook["lr"]]))
    lines = ",\n".join(json.dumps(case) for case in cases)
    (DATA / "train/schedules.json").write_text('{"cases": [\n' + lines + "\n]}\n")


def optimizers():
    (DATA / "train").mkdir(exist_ok=True)
    for name in "optimizer_steps", "ema", "legacy_hooks":
        shutil.copyfile(REFERENCE / f"train/optim/{name}.safetensors", DATA / f"train/{name}.safetensors")
    shutil.copyfile(REFERENCE / "heads/optim_unit/expected.safetensors", DATA / "train/optimizer_updates.safetensors")
    cases = []
    for case in json.loads((REFERENCE / "heads/optim_unit/config.json").read_text())["cases"]:
        most = case["clip_max_norm"]
        cases.append(dict(optimizer=dict(type=case["optimizer"], **case["kwargs"]),
                          grad_clip=most and dict(max_norm=most), max_iters=case["steps"]))
    (DATA / "train/optimizer_updates.json").write_text(json.dumps(dict(cases=cases), indent=1) + "\n")


def groups():
    """Rate and decay of every parameter; options of the models that a network of ours has under other names are left out."""
    cases = json.loads((REFERENCE / "train/optim/paramwise.json").read_text())
    kept = [case for case in cases if "PyramidVisionTransformer" not in case["model"]["backbone"]["type"]]
    lines = ",\n".join(json.dumps(case) for case in kept)
    (DATA / "train/groups.json").write_text('{"cases": [\n' + lines + "\n]}\n")


def trajectory():
    """Five steps of UPerNet by AdamW: without sums of changes, and few numbers of each weight."""
    source, out = REFERENCE / "train/traj_upernet_adamw", DATA / "train/upernet"
    out.mkdir(exist_ok=True)
    for name in "config.json", "input.safetensors", "input1.safetensors", "weights.safetensors":
        shutil.copyfile(source / name, out / name)
    tensors, metadata = tensor_files.load(str(source / "expected.safetensors")), tensor_files.metadata(str(source / "expected.safetensors"))
    kept = {name: t.ravel()[:64] if name.startswith("final:") else t
            for name, t in tensors.items() if not name.startswith("changestat:")}
    tensor_files.save(out / "expected.safetensors", kept, {"final_tolerance": metadata["final_tolerance"]})


matching()
miou()
convolutions()
schedules()
optimizers()
groups()
trajectory()
shutil.copyfile(REFERENCE / "heads/preprocess_sizes/expected.json", DATA / "preprocessing" / "sizes.json")
