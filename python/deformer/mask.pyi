# SPDX-License-Identifier: Apache-2.0
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ._mask import RLE as RLE, Runs as Runs, frPyObjects as frPyObjects, iou as iou, merge as merge

def encode(bimask: NDArray[np.uint8] | NDArray[np.bool_]) -> Any: ...     # RLE of height x width, list[RLE] of height x width x masks
def decode(rleObjs: RLE | list[RLE]) -> NDArray[np.uint8]: ...
@overload
def area(rleObjs: list[RLE]) -> NDArray[np.uint32]: ...
@overload
def area(rleObjs: RLE) -> np.uint32: ...
def toBbox(rleObjs: RLE | list[RLE]) -> NDArray[np.float64]: ...
