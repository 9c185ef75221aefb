# SPDX-License-Identifier: Apache-2.0
"""Makes the corpora of the fuzz targets that read several files: tests/fuzz/corpus/{config_files,set,journal,...}.

    python3 tests/scripts/make_fuzz_corpora.py

Each input is small and in the form that the head of its tests/fuzz/fuzz_NAME.c describes. Needs Python alone.
"""
import json
import pathlib
import struct

ROOT = pathlib.Path(__file__).resolve().parents[1] / "fuzz" / "corpus"


def put(target, name, data):
    folder = ROOT / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def safetensors(tensors, metadata=None):
    """{name: (dtype, shape, bytes)} as a file."""
    header, at, body = {}, 0, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + len(data)]}
        at += len(data)
        body += data
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def floats(*shape, value=0.25):
    n = 1
    for size in shape:
        n *= size
    return "F32", list(shape), struct.pack("<f", value) * n


def ints(*values):
    return "I64", [len(values)], struct.pack("<%dq" % len(values), *values)


def exif(endian, kind, value):
    mark = b"II" if endian == "<" else b"MM"
    entries = struct.pack(endian + "HHIHH", 0x0112, kind, 1, value, 0)
    return mark + struct.pack(endian + "HIH", 42, 8, 1) + entries + struct.pack(endian + "I", 0)


panoptic_truth = ('{"images":[{"id":5}],"annotations":[{"image_id":5,"file_name":"a.png","segments_info":[{"id":1,"category_id":1,"iscrowd":0,"area":3},'
                  '{"id":513,"category_id":2,"iscrowd":1,"area":2}]}],"categories":[{"id":1,"name":"a","isthing":1},{"id":2,"isthing":0}]}')
panoptic_found = '{"annotations":[{"image_id":5,"file_name":"a.png","segments_info":[{"id":7,"category_id":1},{"id":65536,"category_id":2}]}]}'
panoptic_maps = bytes([1, 0, 0] * 3 + [1, 2, 0] * 2 + [0] * 3 + [7, 0, 0] * 3 + [0, 0, 1] * 2 + [0] * 3)
put("panoptic", "matches", panoptic_truth.encode() + b"\0" + panoptic_found.encode() + b"\0" + panoptic_maps)
put("panoptic", "not_in_the_map",
    panoptic_truth.encode() + b"\0" + panoptic_found.replace("65536", "9").encode() + b"\0" + panoptic_maps)
put("panoptic", "odd_values",
    panoptic_truth.replace('"area":3', '"area":-1e300').replace('"id":513', '"id":1').encode() + b"\0" +
    panoptic_found.replace("65536", "0").replace("1}", "1.0,\"iscrowd\":true}").encode() + b"\0" + bytes(36))
put("panoptic", "no_segments", '{"annotations":[{"image_id":"a","file_name":"\\u0000","segments_info":[{"id":1}]}],"categories":[{"id":"x","isthing":true}]}\0[]\0')
put("model_folder", "detr",
    '{"architectures":["DetrForSegmentation"],"model_type":"detr","backbone":"resnet50","d_model":32,"dilation":true,'
    '"id2label":{"0":"a","1":"b"}}\0{"size":100,"max_size":160,"feature_extractor_type":"DetrFeatureExtractor"}\0'
    '{"weight_map":{"model.backbone.model.conv1.weight":"a.safetensors"}}')
put("model_folder", "deformable_detr",
    '{"model_type":"deformable_detr","backbone_config":{"model_type":"resnet","depths":[1,1,1,1],'
    '"hidden_sizes":[8,8,8,8]},"use_timm_backbone":false,"two_stage":true,"with_box_refine":true}\0{"do_resize":false,'
    '"pad_size":{"height":64,"width":64},"image_mean":[0,0,0]}\0{"weight_map":{"a":"../b","c":"d"}}')
put("model_folder", "unknown", '{"architectures":["Nothing"],"id2label":{"1":"b"}}\0\0[]')
for yaml in ("mask_rcnn", "retinanet"):
    texts = [(ROOT.parents[1] / "data" / "detectron2" / (name + ".yaml")).read_text() for name in (yaml, "base")]
    put("config_yaml", yaml, "\0".join(texts))
put("config_yaml", "values", (ROOT.parents[1] / "data" / "config" / "yaml_values.yaml").read_text())
put("config_files", "bases",
    "_base_ = ['base.py', 'other.json']\nmodel = dict(neck=dict(_delete_=True, type='N'), a={{_base_.a}})\n"
    "name = '{{ fileBasename }} {{fileDirname}}'\n\0_base_ = 'sub/deep.py'\nmodel = dict(type='A', neck=dict(x=1))\na = [1, 2]\n\0"
    "{\"data\": {\"test\": {\"pipeline\": [1, {\"a\": null}]}}, \"text\": \"{{ fileExtname }}\"}\0lr = 0.1\n\0"
    "model.type='B'\ndata.test.pipeline.1.a=[1, (2, 3)]\nlr=1e-3\n")
