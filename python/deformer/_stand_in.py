# SPDX-License-Identifier: Apache-2.0
"""This package in place of others: modules under their names, for code that imports them."""
import importlib.machinery
import importlib.metadata
import sys
import types

from . import _faster, _mask, coco, cocoeval, mask

# The releases whose numbers and texts these are.
PYCOCOTOOLS = '2.0.11'
FASTER_COCO_EVAL = '1.8.0'


def _module(name, **members):
    module = types.ModuleType(name, f'deformer in place of {name}')
    module.__spec__ = importlib.machinery.ModuleSpec(name, None)     # importlib.util.find_spec() asks for it
    module.__dict__.update(members)
    sys.modules[name] = module
    return module


class _Distribution(importlib.metadata.Distribution):
    """What a program finds that asks for the version of a package."""

    def __init__(self, name, version):
        self.text = f'Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n'

    def read_text(self, filename):
        return self.text if filename == 'METADATA' else None

    def locate_file(self, path):
        return path


class _Finder:
    """Knows the versions of the packages that are stood in for, and imports nothing."""

    versions = {}

    @classmethod
    def find_distributions(cls, context=importlib.metadata.DistributionFinder.Context()):
        names = cls.versions if context.name is None else [context.name.lower().replace('_', '-')]
        return [_Distribution(name, cls.versions[name]) for name in names if name in cls.versions]

    @staticmethod
    def find_spec(name, path=None, target=None):
        return None


def _is_there(name):
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _say_version(name, version):
    """Unless the package itself is installed too."""
    if _Finder not in sys.meta_path:
        sys.meta_path.append(_Finder)
    if not _is_there(name):
        _Finder.versions[name] = version


def _stand_in_for_pycocotools():
    members = {'coco': coco, 'cocoeval': cocoeval, 'mask': mask, '_mask': _mask}
    coco.maskUtils = cocoeval.maskUtils = mask                   # detectron2 has it from there
    _module('pycocotools', __path__=[], **members)
    sys.modules.update({f'pycocotools.{name}': module for name, module in members.items()})
    _say_version('pycocotools', PYCOCOTOOLS)


def _stand_in_for_faster_coco_eval():
    classes = {'COCO': _faster.COCO, 'COCOeval_faster': _faster.COCOeval_faster}
    functions = {name: getattr(_mask, name) for name in ('iou', 'merge', 'frPyObjects')}
    functions.update({name: getattr(mask, name) for name in ('encode', 'decode', 'area', 'toBbox')})
    masks = _module('faster_coco_eval.core.mask', segmToRle=_faster.segmToRle, **functions)
    core = _module('faster_coco_eval.core', __path__=[], mask=masks, **classes)
    _module('faster_coco_eval', __path__=[], __version__=FASTER_COCO_EVAL, core=core, mask=masks, **classes)
    _say_version('faster-coco-eval', FASTER_COCO_EVAL)


def init_as_pycocotools():
    """From here on `import pycocotools` in this process gives this package, installed or not: pycocotools.coco, .cocoeval, .mask and
    ._mask; and so does `import faster_coco_eval`, which is what Ultralytics imports, unless it was imported before. To be called
    before other packages import pycocotools."""
    _stand_in_for_pycocotools()
    if 'faster_coco_eval' not in sys.modules:
        _stand_in_for_faster_coco_eval()
