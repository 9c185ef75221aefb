# SPDX-License-Identifier: Apache-2.0
"""deformer.mask against what pycocotools 2.0.11 gave (tests/data/eval/masks.json), and with what it crashes on."""
import numpy as np
import pytest

import deformer
from deformer import _mask, mask

from conftest import read_json, stopped_by_signals


@pytest.fixture(scope='module')
def cases(data):
    return read_json(data / 'eval' / 'masks.json')


def picture(seed, height=37, width=29, layers=None):
    random = np.random.default_rng(seed)
    if layers:
        return np.stack([picture(seed + i, height, width) for i in range(layers)], 2)
    pixels = np.zeros((height, width), np.uint8)
    for _ in range(4):
        y, x = random.integers(0, height - 5), random.integers(0, width - 5)
        pixels[y:y + random.integers(2, 15), x:x + random.integers(2, 12)] ^= 1
    return pixels


def rle(size, counts):
    return {'size': size, 'counts': counts.encode()}


# ---- as pycocotools --------------------------------------------------------------------------------------------------

def test_polygons(cases):
    for case in cases['polygons']:
        height, width = case['size']
        made = mask.frPyObjects(case['segmentation'], height, width)
        whole = mask.merge(made)
        assert whole == rle(case['size'], case['counts'])
        assert mask.area(whole) == case['area']
        assert mask.toBbox(whole).tolist() == case['bbox']


def test_runs_and_pixels(cases):
    for case in cases['rle']:
        height, width = case['size']
        made = mask.frPyObjects({'size': case['size'], 'counts': case['uncompressed']}, height, width)
        assert made == rle(case['size'], case['counts'])
        assert mask.area(made) == case['area'] and mask.toBbox(made).tolist() == case['bbox']
        pixels = mask.decode(made)
        assert pixels.shape == (height, width) and pixels.flags.f_contiguous and pixels.flags.writeable
        assert mask.encode(pixels) == rle(case['size'], case['encode_of_pixels'])


@pytest.mark.parametrize('kind', ['mask_iou', 'bbox_iou'])
def test_overlap(cases, kind):
    for case in cases[kind]:
        want = np.array([[float.fromhex(v) for v in row] for row in case['iou_hex']])
        got = mask.iou(case['dt'], case['gt'], case['iscrowd'])
        assert got.shape == want.shape and got.flags.f_contiguous and got.dtype == np.float64
        np.testing.assert_array_equal(got, want)


def test_one_and_many():
    rles = mask.encode(np.asfortranarray(picture(7, layers=3)))
    assert [r['counts'] for r in rles] == [mask.encode(np.asfortranarray(picture(7 + i)))['counts'] for i in range(3)]
    assert mask.area(rles).dtype == np.uint32 and type(mask.area(rles[0])) is np.uint32
    assert mask.area(rles).tolist() == [picture(7 + i).sum() for i in range(3)]
    assert mask.toBbox(rles).shape == (3, 4) and mask.toBbox(rles[0]).shape == (4,)
    assert mask.decode(rles).shape == (37, 29, 3) and mask.decode(rles[:1]).shape == (37, 29, 1)
    as_text = [{'size': r['size'], 'counts': r['counts'].decode()} for r in rles]
    assert (mask.decode(as_text) == picture(7, layers=3)).all() and mask.area(as_text[1]) == mask.area(rles[1])


def test_union_and_intersection():
    rles = mask.encode(picture(20, layers=4))
    pixels = picture(20, layers=4).astype(bool)
    assert (mask.decode(mask.merge(rles)) == pixels.any(2)).all()
    assert (mask.decode(mask.merge(rles, intersect=True)) == pixels.all(2)).all()
    assert mask.merge(rles, 1) == mask.merge(rles, intersect=True)
    assert mask.merge([]) == {'size': [0, 0], 'counts': b''}
    assert mask.merge([rles[0], mask.encode(picture(1, 40, 40))]) == {'size': [0, 0], 'counts': b''}


def test_nothing():
    assert mask.encode(np.zeros((5, 4, 0), np.uint8)) == []
    assert mask.encode(np.zeros((0, 5), np.uint8)) == rle([0, 5], '0')
    assert mask.area([]).shape == (0,) and mask.toBbox([]).shape == (0, 4) and mask.decode([]).shape == (0, 0, 0)
    assert mask.iou([], [[1, 2, 3, 4]], [0]) == [] and mask.iou([[1, 2, 3, 4]], [], []) == []
    assert mask.iou(np.zeros((0, 4)), [[1, 2, 3, 4]], [0]) == []


