# SPDX-License-Identifier: Apache-2.0
from . import mask as mask
from ._native import Error as Error
from ._stand_in import init_as_pycocotools as init_as_pycocotools
from .coco import COCO as COCO
from .cocoeval import COCOeval as COCOeval, Params as Params
from .model import Model as Model, Result as Result, load as load

__version__: str
__all__ = ['COCO', 'COCOeval', 'Params', 'mask', 'load', 'Model', 'Result', 'init_as_pycocotools', 'Error', '__version__']
