#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/blocks/dat_mlp_cmt_train.safetensors: DAT's MLP in the form of CMT with batch norms in training mode, by PyTorch
in float64: values, gradients and running statistics after the step. The other files there are reference outputs of the official
modules. Needs torch and numpy. Usage: make_dat_blocks.py OUT_DIR"""
import sys

import torch
from torch import nn

from tensor_files import save


class Mlp(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.linear1 = nn.Sequential(nn.Conv2d(dim, hidden, 1), nn.GELU(), nn.BatchNorm2d(hidden))
        self.dwc = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden)
        self.bn = nn.BatchNorm2d(hidden)
        self.linear2 = nn.Sequential(nn.Conv2d(hidden, dim, 1), nn.BatchNorm2d(dim))

    def forward(self, x):
        h = self.linear1(x)
        return self.linear2(self.bn(nn.functional.gelu(h + self.dwc(h))))


def main(out):
    torch.manual_seed(0)
    m = Mlp(6, 12).double().train()
    for p in m.state_dict().values():
        if p.is_floating_point():
            p.copy_((p + 0.2 * torch.rand_like(p)).float())
    tensors = {"input.param." + k: v.clone() for k, v in m.state_dict().items() if v.is_floating_point()}
    x = torch.randn(2, 6, 5, 4).double().float().double().requires_grad_()
    y = m(x)
    gy = torch.randn(*y.shape).double().float().double()
    (y * gy).sum().backward()
    tensors.update({"input.x": x, "output.y": y, "gradout.y": gy, "grad.x": x.grad})
    tensors.update({"grad.param." + k: p.grad for k, p in m.named_parameters()})
    tensors.update({"after." + k: v for k, v in m.state_dict().items() if "running" in k})
    save(out + "/dat_mlp_cmt_train.safetensors", tensors, kind="float32")


main(sys.argv[1])
