# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/ops/roi_align_na_s3.safetensors: the older form of RoIAlign with three samples a bin along each axis, both directions.

    python3 tests/scripts/make_roi_align.py         needs torch and torchvision
"""
from pathlib import Path

import torch
from torchvision.ops import roi_align

from tensor_files import save

OUT = Path(__file__).resolve().parent.parent / "data" / "ops" / "roi_align_na_s3.safetensors"


def main():
    torch.manual_seed(3)
    x = torch.randn(2, 5, 13, 17, requires_grad=True)
    rois = torch.tensor([[0, 3.0, 4.0, 40.0, 30.0], [1, 0.0, 0.0, 68.0, 52.0], [1, -9.0, -5.0, 30.0, 20.0],
                         [0, 50.0, 30.0, 90.0, 70.0],
                         [1, 20.5, 10.2, 21.5, 11.2], [0, 33.0, 20.0, 33.0, 20.0]])  # over the border; a pixel; a point
    y = roi_align(x, rois, (4, 6), 0.25, 3, False)
    g = torch.randn_like(y)
    y.backward(g)
    save(OUT, {"input.x": x, "input.rois": rois, "output.y": y, "gradout.y": g, "grad.x": x.grad})


if __name__ == "__main__":
    main()
