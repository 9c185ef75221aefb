# SPDX-License-Identifier: Apache-2.0
"""Training steps in PyTorch, with real targets and losses, to be timed beside `deformer bench --training`.

    python3 bench/peers/torch_train.py NETWORK [THREADS]      needs torch and torchvision; for ddetr_r50 also transformers and scipy

NETWORK is one of NETWORKS below, or the path of the config of ours that it stands for. A step is forward, losses, backward and AdamW,
with the same number of pictures, pixels and objects as ours. Prints the median step, the parts of it, and peak memory.
"""
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision.ops import batched_nms, box_iou, roi_align

import harness
from torch_networks import DAT, Classifier, MaskRCNN, Retina, SwinMaps
import torchvision

OBJECTS, CLASSES = 8, 80


def objects_of(side, images, generator):
    """As cli/bench makes them: a few boxes of all sizes, a class each."""
    out = []
    for _ in range(images):
        size = side * (.05 + .45 * torch.rand(OBJECTS, 2, generator=generator))
        at = torch.rand(OBJECTS, 2, generator=generator) * (side - size)
        out.append((torch.cat([at, at + size], 1), torch.randint(CLASSES, (OBJECTS,), generator=generator)))
    return out


def encode(anchors, boxes, stds=(1., 1., 1., 1.)):
    size, centre = anchors[:, 2:] - anchors[:, :2], (anchors[:, 2:] + anchors[:, :2]) / 2
    to_size, to_centre = boxes[:, 2:] - boxes[:, :2], (boxes[:, 2:] + boxes[:, :2]) / 2
    return torch.cat([(to_centre - centre) / size, (to_size / size).log()], 1) / torch.tensor(stds)


def assign(anchors, boxes, positive, negative, least):
    """MaxIoUAssigner: the index of the object, -1 for background, -2 for neither."""
    iou = box_iou(boxes, anchors)
    best, of = iou.max(0)
    of[(best < positive) & (best >= negative)] = -2
    of[best < negative] = -1
    for i, top in enumerate(iou.max(1).values):
        if top >= least:
            of[iou[i] == top] = i
    return of


def focal(logits, labels, average):
    target = F.one_hot(labels + 1, CLASSES + 1)[:, 1:].to(logits)      # label -1: background
    p = logits.sigmoid()
    ce = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    pt = (1 - p) * target + p * (1 - target)
    return (ce * (.25 * target + .75 * (1 - target)) * pt ** 2).sum() / average


class RetinaTraining(Retina):
    STRIDES = (8, 16, 32, 64, 128)

    def anchors(self, h, w, stride):
        scale = 4 * stride * 2 ** (torch.arange(3) / 3)
        ratio = torch.tensor([.5, 1., 2.]).sqrt()
        half = torch.stack([(scale / ratio[:, None]).flatten(), (scale * ratio[:, None]).flatten()], 1) / 2
        y, x = torch.meshgrid(torch.arange(h) * stride, torch.arange(w) * stride, indexing='ij')
        at = torch.stack([x, y], -1)[:, :, None].float()
        return torch.cat([at - half, at + half], -1).view(-1, 4)

    def losses(self, x, objects):
        out = self(x)
        cls, reg = out[:5], out[5:]
        anchors = torch.cat([self.anchors(*t.shape[2:], s) for t, s in zip(cls, self.STRIDES)])
        flat = lambda maps, n: torch.cat([t.permute(0, 2, 3, 1).reshape(len(x), -1, n) for t in maps], 1)
        cls, reg = flat(cls, CLASSES), flat(reg, 4)
        parts, average = [], 0
        for i, (boxes, labels) in enumerate(objects):
            of = assign(anchors, boxes, .5, .4, 0)
            average += max(int((of >= 0).sum()), 1)
            parts.append((i, of, boxes, labels))
        loss = 0
        for i, of, boxes, labels in parts:
            counts, positive = of > -2, of >= 0
            label = torch.where(positive, labels[of.clamp(min=0)], -1)
            loss = loss + focal(cls[i][counts], label[counts], average)
            loss = loss + F.l1_loss(reg[i][positive], encode(anchors[positive], boxes[of[positive]]),
                                    reduction='sum') / average
        return loss


def choose(of, number, fraction):
    """RandomSampler."""
    positive, negative = (of >= 0).nonzero()[:, 0], (of == -1).nonzero()[:, 0]
    positive = positive[torch.randperm(len(positive))[:int(number * fraction)]]
    return positive, negative[torch.randperm(len(negative))[:number - len(positive)]]


