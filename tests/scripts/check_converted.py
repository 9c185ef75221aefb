# SPDX-License-Identifier: Apache-2.0
"""Checks that what `deformer convert --to` writes is loaded by the libraries themselves, strictly, and gives the outputs of the source.

    python3 tests/scripts/check_converted.py PROGRAM FOLDER

Classifiers with random weights go from each of torchvision, timm and transformers to each. FOLDER takes the files. Exit status 1 if one
is refused, is not loaded with strict=True, or gives other logits. Needs torchvision, timm and transformers.
"""
import subprocess
import sys
from pathlib import Path

import timm
import torch
import torchvision
import transformers as hf
from safetensors.torch import load_file, save_file

from check_hubs import draw, settle

LABELS = dict(num_labels=1000)
SMALL = dict(layer_type="basic", depths=[2, 2, 2, 2], hidden_sizes=[64, 128, 256, 512])
NETWORKS = {     # side of the picture, and who makes it in each library
    "resnet18": (96, dict(torchvision=lambda: torchvision.models.resnet18(), timm=lambda: timm.create_model("resnet18"),
                          transformers=lambda: hf.ResNetForImageClassification(hf.ResNetConfig(**SMALL, **LABELS)))),
    "resnet50": (96, dict(torchvision=lambda: torchvision.models.resnet50(), timm=lambda: timm.create_model("resnet50"),
                          transformers=lambda: hf.ResNetForImageClassification(hf.ResNetConfig(**LABELS)))),
    "resnext50": (96, dict(torchvision=lambda: torchvision.models.resnext50_32x4d(),
                           timm=lambda: timm.create_model("resnext50_32x4d"))),
    "swin_t": (224, dict(torchvision=lambda: torchvision.models.swin_t(), timm=lambda: timm.create_model("swin_tiny_patch4_window7_224"),
                         transformers=lambda: hf.SwinForImageClassification(hf.SwinConfig(**LABELS)))),
    "swin_v2_t": (256, dict(torchvision=lambda: torchvision.models.swin_v2_t(), timm=lambda: timm.create_model("swinv2_tiny_window8_256"),
                            transformers=lambda: hf.Swinv2ForImageClassification(
                                hf.Swinv2Config(image_size=256, window_size=8, **LABELS)))),
    "pvt_v2_b0": (96, dict(timm=lambda: timm.create_model("pvt_v2_b0"),
                           transformers=lambda: hf.PvtV2ForImageClassification(hf.PvtV2Config(**LABELS)))),
}


def logits(network, x):
    with torch.no_grad():
        out = network.eval()(x)
    return getattr(out, "logits", out)


def write(network, folder):
    """As the library saves it."""
    if isinstance(network, hf.PreTrainedModel):
        network.save_pretrained(folder / "source")
        return folder / "source"
    torch.save(network.state_dict(), folder / "source.pth")
    return folder / "source.pth"


def load(network, path, folder):
    weights = load_file(path)
    if not isinstance(network, hf.PreTrainedModel):
        network.load_state_dict(weights, strict=True)
        return network
    network.config.save_pretrained(folder / "back")
    save_file(weights, folder / "back" / "model.safetensors", metadata={"format": "pt"})
    network, told = type(network).from_pretrained(folder / "back", output_loading_info=True)
    left = {key: sorted(names)[:3] for key, names in told.items() if names}
    if left:
        raise RuntimeError(str(left))
    return network


def check(program, folder, name, source, goal):
    side, makers = NETWORKS[name]
    x = torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))
    network = draw(makers[source](), 5)
    if source != "transformers":
        settle(network, x)
    window = ["--window", "8"] if name == "swin_v2_t" else []
    written = folder / "written.safetensors"
    subprocess.run([program, "convert", write(network, folder), written, "--to", goal, "--quiet", *window], check=True)
    want = logits(network, x)
    try:
        off = ((logits(load(makers[goal](), written, folder), x) - want).abs().max() / want.abs().max()).item()
    except RuntimeError as error:
        print("%-10s %-12s to %-12s is not loaded: %s" % (name, source, goal, str(error)[:200]))
        return False
    print("%-10s %-12s to %-12s strict, logits within %.1e of the largest" % (name, source, goal, off), flush=True)
    return off < 1e-5


def main():
    program, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    hf.utils.logging.disable_progress_bar()
    good = True
    for name, (_, makers) in NETWORKS.items():
        for source in makers:
            for goal in makers:
                good &= check(program, folder, name, source, goal)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
