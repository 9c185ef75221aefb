# SPDX-License-Identifier: Apache-2.0
"""A network learns here and in PyTorch: the same pictures, beginning, schedule and number of steps, one thread each. Both sets of weights are
scored by `deformer eval`, so that what differs is the training alone.

    python3 bench/peers/torch_learns.py retinanet|upernet DATA OUT [SEEDS [EPOCHS]]        needs torch, numpy and opencv

DATA: a folder as `deformer synth` draws it, or one with images/, instances_train.json and instances_val.json. A seed, of 0 to SEEDS - 1
(default 3), gives the random weights (`deformer init`) and, on either side by its own means, the order of pictures and which are mirrored.
OUT gets config.py, and for each seed the run of ours and torch_SEED.safetensors, torch_SEED.txt; what is there is not made again.
Prints the losses of either side along the way, and the scores."""
import json
import math
import os
import re
import subprocess
import sys
import time

import cv2
import numpy as np
import torch

import harness
import torch_nano

ROOT = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PROGRAM = os.environ.get("DEFORMER", ROOT + "/build/deformer")
WIDTH, HEIGHT, BATCH, RATE, DECAY, WARM_UP, LINES = 256, 192, 4, .001, .05, 100, 10
MEAN, STD = np.array([123.675, 116.28, 103.53], np.float32), np.array([58.395, 57.12, 57.375], np.float32)
NO_DECAY = "relative_position_bias_table", "rpe_table", "norm"

CONFIG = """_base_ = '{root}/configs/nano/{name}_dat_nano.py'
img_norm_cfg = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations'{boxes}),
    dict(type='Resize', img_scale=({width}, {height}), keep_ratio=False),
    dict(type='RandomFlip', {flip}=0.5),
    dict(type='Normalize', **img_norm_cfg),
    dict(type='DefaultFormatBundle'),
    dict(type='Collect', keys=['img', {keys}])
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='MultiScaleFlipAug',
        img_scale=({width}, {height}),
        flip=False,
        transforms=[
            dict(type='Resize', keep_ratio=False),
            dict(type='RandomFlip'),
            dict(type='Normalize', **img_norm_cfg),
            dict(type='ImageToTensor', keys=['img']),
            dict(type='Collect', keys=['img'])
        ])
]
data = dict(
    samples_per_gpu={batch},
    train=dict(pipeline=train_pipeline),
    val=dict(pipeline=test_pipeline),
    test=dict(pipeline=test_pipeline))
runner = dict(max_epochs={epochs})
evaluation = dict(interval={epochs})
checkpoint_config = dict(interval={epochs})
log_config = dict(interval=10)
"""
KINDS = {
    "retinanet": dict(boxes=", with_bbox=True", flip="flip_ratio", keys="'gt_bboxes', 'gt_labels'",
                      extra="model = dict(bbox_head=dict(num_classes={classes}, anchor_generator=dict(octave_base_scale=3)))\n"),
    "upernet": dict(boxes="", flip="prob", keys="'gt_semantic_seg'",
                    extra="model = dict(decode_head=dict(num_classes={classes}), auxiliary_head=dict(num_classes={classes}))\n"),
}

# ---- pictures -------------------------------------------------------------------------------------------------------


def picture(path):
    x = cv2.cvtColor(cv2.resize(cv2.imread(path), (WIDTH, HEIGHT), interpolation=cv2.INTER_LINEAR), cv2.COLOR_BGR2RGB)
    return ((x.astype(np.float32) - MEAN) / STD).transpose(2, 0, 1)


def detection_set(data):
    """Pictures, boxes in their pixels and labels."""
    synthetic = os.path.isdir(data + "/train2017")
    with open(data + ("/annotations/instances_train2017.json" if synthetic else "/instances_train.json")) as f:
        index = json.load(f)
    label, of = {c["id"]: i for i, c in enumerate(index["categories"])}, {}
    for a in index["annotations"]:
        of.setdefault(a["image_id"], []).append(a)
    for image in index["images"]:
        things = [a for a in of.get(image["id"], []) if not a.get("iscrowd")]
        if things:
            boxes = np.array([a["bbox"] for a in things], np.float32)
            boxes[:, 2:] += boxes[:, :2]
            scale = [WIDTH / image["width"], HEIGHT / image["height"]] * 2
            boxes = (boxes * np.float32(scale)).clip(0, [WIDTH, HEIGHT] * 2).astype(np.float32)
            path = f"{data}/train2017/{image['file_name']}" if synthetic else f"{data}/images/{os.path.basename(image['file_name'])}"
            yield picture(path), (boxes, np.array([label[a["category_id"]] for a in things]))


def map_set(data):
    for name in sorted(os.listdir(data + "/train2017")):
        label = cv2.imread(f"{data}/annotations/train2017/{name[:-4]}.png", cv2.IMREAD_UNCHANGED)
        yield picture(f"{data}/train2017/{name}"), cv2.resize(label, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST)


def mirrored(x, wanted):
    x = x[:, :, ::-1].copy()
    if isinstance(wanted, np.ndarray):
        return x, wanted[:, ::-1].copy()
    boxes = wanted[0].copy()
    boxes[:, [0, 2]] = WIDTH - boxes[:, [2, 0]]
    return x, (boxes, wanted[1])


def batches(samples, epochs, rng):
    for _ in range(epochs):
        order = rng.permutation(len(samples))
        for k in range(0, len(order), BATCH):
            chosen = [mirrored(*samples[i]) if rng.random() < .5 else samples[i] for i in order[k:k + BATCH]]
            x = torch.tensor(np.stack([s[0] for s in chosen]))
            if isinstance(chosen[0][1], np.ndarray):
                yield x, torch.tensor(np.stack([s[1] for s in chosen])).long()
            else:
                yield x, [(torch.tensor(boxes), torch.tensor(labels)) for _, (boxes, labels) in chosen]


