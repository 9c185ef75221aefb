# SPDX-License-Identifier: Apache-2.0
"""init_as_pycocotools(), and the calls that the evaluators of torchvision, detectron2, mmdet and Ultralytics make.

Each function below does what their code does with pycocotools, in the order in which it does it; scores are those that
pycocotools gave for the same files (tests/data/eval)."""
import contextlib
import copy
import importlib.metadata
import importlib.util
import io
import json
import subprocess
import sys
from collections import defaultdict

import numpy as np
import pytest

import deformer

from conftest import read_json

deformer.init_as_pycocotools()
import pycocotools                                       # noqa: E402
import pycocotools.mask as mask_util                     # noqa: E402
from pycocotools import mask as coco_mask                # noqa: E402
from pycocotools.coco import COCO                        # noqa: E402
from pycocotools.cocoeval import COCOeval, Params, maskUtils   # noqa: E402


class Case:
    """Ground truth, results and what pycocotools said of them."""

    def __init__(self, folder, name, kind):
        self.kind = kind
        self.truth_file = str(folder / f'{name}.gt.json')
        self.results_file = str(folder / f'{name}.dt.json')
        self.stats = stats_of(read_json(folder / f'{name}.expected.json'))
        with contextlib.redirect_stdout(io.StringIO()):
            self.truth = COCO(self.truth_file)
        self.results = read_json(self.results_file)

    def of_images(self, ids):
        return [copy.deepcopy(one) for one in self.results if one['image_id'] in ids]


def stats_of(expected):
    return [float.fromhex(v) if isinstance(v, str) else v for v in expected['stats']]


@pytest.fixture(scope='module', params=[('crowd', 'bbox'), ('crowd_masks', 'segm')], ids=['boxes', 'masks'])
def case(request, data):
    return Case(data / 'eval', *request.param)


def finished(scores):
    with contextlib.redirect_stdout(io.StringIO()):
        scores.summarize()
    return list(scores.stats)


def close(met, want):
    np.testing.assert_allclose(met, want, rtol=0, atol=1e-12)


# ---- names -----------------------------------------------------------------------------------------------------------

def test_modules_have_their_names():
    assert COCO is deformer.COCO and COCOeval is deformer.COCOeval and Params is deformer.Params
    assert mask_util is coco_mask is maskUtils is deformer.mask
    assert sys.modules['pycocotools.coco'].maskUtils is deformer.mask
    import pycocotools._mask as _mask
    assert _mask.iou is mask_util.iou
    assert not hasattr(pycocotools, '__version__')       # mmdet takes one for that of an old fork
    for name in ('pycocotools', 'pycocotools.mask', 'faster_coco_eval', 'faster_coco_eval.core'):
        assert importlib.util.find_spec(name)            # transformers asks so whether it is there


def test_versions_are_there_for_those_who_ask():
    for name, least in ('pycocotools', [2, 0, 6]), ('faster-coco-eval', [1, 6, 7]), ('faster_coco_eval', [1, 6, 7]):
        assert [int(part) for part in importlib.metadata.version(name).split('.')] >= least
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version('a-package-that-nobody-has')


def test_what_was_imported_before_gives_way():
    code = ('import sys, types; sys.modules["pycocotools"] = types.ModuleType("pycocotools");'
            'import deformer; deformer.init_as_pycocotools();'
            'from pycocotools.coco import COCO; assert COCO is deformer.COCO')
    subprocess.run([sys.executable, '-c', code], check=True)


# ---- torchvision -----------------------------------------------------------------------------------------------------

def in_batches(ids, size=4):
    ids = sorted(ids)
    return [ids[i:i + size] for i in range(0, len(ids), size)]


def merged(scores, image_ids, parts):
    """What processes do with their parts: synchronize_between_processes()."""
    cells = np.concatenate(parts, 2)
    image_ids, at = np.unique(np.array(image_ids), return_index=True)
    scores.evalImgs = list(cells[..., at].flatten())
    scores.params.imgIds = list(image_ids)
    scores._paramsEval = copy.deepcopy(scores.params)
    with contextlib.redirect_stdout(io.StringIO()):
        scores.accumulate()
    return finished(scores)


