# SPDX-License-Identifier: Apache-2.0
"""This package in place of others: modules under their names, for code that imports them."""
import importlib.metadata
import sys
import types

from . import _mask, coco, cocoeval, mask

PYCOCOTOOLS = '2.0.11'         # the release whose numbers and texts these are


def _module(name, **members):
    module = types.ModuleType(name, f'deformer in place of {name}')
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


def init_as_pycocotools():
    """From here on `import pycocotools` of this process gives this package, installed or not: pycocotools.coco, .cocoeval, .mask and
    ._mask. Call it before other packages import pycocotools."""
    members = {'coco': coco, 'cocoeval': cocoeval, 'mask': mask, '_mask': _mask}
    package = _module('pycocotools', __path__=[], __version__=PYCOCOTOOLS, **members)
    sys.modules.update({f'pycocotools.{name}': module for name, module in members.items()})
    _say_version('pycocotools', PYCOCOTOOLS)
    return package
