# SPDX-License-Identifier: Apache-2.0
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .coco import COCO, Record

class Params:
    iouType: str
    imgIds: list[int]
    catIds: list[int]
    iouThrs: NDArray[np.float64]
    recThrs: NDArray[np.float64]
    maxDets: list[int]
    areaRng: list[list[float]]
    areaRngLbl: list[str]
    useCats: int
    useSegm: int | None
    kpt_oks_sigmas: NDArray[np.float64]
    boundary_dilation_ratio: float
    def __init__(self, iouType: str = 'segm') -> None: ...
    def setDetParams(self) -> None: ...
    def setKpParams(self) -> None: ...
    def setCrowdParams(self) -> None: ...

class COCOeval:
    cocoGt: COCO
    cocoDt: COCO
    params: Params
    evalImgs: list[dict[str, Any] | None]
    eval: dict[str, Any]
    stats: NDArray[np.float64]
    ious: dict[tuple[int, int], Any]
    def __init__(self, cocoGt: COCO | None = None, cocoDt: COCO | None = None, iouType: str = 'segm') -> None: ...
    def evaluate(self) -> None: ...
    def computeIoU(self, imgId: int, catId: int) -> NDArray[np.float64] | list[Any]: ...
    def computeOks(self, imgId: int, catId: int) -> NDArray[np.float64] | list[Any]: ...
    def evaluateImg(self, imgId: int, catId: int, aRng: Sequence[float], maxDet: int) -> dict[str, Any] | None: ...
    def accumulate(self, p: Params | None = None) -> None: ...
    def summarize(self) -> None: ...
