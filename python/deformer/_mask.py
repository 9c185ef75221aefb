# SPDX-License-Identifier: Apache-2.0
"""Lists of masks: the functions of pycocotools._mask, for those who call it directly. One mask at a time: mask.py."""
import numpy as np

from . import _native
from ._arrays import array_of


def _sides(h, w):
    """Whole numbers, as whatever has them."""
    sides = int(h), int(w)
    if min(sides) < 0 or max(sides) >= 2**32:
        raise OverflowError(f'a mask of {h} x {w} pixels: want sides from 0 to 2^32 - 1')
    return sides


# ---- from and to pixels ----------------------------------------------------------------------------------------------

def encode(mask):
    """An array of height x width x masks, of uint8 or bool in any order of memory, as a list of compressed masks."""
    return _native.mask_encode(mask)


def decode(rleObjs):
    """Masks of one size as an array of height x width x masks, of uint8, in Fortran's order."""
    memory, h, w = _native.mask_decode(rleObjs)
    return array_of(memory, np.uint8).reshape((h, w, len(rleObjs)), order='F')


# ---- of masks --------------------------------------------------------------------------------------------------------

def merge(rleObjs, intersect=0):
    """The union of masks, or their intersection. Masks of different sizes give one of size 0 x 0."""
    return _native.mask_merge(rleObjs, int(intersect) != 0)


def area(rleObjs):
    """Pixels of each mask, as uint32."""
    return array_of(_native.mask_areas(rleObjs), np.uint32)


def toBbox(rleObjs):
    """Boxes around masks: an array of masks x 4, x y width height."""
    return array_of(_native.mask_boxes(rleObjs), np.float64).reshape((-1, 4))


class _Masks(list):
    """A list that holds masks and nothing else."""


def _objects(objs):
    """Boxes as an array of n x 4, masks as a list of them."""
    if len(objs) == 0:
        return _Masks()
    if isinstance(objs, np.ndarray):
        if objs.ndim != 2 or objs.shape[1] != 4:
            raise Exception(f'numpy ndarray input is only for *bounding boxes* and should have Nx4 dimension, not {objs.shape}')
        return np.ascontiguousarray(objs, np.float64)
    if not isinstance(objs, list):
        raise Exception(f'unrecognized type {type(objs).__name__}: want a list of masks, a list of boxes or an array of boxes')
    if all(isinstance(obj, dict) for obj in objs):
        return _Masks(objs)
    if all(isinstance(obj, (list, np.ndarray)) and len(obj) == 4 for obj in objs):
        return np.array(objs, np.float64)
    raise Exception('list input can be bounding box (Nx4) or RLEs ([RLE])')


def _flags(pyiscrowd):
    flags = np.array(pyiscrowd, np.uint8)
    if flags.ndim != 1:
        raise ValueError(f'iscrowd of {flags.ndim} dimensions: want a flag for each object of gt')
    return flags


def iou(dt, gt, pyiscrowd):
    """Overlaps of masks, or of boxes x y width height: an array of dt x gt. Where a gt is a crowd, the area of the dt divides."""
    flags = _flags(pyiscrowd)
    dt, gt = _objects(dt), _objects(gt)
    if len(flags) != len(gt):
        raise AssertionError(f'iou(iscrowd=) must have the same length as gt, {len(gt)}: it has {len(flags)}')
    if len(dt) == 0 or len(gt) == 0:
        return []
    if type(dt) is not type(gt):
        raise Exception('The dt and gt should have the same data type, either RLEs, list or np.ndarray')
    overlaps = _native.mask_ious if isinstance(dt, _Masks) else _native.box_ious
    return array_of(overlaps(dt, gt, flags.tobytes()), np.float64).reshape((len(dt), len(gt)), order='F')


# ---- of other things -------------------------------------------------------------------------------------------------

def frBbox(bb, h, w):
    """Masks of boxes, an array of n x 4: x y width height."""
    boxes = np.ascontiguousarray(bb, np.float64)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f'boxes of shape {boxes.shape}: want n x 4')
    return _native.mask_from_boxes(boxes, *_sides(h, w))


def frPoly(poly, h, w):
    """Masks of polygons, [[x, y, x, y, ...], ...]: each is one of its own."""
    return _native.mask_from_polygons([_polygon(p) for p in poly], *_sides(h, w))


def _polygon(points):
    array = np.ascontiguousarray(points, np.float64)
    if array.ndim != 1:
        raise ValueError(f'a polygon of {array.ndim} dimensions: want [x, y, x, y, ...]')
    return array


def frUncompressedRLE(ucRles, h, w):
    """Compressed masks of {'size': [height, width], 'counts': [pixels, ...]}. h and w are not looked at."""
    return [_compressed(rle) for rle in ucRles]


def _compressed(rle):
    runs = np.array(rle['counts'], np.uint32)
    if runs.ndim != 1:
        raise ValueError('counts that are compressed already, or nested: want a list of numbers')
    return _native.mask_from_runs(runs.tobytes(), *_sides(rle['size'][0], rle['size'][1]))[0]


def _is_uncompressed(obj):
    return isinstance(obj, dict) and 'counts' in obj and 'size' in obj


def frPyObjects(pyobj, h, w):
    """Compressed masks of boxes, polygons or uncompressed masks: a list of them, or one."""
    if isinstance(pyobj, np.ndarray):
        return frBbox(pyobj, h, w)
    if _is_uncompressed(pyobj):
        return frUncompressedRLE([pyobj], h, w)[0]
    if not isinstance(pyobj, list):
        raise Exception('input type is not supported.')
    first = pyobj[0]
    if _is_uncompressed(first):
        return frUncompressedRLE(pyobj, h, w)
    if np.ndim(first) == 0 and not isinstance(first, (str, bytes, dict)):     # one box or polygon
        return frPyObjects([pyobj], h, w)[0]
    if not isinstance(first, (list, tuple, np.ndarray)) or len(first) < 4:
        raise Exception('input type is not supported.')
    return frBbox(pyobj, h, w) if len(first) == 4 else frPoly(pyobj, h, w)