class MaskTraining(MaskRCNN):
    def losses(self, x, objects):
        H, W = x.shape[2:]
        p = self.pyramid(self.backbone(x))
        hidden = [F.relu(self.rpn_conv(t)) for t in p]
        rpn = [(self.rpn_cls(t), self.rpn_reg(t)) for t in hidden]
        anchors = torch.cat([self.anchors(*c.shape[2:], s) for (c, _), s in zip(rpn, self.STRIDES)])
        loss, features, mask_features, labels_of, deltas_of, masks_of, of_labels = 0, [], [], [], [], [], []
        for i, (boxes, labels) in enumerate(objects):
            flat = lambda which, n: torch.cat([t[which][i].permute(1, 2, 0).reshape(-1, n) for t in rpn])
            positive, negative = choose(of := assign(anchors, boxes, .7, .3, .3), 256, .5)
            both = torch.cat([positive, negative])
            loss = loss + F.binary_cross_entropy_with_logits(flat(0, 1)[both, 0], (of[both] >= 0).float(),
                                                             reduction='sum') / 512
            loss = loss + F.l1_loss(flat(1, 4)[positive], encode(anchors[positive], boxes[of[positive]]),
                                    reduction='sum') / 512
            with torch.no_grad():
                regions = torch.cat([boxes, self.proposals([(c[i:i + 1], r[i:i + 1]) for c, r in rpn], H, W)])
            positive, negative = choose(of := assign(regions, boxes, .5, .5, .5), 512, .25)
            chosen = regions[torch.cat([positive, negative])]
            one = [t[i:i + 1] for t in p]
            features.append(self.extract(one, chosen, 7))
            mask_features.append(self.extract(one, regions[positive], 14))
            labels_of.append(torch.cat([labels[of[positive]], torch.full((len(negative),), CLASSES)]))
            deltas_of.append(encode(regions[positive], boxes[of[positive]], (.1, .1, .2, .2)))
            of_labels.append(len(positive))
            masks_of.append(self.mask_targets(regions[positive], boxes[of[positive]]))
        f, labels = torch.cat(features), torch.cat(labels_of)
        f = F.relu(self.fc2(F.relu(self.fc1(f.flatten(1)))))
        positive = labels < CLASSES
        loss = loss + F.cross_entropy(self.fc_cls(f), labels)
        deltas = self.fc_reg(f)[positive].view(-1, CLASSES, 4)[range(int(positive.sum())), labels[positive]]
        loss = loss + F.l1_loss(deltas, torch.cat(deltas_of), reduction='sum') / len(labels)
        masks = self.mask(torch.cat(mask_features))[range(int(positive.sum())), labels[positive]]
        return loss + F.binary_cross_entropy_with_logits(masks, torch.cat(masks_of))

    @staticmethod
    def mask_targets(regions, boxes):
        """Of objects that fill their box, 28 x 28 cells of the region."""
        at = (torch.arange(28) + .5) / 28
        x = regions[:, :1] + at * (regions[:, 2:3] - regions[:, :1])
        y = regions[:, 1:2] + at * (regions[:, 3:] - regions[:, 1:2])
        inside = lambda v, lo, hi: (v >= lo) & (v < hi)
        return (inside(y, boxes[:, 1:2], boxes[:, 3:])[:, :,
                                                       None] & inside(x, boxes[:, :1], boxes[:, 2:3])[:, None]).float()


