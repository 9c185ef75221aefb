# SPDX-License-Identifier: Apache-2.0
"""Makes torchvision's cases of tests/data/detectors, in the form that make_detectors.py states, and tests/data/hubs/swin_t.pth: small
networks under torchvision's names, and what torchvision finds with them. The config is a ready one with smaller widths.

    python3 tests/scripts/make_torchvision.py [SEED FOLDER]      needs torchvision, and numpy
"""
import json
import sys
from pathlib import Path

import numpy as np
import torch
from torchvision.models.detection import faster_rcnn, mask_rcnn, retinanet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.models.swin_transformer import SwinTransformer
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import LastLevelMaxPool, LastLevelP6P7

from tensor_files import save

DATA = Path(__file__).resolve().parent.parent / "data"
PLANES, STEM, FPN, FC, CLASSES = [2, 3, 3, 4], 4, 4, 12, 4
ORIGINAL, SIZE = (75, 140), (96, 160)
THIN = (22, 100), (33, 150), (64, 160)    # so thin a picture that RoIAlign takes its finest map's stride for 2


def picture(height, width):
    """As in make_detectors.py."""
    x = np.arange(3 * height * width, dtype=np.uint64) * 2654435761 % 2**32
    x = (x ^ x >> 15) * 2246822519 % 2**32
    x ^= x >> 13
    return torch.from_numpy(((x >> 16) / 32768 - 1).astype(np.float32).reshape(1, 3, height, width))


class SmallResNet(ResNet):
    def __init__(self, norm):
        torch.nn.Module.__init__(self)
        self._norm_layer, self.inplanes, self.dilation, self.groups, self.base_width = norm, STEM, 1, 1, 64
        self.conv1, self.bn1 = torch.nn.Conv2d(3, STEM, 7, 2, 3, bias=False), norm(STEM)
        self.relu, self.maxpool = torch.nn.ReLU(), torch.nn.MaxPool2d(3, 2, 1)
        for i, planes in enumerate(PLANES):
            setattr(self, f"layer{i + 1}", self._make_layer(Bottleneck, planes, 1, stride=1 if i == 0 else 2))


def backbone(levels, extra, norm, fpn_norm=None):
    layers = {f"layer{i}": str(n) for n, i in enumerate(levels)}
    return BackboneWithFPN(SmallResNet(norm), layers, [4 * PLANES[i - 1] for i in levels], FPN, extra, fpn_norm)


def rcnn(v2, masks, frozen=True):
    norm = torch.nn.BatchNorm2d if v2 or not frozen else (lambda n: FrozenBatchNorm2d(n, eps=0.0))
    args = dict(num_classes=CLASSES, rpn_head=RPNHead(FPN, 3, conv_depth=2) if v2 else None,
                rpn_anchor_generator=AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5))
    trunk = backbone([1, 2, 3, 4], LastLevelMaxPool(), norm, torch.nn.BatchNorm2d if v2 else None)
    if v2:
        args["box_head"] = faster_rcnn.FastRCNNConvFCHead((FPN, 7, 7), [FPN] * 4, [FC], norm_layer=torch.nn.BatchNorm2d)
    else:
        args["box_head"] = faster_rcnn.TwoMLPHead(FPN * 49, FC)
    args.update(num_classes=None, box_predictor=faster_rcnn.FastRCNNPredictor(FC, CLASSES), box_score_thresh=0.3,
                box_detections_per_img=40)
    if not masks:
        return faster_rcnn.FasterRCNN(trunk, **args)
    args["mask_head"] = mask_rcnn.MaskRCNNHeads(FPN, [FPN] * 4, 1, norm_layer=torch.nn.BatchNorm2d if v2 else None)
    args["mask_predictor"] = mask_rcnn.MaskRCNNPredictor(FPN, FPN, CLASSES)
    return mask_rcnn.MaskRCNN(trunk, **args)


def retina(v2):
    norm = torch.nn.BatchNorm2d if v2 else (lambda n: FrozenBatchNorm2d(n, eps=0.0))
    trunk = backbone([2, 3, 4], LastLevelP6P7(4 * PLANES[3] if v2 else FPN, FPN), norm)
    group = (lambda n: torch.nn.GroupNorm(2, n)) if v2 else None
    head = retinanet.RetinaNetHead(FPN, 9, CLASSES, norm_layer=group)
    return retinanet.RetinaNet(trunk, CLASSES, head=head, anchor_generator=retinanet._default_anchorgen(),
                               score_thresh=0.3,
                               detections_per_img=60, topk_candidates=70)


def draw_weights(net):
    """Weights that spread scores and boxes; all of them float16 numbers."""
    for name, p in net.named_parameters():
        if p.ndim > 1:
            strong = "cls_score" in name or "cls_logits" in name
            gain = 2.5 if strong else 0.6 if "bbox" in name else 1.4
            gain *= 0.6 if strong or "head.conv" in name or "_head.conv" in name else 1.0    # no two scores are 1
            p.data.normal_(0, gain / p[0].numel() ** 0.5)
        else:
            p.data.normal_(0, 0.1) if name.endswith("bias") else p.data.uniform_(0.5, 1.5)
    for name, b in net.named_buffers():
        if b.is_floating_point():
            b.normal_(0, 0.2) if "mean" in name or "bias" in name else b.uniform_(0.5, 2)
    for x in list(net.parameters()) + [b for b in net.buffers() if b.is_floating_point()]:
        x.data = x.data.half().float()