def test_masks_of_other_sizes_have_no_overlap():
    assert mask.iou([mask.encode(picture(1))], [mask.encode(picture(1, 40, 40))], [0]) == [[-1]]


def test_boxes_in_every_form():
    boxes = [[1, 2, 10, 12], [3.5, 4, 8, 9.25]]
    wide = np.zeros((2, 8))
    wide[:, ::2] = boxes
    want = mask.iou(boxes, boxes, [0, 1]).tolist()
    for form in (np.array(boxes), np.asfortranarray(boxes), wide[:, ::2], [np.array(box) for box in boxes]):
        assert mask.iou(form, boxes, [0, 1]).tolist() == want
    assert mask.iou(boxes, boxes, np.array([False, True])).tolist() == want
    want = mask.frPyObjects(np.array(boxes), 30, 28)
    assert mask.frPyObjects(boxes, 30, 28) == want and mask.frPyObjects(np.asfortranarray(boxes), 30, 28) == want
    assert mask.frPyObjects(boxes[0], 30, 28) == want[0]


def test_pixels_in_any_order():
    pixels = picture(3, 50, 61)
    want = mask.encode(np.asfortranarray(pixels))
    for form in (pixels, pixels.astype(bool), pixels * 255, np.asfortranarray(pixels)):
        assert mask.encode(form) == want
    assert mask.encode(pixels[::-1, ::-2]) == mask.encode(np.asfortranarray(pixels[::-1, ::-2]))
    read_only = pixels.copy()
    read_only.setflags(write=False)
    assert mask.encode(read_only) == want
    layers = picture(3, layers=2).transpose(2, 0, 1)      # layer, height, width
    assert mask.encode(layers.transpose(1, 2, 0)) == [mask.encode(layer) for layer in layers]


COMB = mask.encode(np.asfortranarray(np.tile(np.array([[0], [1]], np.uint8), (1000, 1))))


@pytest.mark.parametrize('work', [
    lambda: mask.iou([COMB] * 3000, [COMB] * 3000, [0] * 3000),
    lambda: mask.iou([COMB], [COMB] * 200000, [0] * 200000),
    lambda: mask.iou(np.ones((15000, 4)), np.ones((15000, 4)), [0] * 15000),
    lambda: mask.merge([COMB] * 300000),
    lambda: mask.area([COMB] * 300000),
    lambda: mask.encode(np.broadcast_to(np.uint8(1), (60000, 60000))),
    lambda: mask.encode(np.broadcast_to(np.uint8(1), (100, 100, 1000000))),
    lambda: mask.decode([mask.frPyObjects([[0, 0, 4000, 4000]], 4000, 4000)[0]] * 300),
    lambda: mask.frPyObjects(np.ones((3000000, 4)), 1000, 1000),
    lambda: mask.frPyObjects([[0, 0, 3000, 0, 3000, 3000]] * 100000, 3000, 3000),
], ids=['overlaps', 'with one', 'boxes', 'merge', 'area', 'encode', 'encode many', 'decode', 'from boxes', 'from polygons'])
def test_long_work_hears_signals(work):
    with stopped_by_signals():
        work()


def test_names_of_arguments():
    one = mask.encode(bimask=picture(1))
    assert mask.iou(dt=[one], gt=[one], pyiscrowd=[0]) == [[1]]
    assert mask.merge(rleObjs=[one], intersect=False) == one
    assert mask.decode(rleObjs=one).sum() == mask.area(rleObjs=one) and mask.toBbox(rleObjs=one).shape == (4,)
    assert len(mask.frPyObjects(pyobj=[[0, 0, 5, 0, 5, 5]], h=9, w=np.int64(9))) == 1


def test_functions_of_lists():
    rles = mask.encode(picture(5, layers=2))
    assert _mask.area(rles).tolist() == mask.area(rles).tolist() and _mask.decode(rles).shape == (37, 29, 2)
    assert _mask.encode(picture(5, layers=2)) == rles and _mask.toBbox(rles).shape == (2, 4)
    assert _mask.frPoly([[0, 0, 5, 0, 5, 5]], 9, 9) == mask.frPyObjects([[0, 0, 5, 0, 5, 5]], 9, 9)
    assert _mask.frBbox(np.array([[0, 0, 5, 5.0]]), 9, 9) == mask.frPyObjects(np.array([[0, 0, 5, 5.0]]), 9, 9)
    assert _mask.frUncompressedRLE([{'size': [4, 5], 'counts': [3, 17]}], 1, 1) == [rle([4, 5], '3a0')]


