# SPDX-License-Identifier: Apache-2.0
"""RetinaNet and UPerNet with DAT-nano (configs/nano/) in PyTorch, and their losses: functions of P, parameters and buffers under the names of
the checkpoints of this project. Written again from the papers, mmdetection 3.3 and mmsegmentation 1.2. Used by torch_learns.py."""
import torch
import torch.nn.functional as F

WINDOW, HEADS, GROUPS, BLOCKS = 7, (1, 2, 4, 8), (0, 0, 2, 4), ("LS", "LS", "LDLD", "LD")

# ---- the backbone: maps are B C H W ---------------------------------------------------------------------------------


def conv(P, name, x, **options):
    return F.conv2d(x, P[name + ".weight"], P.get(name + ".bias"), **options)


def depthwise(P, name, x):
    return conv(P, name, x, padding=1, groups=x.shape[1])


def norm(P, name, x):
    x = F.layer_norm(x.permute(0, 2, 3, 1), (x.shape[1],), P[name + ".norm.weight"], P[name + ".norm.bias"], 1e-5)
    return x.permute(0, 3, 1, 2)


def apart_mask(H, W, shift, like):
    """Tokens that a shift brings together from different regions do not see one another."""
    zone, w = like.new_zeros(H, W), WINDOW
    parts = slice(0, -w), slice(-w, -shift), slice(-shift, None)
    for i, rows in enumerate(parts):
        for j, columns in enumerate(parts):
            zone[rows, columns] = 3 * i + j
    zone = zone.view(H // w, w, W // w, w).transpose(1, 2).reshape(-1, w * w)
    return (zone[:, None] != zone[:, :, None]).to(like.dtype) * -100.


def window_attention(P, name, x, heads, shift):
    B, C, H, W = x.shape
    w = WINDOW
    x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, -W % w, 0, -H % w))
    Hp, Wp = x.shape[1:3]
    x = torch.roll(x, (-shift, -shift), (1, 2)).view(B, Hp // w, w, Wp // w, w, C)
    x = x.permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, C)
    qkv = F.linear(x, P[name + ".proj_qkv.weight"], P[name + ".proj_qkv.bias"])
    q, k, v = qkv.view(-1, w * w, 3, heads, C // heads).permute(2, 0, 3, 1, 4)
    at = torch.stack(torch.meshgrid(torch.arange(w), torch.arange(w), indexing="ij")).flatten(1)
    way = at[:, :, None] - at[:, None] + w - 1
    bias = P[name + ".relative_position_bias_table"][(way[0] * (2 * w - 1) + way[1]).view(-1)]
    a = (q * (C // heads) ** -.5) @ k.transpose(-2, -1) + bias.view(w * w, w * w, heads).permute(2, 0, 1)
    if shift:
        a = a.view(B, -1, heads, w * w, w * w) + apart_mask(Hp, Wp, shift, x)[:, None]
        a = a.view(-1, heads, w * w, w * w)
    x = (a.softmax(-1) @ v).transpose(1, 2).reshape(-1, w * w, C)
    x = F.linear(x, P[name + ".proj_out.weight"], P[name + ".proj_out.bias"])
    x = x.view(B, Hp // w, Wp // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, Hp, Wp, C)
    return torch.roll(x, (shift, shift), (1, 2))[:, :H, :W].permute(0, 3, 1, 2)


def deformable_attention(P, name, x, heads, groups, reach=2.):
    B, C, H, W = x.shape
    q = conv(P, name + ".proj_q", x)
    kernel = P[name + ".conv_offset.0.weight"].shape[-1]
    offset = conv(P, name + ".conv_offset.0", q.reshape(B * groups, C // groups, H, W), padding=kernel // 2,
                  groups=C // groups)
    offset = conv(P, name + ".conv_offset.3", F.gelu(norm(P, name + ".conv_offset.1", offset)))
    grid = lambda n, first: (torch.arange(n, dtype=x.dtype) + first) / (n - 1) * 2 - 1
    pairs = lambda first: torch.stack(torch.meshgrid(grid(H, first), grid(W, first), indexing="ij"), -1)
    position = pairs(.5) + offset.tanh().permute(0, 2, 3, 1) * x.new_tensor([reach / (H - 1), reach / (W - 1)])
    sampled = F.grid_sample(x.reshape(B * groups, C // groups, H, W), position.flip(-1), mode="bilinear",
                            align_corners=True)
    sampled = sampled.reshape(B, C, 1, H * W)
    split = lambda t: t.reshape(B * heads, C // heads, -1)
    q, k, v = split(q), split(conv(P, name + ".proj_k", sampled)), split(conv(P, name + ".proj_v", sampled))
    way = (pairs(0).view(1, H * W, 1, 2) - position.reshape(B * groups, 1, H * W, 2)) * .5
    table = P[name + ".rpe_table"]
    table = table[None].expand(B, -1, -1, -1).reshape(B * groups, heads // groups, *table.shape[1:])
    bias = F.grid_sample(table, way.flip(-1), mode="bilinear", align_corners=True).reshape(B * heads, H * W, H * W)
    a = (q.transpose(1, 2) @ k * (C // heads) ** -.5 + bias).softmax(-1)
    return conv(P, name + ".proj_out", (v @ a.transpose(1, 2)).reshape(B, C, H, W))


def block(P, at, x, i, j):
    name = f"{at}attns.{j}"
    x = x + depthwise(P, f"{at}local_perception_units.{j}", x)
    y = norm(P, f"{at}layer_norms.{2 * j}", x)
    if BLOCKS[i][j] == "D":
        x = x + deformable_attention(P, name, y, HEADS[i], GROUPS[i])
    else:
        x = x + window_attention(P, name, y, HEADS[i], 4 if BLOCKS[i][j] == "S" else 0)
    y = conv(P, f"{at}mlps.{j}.linear1.0", norm(P, f"{at}layer_norms.{2 * j + 1}", x))
    return x + conv(P, f"{at}mlps.{j}.linear2.0", F.gelu(y + depthwise(P, f"{at}mlps.{j}.dwc", y)))


def backbone(P, x):
    x = norm(P, "backbone.patch_proj.1", conv(P, "backbone.patch_proj.0", x, stride=2, padding=1))
    x, maps = norm(P, "backbone.patch_proj.4", conv(P, "backbone.patch_proj.3", F.gelu(x), stride=2, padding=1)), []
    for i, kinds in enumerate(BLOCKS):
        for j in range(len(kinds)):
            x = block(P, f"backbone.stages.{i}.", x, i, j)
        maps.append(norm(P, f"backbone.norms.{i}", x))
        if i < 3:
            x = norm(P, f"backbone.down_projs.{i}.1", conv(P, f"backbone.down_projs.{i}.0", x, stride=2, padding=1))
    return maps


# ---- RetinaNet ------------------------------------------------------------------------------------------------------


def retina_maps(P, x):
    p = [conv(P, f"neck.lateral_convs.{i}.conv", t) for i, t in enumerate(backbone(P, x)[1:])]
    for i in 1, 0:
        p[i] = p[i] + F.interpolate(p[i + 1], size=p[i].shape[-2:], mode="nearest")
    p = [conv(P, f"neck.fpn_convs.{i}.conv", t, padding=1) for i, t in enumerate(p)]
    for i in 3, 4:
        p.append(conv(P, f"neck.fpn_convs.{i}.conv", p[-1], stride=2, padding=1))
    return p


def tower(P, name, last, x):
    for i in range(2):
        x = F.relu(conv(P, f"bbox_head.{name}_convs.{i}.conv", x, padding=1))
    return conv(P, "bbox_head." + last, x, padding=1)


def anchors(sizes, scale=3):
    out = []
    for stride, (h, w) in zip((8, 16, 32, 64, 128), sizes):
        side = scale * stride * 2 ** (torch.arange(3) / 3)
        root = torch.tensor([.5, 1, 2]).sqrt()
        half = torch.stack([(side / root[:, None]).flatten(), (side * root[:, None]).flatten()], 1) / 2
        y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing="ij")
        at = torch.stack([x, y], -1)[:, :, None].float()
        out.append(torch.cat([at - half, at + half], -1).view(-1, 4))
    return torch.cat(out)


def overlaps(a, b):
    size = (torch.min(a[:, None, 2:], b[:, 2:]) - torch.max(a[:, None, :2], b[:, :2])).clamp(min=0)
    both, area = size[..., 0] * size[..., 1], lambda x: (x[:, 2] - x[:, 0]) * (x[:, 3] - x[:, 1])
    return both / (area(a)[:, None] + area(b) - both).clamp(min=1e-6)


def assign(boxes, objects):
    """MaxIoUAssigner: from 0 on an object, -1 background, -2 neither."""
    of = torch.full((len(boxes),), -1)
    if len(objects):
        o = overlaps(objects, boxes)
        most, best = o.max(0)
        of[most >= .4] = -2
        of[most >= .5] = best[most >= .5]
        for j, top in enumerate(o.max(1).values):
            of[o[j] == top] = j
    return of


def encode(boxes, objects):
    size, centre = boxes[:, 2:] - boxes[:, :2], (boxes[:, :2] + boxes[:, 2:]) / 2
    return torch.cat([((objects[:, :2] + objects[:, 2:]) / 2 - centre) / size,
                      ((objects[:, 2:] - objects[:, :2]) / size).log()], 1)


def focal(x, target):
    p = x.sigmoid()
    wrong = (1 - p) * target + p * (1 - target)
    return ((.25 * target + .75 * (1 - target)) * wrong ** 2
            * F.binary_cross_entropy_with_logits(x, target, reduction="none")).sum()


def retina_loss(P, x, objects):
    """objects: for each picture its boxes, K x 4, and labels."""
    p = retina_maps(P, x)
    rows = lambda name, last, n: torch.cat([tower(P, name, last, t).permute(0, 2, 3, 1).reshape(len(x), -1, n)
                                            for t in p], 1)
    deltas = rows("reg", "retina_reg", 4)
    scores = rows("cls", "retina_cls", P["bbox_head.retina_cls.bias"].numel() // 9)
    boxes, loss, average = anchors([t.shape[2:] for t in p]), 0, 1.1920929e-07
    for i, (wanted, labels) in enumerate(objects):
        of = assign(boxes, wanted)
        positive, target = of >= 0, torch.zeros_like(scores[i])
        target[positive, labels[of[positive]]] = 1
        average += max(int(positive.sum()), 1)
        loss = loss + focal(scores[i][of > -2], target[of > -2])
        loss = loss + (deltas[i][positive] - encode(boxes[positive], wanted[of[positive]])).abs().sum()
    return loss / average


# ---- UPerNet --------------------------------------------------------------------------------------------------------


def conv_bn(P, name, x):
    x = F.conv2d(x, P[name + ".conv.weight"], padding=P[name + ".conv.weight"].shape[-1] // 2)
    at = name + ".bn."
    return F.relu(F.batch_norm(x, P[at + "running_mean"], P[at + "running_var"], P[at + "weight"], P[at + "bias"],
                               training=True))


def resize(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def uper_map(P, maps):
    top, at = [maps[3]], "decode_head."
    for i, size in enumerate((1, 2, 3, 6)):
        top.append(resize(conv_bn(P, f"{at}psp_modules.{i}.1", F.adaptive_avg_pool2d(maps[3], size)),
                          maps[3].shape[2:]))
    p = [conv_bn(P, f"{at}lateral_convs.{i}", maps[i])
         for i in range(3)] + [conv_bn(P, at + "bottleneck", torch.cat(top, 1))]
    for i in 2, 1, 0:
        p[i] = p[i] + resize(p[i + 1], p[i].shape[2:])
    p = [conv_bn(P, f"{at}fpn_convs.{i}", p[i]) for i in range(3)] + [p[3]]
    return conv_bn(P, at + "fpn_bottleneck", torch.cat([resize(t, p[0].shape[2:]) for t in p], 1))


def upernet_loss(P, x, labels):
    """labels: B H W, 255 counts for nothing."""
    maps = backbone(P, x)
    of = lambda t: F.cross_entropy(resize(t, labels.shape[1:]), labels, ignore_index=255,
                                   reduction="sum") / labels.numel()
    main = conv(P, "decode_head.conv_seg", F.dropout2d(uper_map(P, maps), .1))
    aside = conv(P, "auxiliary_head.conv_seg", F.dropout2d(conv_bn(P, "auxiliary_head.convs.0", maps[2]), .1))
    return of(main) + .4 * of(aside)