# ---- learning -------------------------------------------------------------------------------------------------------


def rate(step, steps):
    least = .01 * RATE
    cosine = least + .5 * (RATE - least) * (1 + math.cos(math.pi * step / steps))
    return cosine * (1 - (1 - min(step / WARM_UP, 1)) * (1 - .01))


def learn(loss_of, weights, samples, epochs, seed):
    """Weights, and a line for each stretch of steps: step, mean loss, seconds."""
    P = {name: torch.tensor(w) for name, w in weights.items()}
    learnt = {name: p.requires_grad_() for name, p in P.items() if "running_" not in name}
    decays = lambda name: not any(part in name for part in NO_DECAY)
    optimizer = torch.optim.AdamW([
        {"params": [p for name, p in learnt.items() if decays(name)], "weight_decay": DECAY},
        {"params": [p for name, p in learnt.items() if not decays(name)], "weight_decay": 0.}], lr=RATE)
    torch.manual_seed(seed)
    steps, lines, losses, start = epochs * math.ceil(len(samples) / BATCH), [], [], time.time()
    for step, (x, wanted) in enumerate(batches(samples, epochs, np.random.default_rng(seed))):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        loss = loss_of(P, x, wanted)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learnt.values(), 10.)
        optimizer.step()
        losses.append(loss.item())
        if (step + 1) % LINES == 0 or step + 1 == steps:
            lines.append((step + 1, np.mean(losses), time.time() - start))
            losses = []
    return P, lines


# ---- a seed on either side ------------------------------------------------------------------------------------------


def program(*arguments, **options):
    return subprocess.run([PROGRAM, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, **options).stdout


def score(config, weights, data):
    """AP and AP50, or mIoU, in percent."""
    text = program("eval", config, weights, "--data", data, "--quiet", "--threads", "1")
    found = re.search(r"^ all +\S+ +(\S+)", text, re.M)
    return [float(found[1])] if found else [100 * float(v) for v in re.findall(r"= (\S+)", text)[:2]]


def log_of(path):
    """Lines of a log of ours, as learn() makes them."""
    lines, seconds, last = [], 0, 0
    with open(path) as f:
        for entry in map(json.loads, f):
            if entry.get("mode") == "train":
                seconds += entry["time"] * (entry["step"] - last)
                last = entry["step"]
                lines.append((last, entry["loss"], seconds))
    return lines


def ours(out, data, seed):
    run = f"{out}/ours_{seed}"
    if not os.path.exists(run + "/latest.safetensors"):
        program("train", out + "/config.py", "--data", data, "--init", f"{out}/first_{seed}.safetensors",
                "--work-dir", run, "--seed", str(seed),
                "--threads", "1", "--quiet")
    return run + "/latest.safetensors", log_of(run + "/log.jsonl")


def torchs(name, out, data, seed, epochs):
    weights, log = f"{out}/torch_{seed}.safetensors", f"{out}/torch_{seed}.txt"
    if not os.path.exists(log):
        samples = list(detection_set(data) if name == "retinanet" else map_set(data))
        loss_of = torch_nano.retina_loss if name == "retinanet" else torch_nano.upernet_loss
        P, lines = learn(loss_of, harness.load_tensors(f"{out}/first_{seed}.safetensors"), samples, epochs, seed)
        harness.save_tensors(weights, P)
        np.savetxt(log, np.array(lines))
    return weights, [tuple(line) for line in np.loadtxt(log)]


def at(lines, share):
    """Mean loss of the tenth of the run that ends there."""
    steps = lines[-1][0]
    return np.mean([loss for step, loss, _ in lines if (share - .1) * steps < step <= share * steps])


def show(side, seed, lines, scores):
    curve = " ".join(f"{at(lines, share):.3f}" for share in (.1, .25, .5, .75, 1.))
    print(f"{side:8} seed {seed}  loss at 10, 25, 50, 75, 100 %: {curve}  {lines[-1][2]:.0f} s  "
          f"score {' '.join(f'{v:.1f}' for v in scores)}", flush=True)


def main():
    name, data, out = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3]
    seeds, epochs = (int(v) for v in (sys.argv[4:] + ["3", "12"][len(sys.argv) - 4:])[:2])
    torch.set_num_threads(1)
    os.makedirs(out, exist_ok=True)
    classes = classes_of(name, data)
    with open(out + "/config.py", "w") as f:
        kind = {key: value.format(classes=classes) for key, value in KINDS[name].items()}
        f.write(CONFIG.format(root=ROOT, name=name, width=WIDTH, height=HEIGHT, batch=BATCH, epochs=epochs, **kind)
                + kind["extra"])
    scores = {"deformer": [], "PyTorch": []}
    for seed in range(seeds):
        program("init", out + "/config.py", f"{out}/first_{seed}.safetensors", "--seed", str(seed))
        sides = ("deformer", ours(out, data, seed)), ("PyTorch", torchs(name, out, data, seed, epochs))
        for side, (weights, lines) in sides:
            scores[side].append(score(out + f"/ours_{seed}/config.py", weights, data))
            show(side, seed, lines, scores[side][-1])
    for side, values in scores.items():
        v = np.array(values)
        print(f"{side:8} mean {v.mean(0).round(1)}, from {v.min(0).round(1)} to {v.max(0).round(1)}")


def classes_of(name, data):
    if name == "upernet":
        with open(data + "/classes.txt") as f:
            return len(f.read().split("\n")) - 1
    path = "/annotations/instances_train2017.json" if os.path.isdir(data + "/train2017") else "/instances_train.json"
    with open(data + path) as f:
        return len(json.load(f)["categories"])


if __name__ == "__main__":
    main()