put("config_files", "circle", "_base_ = 'base.py'\n\0_base_ = ['main.py']\n\0{}\0\0a.b=1")
put("config_files", "values",
    "_base_ = './base.py'\nb = {{_base_.model.dims.1}}\nc = '{{_base_.model}}'\nd = dict(e=[{{_base_.model}}])\n\0"
    "model = dict(dims=[1, 2, 3], t='x')\n\0\0\0")
for name, text in {
    "values": "model.backbone.depths=[2, 2, 6]\nmodel.backbone.rate=1e-5\nmodel.backbone.on=False\nmodel.backbone.none=dict(a=1)\n",
    "items": "data.test.pipeline.0.scales.1=(5, 6)\ndata.test.pipeline.-1.type=E\ndata.test.pipeline.7=1\nmodel=None\n",
    "new": "x.y.z='a b'\nx.y.z.w=1\n=1\nmodel..a=2\nmodel.backbone={'type': 'Q', '_delete_': True}\n",
}.items():
    put("set", name, text)
line = '{"index": %d, "image_id": %d, "detections": [%s]}\n'
box = "[1, 2.5, 3, 4.25, 0.900000036, 1]"
mask = '[1, 2, 3, 4, 0.5, 3, {"size": [4, 4], "counts": "05\\\\1"}]'
put("journal", "lines", line % (0, 7, box) + line % (2, 1, box + ", " + mask) + line % (1, 9, ""))
put("journal", "cut", line % (2, 1, box) + (line % (0, 7, box))[:40])
put("journal", "bare", "!" + line % (0, 7, box))
put("journal", "damaged", '{"index": 1, "image_id": 9, "detections": [[1, 2], {}]}\n')
put("run_log", "log", '{"env_info": "x", "seed": 0}\n'
    '{"mode": "train", "epoch": 1, "iter": 10, "step": 10, "lr": 0.01, "loss": 1.5, "loss_cls": null}\n'
    '{"mode": "val", "epoch": 1, "iter": 10, "step": 10, "bbox_mAP": 0.125}\n{"mode": "train", "epoch": 2, "step": 20, "loss": 1.25}\n{"mode"')
for number in (1, 3, 6, 8):
    put("exif", "little_%d" % number, exif("<", 3, number))
    put("exif", "big_%d" % number, exif(">", 3, number))
put("exif", "long", exif("<", 4, 6))
weights = {
    "fc.weight": floats(2, 3), "fc.bias": floats(2), "point.weight": floats(3, 2, 1, 1),
    "backbone.conv.weight": floats(4, 2, 3, 3),
    "backbone.conv.bias": floats(4), "backbone.bn.weight": floats(4), "backbone.bn.bias": floats(4),
    "backbone.bn.running_mean": floats(4),
    "backbone.bn.running_var": floats(4), "backbone.bn.num_batches_tracked": ("I64", [], struct.pack("<q", 3)),
    "backbone.norm.weight": floats(4), "backbone.norm.bias": floats(4),
    "backbone.relative_position_bias_table": floats(25, 2),
}
put("load", "all", b"\0" + safetensors(weights))
put("load", "prefix", b"\1" + safetensors({"module." + key: value for key, value in weights.items()}))
foreign = dict(weights)
foreign.update({"fc.weight": floats(3, 2), "point.weight": floats(3, 2), "backbone.conv.weight": floats(4, 2, 9),
                "x.attn_mask": floats(1)})
put("load", "foreign", b"\3" + safetensors(foreign))
put("load", "halves",
    b"\3" + safetensors({"fc.weight": ("F16", [2, 3], b"\0\x3c" * 6), "fc.bias": ("F64", [2], b"\0" * 16)}))
put("lists", "plain", "a\n\0cat/a.png 0\ndog/b.png 1\n\0cat\ndog\n")
put("lists", "windows", "a\r\n\r\n\0cat/a.png\r\ndog/b.png\r\n\0one\r\ntwo")
put("lists", "bad", "../a\n/b\n\0cat/a.png 7\nmouse/c.png 0\n\0\n\n")
put("folder", "yaml", b"\0names: [cat, 'dog']\nnc: 2\ntrain: images/train\nval: images/val\n\x000 0.5 0.5 0.25 0.5\n1 0.1 0.1 0.2 0.1 0.3 0.4\n\x001 0.5 0.5 1 1\n")
put("folder", "yaml_dict", b"\0path: .\nnames:\n  0: cat\n  1: \"big dog\"\n\x000 0.5 0.5 0.25 0.5\n\0")
put("folder", "yolo", b"\1cat\ndog\n\x000 0.5 0.5 0.25 0.5\n\x001 0.2 0.2 0.1 0.1\n")
put("folder", "voc",
    b"\2<annotation><filename>a.png</filename><size><width>8</width><height>6</height></size><object><name>cat</name>"
    b"<difficult>0</difficult><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>5</xmax><ymax>4</ymax></bndbox></object></annotation>\0"
    b"<annotation/>\0a\nb\n")
