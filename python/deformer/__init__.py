# SPDX-License-Identifier: Apache-2.0
"""Scores of detection and segmentation as pycocotools has them, by a library in C."""
import importlib

from ._native import Error, version as __version__

# Where each name is. They are imported when somebody asks for them: panoptic quality needs no numpy, which has 20 MB.
PLACES = {'COCO': 'coco', 'COCOeval': 'cocoeval', 'Params': 'cocoeval', 'mask': 'mask',
          'init_as_pycocotools': '_stand_in',
          'load': 'model', 'Model': 'model', 'Result': 'model'}
__all__ = [*PLACES, 'Error', '__version__']


def __getattr__(name):
    if name not in PLACES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module = importlib.import_module('.' + PLACES[name], __name__)
    value = globals()[name] = module if name == PLACES[name] else getattr(module, name)
    return value


def __dir__():
    return sorted({*globals(), *PLACES})
