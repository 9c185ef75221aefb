# SPDX-License-Identifier: Apache-2.0
"""make_transformers_folders.py OUT -- small folders of DETR and Deformable DETR as transformers writes them, a picture,
and what the library makes of it (transformers 5.24, torch 2.15). Weights are random."""
import json
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import save_file
from transformers import (DeformableDetrConfig, DeformableDetrForObjectDetection, DeformableDetrImageProcessor,
                          DetrConfig,
                          DetrForObjectDetection, DetrForSegmentation, DetrImageProcessor, ResNetConfig)

NAMES = ["cell", "night sky", 'a "b"', "\u00e9"]


def backbone(first, layer_type, sizes):
    return ResNetConfig(embedding_size=4, hidden_sizes=sizes, depths=[1, 1, 1, 1], layer_type=layer_type,
                        out_features=["stage%d" % i for i in range(first, 5)])


def draw(model):
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() > 1:
                p.normal_(0, 1.2 / np.sqrt(p[0].numel()))
            elif "norm" in name and name.endswith("weight"):
                p.uniform_(0.7, 1.3)
            else:
                p.normal_(0, 0.3)
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.normal_(0, 0.2)
            if name.endswith("running_var"):
                b.uniform_(0.5, 1.5)
    return model.eval()


def common(seed, dim):
    torch.manual_seed(seed)
    return dict(d_model=dim, encoder_layers=1, decoder_layers=1, encoder_attention_heads=8, decoder_attention_heads=4,
                encoder_ffn_dim=12, decoder_ffn_dim=20, num_queries=7, use_timm_backbone=False,
                id2label=dict(enumerate(NAMES)), label2id={n: i for i, n in enumerate(NAMES)})


def write(out, name, model, processor, picture, **save):
    folder = os.path.join(out, name)
    model = draw(model)
    model.save_pretrained(folder, **save)
    processor.save_pretrained(folder)
    encoded = processor(images=picture, return_tensors="pt")
    with torch.no_grad():
        outputs = model(**encoded)
    found = processor.post_process_object_detection(outputs, threshold=0.0, target_sizes=[picture.size[::-1]])[0]
    arrays = {"pred_logits": outputs.logits, "pred_boxes": outputs.pred_boxes,
              "scores": found["scores"], "labels": found["labels"], "boxes": found["boxes"]}
    if "pred_masks" in outputs:
        arrays["pred_masks"] = outputs.pred_masks
        size = [picture.size[::-1]]
        how = dict(target_sizes=size, threshold=0.3)
        arrays["semantic"] = processor.post_process_semantic_segmentation(outputs, target_sizes=size)[0].char()
        arrays["instance"] = processor.post_process_instance_segmentation(outputs, **how)[0]["segmentation"].char()
        arrays["panoptic"] = processor.post_process_panoptic_segmentation(
            outputs, label_ids_to_fuse={1}, **how)[0]["segmentation"].char()
    save_file({k: np.ascontiguousarray(v.numpy()) for k, v in arrays.items()}, os.path.join(out, name + ".safetensors"))


def main(out):
    os.makedirs(out, exist_ok=True)
    rng = np.random.default_rng(5)
    small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    picture = Image.fromarray(small).resize((96, 70), Image.BICUBIC)
    picture.save(os.path.join(out, "picture.png"))
    write(out, "detr_masks", DetrForSegmentation(DetrConfig(
        backbone_config=backbone(1, "basic", [4, 6, 8, 8]), activation_function="gelu",
        position_embedding_type="learned",
        **common(1, 16))), DetrImageProcessor(do_resize=False), picture)
    write(out, "deformable_two_stage", DeformableDetrForObjectDetection(DeformableDetrConfig(
        backbone_config=backbone(2, "bottleneck", [8, 8, 8, 12]), with_box_refine=True, two_stage=True,
        two_stage_num_proposals=6, encoder_n_points=2, decoder_n_points=1, **common(2, 32))),
        DeformableDetrImageProcessor(do_resize=False, do_normalize=False), picture, max_shard_size="60KB")
    write(out, "detr_auxiliary_loss", DetrForObjectDetection(DetrConfig(
        backbone_config=backbone(4, "basic", [4, 4, 4, 4]), auxiliary_loss=True,
        **{**common(3, 16), "decoder_layers": 2})), DetrImageProcessor(do_resize=False), picture)


main(sys.argv[1])
