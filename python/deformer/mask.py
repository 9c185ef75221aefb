# SPDX-License-Identifier: Apache-2.0
"""Binary masks as run lengths, with the functions and the bytes of pycocotools.mask.

A mask is {'size': [height, width], 'counts': bytes}. Functions that take masks take one or a list of them.

    rle = encode(array)                  height x width, or height x width x masks; uint8 or bool, in any order of memory
    array = decode(rle)
    rle = merge([rle, ...], intersect=False)
    area(rle), toBbox(rle)               pixels; x y width height
    iou(dt, gt, iscrowd)                 of masks, or of boxes x y width height: an array of dt x gt
    frPyObjects(objects, height, width)  of polygons [[x, y, ...], ...], boxes and uncompressed masks

What pycocotools turns down and what is clear nevertheless is taken: arrays in C's order, of bool, lists of boxes. Where it reads
beyond the end of memory there is an error."""
from . import _mask

iou = _mask.iou
merge = _mask.merge
frPyObjects = _mask.frPyObjects


def encode(bimask):
    """The compressed mask of an array of height x width; a list of them for height x width x masks."""
    if len(bimask.shape) == 3:
        return _mask.encode(bimask)
    if len(bimask.shape) == 2:
        return _mask.encode(bimask[:, :, None])[0]
    raise ValueError(f'masks of shape {bimask.shape}: want height x width or height x width x masks')


def decode(rleObjs):
    """The pixels of a mask, 0 and 1 in an array of height x width; height x width x masks for a list."""
    if type(rleObjs) is list:
        return _mask.decode(rleObjs)
    return _mask.decode([rleObjs])[:, :, 0]


def area(rleObjs):
    """The pixels in a mask; an array for a list."""
    if type(rleObjs) is list:
        return _mask.area(rleObjs)
    return _mask.area([rleObjs])[0]


def toBbox(rleObjs):
    """The box around a mask, x y width height; an array of masks x 4 for a list."""
    if type(rleObjs) is list:
        return _mask.toBbox(rleObjs)
    return _mask.toBbox([rleObjs])[0]