# ---- nonsense --------------------------------------------------------------------------------------------------------

ONE = {'size': [4, 5], 'counts': b'014000000'}

@pytest.mark.parametrize('call, kind, sentence', [
    (lambda: mask.encode([[0, 1]]), AttributeError, 'shape'),
    (lambda: mask.encode(np.zeros((4, 5), np.int64)), ValueError, 'uint8'),
    (lambda: mask.encode(np.zeros(4, np.uint8)), ValueError, r'masks of shape \(4,\)'),
    (lambda: mask.decode({'size': [2, 2], 'counts': ONE['counts']}), deformer.Error, 'longer than its 2 x 2 pixels'),
    (lambda: mask.decode([ONE, {'size': [5, 4], 'counts': ONE['counts']}]), deformer.Error, 'want one size'),
    (lambda: mask.decode({'size': [2**31, 2**31], 'counts': b'0'}), (MemoryError, deformer.Error), ''),
    (lambda: mask.area({'size': [4, 5], 'counts': [1, 2, 3]}), TypeError, r'frPyObjects\(\) compresses'),
    (lambda: mask.area({'size': [4, 5], 'counts': b'\xc3'}), deformer.Error, 'hold the byte 0xc3'),
    (lambda: mask.area({'size': [4, 5], 'counts': b'0' + b'P' * 9}), deformer.Error, 'run of over seven'),
    (lambda: mask.area({'size': [-4, 5], 'counts': b'0'}), OverflowError, ''),
    (lambda: mask.area({'size': [2**32, 5], 'counts': b'0'}), OverflowError, 'want less than'),
    (lambda: mask.area({'size': [4], 'counts': b'0'}), IndexError, ''),
    (lambda: mask.area({'counts': b'0'}), KeyError, 'size'),
    (lambda: mask.area({'size': [4, 5]}), KeyError, 'counts'),
    (lambda: mask.area(5), TypeError, ''),
    (lambda: mask.iou([ONE], [[1, 2, 3, 4]], [0]), Exception, 'same data type'),
    (lambda: mask.iou([[1, 2, 3]], [[1, 2, 3, 4]], [0]), Exception, 'Nx4'),
    (lambda: mask.iou([[1, 2, 3, 4]], [[1, 2, 3, 4]], [0, 0]), AssertionError, 'same length as gt'),
    (lambda: mask.iou(np.zeros((2, 5)), [[1, 2, 3, 4]], [0]), Exception, r'not \(2, 5\)'),
    (lambda: mask.iou([ONE], 'abc', [0, 0, 0]), Exception, 'unrecognized type str'),
    (lambda: mask.iou([ONE], [ONE], 0), ValueError, 'iscrowd of 0 dimensions'),
    (lambda: mask.frPyObjects([], 4, 5), IndexError, ''),
    (lambda: mask.frPyObjects([[]], 4, 5), Exception, 'not supported'),
    (lambda: mask.frPyObjects([[1, 2]], 4, 5), Exception, 'not supported'),
    (lambda: mask.frPyObjects('x', 4, 5), Exception, 'not supported'),
    (lambda: mask.frPyObjects(None, 4, 5), Exception, 'not supported'),
    (lambda: mask.frPyObjects(ONE, 4, 5), ValueError, 'compressed already'),
    (lambda: mask.frPyObjects([[1, 1, float('nan'), 1, 3, 3]], 4, 5), deformer.Error, 'coordinate nan'),
    (lambda: mask.frPyObjects([[1, 1, 3, 1, 3, 3]], -4, 5), OverflowError, 'want sides'),
    (lambda: mask.frPyObjects([[1, 1, 3, 1, 3, 3]], 2**31, 2**31), deformer.Error, 'want less than'),
    (lambda: mask.frPyObjects(np.zeros((2, 3)), 4, 5), ValueError, 'want n x 4'),
])
def test_nonsense_is_an_error(call, kind, sentence):
    with pytest.raises(kind, match=sentence):
        call()


def test_runs_that_end_early_leave_background():
    assert mask.decode({'size': [40, 2], 'counts': ONE['counts']}).sum() == mask.area(ONE)
    assert mask.decode({'size': [4, 5], 'counts': b''}).sum() == 0
