# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/edges.tsv: random ops at and around every size at which our kernels change what they do (a strip of rows, a tile,
a panel of columns, a block of keys, the most samples of a bin), computed by PyTorch in float64, forward and backward.

    pip install torch torchvision
    python tests/scripts/make_edges.py > tests/data/edges.tsv

Inputs are not stored: both sides draw them from a hash of (seed, number of the input, index). Of every result four sums with random
weights are stored, and its length: a wrong element moves them by far more than rounding does. A line is

    op  number of options  options  seed  number of results  { elements  length  four sums }
"""
import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from torchvision.ops import deform_conv2d, roi_align

MASK = (1 << 64) - 1


def mix(x):
    x = (x + np.uint64(0x9E3779B97F4A7C15)).astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def drawn(seed, number, n):
    """n numbers in [-1, 1) with 24 bits."""
    with np.errstate(over='ignore'):
        start = mix(np.array([(seed * 1000003 + number * 7919 + 12345) & MASK], dtype=np.uint64))[0]
        bits = mix(start + np.arange(n, dtype=np.uint64))
    return (bits >> np.uint64(40)).astype(np.float32) / np.float32(1 << 23) - np.float32(1)


class Case:
    def __init__(self, op, options, seed):
        self.op, self.options, self.seed, self.inputs = op, options, seed, []

    def draw(self, *shape, scale=1.0, shift=0.0):
        n = int(np.prod(shape))
        x = drawn(self.seed, len(self.inputs), n) * np.float32(scale) + np.float32(shift)
        self.inputs.append(torch.tensor(x.astype(np.float64).reshape(shape), requires_grad=True))
        return self.inputs[-1]

    def plain(self, n, number):
        return drawn(self.seed, 100 + number, n)

    def line(self, y):
        gradient = torch.tensor(drawn(self.seed, 50, y.numel()).astype(np.float64).reshape(y.shape))
        y.backward(gradient)
        results = [y.detach()] + [x.grad for x in self.inputs]
        fields = [self.op, len(self.options), *self.options, self.seed, len(results)]
        for k, r in enumerate(results):
            flat = r.contiguous().reshape(-1).numpy()
            sums = [float(np.dot(flat, drawn(self.seed, 60 + 4 * k + i, flat.size).astype(np.float64)))
                    for i in range(4)]
            fields += [flat.size, '%.9g' % float(np.linalg.norm(flat))] + ['%.9g' % s for s in sums]
        return '\t'.join(map(str, fields))


def maps(x):
    return x.permute(0, 3, 1, 2)


def last(x):
    return x.permute(0, 2, 3, 1)


def act(x, kind):
    return [lambda v: v, F.relu, F.gelu][kind](x)


def linear(c, M, K, N, kind, residual):
    x, w, b = c.draw(M, K), c.draw(N, K, scale=K ** -0.5), c.draw(N)
    y = act(F.linear(x, w, b), kind)
    return y + c.draw(M, N) if residual else y


def mlp(c, M, K, H, N, kind):
    x, w1, b1 = c.draw(M, K), c.draw(H, K, scale=K ** -0.5), c.draw(H)
    w2, b2 = c.draw(N, H, scale=H ** -0.5), c.draw(N)
    return F.linear(act(F.linear(x, w1, b1), kind), w2, b2)


def matmul(c, B, M, K, N):
    return c.draw(B, M, K) @ c.draw(B, K, N)


def conv2d(c, N, H, W, I, O, kh, kw, sy, sx, py, px, dy, dx, groups, kind):
    x = c.draw(N, H, W, I)
    scale = (kh * kw * I / groups) ** -0.5
    if groups == I == O and groups > 1:
        w = c.draw(kh, kw, I, scale=scale).permute(2, 0, 1)[:, None]
    else:
        w = c.draw(O, kh, kw, I // groups, scale=scale).permute(0, 3, 1, 2)
    y = F.conv2d(maps(x), w, c.draw(O), (sy, sx), (py, px), (dy, dx), groups)
    return act(last(y), kind)


def deform_conv(c, N, H, W, I, O, k, s, p, d, groups, G, masked):
    x = c.draw(N, H, W, I)
    h, w = (H + 2 * p - d * (k - 1) - 1) // s + 1, (W + 2 * p - d * (k - 1) - 1) // s + 1
    offset = c.draw(N, h, w, 2 * G * k * k, scale=2.5)
    mask = c.draw(N, h, w, G * k * k) if masked else None
    weight = c.draw(O, k, k, I // groups, scale=(k * k * I / groups) ** -0.5).permute(0, 3, 1, 2)
    y = deform_conv2d(maps(x), maps(offset), weight, c.draw(O), s, p, d, maps(mask) if masked else None)
    return last(y)


def layer_norm(c, M, C):
    x = c.draw(M, C)
    return F.layer_norm(x, (C,), c.draw(C), c.draw(C), 1e-5)


def group_norm(c, N, H, W, C, G):
    x = c.draw(N, H, W, C)
    return last(F.group_norm(maps(x), G, c.draw(C), c.draw(C), 1e-5))


def softmax(c, M, N):
    return c.draw(M, N, scale=4).softmax(-1)


def heads_of(x, heads):
    """.. L C -> .. heads L D"""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def window_attention(c, B, H, W, heads, D, window, shift, with_pad, with_table):
    C = heads * D
    qkv = c.draw(B, H, W, 3 * C)
    pad = c.draw(3 * C) if with_pad else torch.zeros(3 * C, dtype=torch.float64)
    table = c.draw((2 * window - 1) ** 2, heads) if with_table else None
    h, w = -(-H // window) * window, -(-W // window) * window
    whole = pad.expand(B, h, w, 3 * C).clone()
    whole[:, :H, :W] = qkv
    region = torch.zeros(h, w, dtype=torch.long)
    cuts = [slice(0, -window), slice(-window, -shift), slice(-shift, None)] if shift else [slice(None)]
    for i, rows in enumerate(cuts):
        for j, columns in enumerate(cuts):
            region[rows, columns] = 3 * i + j
    whole = whole.roll((-shift, -shift), (1, 2))

    def windows(x):
        x = x.reshape(-1, h // window, window, w // window, window, x.shape[-1])
        return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, x.shape[-1])
    q, k, v = (heads_of(t, heads) for t in windows(whole).chunk(3, -1))
    scores = D ** -0.5 * q @ k.transpose(-1, -2)
    if with_table:
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing='ij')).flatten(1)
        away = at[:, :, None] - at[:, None, :] + window - 1
        scores = scores + table[away[0] * (2 * window - 1) + away[1]].permute(2, 0, 1)
    ids = windows(region[None, :, :, None])[..., 0]
    mask = torch.where(ids[:, :, None] != ids[:, None, :], -100.0, 0.0).double()
    scores = scores + mask.repeat(B, 1, 1)[:, None]
    y = (scores.softmax(-1) @ v).transpose(1, 2).flatten(-2)
    y = y.reshape(B, h // window, w // window, window, window, C).permute(0, 1, 3, 2, 4, 5).reshape(B, h, w, C)
    return y.roll((shift, shift), (1, 2))[:, :H, :W]


def deform_attention(c, B, H, W, Ns, heads, groups, D, kind, half, th, tw):
    C = heads * D
    q, k, v = c.draw(B, H, W, C), c.draw(B, Ns, C), c.draw(B, Ns, C)
    scores = D ** -0.5 * heads_of(q.flatten(1, 2), heads) @ heads_of(k, heads).transpose(-1, -2)
    if kind == 1:
        pos, table = c.draw(B, groups, Ns, 2), c.draw(heads, th, tw)
        ys, xs = torch.arange(H).double(), torch.arange(W).double()
        ys, xs = ((ys + 0.5) / H * 2 - 1,
                  (xs + 0.5) / W * 2 - 1) if half else (ys / (H - 1) * 2 - 1, xs / (W - 1) * 2 - 1)
        grid = torch.stack(torch.meshgrid(ys, xs, indexing='ij'), -1).reshape(1, 1, H * W, 1, 2)
        away = ((grid - pos[:, :, None]) / 2).flip(-1).reshape(B * groups, H * W, Ns, 2)
        tables = table.reshape(1, groups, heads // groups, th,
                               tw).expand(B, -1, -1, -1, -1).reshape(B * groups, heads // groups, th, tw)
        bias = F.grid_sample(tables, away, align_corners=True)
        scores = scores + bias.reshape(B, heads, H * W, Ns)
    elif kind == 2:
        scores = scores + c.draw(heads, H * W, Ns)
    return (scores.softmax(-1) @ heads_of(v, heads)).transpose(1, 2).reshape(B, H, W, C)


def ms_deform_attention(c, B, Q, heads, D, points, *sides):
    levels = [(sides[2 * i], sides[2 * i + 1]) for i in range(len(sides) // 2)]
    cells = sum(h * w for h, w in levels)
    value = c.draw(B, cells, heads, D)
    location = c.draw(B, Q, heads, len(levels), points, 2, scale=0.6, shift=0.5)
    weight = c.draw(B, Q, heads, len(levels), points)
    parts, start = [], 0
    for i, (h, w) in enumerate(levels):
        v = value[:, start:start + h * w].permute(0, 2, 3, 1).reshape(B * heads, D, h, w)
        at = 2 * location[:, :, :, i].transpose(1, 2).reshape(B * heads, Q, points, 2) - 1
        parts.append(F.grid_sample(v, at, align_corners=False))
        start += h * w
    read = torch.stack(parts, -2).flatten(-2)                      # B*heads D Q levels*points
    y = (read * weight.flatten(-2).transpose(1, 2).reshape(B * heads, 1, Q, -1)).sum(-1)
    return y.reshape(B, heads, D, Q).permute(0, 3, 1, 2).reshape(B, Q, heads * D)


def regions(c, N, H, W, n, largest):
    r = c.plain(4 * n, 0).astype(np.float32).reshape(n, 4)
    x1, y1 = (r[:, 0] + 1) * np.float32(2 * W) - np.float32(4), (r[:, 1] + 1) * np.float32(2 * H) - np.float32(4)
    w, h = (r[:, 2] + 1) * np.float32(0.5) * np.float32(largest), (r[:, 3] + 1) * np.float32(0.5) * np.float32(largest)
    return np.stack([np.arange(n) % N, x1, y1, x1 + w, y1 + h], 1).astype(np.float64)


def roi_align_(c, N, H, W, C, n, oh, ow, ratio, aligned, largest):
    x = c.draw(N, H, W, C)
    boxes = torch.tensor(regions(c, N, H, W, n, largest))
    y = roi_align(maps(x), boxes, (oh, ow), 0.25, ratio if ratio else -1, bool(aligned))
    return last(y)


def interpolate(c, N, h, w, C, H, W, kind, align):
    x = maps(c.draw(N, h, w, C))
    mode = ['nearest', 'bilinear', 'bicubic'][kind]
    return last(F.interpolate(x, (H, W), mode=mode, **({} if kind == 0 else {'align_corners': bool(align)})))


def grid_sample(c, N, H, W, C, h, w, groups, padding, align):
    x = c.draw(N, H, W, C)
    grid = c.draw(N * groups, h, w, 2, scale=1.3)
    parts = x.unflatten(-1, (groups, -1)).permute(0, 3, 4, 1, 2).reshape(N * groups, C // groups, H, W)
    y = F.grid_sample(parts, grid, padding_mode=['zeros', 'border', 'reflection'][padding], align_corners=bool(align))
    return y.reshape(N, C, h, w).permute(0, 2, 3, 1)


def neighborhood_attention(c, B, H, W, heads, D, window, dilation, with_table):
    C = heads * D
    q, k, v = (t.unflatten(-1, (heads, D)) for t in c.draw(B, H, W, 3 * C).chunk(3, -1))
    table = c.draw(heads, 2 * window - 1, 2 * window - 1) if with_table else None

    def start(i, n):
        """The first neighbor of i: a window of its residue class, moved inwards at the border."""
        rest, count = i % dilation, -(-(n - i % dilation) // dilation)
        first = min(max(i // dilation - window // 2, 0), count - window)
        return first * dilation + rest
    rows = torch.tensor([[start(i, H) + dilation * a for a in range(window)] for i in range(H)])
    columns = torch.tensor([[start(j, W) + dilation * a for a in range(window)] for j in range(W)])
    r, s = rows[:, None, :, None].expand(H, W, window, window), columns[None, :, None, :].expand(H, W, window, window)
    near_k, near_v = k[:, r, s], v[:, r, s]                         # B H W window window heads D
    scores = D ** -0.5 * torch.einsum('bijhd,bijakhd->bijhak', q, near_k)
    if with_table:
        dy = torch.div(r - torch.arange(H)[:, None, None, None], dilation, rounding_mode='floor') + window - 1
        dx = torch.div(s - torch.arange(W)[None, :, None, None], dilation, rounding_mode='floor') + window - 1
        scores = scores + table[:, dy, dx].permute(1, 2, 0, 3, 4)[None]
    weight = scores.flatten(-2).softmax(-1).reshape(scores.shape)
    return torch.einsum('bijhak,bijakhd->bijhd', weight, near_v).flatten(-2)


OPS = {f.__name__.rstrip('_'): f for f in (
    linear, mlp, matmul, conv2d, deform_conv, layer_norm, group_norm, softmax, window_attention, deform_attention,
    ms_deform_attention,
    roi_align_, interpolate, grid_sample, neighborhood_attention)}


def cases():
    pick = random.Random(16).choice
    flag = lambda: pick([0, 1])
    rows = [1, 2, 5, 6, 7, 11, 12, 13, 15, 16, 17, 47, 48, 49, 95, 96, 97, 101]
    depth = [1, 3, 15, 16, 17, 255, 256, 257, 319, 320, 321]
    columns = [1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 96]
    channels = [1, 3, 8, 15, 16, 17, 32, 63, 64, 65]
    for _ in range(60):
        yield 'linear', [pick(rows), pick(depth), pick(columns), pick([0, 1, 2]), flag()]
    for _ in range(20):
        yield 'mlp', [pick(rows), pick([3, 16, 17, 64]), pick([15, 16, 17, 64, 96]), pick([1, 16, 33]), pick([1, 2])]
    for _ in range(24):
        yield 'matmul', [pick([1, 2]), pick(rows), pick(depth), pick(columns)]
    for _ in range(60):
        k, I = pick([1, 2, 3, 3, 3, 3, 5, 7]), pick(channels)
        O, groups, d = pick(channels), 1, pick([1, 1, 1, 2])
        if flag() and flag():
            groups, O = I, I
        elif I % 8 == 0 and flag():
            groups, O = 4, 4 * pick([1, 4, 9])
        s, p = pick([1, 1, 2, 3]), pick([0, 1, k // 2])
        H, W = pick([1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 17]), pick([1, 3, 4, 5, 6, 12, 13, 31, 32, 33])
        need = d * (k - 1) + 1 - 2 * p
        yield 'conv2d', [pick([1, 1, 2]), max(H, need), max(W, need), I, O, k, k, s, s, p, p, d, d, groups,
                         pick([0, 0, 1, 2])]
    for _ in range(12):  # enough tiles for several tasks of Winograd's way
        yield 'conv2d', [1, pick([22, 23, 24, 25, 27]), pick([23, 24, 28, 29, 32, 33]), pick([8, 16, 17]),
                         pick([63, 64, 65, 16]), 3, 3, 1, 1, 1, 1, 1, 1, 1,
                         pick([0, 1])]
    for _ in range(24):
        groups, G = pick([1, 1, 2]), pick([1, 1, 2, 4])
        yield 'deform_conv', [pick([1, 2]), pick([3, 11, 12, 13]), pick([4, 8, 9, 16]), 8 * pick([1, 2]),
                              8 * pick([1, 2]), 3, pick([1, 2]), 1, pick([1, 2][:1]),
                              groups, G, flag()]
    for _ in range(16):
        yield 'layer_norm', [pick([1, 2, 63, 64, 65, 127, 128, 129, 193]),
                             pick([2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 96, 97])]
    for _ in range(12):
        G = pick([1, 2, 4])
        yield 'group_norm', [pick([1, 2]), pick([1, 3, 8]), pick([2, 5, 13]), G * pick([1, 3, 8, 16]), G]
    for _ in range(12):
        yield 'softmax', [pick([1, 2, 15, 16, 17, 65]), pick([1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 257])]
    for _ in range(36):
        window = pick([1, 2, 4, 6, 7, 8, 9])
        yield 'window_attention', [pick([1, 2]), pick([1, 5, 7, 8, 13, 14]), pick([1, 3, 7, 9, 14, 15]),
                                   pick([1, 2, 3]), pick([1, 4, 8, 15, 16, 17, 32]), window,
                                   pick([0, window // 2, window // 2]), flag(), flag()]
    for _ in range(40):
        groups = pick([1, 1, 2])
        kind, H, W = pick([0, 1, 1, 2]), pick([2, 3, 7, 8, 12]), pick([2, 8, 12, 13])
        yield 'deform_attention', [pick([1, 2]), H, W, pick([1, 2, 15, 16, 17, 47, 48, 49, 95, 96, 97]),
                                   groups * pick([1, 2]), groups, pick([1, 8, 15, 16, 17, 32]),
                                   kind, flag(), 2 * H - 1, 2 * W - 1]
    for _ in range(20):
        sides = [pick([1, 2, 3, 5, 8]) for _ in range(2 * pick([1, 2, 4]))]
        yield 'ms_deform_attention', [pick([1, 2]), pick([1, 5, 16, 17, 65]), pick([1, 2, 4]),
                                      pick([1, 4, 8, 15, 16, 32]), pick([1, 2, 4]), *sides]
    # with ratio 0 a bin reads up to largest / 4 / bins cells a side: at and around 32 cells of a bin
    for _ in range(24):
        ratio = pick([0, 0, 0, 1, 2, 3, 5, 6])
        yield 'roi_align', [pick([1, 2]), pick([8, 16, 31]), pick([8, 17, 32]), pick([1, 7, 8, 16, 17]),
                            pick([1, 3, 5]), pick([1, 2, 3, 7]), pick([1, 2, 3, 7]),
                            ratio, flag(), pick([4, 40, 64, 130])]
    for _ in range(24):
        kind = pick([0, 1, 1, 2])
        yield 'interpolate', [pick([1, 2]), pick([1, 2, 5, 8]), pick([1, 3, 8]), pick([1, 3, 8, 17]),
                              pick([1, 2, 5, 9, 16, 65]), pick([1, 3, 8, 17, 33]), kind,
                              flag() if kind else 0]
    for _ in range(20):
        groups = pick([1, 2])
        yield 'grid_sample', [pick([1, 2]), pick([1, 2, 5, 9]), pick([1, 3, 8]), groups * pick([1, 4, 8, 15, 17]),
                              pick([1, 3, 7]), pick([1, 4, 9]), groups,
                              pick([0, 1, 2]), flag()]
    for _ in range(20):
        window, dilation = pick([1, 3, 5, 7]), pick([1, 1, 2])
        least = window * dilation
        yield 'neighborhood_attention', [pick([1, 2]), least + pick([0, 1, 3, 4, 5, 9]), least + pick([0, 1, 4, 7]),
                                         pick([1, 2]), pick([1, 8, 15, 16, 17]), window,
                                         dilation, flag()]
    for _ in range(16):  # enough channels for Winograd's way, with a stride of 2 too
        s, p = pick([1, 2, 2, 2]), pick([0, 1, 1])
        yield 'conv2d', [pick([1, 1, 2]), s * pick([7, 8, 12, 16, 23]) - pick([0, 1]), s * pick([8, 12, 15, 16, 24]) - pick([0, 1]),
                         pick([32, 33, 48, 64]), pick([32, 36, 64, 65, 130]), 3, 3, s, s, p, p, 1, 1, 1, pick([0, 1, 2])]


def main():
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    for seed, (op, options) in enumerate(cases(), 1):
        c = Case(op, options, seed)
        if op == 'group_norm' and options[1] * options[2] * options[3] // options[4] < 2:
            continue
        y = OPS[op](c, *options)
        if y.numel():
            print(c.line(y))


main()
