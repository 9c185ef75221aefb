# SPDX-License-Identifier: Apache-2.0
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias, overload

import numpy as np
from numpy.typing import NDArray

from ._mask import RLE
from .coco import COCO

class _PilImage(Protocol):
    @property
    def mode(self) -> str: ...
    def convert(self, mode: str, /) -> Any: ...

Picture: TypeAlias = NDArray[np.uint8] | _PilImage | str | bytes | os.PathLike[str]
Changes: TypeAlias = Mapping[str, object] | Sequence[str] | str

def load(config: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None, *, threads: int = 0,
         changes: Changes | None = None, wrapper: str | None = None, allow_missing: bool = False,
         precision: str = 'float32') -> Model: ...

class Model:
    config: str
    weights: str | None
    task: str                          # 'detection', 'segmentation', 'classification' or 'features'
    names: list[str]
    category_ids: list[int]
    precision: str                     # 'float32' or 'bf16'
    def __init__(self, config: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None, threads: int = 0,
                 changes: Changes | None = None, wrapper: str | None = None, allow_missing: bool = False,
                 precision: str = 'float32') -> None: ...
    @overload
    def __call__(self, image: list[Picture] | tuple[Picture, ...], *, score_threshold: float = 0.0, bgr: bool = False) -> list[Result]: ...
    @overload
    def __call__(self, image: Picture, *, score_threshold: float = 0.0, bgr: bool = False) -> Result: ...

class Result:
    # Those of other tasks are None.
    model: Model
    height: int
    width: int
    boxes: NDArray[np.float32]         # of a detector: n x 4, x1 y1 x2 y2
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    names: list[str]
    rles: list[RLE] | None
    label_map: NDArray[np.uint16]      # of a segmentor: height x width
    probabilities: NDArray[np.float32]  # of a classifier
    def __init__(self, model: Model, native: Any) -> None: ...
    @property
    def masks(self) -> NDArray[np.bool_] | None: ...
    def top(self, k: int = 5) -> list[tuple[int, str, float]]: ...
    def to_coco(self, image_id: int | str, truth: COCO | None = None) -> list[dict[str, Any]]: ...
    def keys(self) -> tuple[str, ...]: ...
    def __getitem__(self, key: str) -> Any: ...