def conv(i, o, k):
    return nn.Sequential(nn.Conv2d(i, o, k, padding=k // 2, bias=False), nn.BatchNorm2d(o), nn.ReLU(inplace=True))


class UPerTraining(nn.Module):
    """UPerNet with the auxiliary FCN head, 150 classes."""

    def __init__(self, backbone, channels=(96, 192, 384, 768), width=512, aux_width=256, classes=150):
        super().__init__()
        self.backbone = backbone
        self.pool = nn.ModuleList(conv(channels[-1], width, 1) for _ in range(4))
        self.top = conv(channels[-1] + 4 * width, width, 3)
        self.lateral = nn.ModuleList(conv(c, width, 1) for c in channels[:-1])
        self.smooth = nn.ModuleList(conv(width, width, 3) for _ in channels[:-1])
        self.fuse, self.seg = conv(4 * width, width, 3), nn.Conv2d(width, classes, 1)
        self.aux = nn.Sequential(conv(channels[2], aux_width, 3), nn.Dropout2d(.1), nn.Conv2d(aux_width, classes, 1))
        self.drop = nn.Dropout2d(.1)

    def losses(self, x, labels):
        c = self.backbone(x)
        up = lambda t, like: F.interpolate(t, size=like.shape[2:], mode='bilinear', align_corners=False)
        top = [c[3]] + [up(m(F.adaptive_avg_pool2d(c[3], s)), c[3]) for m, s in zip(self.pool, (1, 2, 3, 6))]
        p = [m(t) for m, t in zip(self.lateral, c)] + [self.top(torch.cat(top, 1))]
        for i in (2, 1, 0):
            p[i] = p[i] + up(p[i + 1], p[i])
        p = [m(t) for m, t in zip(self.smooth, p)] + [p[3]]
        f = self.fuse(torch.cat([p[0]] + [up(t, p[0]) for t in p[1:]], 1))
        of = lambda t: F.cross_entropy(F.interpolate(t, size=labels.shape[1:], mode='bilinear', align_corners=False),
                                       labels,
                                       ignore_index=255)
        return of(self.seg(self.drop(f))) + .4 * of(self.aux(c[2]))


class DetrTraining(nn.Module):
    """Deformable DETR of Hugging Face, ResNet-50, the criterion with all auxiliary losses."""

    def __init__(self):
        super().__init__()
        from transformers import DeformableDetrConfig, DeformableDetrForObjectDetection, ResNetConfig
        resnet = ResNetConfig(out_features=['stage2', 'stage3', 'stage4'])
        self.net = DeformableDetrForObjectDetection(DeformableDetrConfig(
            use_timm_backbone=False, use_pretrained_backbone=False, backbone_config=resnet, num_labels=CLASSES,
            auxiliary_loss=True,
            num_feature_levels=4))

    def losses(self, x, objects):
        side = x.shape[2]
        labels = [{'class_labels': label,
                   'boxes': torch.cat([(b[:, :2] + b[:, 2:]) / 2, b[:, 2:] - b[:, :2]], 1) / side}
                  for b, label in objects]
        return self.net(pixel_values=x, labels=labels).loss


class ClassifierTraining(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def losses(self, x, labels):
        return F.cross_entropy(self.net(x), labels)


NANO = (16, 32, 64, 128)


def nano():
    """swin_nano of configs/_base_/models/nano.py."""
    return SwinMaps(torchvision.models.SwinTransformer([4, 4], 16, [2, 2, 6, 2], [1, 2, 4, 8], [7, 7], mlp_ratio=3.,
                                                       stochastic_depth_prob=0.), NANO)


NETWORKS = {
    'retina_nano': (2, 512, lambda: RetinaTraining(nano(), NANO[1:], width=48, convs=2, extra='on_output')),
    'upernet_nano': (2, 512, lambda: UPerTraining(nano(), NANO, width=40, aux_width=32)),
    'swin_t': (8, 224, lambda: ClassifierTraining(torchvision.models.swin_t())),
    'dat_t': (8, 224, lambda: ClassifierTraining(Classifier(DAT()))),
    'resnet_50': (8, 224, lambda: ClassifierTraining(torchvision.models.resnet50())),
    'retina_swin': (2, 512, lambda: RetinaTraining(SwinMaps())),
    'retina_dat': (2, 512, lambda: RetinaTraining(DAT(img=512))),
    'mask_swin': (2, 512, lambda: MaskTraining(SwinMaps())),
    'mask_dat': (2, 512, lambda: MaskTraining(DAT(img=512))),
    'upernet_swin': (2, 512, lambda: UPerTraining(SwinMaps())),
    'upernet_dat': (2, 512, lambda: UPerTraining(DAT(img=512))),
    'ddetr_r50': (2, 512, DetrTraining),
}
CONFIGS = {'retinanet_swin_nano': 'retina_nano', 'upernet_swin_nano': 'upernet_nano', 'swin_tiny_224': 'swin_t',
           'dat_tiny_224': 'dat_t', 'resnet50_224': 'resnet_50', 'retinanet_swin_tiny': 'retina_swin',
           'retinanet_dat_tiny': 'retina_dat', 'mask_rcnn_swin_tiny': 'mask_swin', 'mask_rcnn_dat_tiny': 'mask_dat',
           'upernet_swin_tiny': 'upernet_swin', 'upernet_dat_tiny': 'upernet_dat', 'deformable_detr_r50': 'ddetr_r50'}


def main():
    name = sys.argv[1]
    name = name if name in NETWORKS else next(network for part, network in CONFIGS.items() if part in name)
    harness.use_threads(sys.argv[2:])
    torch.manual_seed(0)
    images, side, build = NETWORKS[name]
    net = build().train()
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(images, 3, side, side, generator=generator)
    objects = objects_of(side, images, generator)
    if side == 224:
        objects = torch.randint(1000, (images,), generator=generator)
    elif 'upernet' in name:
        objects = torch.randint(150, (images, side, side), generator=generator)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-4)
    steps, parts = [], {'forward': [], 'backward': [], 'update': []}
    for i in range(5):
        at = [time.perf_counter()]
        loss = net.losses(x, objects)
        at.append(time.perf_counter())
        optimizer.zero_grad()
        loss.backward()
        at.append(time.perf_counter())
        optimizer.step()
        at.append(time.perf_counter())
        if i > 1:                                                        # two steps warm up
            steps.append(at[3] - at[0])
            for j, part in enumerate(parts.values()):
                part.append(at[j + 1] - at[j])
    harness.report(name, steps, **{key: f'{harness.median_ms(part):.0f}' for key, part in parts.items()})


if __name__ == '__main__':
    main()
