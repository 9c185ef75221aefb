#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/attention/*.safetensors: values and gradients of window, deformable and neighborhood attention, computed by PyTorch in
float64 from float32 inputs, step by step as the papers' code does (pad, roll, partition, mask; grid_sample of the table).
Needs torch and numpy. Usage: make_attention.py OUT_DIR"""
import sys

import numpy as np
import torch
import torch.nn.functional as F

from tensor_files import save


def draw(g, *shape, scale=1.0):
    x = (torch.randn(*shape, generator=g) * scale).float().double()
    return x.requires_grad_()


def finish(path, inputs, options, y, g, **more):
    gy = torch.randn(*y.shape, generator=g).float().double()
    (y * gy).sum().backward()
    tensors = {"options": torch.tensor(options, dtype=torch.float64), "output": y, "gradout": gy, **more}
    for name, x in inputs.items():
        if x is not None:
            tensors[name] = x
            tensors["grad." + name] = x.grad if x.grad is not None else torch.zeros_like(x)
    save(path, tensors, kind="float32")


def window_attention(qkv, pad, table, heads, w, shift, scale):
    B, H, W, C = qkv.shape[0], qkv.shape[1], qkv.shape[2], qkv.shape[3] // 3
    Hp, Wp = -(-H // w) * w, -(-W // w) * w
    full = (pad if pad is not None else torch.zeros(3 * C).double()).expand(B, Hp, Wp, 3 * C).clone()
    full[:, :H, :W] = qkv
    x = torch.roll(full, (-shift, -shift), (1, 2))

    def partition(t):
        n, h, ww, c = t.shape
        return t.view(n, h // w, w, ww // w, w, c).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, c)

    x = partition(x)
    q, k, v = x.view(-1, w * w, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
    a = (q * scale) @ k.transpose(-2, -1)
    if table is not None:
        yx = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
        d = yx[:, :, None] - yx[:, None, :] + w - 1
        a = a + table[(d[0] * (2 * w - 1) + d[1]).flatten()].view(w * w, w * w, heads).permute(2, 0, 1)
    if shift:
        region = torch.zeros(1, Hp, Wp, 1).double()
        slices = (slice(0, -w), slice(-w, -shift), slice(-shift, None))
        n = 0
        for sy in slices:
            for sx in slices:
                region[:, sy, sx] = n
                n += 1
        m = partition(region).squeeze(-1)
        mask = torch.where(m[:, None, :] == m[:, :, None], 0.0, -100.0).double()
        a = (a.view(B, -1, heads, w * w, w * w) + mask[None, :, None]).view(-1, heads, w * w, w * w)
    y = (a.softmax(-1) @ v).transpose(1, 2).reshape(-1, w * w, C)
    y = y.view(B, Hp // w, Wp // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, Hp, Wp, C)
    return torch.roll(y, (shift, shift), (1, 2))[:, :H, :W]


def deform_attention(q, k, v, pos, bias, off, kind, heads, groups, scale, half_pixel):
    B, H, W, C = q.shape
    D, Ns = C // heads, k.shape[1]
    qh = q.view(B, H * W, heads, D).transpose(1, 2)
    kh, vh = (t.view(B, Ns, heads, D).transpose(1, 2) for t in (k, v))
    a = qh @ kh.transpose(-2, -1) * scale
    if kind == "table":
        i, j = torch.arange(H).double(), torch.arange(W).double()
        gy, gx = ((i + 0.5) / H, (j + 0.5) / W) if half_pixel else (i / (H - 1), j / (W - 1))
        grid = torch.stack(torch.meshgrid(gy * 2 - 1, gx * 2 - 1, indexing="ij"), -1).view(1, H * W, 1, 2)
        d = (grid - pos.reshape(B * groups, 1, Ns, 2)) * 0.5
        t = bias[None].expand(B, *bias.shape).reshape(B * groups, heads // groups, *bias.shape[1:])
        s = F.grid_sample(t, d[..., (1, 0)], mode="bilinear", align_corners=True)
        a = a + s.reshape(B, heads, H * W, Ns)
    elif kind == "dense":
        a = a + bias
    elif kind == "masked":
        a = a.masked_fill(off[:, None, None], float("-inf"))
    return (a.softmax(-1) @ vh).transpose(1, 2).reshape(B, H, W, C)


def neighborhood(size, w, dilation):
    """For every place of an axis, the places of its w neighbours, and where these stand in the table: neighbour - place, in steps."""
    places, steps = [], []
    for i in range(size):
        line = list(range(i % dilation, size, dilation))
        at = line.index(i)
        start = min(max(at - w // 2, 0), len(line) - w)
        places.append(line[start:start + w])
        steps.append([start + t - at + w - 1 for t in range(w)])
    return torch.tensor(places), torch.tensor(steps)


def neighborhood_attention(qkv, table, heads, w, dilation, scale):
    B, H, W, C = qkv.shape[0], qkv.shape[1], qkv.shape[2], qkv.shape[3] // 3
    q, k, v = qkv.view(B, H, W, 3, heads, C // heads).permute(3, 0, 4, 1, 2, 5)
    (py, sy), (px, sx) = neighborhood(H, w, dilation), neighborhood(W, w, dilation)
    k, v = (t[:, :, py[:, None, :, None], px[None, :, None, :]].flatten(4, 5) for t in (k, v))
    a = torch.einsum("bhyxd,bhyxnd->bhyxn", q * scale, k)
    if table is not None:
        a = a + table[:, sy[:, None, :, None], sx[None, :, None, :]].flatten(3)
    return torch.einsum("bhyxn,bhyxnd->byxhd", a.softmax(-1), v).reshape(B, H, W, C)


WINDOWS = {  # B H W heads depth window shift pad table
    "pad_shift": (2, 9, 10, 2, 8, 7, 3, True, True),
    "map_smaller_than_window": (1, 3, 4, 1, 5, 7, 3, True, True),
    "plain": (2, 8, 8, 2, 4, 4, 0, False, False),
    "shift_rounded_up": (1, 5, 11, 1, 16, 5, 3, False, True),
    "two_tiles": (1, 13, 12, 1, 3, 12, 6, True, True),
    "no_table_shift": (2, 5, 5, 3, 9, 3, 1, True, False),
    "long_heads": (1, 7, 7, 1, 40, 7, 0, False, True),
}
DEFORMS = {  # B H W keys heads groups depth kind table_h table_w half_pixel spread of positions
    "table": (2, 5, 7, 11, 4, 2, 8, "table", 9, 13, False, 0.8),
    "half_pixel": (2, 6, 5, 13, 2, 1, 5, "table", 11, 9, True, 0.8),
    "long_rows": (1, 3, 101, 70, 1, 1, 3, "table", 3, 5, False, 0.6),
    "wide_steps": (1, 4, 3, 9, 3, 3, 4, "table", 15, 15, False, 1.0),
    "unit_steps": (1, 8, 8, 16, 2, 2, 16, "table", 15, 15, False, 0.6),
    "far_outside": (1, 4, 9, 30, 1, 1, 8, "table", 7, 7, False, 3.0),
    "half_pixel_row": (1, 1, 9, 5, 1, 1, 4, "table", 5, 7, True, 0.7),
    "none": (2, 7, 3, 5, 2, 1, 24, "none", 0, 0, False, 1.0),
    "dense": (2, 3, 6, 7, 2, 1, 8, "dense", 0, 0, False, 1.0),
    "dense_batched": (2, 11, 10, 66, 1, 1, 4, "dense_batched", 0, 0, False, 1.0),
    "masked": (3, 2, 9, 60, 2, 1, 4, "masked", 0, 0, False, 1.0),
}

NEIGHBORHOODS = {  # B H W heads depth window dilation table
    "plain": (2, 7, 11, 2, 8, 3, 1, True),
    "many_tiles": (1, 9, 19, 1, 16, 7, 1, True),
    "map_of_one_window": (2, 7, 7, 3, 4, 7, 1, True),
    "dilated": (1, 11, 13, 2, 4, 3, 3, True),
    "dilated_no_table": (1, 10, 15, 1, 5, 5, 2, False),
    "long_heads": (1, 5, 6, 1, 40, 5, 1, True),
    "tall": (1, 21, 3, 1, 3, 3, 1, True),
    "several_bands": (1, 6, 135, 1, 2, 3, 2, True),
}


def main(out):
    for seed, (name, (B, H, W, heads, D, w, shift, has_pad, has_table)) in enumerate(WINDOWS.items()):
        g = torch.Generator().manual_seed(seed)
        C = heads * D
        x = {"qkv": draw(g, B, H, W, 3 * C), "pad": draw(g, 3 * C) if has_pad else None,
             "table": draw(g, (2 * w - 1) ** 2, heads, scale=0.7) if has_table else None}
        scale = float(np.float32(D ** -0.5))
        y = window_attention(x["qkv"], x["pad"], x["table"], heads, w, shift, scale)
        finish(f"{out}/window_{name}.safetensors", x, [heads, w, shift, scale], y, g)
    for seed, (name, (B, H, W, Ns, heads, groups, D, kind, th, tw, half, spread)) in enumerate(DEFORMS.items()):
        g = torch.Generator().manual_seed(100 + seed)
        C = heads * D
        x = {"q": draw(g, B, H, W, C), "k": draw(g, B, Ns, C), "v": draw(g, B, Ns, C)}
        x["pos"] = draw(g, B, groups, Ns, 2, scale=spread) if kind == "table" else None
        x["bias"] = (draw(g, heads, th, tw) if kind == "table" else draw(g, heads, H * W, Ns) if kind == "dense"
                     else draw(g, B, heads, H * W, Ns) if kind == "dense_batched" else None)
        scale = float(np.float32(D ** -0.5))
        short = kind.split("_")[0]
        off = torch.rand(B, Ns, generator=g) < torch.linspace(0.9, 0, B)[:, None] if kind == "masked" else None
        y = deform_attention(x["q"], x["k"], x["v"], x["pos"], x["bias"], off, short, heads, groups, scale, half)
        number = {"none": 0, "masked": 0, "table": 1, "dense": 2}[short]
        finish(f"{out}/deform_{name}.safetensors", x, [heads, groups, number, half, scale], y, g,
               **({} if off is None else {"off": off}))
    for seed, (name, (B, H, W, heads, D, w, dilation, has_table)) in enumerate(NEIGHBORHOODS.items()):
        g = torch.Generator().manual_seed(200 + seed)
        x = {"qkv": draw(g, B, H, W, 3 * heads * D), "table": draw(g, heads, 2 * w - 1, 2 * w - 1, scale=0.7)
             if has_table else None}
        scale = float(np.float32(D ** -0.5))
        y = neighborhood_attention(x["qkv"], x["table"], heads, w, dilation, scale)
        finish(f"{out}/neighborhood_{name}.safetensors", x, [heads, w, dilation, scale], y, g)


main(sys.argv[1])
