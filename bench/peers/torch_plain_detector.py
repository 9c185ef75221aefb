# SPDX-License-Identifier: Apache-2.0
"""What one gets in PyTorch without much thought: torchvision's RetinaNet on ten plain convolutions, 1.4 million parameters, learns from nothing.

    python3 bench/peers/torch_plain_detector.py DATA 900s OUT.json [THREADS]     learns for 900 seconds
    python3 bench/peers/torch_plain_detector.py DATA 10460 OUT.json [THREADS]    takes 10460 steps; can be stopped, and continued
                                                                                needs torch, torchvision, numpy and pillow
DATA       a folder with images/, instances_train.json and instances_val.json, such as BCCD's
OUT.json   gets what the network finds on the validation part, for `deformer metric coco`

Pictures at two thirds of their size, mirrored both ways, lighter or darker; steps of 8, AdamW, a cosine. The number of steps in some time on
a quiet machine can be taken on a busy one too: the rate follows from how much is done."""
import json
import os
import random
import sys
import time

import numpy as np
import torch
from PIL import Image
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.ops import FeaturePyramidNetwork
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

BATCH, RATE, WARM_UP, SAVE = 8, 2e-3, 200, 200
WIDTHS, LEVELS = [24, 48, 96, 128, 160], 3

# ---- the network ----------------------------------------------------------------------------------------------------


def stage(channels, out):
    """Two 3x3 convolutions, the first with stride 2."""
    layers = []
    for stride, before in (2, channels), (1, out):
        layers += [torch.nn.Conv2d(before, out, 3, stride, 1, bias=False), torch.nn.BatchNorm2d(out), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers)


class Backbone(torch.nn.Module):
    out_channels = 64

    def __init__(self):
        super().__init__()
        self.stages = torch.nn.ModuleList(stage(i, o) for i, o in zip([3] + WIDTHS, WIDTHS))
        self.neck = FeaturePyramidNetwork(WIDTHS[-LEVELS:], self.out_channels, extra_blocks=LastLevelP6P7(self.out_channels, self.out_channels))

    def forward(self, x):
        maps = {}
        for i, s in enumerate(self.stages):
            maps[str(i)] = x = s(x)
        return self.neck({name: maps[name] for name in list(maps)[-LEVELS:]})


def detector(classes):
    sizes = tuple(tuple(int(base * 2 ** (octave / 3)) for octave in range(3)) for base in (32, 64, 128, 256, 512))
    anchors = AnchorGenerator(sizes, ((.5, 1., 2.),) * len(sizes))
    return RetinaNet(Backbone(), classes + 1, anchor_generator=anchors, min_size=320, max_size=448, image_mean=[.5] * 3, image_std=[.25] * 3,
                     detections_per_img=100)


# ---- pictures -------------------------------------------------------------------------------------------------------


class Part:
    """The pictures of a part, two thirds as large, kept in memory; boxes as x1, y1, x2, y2."""

    def __init__(self, data, name):
        with open(f"{data}/instances_{name}.json") as f:
            whole = json.load(f)
        self.classes = max(c["id"] for c in whole["categories"])
        self.samples = []
        for image in whole["images"]:
            own = [a for a in whole["annotations"] if a["image_id"] == image["id"]]
            picture = Image.open(f"{data}/images/{os.path.basename(image['file_name'])}").convert("RGB")
            if picture.width > 500:
                picture = picture.resize((picture.width * 2 // 3, picture.height * 2 // 3), Image.BILINEAR)
            boxes = torch.tensor([a["bbox"] for a in own], dtype=torch.float32).reshape(-1, 4) * (picture.width / image["width"])
            boxes[:, 2:] += boxes[:, :2]
            labels = torch.tensor([a["category_id"] for a in own], dtype=torch.int64)
            self.samples.append((image, np.asarray(picture), boxes, labels))


def tensor(pixels):
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1).float() / 255


def varied(pixels, boxes, labels):
    x, boxes = tensor(pixels), boxes.clone()
    for axis, ends in (2, (0, 2)), (1, (1, 3)):
        if random.random() < .5:
            x = x.flip(axis)
            boxes[:, ends] = x.shape[axis] - boxes[:, ends[::-1]]
    x = (x * random.uniform(.8, 1.2) + random.uniform(-.1, .1)).clamp(0, 1)
    large = (boxes[:, 2:] - boxes[:, :2] > 1).all(1)
    return x, {"boxes": boxes[large], "labels": labels[large]}


# ---- learning -------------------------------------------------------------------------------------------------------


class Run:
    def __init__(self, part, path):
        self.part, self.path, self.step = part, path, 0
        self.net = detector(part.classes).train()
        self.optimizer = torch.optim.AdamW(self.net.parameters(), RATE, weight_decay=1e-3)
        if os.path.exists(path):
            state = torch.load(path, weights_only=False)
            self.net.load_state_dict(state["net"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = state["step"]
            random.setstate(state["random"])

    def take(self, done):
        """A step, where `done` (0 to 1) of the run lies behind it."""
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min(1, (self.step + 1) / WARM_UP) * (.5 * (1 + np.cos(np.pi * done)) + .01)
        batch = [varied(*random.choice(self.part.samples)[1:]) for _ in range(BATCH)]
        losses = self.net([x for x, _ in batch], [target for _, target in batch])
        self.optimizer.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 10.)
        self.optimizer.step()
        self.step += 1
        return losses

    def save(self):
        torch.save({"net": self.net.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step, "random": random.getstate()},
                   self.path + ".new")
        os.replace(self.path + ".new", self.path)


def learn(run, amount):
    timed = amount.endswith("s")
    begin, first = time.time(), run.step
    while True:
        done = (time.time() - begin) / float(amount[:-1]) if timed else run.step / int(amount)
        if done >= 1:
            return
        losses = run.take(done)
        if run.step % 100 == 0:
            speed = BATCH * (run.step - first) / (time.time() - begin)
            print(run.step, f"{speed:.1f} images/s", *(f"{name} {value:.3f}" for name, value in losses.items()), flush=True)
        if not timed and run.step % SAVE == 0:
            run.save()


def found(net, part):
    results = []
    net.eval()
    with torch.no_grad():
        for image, pixels, _, _ in part.samples:
            out, scale = net([tensor(pixels)])[0], pixels.shape[1] / image["width"]
            for (x1, y1, x2, y2), score, label in zip((out["boxes"] / scale).tolist(), out["scores"].tolist(), out["labels"].tolist()):
                results.append({"image_id": image["id"], "category_id": label, "score": score, "bbox": [x1, y1, x2 - x1, y2 - y1]})
    return results


def main(data, amount, out, threads=2):
    torch.manual_seed(0)
    random.seed(0)
    torch.set_num_threads(int(threads))
    run = Run(Part(data, "train"), out + ".state")
    learn(run, amount)
    with open(out + ".new", "w") as f:
        json.dump(found(run.net, Part(data, "val")), f)
    os.replace(out + ".new", out)


if __name__ == "__main__":
    if not 4 <= len(sys.argv) <= 5:
        sys.exit(__doc__)
    main(*sys.argv[1:])
