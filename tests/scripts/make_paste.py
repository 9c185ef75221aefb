# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/boxes/paste.json and paste_torchvision.json: masks pasted by mmdet's formula with PyTorch's grid_sample, and
by torchvision. Usage: make_paste.py OUT OUT_TORCHVISION"""
import json
import sys

import torch
import torch.nn.functional as F
from torchvision.models.detection.roi_heads import paste_masks_in_image


def paste(mask, box, height, width, threshold):
    """mmdet 2.x, _do_paste_mask with skip_empty, and the threshold of get_seg_masks."""
    x0, y0, x1, y1 = box
    left, top = max(int(x0.floor()) - 1, 0), max(int(y0.floor()) - 1, 0)
    right, bottom = min(int(x1.ceil()) + 1, width), min(int(y1.ceil()) + 1, height)
    y = (torch.arange(top, bottom, dtype=torch.float32) + 0.5 - y0) / (y1 - y0) * 2 - 1
    x = (torch.arange(left, right, dtype=torch.float32) + 0.5 - x0) / (x1 - x0) * 2 - 1
    x[torch.isinf(x)] = 0
    y[torch.isinf(y)] = 0
    grid = torch.stack([x[None, :].expand(len(y), len(x)), y[:, None].expand(len(y), len(x))], dim=2)
    out = torch.zeros(height, width, dtype=torch.bool)
    out[top:bottom, left:right] = F.grid_sample(mask[None, None], grid[None], align_corners=False)[0, 0] >= threshold
    return out


def runs(pixels):
    """Down the columns, background first."""
    out, now, length = [], 0, 0
    for pixel in pixels.t().reshape(-1).int().tolist():
        if pixel != now:
            out.append(length)
            now, length = pixel, 0
        length += 1
    return out + [length]


def paste_torchvision(mask, box, height, width, threshold):
    return paste_masks_in_image(mask[None, None], box[None], (height, width))[0, 0] > threshold


def make(paste, path):
    torch.manual_seed(3)
    boxes = [(3.2, 4.1, 30.7, 22.9), (-4.0, -2.5, 12.0, 9.5), (30.0, 20.0, 55.5, 41.0), (10, 10, 11, 11),
             (7.3, 8.2, 7.8, 8.4),
             (5, 5, 5, 20), (0, 0, 40, 28), (39.5, 27.5, 40, 28), (9, 3, 30, 3), (12.25, 0, 12.75, 28)]
    cases = []
    for i, box in enumerate(boxes):
        size = [28, 28, 28, 40] if i % 2 else [14, 9, 28, 40]
        mask = torch.sigmoid(3 * F.interpolate(torch.randn(1, 1, 5, 5), size[:2], mode='bilinear',
                                               align_corners=True))[0, 0]
        threshold = 0.5 if i != 6 else 0.3
        pixels = paste(mask, torch.tensor(box, dtype=torch.float32), size[2], size[3], threshold)
        cases.append(dict(threshold=threshold, size=size, box=list(map(float, box)),
                          mask=[float('%.9g' % v) for v in mask.reshape(-1).tolist()],
                          runs=runs(pixels)))
    with open(path, 'w') as out:
        json.dump(cases, out)
        out.write('\n')


make(paste, sys.argv[1])
make(paste_torchvision, sys.argv[2])