def test_torchvision(case):
    """references/detection/coco_eval.py"""
    truth = copy.deepcopy(case.truth)
    scores = COCOeval(truth, iouType=case.kind)
    seen, parts = [], []
    for batch in in_batches(truth.getImgIds()):
        results = case.of_images(batch)
        with contextlib.redirect_stdout(io.StringIO()):
            scores.cocoDt = COCO.loadRes(truth, results) if results else COCO()
            scores.params.imgIds = list(np.unique(batch))
            scores.evaluate()
        shape = -1, len(scores.params.areaRng), len(scores.params.imgIds)
        parts.append(np.asarray(scores.evalImgs).reshape(shape))
        seen.extend(scores.params.imgIds)
    close(merged(scores, seen, parts), case.stats)


def test_torchvision_of_old(case):
    """The same file before 2021, which has createIndex() and evaluate() of its own."""
    truth = copy.deepcopy(case.truth)
    scores = COCOeval(truth, iouType=case.kind)
    seen, parts = [], []
    for batch in in_batches(truth.getImgIds()):
        results = case.of_images(batch)
        scores.cocoDt = loaded_by_hand(truth, results) if results else COCO()
        scores.params.imgIds = list(np.unique(batch))
        parts.append(evaluated_by_hand(scores))
        seen.extend(scores.params.imgIds)
    close(merged(scores, seen, parts), case.stats)


def loaded_by_hand(truth, results):
    loaded = COCO()
    loaded.dataset['images'] = list(truth.dataset['images'])
    assert {one['image_id'] for one in results} <= set(truth.getImgIds())
    loaded.dataset['categories'] = copy.deepcopy(truth.dataset['categories'])
    for i, one in enumerate(results):
        if one.get('bbox'):
            x, y, w, h = one['bbox']
            one.setdefault('segmentation', [[x, y, x, y + h, x + w, y + h, x + w, y]])
            one['area'] = w * h
        else:
            one['area'] = maskUtils.area(one['segmentation'])
            one['bbox'] = maskUtils.toBbox(one['segmentation'])
        one.update(id=i + 1, iscrowd=0)
    loaded.dataset['annotations'] = results
    index_by_hand(loaded)
    return loaded


def index_by_hand(coco):
    coco.imgToAnns, coco.catToImgs = defaultdict(list), defaultdict(list)
    for one in coco.dataset['annotations']:
        coco.imgToAnns[one['image_id']].append(one)
        coco.catToImgs[one['category_id']].append(one['image_id'])
    coco.anns = {one['id']: one for one in coco.dataset['annotations']}
    coco.imgs = {one['id']: one for one in coco.dataset['images']}
    coco.cats = {one['id']: one for one in coco.dataset['categories']}


def evaluated_by_hand(scores):
    p = scores.params
    assert p.useSegm is None
    p.imgIds = list(np.unique(p.imgIds))
    p.catIds = list(np.unique(p.catIds))
    p.maxDets = sorted(p.maxDets)
    scores.params = p
    scores._prepare()
    scores.ious = {(i, c): scores.computeIoU(i, c) for i in p.imgIds for c in p.catIds}
    cells = [scores.evaluateImg(i, c, area, p.maxDets[-1]) for c in p.catIds for area in p.areaRng for i in p.imgIds]
    scores._paramsEval = copy.deepcopy(p)
    return np.asarray(cells).reshape(len(p.catIds), len(p.areaRng), len(p.imgIds))


def test_torchvision_makes_masks():
    """coco_utils.py: polygons to pixels; coco_eval.py: pixels to runs, one mask at a time."""
    rles = coco_mask.frPyObjects([[10, 10, 30, 10, 30, 40], [12, 50, 20, 50, 20, 60, 12, 60]], 70, 64)
    pixels = coco_mask.decode(rles).any(axis=2)
    rle = mask_util.encode(np.array(pixels[:, :, np.newaxis], dtype=np.uint8, order='F'))[0]
    rle['counts'] = rle['counts'].decode('utf-8')
    assert coco_mask.area(json.loads(json.dumps(rle))) == pixels.sum()