def small(name, config, v2):
    """What the ready config says otherwise."""
    widths = [4 * p for p in PLANES]
    eps = dict(norm_cfg=dict(eps=1e-5)) if name == "tv_thin" else {}
    model = dict(backbone=dict(stem_channels=STEM, stage_channels=widths, stage_blocks=[1, 1, 1, 1], **eps),
                 neck=dict(in_channels=widths, out_channels=FPN))
    if "retinanet" in config:
        model["bbox_head"] = dict(num_classes=CLASSES, in_channels=FPN, feat_channels=FPN)
        if v2:
            model["bbox_head"]["norm_cfg"] = dict(num_groups=2)
        return dict(model, test_cfg=dict(score_thr=0.3, max_per_img=60, nms_pre=70))
    box = dict(in_channels=FPN, fc_out_channels=FC, num_classes=CLASSES - 1)
    model["rpn_head"] = dict(in_channels=FPN, feat_channels=FPN)
    model["roi_head"] = dict(bbox_roi_extractor=dict(out_channels=FPN), bbox_head=dict(box, conv_out_channels=FPN)
                             if v2 else box)
    if "mask" in config:
        model["roi_head"].update(mask_roi_extractor=dict(out_channels=FPN),
                                 mask_head=dict(in_channels=FPN, conv_out_channels=FPN, num_classes=CLASSES - 1))
    return dict(model, test_cfg=dict(rcnn=dict(score_thr=0.3, max_per_img=40)))


def detect(net, original, size, padded):
    """The network behind the transform, and its results in original pixels."""
    x = picture(*padded)
    images = ImageList(x, [size])
    if isinstance(net, retinanet.RetinaNet):
        maps = list(net.backbone(x).values())
        out = net.head(maps)
        anchors = net.anchor_generator(images, maps)
        sizes = [m.shape[2] * m.shape[3] * 9 for m in maps]
        split = {k: list(v.split(sizes, dim=1)) for k, v in out.items()}
        found = net.postprocess_detections(split, [list(a.split(sizes)) for a in anchors], images.image_sizes)
    else:
        maps = net.backbone(x)
        proposals, _ = net.rpn(images, maps)
        found, _ = net.roi_heads(maps, proposals, images.image_sizes)
    transform = GeneralizedRCNNTransform(800, 1333, [0, 0, 0], [1, 1, 1]).eval()
    return transform.postprocess(found, [size], [original])[0]


CASES = {
    "tv_thin": ("fasterrcnn_resnet50_fpn", lambda: rcnn(False, False, frozen=False), THIN),
    "tv_mask": ("maskrcnn_resnet50_fpn", lambda: rcnn(False, True)),
    "tv_mask_v2": ("maskrcnn_resnet50_fpn_v2", lambda: rcnn(True, True)),
    "tv_retina": ("retinanet_resnet50_fpn", lambda: retina(False)),
    "tv_retina_v2": ("retinanet_resnet50_fpn_v2", lambda: retina(True)),
}


def arrays(net, name):
    """Of the weights alone; in one case also how many batches its norms have seen, by which a file tells that they are not frozen."""
    counted = {k: v.numpy().reshape(1) for k, v in net.state_dict().items() if name == "tv_thin" and not v.is_floating_point()}
    return {k: v.numpy().astype(np.float16) for k, v in net.state_dict().items() if v.is_floating_point()} | counted


def make(out, seed, ready):
    for name, (config, build, *sizes) in CASES.items():
        original, size, padded = sizes[0] if sizes else (ORIGINAL, SIZE, SIZE)
        scale = [size[1] / original[1], size[0] / original[0]]
        metas = [dict(img_shape=[*size, 3], ori_shape=[*original, 3], pad_shape=[*padded, 3], scale_factor=scale * 2, flip=False)]
        torch.manual_seed(seed - 2 if name == "tv_thin" else seed)    # of 5 it finds more than are kept: no test of the last ones
        net = build().eval()
        draw_weights(net)
        with torch.no_grad():
            found = detect(net, original, size, padded)
        boxes = torch.cat([found["boxes"], found["scores"][:, None]], dim=1)
        expected = dict(boxes_0=boxes, labels_0=found["labels"])
        if "masks" in found:
            expected["masks_0"] = (found["masks"][:, 0] > 0.5).to(torch.uint8)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        text = {"_base_": f"{ready}/{config}.py", "model": small(name, config, config.endswith("v2"))}
        (folder / "config.json").write_text(json.dumps(text, indent=1) + "\n")
        save(folder / "weights.safetensors", arrays(net, name))
        save(folder / "expected.safetensors", expected, dict(img_metas=json.dumps(metas), views="0"))
        print(name, {k: tuple(v.shape) for k, v in expected.items()}, "scores", boxes[[0, -1], 4].tolist())


def main():
    if len(sys.argv) > 2:
        make(Path(sys.argv[2]), int(sys.argv[1]), str(DATA.parent.parent / "configs" / "torchvision"))
        return
    make(DATA / "detectors", 5, "../../../../configs/torchvision")
    torch.manual_seed(5)
    swin = SwinTransformer([4, 4], 2, [2, 1], [1, 2], [4, 4], num_classes=3)
    (DATA / "hubs").mkdir(exist_ok=True)
    torch.save(swin.state_dict(), DATA / "hubs" / "swin_t.pth")


if __name__ == "__main__":
    main()