coco = json.dumps({"images": [{"id": 1, "file_name": "a.png", "height": 6, "width": 8}],
                   "categories": [{"id": 3, "name": "cat"}],
                   "annotations": [{"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 1, 3, 2], "area": 6,
                                    "iscrowd": 0,
                                    "segmentation": [[1, 1, 4, 1, 4, 3]]}]})
put("folder", "coco", "\3" + coco + "\0" + coco.replace("a.png", "c.png") + "\0")
put("folder", "maps", b"\4cat\ndog\n\0\0")
put("folder", "classes", b"\5cat\ndog\n\0\0")
put("model", "config", b"\0model = dict(type='RetinaNet', backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(0, 1, 2, 3), style='pytorch'),\n"
    b" neck=dict(type='FPN', in_channels=[64, 128, 256, 512], out_channels=32, start_level=1, add_extra_convs='on_output', num_outs=5),\n"
    b" bbox_head=dict(type='RetinaHead', num_classes=3, in_channels=32, stacked_convs=1, feat_channels=32,\n"
    b"  anchor_generator=dict(type='AnchorGenerator', octave_base_scale=4, scales_per_octave=3, ratios=[0.5, 1.0, 2.0], strides=[8, 16, 32, 64, 128]),\n"
    b"  bbox_coder=dict(type='DeltaXYWHBBoxCoder')), test_cfg=dict(nms_pre=100, score_thr=0.05, nms=dict(type='nms', iou_threshold=0.5)))\n")
put("model", "backbone", b"\0backbone = dict(type='SwinTransformer', embed_dims=16, depths=[1, 1, 1, 1], num_heads=[1, 2, 4, 8], window_size=4)\n")
put("model", "pvt", b"\0backbone = dict(type='PyramidVisionTransformerV2', embed_dims=8, num_layers=[1, 1, 1, 1], num_heads=[1, 2, 4, 8])\n")
for i, lines in enumerate([
    "model.backbone.depths=[1, 1, 1, 1]\nmodel.backbone.heads=[2, 4, 8, 16]\nmodel.neck.num_outs=4\n",
    "model.roi_head.bbox_head.num_classes=2\nmodel.rpn_head.anchor_generator.ratios=[1.0]\nmodel.roi_head.mask_head.num_convs=1\n",
    "model.decode_head.pool_scales=(1, 2)\nmodel.decode_head.norm_cfg=dict(type='GN', num_groups=4)\nmodel.test_cfg.mode='slide'\n",
    "model.bbox_head.num_query=5\nmodel.bbox_head.transformer.encoder.num_layers=1\nmodel.bbox_head.as_two_stage=True\n",
    "model.backbone.img_size=64\nmodel.backbone.expansion=2\n"], 1):
    put("model", "set_%d" % i, bytes([i]) + lines.encode())
picture = {"image": floats(1, 3, 32, 32)}
targets = {"gt_bboxes_0": ("F32", [2, 4], struct.pack("<8f", 2, 3, 20, 18, 5, 5, 30, 30)), "gt_labels_0": ints(0, 2)}
put("forward", "boxes", safetensors({**picture, **targets}))
put("forward", "ignored", safetensors({**picture, **targets, "gt_bboxes_ignore_0": floats(1, 4, value=9.0)}))
put("forward", "relative", safetensors({"image_u8": ("U8", [1, 3, 16, 16], b"\x80" * 768),
                                        "tgt_boxes_0": floats(1, 4), "tgt_labels_0": ints(1)},
    {"img_metas": json.dumps([{"ori_shape": [32, 32, 3], "img_shape": [16, 16, 3], "pad_shape": [16, 16, 3],
                               "scale_factor": [0.5] * 4}])}))
put("forward", "masks", safetensors({**picture, **targets, "gt_masks_0": ("U8", [2, 32, 32], b"\1" * 2048)}))
put("numbers", "numbers", b"\0" + json.dumps({"bbox": {"stats": [0.5, 0.6]}, "mIoU": 0.25, "top1": 0.5}).encode())
put("numbers", "results", b"\0" + b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]')
put("numbers", "predictions", b"\1" + b"cat/a.png cat dog\ndog/b.png 0 1\n")