# ---- detectron2 ------------------------------------------------------------------------------------------------------

def test_detectron2(case):
    """evaluation/coco_evaluation.py"""
    results = copy.deepcopy(case.results)
    if case.kind == 'segm':
        for one in results:
            one.pop('bbox', None)
    with contextlib.redirect_stdout(io.StringIO()):
        found = case.truth.loadRes(results)
        scores = COCOeval(case.truth, found, case.kind)
        scores.params.maxDets = [1, 10, 100]
        scores.params.imgIds = case.truth.getImgIds()
        scores.evaluate()
        scores.accumulate()
    close(finished(scores), case.stats)
    precisions = scores.eval['precision']
    assert precisions.shape[2] == len(case.truth.getCatIds())
    of_class = precisions[:, :, 0, 0, -1]
    assert of_class[of_class > -1].size


def test_detectron2_with_other_limits(data):
    """Its COCOevalMaxDets has a summarize() of its own, which calls none of the base's."""
    class MaxDets(COCOeval):
        def summarize(self):
            p = self.params
            precision = self.eval['precision'][:, :, :, p.areaRngLbl.index('all'), p.maxDets.index(50)]
            self.stats = np.array([np.mean(precision[precision > -1])])

        def __str__(self):
            self.summarize()

    case = Case(data / 'eval', 'crowd', 'bbox')
    with contextlib.redirect_stdout(io.StringIO()):
        scores = MaxDets(case.truth, case.truth.loadRes(case.results_file), 'bbox')
        scores.params.maxDets = [1, 10, 50]
        scores.evaluate()
        scores.accumulate()
    assert 0 < finished(scores)[0] < 1


def test_detectron2_of_rotated_boxes(data):
    """evaluation/rotated_coco_evaluation.py puts an overlap of its own in place of computeIoU()."""
    class Rotated(COCOeval):
        def computeIoU(self, imgId, catId):
            p = self.params
            gt = self._gts[imgId, catId]
            dt = self._dts[imgId, catId]
            if len(gt) == 0 or len(dt) == 0:
                return []
            inds = np.argsort([-d['score'] for d in dt], kind='mergesort')
            dt = [dt[i] for i in inds][:p.maxDets[-1]]
            crowd = [int(o['iscrowd']) for o in gt]
            return maskUtils.iou([d['bbox'] for d in dt], [g['bbox'] for g in gt], crowd)

    case = Case(data / 'eval', 'crowd', 'bbox')
    with contextlib.redirect_stdout(io.StringIO()):
        scores = Rotated(case.truth, case.truth.loadRes(case.results_file), 'bbox')
        scores.evaluate()
        scores.accumulate()
    close(finished(scores), case.stats)


# ---- mmdet -----------------------------------------------------------------------------------------------------------

class MmdetCOCO(COCO):
    """datasets/api_wrappers/coco_api.py"""

    def __init__(self, annotation_file=None):
        super().__init__(annotation_file=annotation_file)
        self.img_ann_map = self.imgToAnns
        self.cat_img_map = self.catToImgs

    def get_ann_ids(self, img_ids=[], cat_ids=[], area_rng=[], iscrowd=None):
        return self.getAnnIds(img_ids, cat_ids, area_rng, iscrowd)

    def get_cat_ids(self, cat_names=[], sup_names=[], cat_ids=[]):
        return self.getCatIds(cat_names, sup_names, cat_ids)

    def load_anns(self, ids):
        return self.loadAnns(ids)


