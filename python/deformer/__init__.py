# SPDX-License-Identifier: Apache-2.0
"""Scores of detection and segmentation as pycocotools has them, by a library in C."""
from ._native import Error, version as __version__
from .coco import COCO
from .cocoeval import COCOeval, Params
from ._stand_in import init_as_pycocotools
from .model import Model, Result, load
from . import mask

__all__ = ['COCO', 'COCOeval', 'Params', 'mask', 'load', 'Model', 'Result', 'init_as_pycocotools', 'Error', '__version__']
