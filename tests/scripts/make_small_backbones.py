#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes OUT/CASE/{config.json, weights.pth, input, expected, grads .safetensors}: every backbone and every block of DAT as small as
their authors' code allows, with random weights that are float16 numbers. Names with _det are of the detection form. *_load are
checkpoints of another size, read by the official loader. Gradients are float64; of a parameter of more than 64 elements the file has
every n-th, 64 at most, and its norm.

The gradient of PyTorch 1.13's batch norm in evaluation is wrong for some layouts of memory (differences show it): it is written out here.

Usage: make_small_backbones.py CLONES OUT [CASE...]; CLONES as for bench/peers/torch_backbones.py, which this uses, and DAT-2022, a clone of
DAT at 42b489e. tests/data/backbones holds what it writes."""
import copy
import os
import sys
import tempfile
import types

import torch
import torch.nn.functional as F

from tensor_files import save

CLONES, OUT = sys.argv[1:3]
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "peers"))
import harness
import torch_backbones as official

MANY = 64
ODD = (53, 42)  # sides that neither patches nor windows divide

LATE = [False, False, True, True]

DAT_1 = dict(type="DAT", img_size=64, patch_size=4, num_classes=5, expansion=2, dim_stem=4, dims=[4, 8, 16, 32],
             depths=[2, 2, 2, 2],
             heads=[1, 2, 2, 4], window_sizes=[4, 4, 2, 2], drop_rate=0.0, attn_drop_rate=0.0, drop_path_rate=0.0,
             strides=[-1, -1, 1, 1],
             offset_range_factor=[-1, -1, 2, 2], stage_spec=[["L", "S"], ["L", "S"], ["L", "D"], ["L", "D"]],
             groups=[-1, -1, 1, 2],
             use_pes=[False, False, True, True], dwc_pes=[False] * 4, sr_ratios=[8, 4, 2, 1], fixed_pes=[False] * 4,
             no_offs=[False] * 4,
             use_dwc_mlps=[False] * 4, use_conv_patches=False, ksizes=[9, 7, 5, 3], nat_ksizes=[3, 5, 3, 3],
             layer_scale_values=[-1] * 4, use_lpus=[False] * 4, log_cpb=[False] * 4)
DAT_PP = dict(DAT_1, strides=[8, 4, 2, 1], offset_range_factor=[-1] * 4, depths=[1, 1, 2, 1],
              stage_spec=[["N"], ["D"], ["N", "D"], ["D"]], groups=[1, 2, 2, 4], heads=[2, 2, 2, 4],
              use_pes=[True] * 4, use_dwc_mlps=[True] * 4, use_conv_patches=True, use_lpus=[True] * 4,
              ksizes=[5, 5, 3, 3])
DAT_2022 = {k: v for k, v in DAT_1.items()
            if k not in ("ksizes", "nat_ksizes", "layer_scale_values", "use_lpus", "log_cpb")}
SWIN = dict(type="SwinTransformer", patch_size=4, in_chans=3, embed_dim=6, depths=[2, 2, 2], num_heads=[1, 2, 3],
            window_size=7,
            mlp_ratio=2.0, qkv_bias=True, drop_path_rate=0.0, ape=False, patch_norm=True)
PVT = dict(img_size=64, patch_size=4, in_chans=3, embed_dims=[4, 8, 10, 16], num_heads=[1, 2, 5, 4],
           mlp_ratios=[3, 2, 2, 2], qkv_bias=True,
           drop_path_rate=0.0, norm_layer=dict(type="LayerNorm", eps=1e-6), depths=[2, 1, 1, 2],
           sr_ratios=[8, 4, 2, 1], num_stages=4)
FOCAL = dict(type="FocalTransformer", patch_size=4, in_chans=3, num_classes=4, embed_dim=6, depths=[2, 2, 2],
             num_heads=[1, 2, 3],
             mlp_ratio=1.5, qkv_bias=True, drop_path_rate=0.0, patch_norm=True, focal_stages=[0, 1, 2],
             expand_stages=[0, 1, 2], expand_layer="all")

# Name: backbone, size of the image in the detection form or None, whether there are gradients.
CASES = {
    "dat_det": (dict(DAT_1, window_sizes=[4, 4, 3, 2]), (77, 70), True),
    "dat_cls": (DAT_1, None, False),
    "dat_2022_cls": (DAT_2022, None, False),
    "dat_pp_cls": (DAT_PP, None, False),
    "dat_pp_odd_det": (dict(DAT_PP, groups=[1, 2, 2, 4], depths=[2, 2, 2, 2],
                            stage_spec=[["N", "D"], ["N", "D"], ["N", "D"], ["D", "D"]],
                            strides=[4, 2, 1, 1], ksizes=[5, 3, 3, 3]), (75, 101), True),
    "dat_pyramid_det": (dict(DAT_1, window_sizes=[4, 4, 3, 2],
                             stage_spec=[["L", "P"], ["L", "P"], ["L", "D"], ["L", "D"]], sr_ratios=[8, 4, -1, -1]),
                        (77, 70), True),
    "dat_fixed_det": (dict(DAT_1, window_sizes=[4, 4, 3, 2], fixed_pes=LATE), (77, 70), True),
    "dat_no_off_cls": (dict(DAT_1, no_offs=LATE), None, True),
    "dat_2022_no_off": (dict(DAT_2022, no_offs=LATE), None, True),
    "dat_local_det": (dict(DAT_PP, stage_spec=[["A"], ["D"], ["A", "D"], ["A"]], use_pes=[False] * 4,
                           local_orf=[3, 5, 3, 3],
                           local_kv_sizes=[3] * 4), ODD, True),
    "dat_slide_det": (dict(DAT_PP, stage_spec=[["D"], ["N"], ["E", "D"], ["E"]]), ODD, True),
    "dat_qna_cls": (dict(DAT_PP, stage_spec=[["Q"], ["D"], ["D", "Q"], ["D"]], heads_q=[2, 4, 4, 8], ksize_qnas=[1] * 4,
                         nqs=[2, 2, 3, 2], qna_activation="exp"), None, False),
    "dat_conv_det": (dict(DAT_PP, stage_spec=[["X"], ["D"], ["X", "D"], ["X"]], window_sizes=[7, 7, 5, 3]), ODD, True),
    "dat_cmt_det": (dict(DAT_PP, use_cmt_mlps=[True] * 4), ODD, True),
    "dat_dwcpe_det": (dict(DAT_PP, dwc_pes=[True] * 4), ODD, True),
    "dat_logcpb_det": (dict(DAT_PP, log_cpb=[True] * 4), ODD, True),
    "dat_layerscale_det": (dict(DAT_PP, layer_scale_values=[0.5, 0.1, -1, 0.01]), ODD, True),
    "swin_det": (SWIN, ODD, True),
    "swin_ape_det": (dict(SWIN, window_size=4, ape=True, pretrain_img_size=48), ODD, True),
    "swin_ape_cls": (dict(SWIN, window_size=4, ape=True, img_size=64, num_classes=5), None, False),
    "pvt_cls": (dict(PVT, type="PyramidVisionTransformer", num_classes=5), None, False),
    "pvt_det": (dict(PVT, type="PyramidVisionTransformer"), ODD, True),
    "pvt_as_many_patches_det": (dict(PVT, type="PyramidVisionTransformer", depths=[1] * 4), (32, 128), False),
    "pvt_v2_cls": (dict(PVT, type="PyramidVisionTransformerV2", num_classes=5), None, False),
    "pvt_v2_det": (dict(PVT, type="PyramidVisionTransformerV2", linear=True), ODD, True),
    "focal_cls": (dict(FOCAL, img_size=56, window_size=7, focal_levels=[2, 2, 2], focal_windows=[7, 5, 3],
                       focal_pool="fc", expand_sizes=[3, 3, 3]), None, False),
    "focal_mean_cls": (dict(FOCAL, img_size=[48, 64], window_size=4, focal_levels=[3, 3, 2], focal_windows=[5, 3, 3],
                            focal_pool="mean",
                            expand_sizes=[2, 2, 1]), None, False),
    "focal_conv_cls": (dict(FOCAL, img_size=56, window_size=7, ape=True, use_shift=True, focal_levels=[3, 2, 2],
                            focal_windows=[7, 5, 3],
                            focal_pool="conv", expand_sizes=[3, 3, 3]), None, True),
    "resnet50": (dict(type="ResNet", depth=50, base_width=2), ODD, True),
    "dat_load": (dict(DAT_PP, stage_spec=[["L"], ["D"], ["L", "D"], ["D"]], window_sizes=[4, 4, 4, 4], img_size=96),
                 ODD, False),
    "swin_load": (dict(SWIN, ape=True, pretrain_img_size=64), ODD, False),
}
SMALLER = {"dat_load": dict(img_size=64, window_sizes=[3, 4, 2, 4]),
           "swin_load": dict(window_size=4, img_size=64, num_classes=5)}


def dat_2022(options):
    torch.Tensor.fill = torch.Tensor.fill_  # the code's `offset.fill(0.0)` calls a method that PyTorch lacks
    return official.package("dat22", "DAT-2022/models", ["dat_blocks", "dat"]).DAT(**options)


def resnet(options):
    """torchvision's with few channels."""
    import torchvision.models.resnet as tv
    width = options["base_width"]

    class Narrow(tv.ResNet):
        def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
            self.inplanes = width if planes == 64 else self.inplanes
            return super()._make_layer(block, planes * width // 64, blocks, stride, dilate)

    net = Narrow(tv.Bottleneck, [3, 4, 6, 3])
    net.conv1, net.bn1 = torch.nn.Conv2d(3, width, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(width)
    return official.ResNetMaps(net)


def build(case, config, size, seed):
    torch.manual_seed(seed)
    if case.startswith("dat_2022"):
        net = dat_2022({k: v for k, v in config.items() if k != "type"})
    elif config["type"] == "ResNet":
        net = resnet(config)
    else:
        net = official.build(config, bool(size))
    net.eval()  # some return nothing
    return net


def halved(net):
    official.randomise(net)
    for t in list(net.parameters()) + list(net.buffers()):
        if t.is_floating_point():
            t.data = t.data.half().float()


def written(state):
    """float16; indices and masks of windows are not needed."""
    return {k: v.half() if v.is_floating_point() else v
            for k, v in state.items() if "relative_position_index" not in k and "attn_mask" not in k}


def gradients(net, image):
    image, seeds = official.backward(net.double(), image, None)
    grads = {"gradout." + k: v.float() for k, v in seeds.items()}
    grads["grad.image"] = image.grad.float()
    for k, p in net.named_parameters():
        g = (torch.zeros_like(p) if p.grad is None else p.grad).flatten()
        grads["grad." + k] = g[::-(-g.numel() // MANY)].float()
        if g.numel() > MANY:
            grads["gradstat." + k] = torch.stack((g.norm(), g.abs().max(), g.sum())).float()
    return grads, seeds


def load_dat(net, path):
    def load_state_dict(module, state, strict, logger):
        report = module.load_state_dict(state, strict=False)
        missing = [k for k in report.missing_keys if "relative_position_index" not in k and "attn_mask" not in k]
        assert all(k.startswith("norms.") for k in missing), missing

    m = sys.modules["datdet.backbones.loading"] = types.ModuleType("datdet.backbones.loading")
    source = open(os.path.join(CLONES, "DAT-Detection/models/backbones/loading.py")).read()
    at = source.index("def load_checkpoint(")
    m.__dict__.update(torch=torch, F=F, OrderedDict=dict, load_state_dict=load_state_dict,
                      _load_checkpoint=lambda f, map_location: torch.load(f, map_location),
                      get_dist_info=lambda: (0, 1))
    exec(source[at:source.index("def weights_to_cpu")], m.__dict__)
    m.load_checkpoint(net, path, strict=False, logger=types.SimpleNamespace(info=print, warning=print))


def load_swin(net, path):
    def load_state_dict(module, state, strict, logger):
        own = module.state_dict()
        module.load_state_dict({k: v for k, v in state.items() if k in own and own[k].shape == v.shape}, strict=False)

    source = open(os.path.join(CLONES, "Swin-Transformer-Object-Detection/mmcv_custom/checkpoint.py")).read()
    scope = dict(torch=torch, F=F, OrderedDict=dict, load_state_dict=load_state_dict,
                 _load_checkpoint=lambda f, map_location: torch.load(f, map_location))
    exec(source[source.index("def load_checkpoint("):source.index("def weights_to_cpu")], scope)
    scope["load_checkpoint"](net, path, strict=False, logger=types.SimpleNamespace(info=print, warning=print))


def start(case, config, size, seed):
    """A network, the weights that are written, an image."""
    net = build(case, config, size, seed)
    torch.manual_seed(seed)
    if case in SMALLER:
        smaller = build(case, {**{k: v for k, v in config.items() if k != "pretrain_img_size"}, **SMALLER[case]},
                        None, seed)
        torch.manual_seed(seed)
        halved(smaller)
        weights = {"model": written(smaller.state_dict())}
        with tempfile.NamedTemporaryFile(suffix=".pth") as f:
            torch.save({"model": {k: v.float() if v.is_floating_point() else v for k, v in weights["model"].items()}},
                       f.name)
            (load_dat if config["type"] == "DAT" else load_swin)(net, f.name)
        net.eval()
    else:
        halved(net)
        weights = written(net.state_dict())
    side = config.get("img_size", 224)
    image = torch.randn(1, 3, *(size or (side if isinstance(side, list) else (side, side)))).half().float()
    return net, weights, image


def steady(net, image):
    """Whether rounding stays rounding: in so small networks it may not."""
    with torch.no_grad():
        exact = official.outputs(net.double(), image.double())
        noisy = copy.deepcopy(net)
        for p in noisy.parameters():
            p.data *= 1 + 1e-6 * torch.randn_like(p)
        near = official.outputs(noisy, image.double())
    net.float()
    return all((near[k] - exact[k]).abs().max() < 3e-5 * exact[k].abs().max() for k in exact)


def agrees_with_differences(net, image, seeds):
    """A step of all parameters: the gradient says what it does."""
    net.double().zero_grad(set_to_none=True)
    official.backward(net, image, seeds)
    steps = [(p, torch.randn_like(p)) for p in net.parameters() if p.grad is not None]
    slope, sums = sum((p.grad * d).sum() for p, d in steps), []
    for h in (1e-6, -1e-6):
        for p, d in steps:
            p.data += h * d
        with torch.no_grad():
            out = official.outputs(net, image.double())
        sums.append(sum((out[k] * seeds[k]).sum() for k in out))
        for p, d in steps:
            p.data -= h * d
    net.float()
    return abs((sums[0] - sums[1]) / 2e-6 - slope) < 1e-5 * abs(slope)


def write(case, config, size, with_gradients):
    for seed in range(1, 200):
        net, weights, image = start(case, config, size, seed)
        if not steady(net, image):
            continue
        if not with_gradients:
            break
        grads, seeds = gradients(net, image)
        largest = max(p.grad.abs().max() for p in net.parameters() if p.grad is not None)
        useless = [k for k, p in net.named_parameters() if p.grad is None or p.grad.abs().max() < 1e-13 * largest]
        errors = {k: e for k, e in official.ill_conditioned(net, image, seeds).items() if k not in useless}
        if not any(e > (1e-4 if config["type"] == "DAT" else 3e-5)
                   for e in errors.values()) and agrees_with_differences(net, image, seeds):
            break
    else:
        raise SystemExit(case + ": no seed gives a network that is steady")
    folder = os.path.join(OUT, case)
    os.makedirs(folder, exist_ok=True)
    with torch.no_grad():
        expected = official.outputs(net, image)
    finished = copy.deepcopy(config)
    official.finish_config(finished, bool(size))
    if case.startswith("dat_2022"):
        finished["code_version"] = 2022
    about = {"backbone": finished, "checkpoint": {"prefix": ""},
             "float32_vs_float64": official.accuracy(expected, net, image), "seed": seed}
    if with_gradients:
        save(folder + "/grads.safetensors", grads)
        about["params_without_effect"], about["float32_gradients"] = useless, errors
    harness.write_case(folder, about, weights, image, expected)
    # half as large for small tensors
    torch.save(weights, folder + "/weights.pth", _use_new_zipfile_serialization=False)
    save(folder + "/input.safetensors", {"image": image}, kind="float16")
    print(case, "seed", seed)


def batch_norm(norm, x):
    assert not norm.training
    column = lambda v: v[None, :, None, None]
    return (x - column(norm.running_mean)) / torch.sqrt(column(norm.running_var)
                                                        + norm.eps) * column(norm.weight) + column(norm.bias)


def main():
    torch.nn.BatchNorm2d.forward = batch_norm
    official.ROOT = CLONES
    official.stand_in()
    for case, (config, size, with_gradients) in CASES.items():
        if len(sys.argv) <= 3 or case in sys.argv[3:]:
            write(case, copy.deepcopy(config), size, with_gradients)


main()