def test_mmdet(case):
    """evaluation/metrics/coco_metric.py"""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = MmdetCOCO(case.truth_file)
    names = [one['name'] for one in truth.loadCats(truth.getCatIds())]
    image = truth.getImgIds()[0]
    assert truth.load_anns(truth.get_ann_ids(img_ids=[image])) == truth.img_ann_map[image]
    results = read_json(case.results_file)
    if case.kind == 'segm':
        for one in results:
            one.pop('bbox', None)
    with contextlib.redirect_stdout(io.StringIO()):
        found = truth.loadRes(results)
        scores = COCOeval(truth, found, case.kind)
        scores.params.catIds = truth.get_cat_ids(cat_names=names)
        scores.params.imgIds = truth.getImgIds()
        scores.params.maxDets = [100, 300, 1000]
        scores.params.iouThrs = np.linspace(.5, .95, 10)
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    assert abs(scores.stats[0] - case.stats[0]) < 1e-12  # AP of all is at 100 in any case
    assert scores.eval['precision'].shape[-1] == 3


def test_mmdet_of_proposals(case):
    with contextlib.redirect_stdout(io.StringIO()):
        scores = COCOeval(case.truth, case.truth.loadRes(copy.deepcopy(case.results)), 'bbox')
        scores.params.useCats = 0
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    assert scores.eval['precision'].shape[2] == 1 and scores.stats[8] > 0


def test_mmdet_of_masks():
    """structures/mask: polygons to bitmaps and back to runs"""
    polygons = [np.array([10.0, 10, 30, 10, 30, 40]), np.array([12.0, 50, 20, 50, 20, 60, 12, 60])]
    rles = maskUtils.frPyObjects(polygons, 64, 64)
    bitmap = maskUtils.decode(maskUtils.merge(rles)).astype(bool)
    encoded = maskUtils.encode(np.array(bitmap[:, :, np.newaxis], order='F', dtype='uint8'))[0]
    assert maskUtils.area(encoded) == bitmap.sum()


# ---- Ultralytics -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('form', ['files', 'records'])
def test_ultralytics(case, form):
    """models/yolo/detect/val.py, which imports faster_coco_eval"""
    from faster_coco_eval import COCO, COCOeval_faster
    lines = []
    truth = COCO(case.truth_file if form == 'files' else read_json(case.truth_file))
    found = truth.loadRes(case.results_file if form == 'files' else read_json(case.results_file))
    scores = COCOeval_faster(truth, found, iouType=case.kind, lvis_style=False, print_function=lines.append)
    scores.params.imgIds = truth.getImgIds()
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    named = scores.stats_as_dict
    close([named[key] for key in ('AP_all', 'AP_50', 'AP_75', 'AP_small', 'AP_medium', 'AP_large')], case.stats[:6])
    close([named['AR_all'], named['AR_second'], named['AR_third']], case.stats[6:9])
    assert 0 < named['AR_75'] <= named['AR_50'] <= 1
    assert any('Average Precision' in line for line in lines)


def test_ultralytics_of_old(case):
    """It imported pycocotools, and gave paths as texts."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(case.truth_file)
        scores = COCOeval(truth, truth.loadRes(case.results_file), case.kind)
        scores.params.imgIds = truth.getImgIds()
        scores.evaluate()
        scores.accumulate()
        scores.summarize()
    close(list(scores.stats[:2]), case.stats[:2])


def test_ultralytics_reads_masks():
    """data/converter.py"""
    from faster_coco_eval.core.mask import decode, segmToRle
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    assert decode(segmToRle(square, 10, 10)).sum() == 16
    rle = segmToRle(square, 10, 10)
    assert segmToRle(rle, 10, 10) == rle
    assert segmToRle({'size': [4, 5], 'counts': [3, 17]}, 5, 4) == {'size': [4, 5], 'counts': b'3a0'}


def test_what_the_stand_in_does_not_do_is_said(case):
    from faster_coco_eval import COCOeval_faster
    with pytest.raises(deformer.Error, match='deformer metric lvis'):
        COCOeval_faster(case.truth, case.truth, 'bbox', lvis_style=True)
    with pytest.raises(deformer.Error, match='no option extra_calc'):
        COCOeval_faster(case.truth, case.truth, 'bbox', extra_calc=True)
