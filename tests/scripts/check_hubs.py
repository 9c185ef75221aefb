# SPDX-License-Identifier: Apache-2.0
"""Compares classifiers of torchvision and timm, at their full widths and with random weights, with `deformer predict`: each picture goes
through the library's own transform and network, once in float32 and once in float64.

    python3 tests/scripts/check_hubs.py PROGRAM FOLDER [NAME...]

NAME is torchvision:swin_v2_t, for each of its published weights, or timm:resnet200d, or timm:resnet18,global_pool=max with an
argument; without names all that are built in are compared, which takes ten minutes.
FOLDER takes the weights. A line for each: the largest difference of a probability from float64, and that of the library's float32,
of which ten times are allowed. Exit status 1 if one differs by more. Needs torchvision, timm and numpy.
"""
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from PIL import Image
from timm.data import create_transform, resolve_data_config
from timm.models._hub import save_for_hf

ROOT = Path(__file__).resolve().parents[2]
TORCHVISION = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d",
               "wide_resnet50_2", "wide_resnet101_2", "swin_t", "swin_s", "swin_b", "swin_v2_t", "swin_v2_s", "swin_v2_b"]
TIMM = [name for name in timm.list_models(module="resnet") if name.startswith(("resnet", "resnext", "wide_resnet"))
        and not name.startswith(("resnetaa", "resnetblur", "resnetrs", "resnext101_32x16d", "resnext101_32x32d"))]
TIMM += ["%s,global_pool=%s" % (name, pool) for name in ["resnet18d", "resnet50"] for pool in ["max", "avgmax", "catavgmax", "fastmax"]]
TIMM += [name for name in timm.list_models(["swin_*", "swinv2_*", "pvt_v2_*"]) if not name.startswith("swinv2_cr_")]
LEAST = 1e-7    # no probability is nearer: the text of JSON has eight digits


def draw(network, seed):
    """Weights that keep the size of maps, more or less."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in network.named_parameters():
            x = torch.randn(p.shape, generator=random)
            if "logit_scale" in name:
                x = 2 + 0.3 * x
            elif p.ndim > 1:
                x *= 1.1 / p[0].numel() ** 0.5
            else:
                x = 0.15 * x + name.endswith("weight")
            p.copy_(x)
        for name, x in network.named_buffers():
            if name.endswith("running_var"):
                x.copy_(0.5 + torch.rand(x.shape, generator=random))
            elif name.endswith("running_mean"):
                x.copy_(0.2 * torch.randn(x.shape, generator=random))
    return network.eval()


def settle(network, pixels):
    """Scales the last layer: probabilities that differ, but none that is all."""
    with torch.no_grad():
        size = network(pixels).std()
        for p in list(network.parameters())[-2:]:
            p *= 2 / size


def picture(path, seed):
    """Smooth waves and some noise, so that every filter has something to do."""
    random = np.random.default_rng(seed)
    height, width = random.integers(180, 420, 2)
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / random.uniform(4, 40) + random.uniform(0, 6)) * np.cos(y / random.uniform(4, 40)) for _ in range(3)]
    pixels = 128 + 90 * np.stack(waves, -1) + random.normal(0, 9, (height, width, 3))
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
    return Image.open(path)


def found(program, where, path, classes):
    out = path.with_suffix(".json")
    subprocess.run([program, "predict", *where, path, "--json", out, "--topk", str(min(classes, 1000)), "--quiet"], check=True,
                   stdout=subprocess.DEVNULL)
    scores = np.full(classes, np.nan)
    for row in json.loads(out.read_text())[0]["classes"]:
        scores[row["id"]] = row["score"]
    return scores


def compare(what, network, pixels, mine):
    with torch.no_grad():
        rough = network(pixels).double().softmax(-1)[0].numpy()
        exact = network.double()(pixels.double()).softmax(-1)[0].numpy()
    own, theirs = np.nanmax(abs(mine - exact)), abs(rough - exact).max()
    good = own <= 10 * max(theirs, LEAST) and np.nanargmax(mine) == exact.argmax()
    print("%-44s %.1e  float32 there %.1e  largest %.3f  %s" % (what, own, theirs, exact.max(), "equal" if good else "DIFFERS"), flush=True)
    return good


def check_torchvision(program, folder, name, seed):
    network = draw(torchvision.models.get_model(name, weights=None), seed)
    image = picture(folder / "p.png", seed)
    settle(network, torchvision.models.get_model_weights(name).DEFAULT.transforms()(image)[None])
    torch.save(network.state_dict(), folder / "w.pth")
    good = True
    for weights in torchvision.models.get_model_weights(name):
        second = weights.name == "IMAGENET1K_V2"
        config = ROOT / "configs/torchvision" / (name + ("_imagenet1k_v2" if second else "") + ".py")
        mine = found(program, [config, folder / "w.pth"], folder / "p.png", 1000)
        good &= compare("torchvision:%s %s" % (name, weights.name), network.float(), weights.transforms()(image)[None], mine)
    return good


def check_timm(program, folder, name, seed):
    name, _, argument = name.partition(",")
    args = dict([argument.split("=")]) if argument else {}
    network = draw(timm.create_model(name, **args), seed)
    image = picture(folder / "p.png", seed)
    transform = create_transform(**resolve_data_config({}, pretrained_cfg=network.pretrained_cfg))
    settle(network, transform(image)[None])
    save_for_hf(network, str(folder / "timm"), model_args=args, safe_serialization=True)
    mine = found(program, [folder / "timm"], folder / "p.png", network.num_classes)
    return compare("timm:%s %s" % (name, argument), network, transform(image)[None], mine)


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    names = sys.argv[3:] or ["torchvision:" + name for name in TORCHVISION] + ["timm:" + name for name in TIMM]
    good = True
    for seed, name in enumerate(names):
        library, _, model = name.partition(":")
        good &= (check_timm if library == "timm" else check_torchvision)(program, folder, model, seed)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
