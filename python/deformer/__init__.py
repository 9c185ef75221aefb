# SPDX-License-Identifier: Apache-2.0
"""Scores of detection and segmentation as pycocotools has them, by a library in C."""
from ._native import Error, version as __version__
from .coco import COCO
from .cocoeval import COCOeval, Params

__all__ = ['COCO', 'COCOeval', 'Params', 'Error', '__version__']
