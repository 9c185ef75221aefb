# SPDX-License-Identifier: Apache-2.0
"""Networks of this project in PyTorch, random weights, to be timed beside it.

    python3 bench/peers/torch_networks.py NETWORK [THREADS]         needs torch and torchvision

swin_t, dat_t              Swin-T of torchvision and DAT-T of the CVPR 2022 paper with their classifiers, 224x224
retina_swin, retina_dat    RetinaNet on them, raw outputs, 800x1216
mask_swin, mask_dat        Mask R-CNN on them, 800x1216: what `deformer bench` runs, 1000 regions and 100 masks that are always the same
mask_swin_whole, ..._dat_whole    with everything behind it: own proposals, suppression, 100 detections, masks pasted into the image
A config's path stands for the network it is of. Prints median_ms, peak_rss_mb and, for Mask R-CNN, the milliseconds of each stage.
"""
import math
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision
from torchvision.ops import batched_nms, roi_align

import harness


class ChannelNorm(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class LocalAttention(nn.Module):
    def __init__(self, dim, heads, window, shift):
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads) * .02)
        c = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing='ij')).flatten(1)
        d = c[:, :, None] - c[:, None] + window - 1
        self.register_buffer('index', d[0] * (2 * window - 1) + d[1])

    def forward(self, x):
        B, C, H, W = x.shape
        w, h = self.window, self.heads
        x = F.pad(x.permute(0, 2, 3, 1), (0, 0, 0, -W % w, 0, -H % w))
        Hp, Wp = x.shape[1:3]
        mask = None
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
            zone = torch.zeros(Hp, Wp)
            for i, r in enumerate((slice(0, -w), slice(-w, -self.shift), slice(-self.shift, None))):
                for j, c in enumerate((slice(0, -w), slice(-w, -self.shift), slice(-self.shift, None))):
                    zone[r, c] = 3 * i + j
            zone = zone.view(Hp // w, w, Wp // w, w).transpose(1, 2).reshape(-1, w * w)
            mask = (zone[:, None] != zone[:, :, None]).float() * -100.
        x = x.view(B, Hp // w, w, Wp // w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(-1, w * w, C)
        q, k, v = self.qkv(x).view(-1, w * w, 3, h, C // h).permute(2, 0, 3, 1, 4)
        a = (q * (C // h) ** -.5) @ k.transpose(-2, -1)
        a = a + self.table[self.index.view(-1)].view(w * w, w * w, h).permute(2, 0, 1)
        if mask is not None:
            a = (a.view(B, -1, h, w * w, w * w) + mask[:, None]).view(-1, h, w * w, w * w)
        x = self.proj((a.softmax(-1) @ v).transpose(1, 2).reshape(-1, w * w, C))
        x = x.view(B, Hp // w, Wp // w, w, w, C).permute(0, 1, 3, 2, 4, 5).reshape(B, Hp, Wp, C)
        if self.shift:
            x = torch.roll(x, (self.shift, self.shift), (1, 2))
        return x[:, :H, :W].permute(0, 3, 1, 2)


class DeformableAttention(nn.Module):
    def __init__(self, dim, heads, groups, stride, ksize, size, factor=2.):
        super().__init__()
        self.heads, self.groups, self.factor = heads, groups, factor
        gc = dim // groups
        self.offset = nn.Sequential(nn.Conv2d(gc, gc, ksize, stride, ksize // 2, groups=gc), ChannelNorm(gc), nn.GELU(),
                                    nn.Conv2d(gc, 2, 1, bias=False))
        self.q, self.k, self.v, self.o = (nn.Conv2d(dim, dim, 1) for _ in range(4))
        self.rpe = nn.Parameter(torch.randn(heads, 2 * size - 1, 2 * size - 1) * .02)

    def forward(self, x):
        B, C, H, W = x.shape
        h, g = self.heads, self.groups
        q = self.q(x)
        off = self.offset(q.reshape(B * g, C // g, H, W))
        Hk, Wk = off.shape[2:]
        grid = lambda n, d, o: (torch.arange(n, dtype=x.dtype) + o) / d * 2 - 1
        ref = torch.stack(torch.meshgrid(grid(Hk, Hk - 1, .5), grid(Wk, Wk - 1, .5), indexing='ij'), -1)
        reach = torch.tensor([self.factor / (Hk - 1), self.factor / (Wk - 1)])
        pos = ref + (off.tanh().permute(0, 2, 3, 1) * reach)
        xs = F.grid_sample(x.reshape(B * g, C // g, H, W), pos.flip(-1), mode='bilinear', align_corners=True)
        xs = xs.reshape(B, C, 1, Hk * Wk)
        split = lambda t: t.reshape(B * h, C // h, -1)
        q, k, v = split(q), split(self.k(xs)), split(self.v(xs))
        a = q.transpose(1, 2) @ k * (C // h) ** -.5
        qg = torch.stack(torch.meshgrid(grid(H, H - 1, 0), grid(W, W - 1, 0), indexing='ij'), -1).view(1, H * W, 1, 2)
        disp = (qg - pos.reshape(B * g, 1, Hk * Wk, 2)) * .5
        bias = F.grid_sample(self.rpe[None].expand(B, -1, -1, -1).reshape(B * g, h // g, *self.rpe.shape[1:]),
                             disp.flip(-1),
                             mode='bilinear', align_corners=True)
        a = (a + bias.reshape(B * h, H * W, Hk * Wk)).softmax(-1)
        return self.o((v @ a.transpose(1, 2)).reshape(B, C, H, W))


class Block(nn.Module):
    def __init__(self, dim, attention):
        super().__init__()
        self.n1, self.attn, self.n2 = ChannelNorm(dim), attention, ChannelNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

    def forward(self, x):
        x = x + self.attn(self.n1(x))
        return x + self.mlp(self.n2(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class DAT(nn.Module):
    def __init__(self, img=224, dims=(96, 192, 384, 768), depths=(2, 2, 6, 2), heads=(3, 6, 12, 24),
                 groups=(0, 0, 3, 6),
                 strides=(0, 0, 1, 1), ksizes=(9, 7, 5, 3)):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, dims[0], 4, 4), ChannelNorm(dims[0]))
        self.stages, self.downs, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for i, d in enumerate(dims):
            make = lambda j: (LocalAttention(d, heads[i], 7, 0) if j % 2 == 0 else LocalAttention(d, heads[i], 7, 4)
                              if i < 2
                              else DeformableAttention(d, heads[i], groups[i], strides[i], ksizes[i],
                                                       img // 4 // 2 ** i))
            self.stages.append(nn.Sequential(*(Block(d, make(j)) for j in range(depths[i]))))
            self.norms.append(ChannelNorm(d))
            if i < 3:
                self.downs.append(nn.Sequential(nn.Conv2d(d, dims[i + 1], 2, 2, bias=False), ChannelNorm(dims[i + 1])))

    def forward(self, x):
        x, outs = self.stem(x), []
        for i, stage in enumerate(self.stages):
            x = stage(x)
            outs.append(self.norms[i](x))
            x = self.downs[i](x) if i < 3 else x
        return outs


class SwinMaps(nn.Module):
    """Swin-T, or another network of torchvision's."""

    def __init__(self, net=None, dims=(96, 192, 384, 768)):
        super().__init__()
        self.features = (net or torchvision.models.swin_t()).features
        self.norms = nn.ModuleList(nn.LayerNorm(d) for d in dims)

    def forward(self, x):
        outs = []
        for i, f in enumerate(self.features):
            x = f(x)
            if i % 2:
                outs.append(self.norms[i // 2](x).permute(0, 3, 1, 2))
        return outs


class Retina(nn.Module):
    """extra: P6 is made of the backbone's last map ('on_input'), or of P5 ('on_output')."""

    def __init__(self, backbone, channels=(192, 384, 768), classes=80, anchors=9, width=256, convs=4, extra='on_input'):
        super().__init__()
        self.backbone, self.extra = backbone, extra
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.p6 = nn.Conv2d(channels[-1] if extra == 'on_input' else width, width, 3, 2, 1)
        self.p7 = nn.Conv2d(width, width, 3, 2, 1)
        tower = lambda: nn.Sequential(*(m for _ in range(convs)
                                        for m in (nn.Conv2d(width, width, 3, padding=1), nn.ReLU())))
        self.cls = nn.Sequential(*tower(), nn.Conv2d(width, anchors * classes, 3, padding=1))
        self.reg = nn.Sequential(*tower(), nn.Conv2d(width, anchors * 4, 3, padding=1))

    def forward(self, x):
        c = self.backbone(x)[1:]
        p = [l(t) for l, t in zip(self.lateral, c)]
        for i in (1, 0):
            p[i] = p[i] + F.interpolate(p[i + 1], size=p[i].shape[-2:], mode='nearest')
        p = [s(t) for s, t in zip(self.smooth, p)]
        p.append(self.p6(c[-1] if self.extra == 'on_input' else p[-1]))
        p.append(self.p7(p[-1]))
        return [self.cls(t) for t in p] + [self.reg(t) for t in p]


class MaskRCNN(nn.Module):
    """Forward notes how long each stage took, in seconds, in self.stages."""
    STRIDES, CLASSES = (4, 8, 16, 32, 64), 80

    def __init__(self, backbone, channels=(96, 192, 384, 768), whole=False):
        super().__init__()
        self.backbone, self.whole, self.stages = backbone, whole, {}
        conv = lambda i, o, k: nn.Conv2d(i, o, k, padding=k // 2)
        self.lateral = nn.ModuleList(conv(c, 256, 1) for c in channels)
        self.smooth = nn.ModuleList(conv(256, 256, 3) for _ in channels)
        self.rpn_conv, self.rpn_cls, self.rpn_reg = conv(256, 256, 3), conv(256, 3, 1), conv(256, 12, 1)
        self.fc1, self.fc2 = nn.Linear(256 * 49, 1024), nn.Linear(1024, 1024)
        self.fc_cls, self.fc_reg = nn.Linear(1024, self.CLASSES + 1), nn.Linear(1024, 4 * self.CLASSES)
        self.mask = nn.Sequential(*(m for _ in range(4) for m in (conv(256, 256, 3), nn.ReLU(inplace=True))),
                                  nn.ConvTranspose2d(256, 256, 2, 2), nn.ReLU(inplace=True), conv(256, self.CLASSES, 1))
        for layer, std in ((self.rpn_cls, .01), (self.rpn_reg, .01), (self.fc_cls, .01), (self.fc_reg, .001)):
            nn.init.normal_(layer.weight, std=std)

    def pyramid(self, c):
        p = [l(t) for l, t in zip(self.lateral, c)]
        for i in (2, 1, 0):
            p[i] = p[i] + F.interpolate(p[i + 1], size=p[i].shape[-2:], mode='nearest')
        p = [s(t) for s, t in zip(self.smooth, p)]
        return p + [p[-1][:, :, ::2, ::2]]

    def usual_regions(self, H, W):
        """Those of models/two_stage.c: of all sizes, all over the image."""
        i = torch.arange(1000, dtype=torch.float64)
        u, v, w = ((.5 + a * i) % 1 for a in (.8191725133961645, .6710436067037893, .5497004779019703))
        side = 16 * 32 ** w
        r = torch.stack([u * W - side / 2, v * H - side / 2, u * W + side / 2, v * H + side / 2], 1)
        return torch.stack([r[:, 0].clamp(min=0), r[:, 1].clamp(min=0), r[:, 2].clamp(max=W), r[:, 3].clamp(max=H)],
                           1).float()

    @staticmethod
    def decode(boxes, d, H, W):
        size, centre = boxes[..., 2:] - boxes[..., :2], (boxes[..., 2:] + boxes[..., :2]) / 2
        centre, size = centre + size * d[..., :2], size * d[..., 2:].clamp(-4.135, 4.135).exp()
        b = torch.cat([centre - size / 2, centre + size / 2], -1)
        return torch.minimum(b.clamp(min=0), torch.tensor([W, H, W, H], dtype=b.dtype))

    def anchors(self, h, w, stride):
        ratio = torch.tensor([.5, 1., 2.]).sqrt()
        half = 4 * stride * torch.stack([1 / ratio, ratio], 1)
        y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing='ij')
        at = torch.stack([x, y], -1)[:, :, None].float()
        return torch.cat([at - half, at + half], -1).view(-1, 4)

    def proposals(self, outputs, H, W):
        boxes, scores, levels = [], [], []
        for i, (cls, reg) in enumerate(outputs):
            s = cls.permute(0, 2, 3, 1).reshape(-1).sigmoid()
            d = reg.permute(0, 2, 3, 1).reshape(-1, 4)
            s, top = s.sort(descending=True)
            s, top = s[:1000], top[:1000]
            boxes.append(self.decode(self.anchors(*cls.shape[2:], self.STRIDES[i])[top], d[top], H, W))
            scores.append(s)
            levels.append(torch.full_like(s, i))
        boxes, scores, levels = torch.cat(boxes), torch.cat(scores), torch.cat(levels)
        return boxes[batched_nms(boxes, scores, levels, .7)[:1000]]

    def extract(self, p, boxes, size):
        side = ((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])).sqrt()
        level = (side / 56 + 1e-6).log2().floor().clamp(0, 3)
        out = boxes.new_zeros(len(boxes), 256, size, size)
        for i in range(4):
            of = (level == i).nonzero()[:, 0]
            if len(of):
                rois = torch.cat([boxes.new_zeros(len(of), 1), boxes[of]], 1)
                out[of] = roi_align(p[i], rois, size, 1 / self.STRIDES[i], -1, True)
        return out

    def detections(self, boxes, scores, deltas, H, W):
        n = len(boxes)
        all_boxes = self.decode(boxes[:, None], deltas.view(n, -1, 4) * torch.tensor([.1, .1, .2, .2]), H,
                                W).reshape(-1, 4)
        scores = scores.softmax(1)[:, :-1].reshape(-1)
        labels = torch.arange(self.CLASSES).repeat(n)
        keep = batched_nms(all_boxes, scores, labels, .5)[:100]
        return all_boxes[keep], labels[keep]

    @staticmethod
    def paste(masks, boxes, H, W):
        out = torch.zeros(len(masks), H, W, dtype=torch.bool)
        for mask, (x0, y0, x1, y1), to in zip(masks, boxes.tolist(), out):
            left, top = max(math.floor(x0) - 1, 0), max(math.floor(y0) - 1, 0)
            right, bottom = min(math.ceil(x1) + 1, W), min(math.ceil(y1) + 1, H)
            gy = (torch.arange(top, bottom) + .5 - y0) / (y1 - y0) * 2 - 1
            gx = (torch.arange(left, right) + .5 - x0) / (x1 - x0) * 2 - 1
            grid = torch.stack([gx[None].expand(len(gy), -1), gy[:, None].expand(-1, len(gx))], -1)[None]
            to[top:bottom, left:right] = F.grid_sample(mask[None, None], grid, align_corners=False)[0, 0] >= .5
        return out

    def forward(self, x):
        H, W = x.shape[2:]
        clock = [time.perf_counter()]
        def stage(name, value):
            clock.append(time.perf_counter())
            self.stages[name] = self.stages.get(name, 0) + clock[-1] - clock[-2]
            return value
        c = stage('backbone', self.backbone(x))
        p = stage('neck', self.pyramid(c))
        hidden = [F.relu(self.rpn_conv(t)) for t in p]
        rpn = stage('rpn_head', [(self.rpn_cls(t), self.rpn_reg(t)) for t in hidden])
        boxes = stage('proposals', self.proposals(rpn, H, W)) if self.whole else self.usual_regions(H, W)
        f = stage('bbox_roi_extractor', self.extract(p, boxes, 7))
        f = F.relu(self.fc2(F.relu(self.fc1(f.flatten(1)))))
        scores, deltas = stage('bbox_head', (self.fc_cls(f), self.fc_reg(f)))
        boxes, labels = stage('suppression',
                              self.detections(boxes, scores, deltas, H, W)) if self.whole else (boxes[:100], None)
        f = stage('mask_roi_extractor', self.extract(p, boxes, 14))
        masks = stage('mask_head', self.mask(f))
        if not self.whole:
            return scores, deltas, masks
        return boxes, labels, stage('paste', self.paste(masks[range(len(labels)), labels].sigmoid(), boxes, H, W))


class Classifier(nn.Module):
    def __init__(self, backbone, dim=768, classes=1000):
        super().__init__()
        self.backbone, self.head = backbone, nn.Linear(dim, classes)

    def forward(self, x):
        return self.head(self.backbone(x)[-1].mean((2, 3)))


NETWORKS = {
    'swin_t': lambda: (torchvision.models.swin_t(), (224, 224)),
    'dat_t': lambda: (Classifier(DAT()), (224, 224)),
    'retina_swin': lambda: (Retina(SwinMaps()), (800, 1216)),
    'retina_dat': lambda: (Retina(DAT()), (800, 1216)),
    'mask_swin': lambda: (MaskRCNN(SwinMaps()), (800, 1216)),
    'mask_dat': lambda: (MaskRCNN(DAT()), (800, 1216)),
    'mask_swin_whole': lambda: (MaskRCNN(SwinMaps(), whole=True), (800, 1216)),
    'mask_dat_whole': lambda: (MaskRCNN(DAT(), whole=True), (800, 1216)),
}
CONFIGS = {'swin_tiny_224': 'swin_t', 'dat_tiny_224': 'dat_t', 'retinanet_swin_tiny': 'retina_swin',
           'retinanet_dat_tiny': 'retina_dat',
           'mask_rcnn_swin_tiny': 'mask_swin', 'mask_rcnn_dat_tiny': 'mask_dat'}


def name_of(network):
    return network if network in NETWORKS else next(name for part, name in CONFIGS.items() if part in network)


def main():
    name = name_of(sys.argv[1])
    harness.use_threads(sys.argv[2:])
    torch.manual_seed(0)
    net, size = NETWORKS[name]()
    net.eval()
    x, stages = torch.randn(1, 3, *size), getattr(net, 'stages', {})
    seconds = harness.time_passes(lambda: net(x), harness.passes_of(size[1]), warmed=stages.clear)
    harness.report(name, seconds, **{k: f'{1e3 * v / len(seconds):.1f}' for k, v in stages.items()})


if __name__ == '__main__':
    main()
