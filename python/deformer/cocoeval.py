# SPDX-License-Identifier: Apache-2.0
"""COCOeval and Params: scores of detections, with the names, the numbers and the text of pycocotools."""
import copy
import datetime
import time
from collections import defaultdict

import numpy as np

from . import _native
from ._arrays import array_of
from ._source import ResultsSource, ToldSource, TruthSource, without_collecting
from .coco import COCO

# Types of evaluation: what has to be read beside boxes for them, and the key of a record that is compared.
WANTED = {'bbox': 0, 'segm': _native.MASKS, 'keypoints': _native.KEYPOINTS, 'keypoints_crowd': _native.KEYPOINTS,
          'boundary': _native.MASKS, 'obb': _native.ORIENTED}
KEY = {'bbox': 'bbox', 'segm': 'segmentation', 'boundary': 'segmentation', 'obb': 'obb'}
# What an evaluation by the library leaves unmade until somebody looks at it.
TYPES = "'segm', 'bbox', 'keypoints', 'keypoints_crowd', 'boundary' or 'obb'"
MASKS = ('segm', 'boundary')      # types that compare masks
LAZY = ('evalImgs', 'ious', '_gts', '_dts')


class Params:
    """What is evaluated, and how. Of iouType 'bbox', 'segm', 'keypoints', 'keypoints_crowd' (CrowdPose), 'boundary' (masks and their boundaries, as wide as
    boundary_dilation_ratio of the image's diagonal) or 'obb' (oriented boxes, "obb": [cx, cy, width, height, angle])."""

    def __init__(self, iouType='segm'):
        if iouType in ('segm', 'bbox', 'boundary', 'obb'):
            self.setDetParams()
        elif iouType == 'keypoints':
            self.setKpParams()
        elif iouType == 'keypoints_crowd':
            self.setCrowdParams()
        else:
            raise _native.Error(f"iouType {iouType!r}: want {TYPES}")
        if iouType == 'boundary':
            self.boundary_dilation_ratio = 0.02
        self.iouType = iouType
        self.useSegm = None       # of old programs

    def setDetParams(self):
        self._set_common()
        self.maxDets = [1, 10, 100]
        self.areaRng = [[0, 1e10], [0, 1024], [1024, 9216], [9216, 1e10]]
        self.areaRngLbl = ['all', 'small', 'medium', 'large']

    def setKpParams(self):
        self._set_common()
        self.maxDets = [20]
        self.areaRng = [[0, 1e10], [1024, 9216], [9216, 1e10]]
        self.areaRngLbl = ['all', 'medium', 'large']
        self.kpt_oks_sigmas = np.array([.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87,
                                        .89, .89]) / 10.0

    def setCrowdParams(self):
        self.setKpParams()
        self.kpt_oks_sigmas = np.array([.79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89, .79, .79]) / 10.0

    def _set_common(self):
        self.imgIds = []
        self.catIds = []
        self.iouThrs = np.linspace(.5, 0.95, 10)
        self.recThrs = np.linspace(.0, 1.00, 101)
        self.useCats = 1


def snapshot(params):
    """A deep copy; lists of numbers need no looking into."""
    twin = copy.copy(params)
    for key, value in vars(params).items():
        if type(value) is list:
            twin.__dict__[key] = [list(v) if type(v) is list else v for v in value]
        else:
            twin.__dict__[key] = copy.deepcopy(value)
    return twin


def same(a, b):
    """Do these parameters ask for the same?"""
    return vars(a).keys() == vars(b).keys() and all(equal(value, vars(b)[key]) for key, value in vars(a).items())


def equal(a, b):
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return np.array_equal(a, b)
    return a is b or a == b


class COCOeval:
    """Scores of detections.

        scores = COCOeval(truth, found, 'bbox')      # or 'segm', 'keypoints', 'keypoints_crowd', 'boundary', 'obb'
        scores.params.catIds = [1]                   # if not all
        scores.evaluate()                            # evalImgs, ious: what was found in each image
        scores.accumulate()                          # eval: precision and recall
        scores.summarize()                           # stats: prints and keeps the numbers
    """

    _looked = False       # at the records of an evaluation by the library

    def __init__(self, cocoGt=None, cocoDt=None, iouType='segm'):
        if not iouType:
            print('iouType not specified. use default iouType segm')
        self.cocoGt = cocoGt
        self.cocoDt = cocoDt
        self.evalImgs = defaultdict(list)
        self.eval = {}
        self._gts = defaultdict(list)
        self._dts = defaultdict(list)
        self.params = Params(iouType=iouType)
        self._paramsEval = {}
        self.stats = []
        self.ious = {}
        if cocoGt is not None:
            self.params.imgIds = sorted(cocoGt.getImgIds())
            self.params.catIds = sorted(cocoGt.getCatIds())

    def __getattr__(self, name):
        if name not in LAZY or '_native' not in self.__dict__:
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        self._look()
        return self.__dict__[name]

    def __getstate__(self):
        """For copies and pickles, which know nothing of what the library holds."""
        if '_native' in self.__dict__:
            self._look()
        return self.__dict__

    # ---- evaluate --------------------------------------------------------------------------------------------------

    def evaluate(self):
        """Matches detections with objects, image by image and class by class."""
        start = time.time()
        print('Running per image evaluation...')
        p = self.params
        if p.useSegm is not None:
            p.iouType = 'segm' if p.useSegm == 1 else 'bbox'
            print(f'useSegm (deprecated) is not None. Running {p.iouType} evaluation')
        print(f'Evaluate annotation type *{p.iouType}*')
        p.imgIds = list(np.unique(p.imgIds))
        if p.useCats:
            p.catIds = list(np.unique(p.catIds))
        p.maxDets = sorted(p.maxDets)
        self._forget()
        # Who looked at the records of one evaluation will look at those of the next (torchvision joins batches).
        refused = None if self._looked else self._evaluate_natively()
        if '_native' not in self.__dict__:
            try:
                self._evaluate_records()
            except Exception as error:
                raise refused or error
        self._paramsEval = snapshot(p)
        print(f'DONE (t={time.time() - start:0.2f}s).')

    def _forget(self):
        for name in LAZY + ('_native', '_prepared_with'):
            self.__dict__.pop(name, None)
        self.eval = {}

    def _evaluate_natively(self):
        """By the library, if nothing but that is asked for: then `_native` is there. Gives why a file was refused."""
        p = snapshot(self.params)
        arrays = as_arrays(p)
        if arrays is None or not self._is_plain():
            return None
        files = isinstance(self.cocoDt.__dict__.get('_source'), ResultsSource)
        try:
            results = self._results_of_files(p) or self._results_of_records(p)
            self._native = evaluate(results, p, arrays)
        except _native.Error as error:
            return error if files else None
        except (KeyError, IndexError, TypeError, ValueError):
            return None               # the evaluation of records says what is wrong
        self._prepared_with = (self.cocoGt, self.cocoDt, p, results)
        return None

    def _is_plain(self):
        """Is no method replaced?"""
        if any(own(self, COCOeval, name)
               for name in ('computeIoU', 'computeOks', 'evaluateImg', 'accumulate', '_prepare')):
            return False
        return all(isinstance(coco, COCO)
                   and not any(own(coco, COCO, name) for name in ('getAnnIds', 'loadAnns', 'annToRLE'))
                   for coco in (self.cocoGt, self.cocoDt))

    def _results_of_files(self, p):
        truth, results = (coco.__dict__.get('_source') for coco in (self.cocoGt, self.cocoDt))
        if isinstance(truth, TruthSource) and isinstance(results, ResultsSource) and results.truth is truth:
            return results.read(wanted_of(p), ratio_of(p))
        return None

    def _results_of_records(self, p):
        """Of dicts; the truth may be a file."""
        wanted = wanted_of(p)
        chosen = {'imgIds': p.imgIds, 'catIds': p.catIds} if p.useCats else {'imgIds': p.imgIds}
        source, told = (coco.__dict__.get('_source') for coco in (self.cocoGt, self.cocoDt))
        if isinstance(source, TruthSource):
            truth = source.read(wanted, ratio_of(p))
            dts = told.anns if isinstance(told, ToldSource) else self.cocoDt.loadAnns(self.cocoDt.getAnnIds(**chosen))
        else:
            dts = self.cocoDt.loadAnns(self.cocoDt.getAnnIds(**chosen))
            gts = self.cocoGt.loadAnns(self.cocoGt.getAnnIds(**chosen))
            sizes = sizes_of(self.cocoGt.imgs, p.imgIds) if p.iouType in MASKS else None
            truth = _native.tell_truth(np.array(p.imgIds, np.int64), sizes, np.array(p.catIds, np.int64), gts, wanted,
                                       ratio_of(p))
        areas_of_masks = p.iouType != 'obb' and bool(dts) and dts[0]['area'] != dts[0]['bbox'][2] * dts[0]['bbox'][3]
        return _native.tell_results(truth, dts, wanted, areas_of_masks)

    def _look(self):
        """Makes of records what the library has found without them."""
        self._looked = True
        gt, dt, params, _ = self.__dict__.pop('_prepared_with')
        self.__dict__.pop('_native')
        now = self.cocoGt, self.cocoDt, self.params, self.eval
        self.cocoGt, self.cocoDt, self.params = gt, dt, params
        try:
            self._evaluate_records()
        finally:
            self.cocoGt, self.cocoDt, self.params, self.eval = now

    @without_collecting
    def _evaluate_records(self):
        """From dicts, by the methods that a subclass may have replaced."""
        p = self.params
        self._prepare()
        categories = p.catIds if p.useCats else [-1]
        compute = self.computeOks if p.iouType == 'keypoints' else self.computeIoU
        filled = None if own(self, COCOeval, compute.__name__) else self._filled_cells()
        self.ious = {(image, category): compute(image, category) if filled is None
                     or (image, category) in filled else []
                     for image in p.imgIds for category in categories}
        most = p.maxDets[-1]
        if own(self, COCOeval, 'evaluateImg') or filled is None:
            self.evalImgs = [self.evaluateImg(image, category, area, most)
                             for category in categories for area in p.areaRng for image in p.imgIds]
            return
        records = {cell: self._records(*cell, p.areaRng, most) for cell in self.ious if cell in filled}
        nothing = [None] * len(p.areaRng)
        self.evalImgs = [records.get((image, category), nothing)[a]
                         for category in categories for a in range(len(p.areaRng)) for image in p.imgIds]

    def _filled_cells(self):
        """Images and classes where there is something."""
        keys = [key for table in (self._gts, self._dts) for key, records in table.items() if records]
        return set(keys) if self.params.useCats else {(image, -1) for image, _ in keys}

    def _prepare(self):
        """Fills _gts and _dts: records by image and class."""
        p = self.params
        chosen = {'imgIds': p.imgIds, 'catIds': p.catIds} if p.useCats else {'imgIds': p.imgIds}
        gts = self.cocoGt.loadAnns(self.cocoGt.getAnnIds(**chosen))
        dts = self.cocoDt.loadAnns(self.cocoDt.getAnnIds(**chosen))
        if p.iouType in MASKS:
            for coco, anns in ((self.cocoGt, gts), (self.cocoDt, dts)):
                for ann in anns:
                    ann['segmentation'] = coco.annToRLE(ann)
        if p.iouType == 'obb':
            for dt in dts:
                dt['area'] = dt['obb'][2] * dt['obb'][3]
        for gt in gts:
            # pycocotools overwrites it, boundary-iou-api does not
            honoured = p.iouType == 'boundary' and gt.get('ignore')
            gt['ignore'] = honoured or ('iscrowd' in gt and gt['iscrowd'])
            if p.iouType == 'keypoints':
                gt['ignore'] = (gt['num_keypoints'] == 0) or gt['ignore']
        self._gts = defaultdict(list)
        self._dts = defaultdict(list)
        for gt in gts:
            self._gts[gt['image_id'], gt['category_id']].append(gt)
        for dt in dts:
            self._dts[dt['image_id'], dt['category_id']].append(dt)
        self.evalImgs = defaultdict(list)
        self.eval = {}

    def _cell(self, imgId, catId):
        """Objects and detections of an image and class; of all classes where they are one."""
        if self.params.useCats:
            return self._gts[imgId, catId], self._dts[imgId, catId]
        categories = self.params.catIds
        return ([gt for c in categories for gt in self._gts[imgId, c]],
                [dt for c in categories for dt in self._dts[imgId, c]])

    def computeIoU(self, imgId, catId):
        """IoU of the detections, best first, with the objects of an image and class."""
        p = self.params
        gts, dts = self._cell(imgId, catId)
        if len(gts) == 0 and len(dts) == 0:
            return []
        if p.iouType not in KEY:
            raise _native.Error(f'iouType {p.iouType!r} has no IoU')
        key = KEY[p.iouType]
        best = best_first(dts)[:p.maxDets[-1]]
        things = [dt[key] for dt in best], [gt[key] for gt in gts], [int(gt['iscrowd']) for gt in gts]
        if p.iouType == 'obb':
            return oriented_iou(*things)
        from . import mask
        iou = mask.iou(*things)
        return lesser_of_boundaries(iou, *things,
                                    p.boundary_dilation_ratio) if p.iouType == 'boundary' and len(iou) else iou

    def computeOks(self, imgId, catId):
        """Object keypoint similarity, likewise."""
        p = self.params
        gts = self._gts[imgId, catId]
        dts = best_first(self._dts[imgId, catId])[:p.maxDets[-1]]
        if len(gts) == 0 or len(dts) == 0:
            return []
        points = [np.array(dt['keypoints']) for dt in dts]
        return np.stack([oks(gt, points, p.kpt_oks_sigmas) for gt in gts], axis=1)

    def evaluateImg(self, imgId, catId, aRng, maxDet):
        """Which object each detection finds, in one image, class and range of areas; None if nothing is there."""
        return self._records(imgId, catId, [aRng], maxDet)[0]

    def _records(self, imgId, catId, areas, maxDet):
        """The same of several ranges."""
        gts, dts = self._cell(imgId, catId)
        if len(gts) == 0 and len(dts) == 0:
            return [None] * len(areas)
        dts = best_first(dts)[:maxDet]
        records = match(gts, dts, areas, self.params.iouThrs, self.ious[imgId, catId])
        for record, area in zip(records, areas):
            record.update(image_id=imgId, category_id=catId, aRng=area, maxDet=maxDet)
        return records

    # ---- accumulate ------------------------------------------------------------------------------------------------

    def accumulate(self, p=None):
        """Precision and recall of all images: `eval`."""
        print('Accumulating evaluation results...')
        start = time.time()
        if '_native' not in self.__dict__ and not self.evalImgs:
            print('Please run evaluate() first')
        p = self.params if p is None else p
        p.catIds = p.catIds if p.useCats == 1 else [-1]
        if '_native' in self.__dict__ and self._asks_for_the_same(p):
            precision, recall, scores = self._arrays(p)
        else:
            precision, recall, scores = accumulate(self.evalImgs, p, self._paramsEval)
        self.eval = {
            'params': p,
            'counts': list(precision.shape),
            'date': datetime.datetime.now().strftime('%Y-%m-%d %H:%M:%S'),
            'precision': precision,
            'recall': recall,
            'scores': scores,
        }
        print(f'DONE (t={time.time() - start:0.2f}s).')

    def _asks_for_the_same(self, p):
        then = copy.copy(self._prepared_with[2])
        if not then.useCats:
            then.catIds = [-1]
        return same(p, then)

    def _arrays(self, p):
        """Views of what the library made, which then belongs to the caller: a second time it is made again."""
        if self._native is None:
            then = self._prepared_with[2]
            self._native = evaluate(self._prepared_with[3], then, as_arrays(then))
        T, R, K, A, M = len(p.iouThrs), len(p.recThrs), len(p.catIds), len(p.areaRng), len(p.maxDets)
        if p.iouType == 'keypoints_crowd':
            self._crowd = _native.table(self._native), _native.stats(self._native)
        arrays = [np.frombuffer(memory) for memory in _native.take_arrays(self._native)]
        self._native = None
        precision, scores = (array.reshape(K, A, M, T, R).transpose(3, 4, 0, 1, 2) for array in (arrays[0], arrays[2]))
        return precision, arrays[1].reshape(K, A, M, T).transpose(3, 0, 1, 2), scores

    # ---- summarize -------------------------------------------------------------------------------------------------

    def summarize(self):
        """Prints the numbers of the challenge and keeps them in `stats`."""
        if not self.eval:
            raise _native.Error('there is nothing to summarize: want accumulate() first')
        if self.params.iouType == 'keypoints_crowd':
            table, stats = self._crowd
            print(table, end='')
            self.stats = np.array(stats)
            return
        most = self.params.maxDets
        if self.params.iouType == 'keypoints':
            rows = [(kind, iou, area, 20) for kind in (1, 0) for iou, area in
                    ((None, 'all'), (.5, 'all'), (.75, 'all'), (None, 'medium'), (None, 'large'))]
        else:
            rows = [(1, None, 'all', 100), (1, .5, 'all', most[2]), (1, .75, 'all', most[2])]
            rows += [(1, None, area, most[2]) for area in ('small', 'medium', 'large')]
            rows += [(0, None, 'all', most[i]) for i in range(3)]
            rows += [(0, None, area, most[2]) for area in ('small', 'medium', 'large')]
        self.stats = np.array([self._summarize(*row) for row in rows], dtype=float)

    def _summarize(self, ap=1, iouThr=None, areaRng='all', maxDets=100):
        """One of the numbers: the mean of what there is."""
        p = self.params
        areas = [i for i, label in enumerate(p.areaRngLbl) if label == areaRng]
        places = [i for i, most in enumerate(p.maxDets) if most == maxDets]
        array = self.eval['precision' if ap == 1 else 'recall']
        if iouThr is not None:
            # of a list nothing is found: pycocotools finds nothing, too
            array = array[np.where(iouThr == p.iouThrs)[0]]
        array = array[..., areas, places]
        array = array[array > -1]
        mean = np.mean(array) if len(array) > 0 else -1
        title, kind = ('Average Precision', '(AP)') if ap == 1 else ('Average Recall', '(AR)')
        iou = f'{p.iouThrs[0]:0.2f}:{p.iouThrs[-1]:0.2f}' if iouThr is None else f'{iouThr:0.2f}'
        print(f' {title:<18} {kind} @[ IoU={iou:<9} | area={areaRng:>6s} | maxDets={maxDets:>3d} ] = {mean:0.3f}')
        return mean

    def __str__(self):
        self.summarize()
        return ''


# ---- parameters for the library ------------------------------------------------------------------------------------

def own(thing, base, name):
    """Does it have a method of its own in place of that of the base?"""
    return name in thing.__dict__ or getattr(type(thing), name, None) is not getattr(base, name)


def as_arrays(p):
    """iouThrs, recThrs, maxDets, areaRng, imgIds, catIds and sigmas for _native.evaluate(), or None if they are not as usual."""
    keypoints = p.iouType in ('keypoints', 'keypoints_crowd')
    if p.iouType not in WANTED or (keypoints and not p.useCats):
        return None
    sigmas = p.kpt_oks_sigmas if keypoints else [1]
    try:
        ious, recalls, areas, sigmas = (np.ascontiguousarray(v, dtype=np.float64)
                                        for v in (p.iouThrs, p.recThrs, p.areaRng, sigmas))
    except (TypeError, ValueError):
        return None
    most, images, categories = (np.asarray(v) for v in (p.maxDets, p.imgIds, p.catIds))
    if any(a.dtype.kind not in 'iu' or a.ndim != 1 or a.size == 0 for a in (most, images, categories)):
        return None
    if any(a.ndim != 1 or a.size == 0
           for a in (ious, recalls, sigmas)) or areas.ndim != 2 or areas.shape[1] != 2 or areas.size == 0:
        return None
    if most[0] < 1 or np.isnan(ious).any() or not (np.diff(recalls) >= 0).all():
        return None
    if not p.useCats and np.unique(categories).size < categories.size:
        return None                # pycocotools counts what is in a class that is named twice twice
    return ious, recalls, most.astype(np.int64), areas, images.astype(np.int64), categories.astype(np.int64), sigmas


def wanted_of(p):
    """What has to be read beside boxes."""
    wanted = WANTED[p.iouType]
    return wanted | _native.ACROSS_CLASSES if p.iouType in MASKS and not p.useCats else wanted


def ratio_of(p):
    """How wide boundaries are, as a part of the image's diagonal; 0 where they are not compared."""
    return float(p.boundary_dilation_ratio) if p.iouType == 'boundary' else 0.0


def sizes_of(imgs, ids):
    """Heights and widths."""
    return np.array([(imgs[i]['height'], imgs[i]['width']) if i in imgs else (np.nan, np.nan) for i in ids],
                    dtype=float)


def evaluate(results, p, arrays):
    return _native.evaluate(results, p.iouType, bool(p.useCats), *arrays)


# ---- one image and class -------------------------------------------------------------------------------------------

def best_first(dts):
    """Equal scores as they stand; what is no number last, as numpy sorts."""
    scores = [-dt['score'] for dt in dts]
    if all(score == score for score in scores):
        return [dts[i] for i in sorted(range(len(dts)), key=scores.__getitem__)]
    return [dts[i] for i in np.argsort(scores, kind='stable')]


def oriented_iou(dts, gts, crowd):
    """IoU of oriented boxes: dt x gt."""
    arrays = (np.array(boxes, dtype=float).reshape(-1, 5) for boxes in (dts, gts))
    return array_of(_native.oriented_ious(*arrays, bytes(crowd)), np.float64).reshape((len(gts), len(dts))).T


def lesser_of_boundaries(iou, dts, gts, crowd, ratio):
    """The lesser of the IoUs of masks and of their boundaries, dt x gt; of a crowd that of masks alone."""
    from . import mask
    boundaries = mask.iou(_native.mask_boundaries(dts, ratio), _native.mask_boundaries(gts, ratio), crowd)
    return np.where(np.array(crowd, bool), iou, np.minimum(iou, boundaries))


def oks(gt, points, sigmas):
    """Similarity of each of the detections to one object."""
    truth = np.array(gt['keypoints'])
    xg, yg, seen = truth[0::3], truth[1::3], truth[2::3] > 0
    x, y, width, height = gt['bbox'][:4]
    variances = (sigmas * 2) ** 2
    similar = np.zeros(len(points))
    for i, found in enumerate(points):
        xd, yd = found[0::3], found[1::3]
        if seen.any():
            dx, dy = xd - xg, yd - yg
        else:                      # no point is known: how far outside of the box, doubled, they are
            zero = np.zeros(len(sigmas))
            dx = np.maximum(zero, (x - width) - xd) + np.maximum(zero, xd - (x + width * 2))
            dy = np.maximum(zero, (y - height) - yd) + np.maximum(zero, yd - (y + height * 2))
        e = (dx ** 2 + dy ** 2) / variances / (gt['area'] + np.spacing(1)) / 2
        e = e[seen] if seen.any() else e
        similar[i] = np.sum(np.exp(-e)) / e.shape[0]
    return similar


def match(gts, dts, areas, thresholds, ious):
    """The records of evalImgs, one of each range. Detections stand best first."""
    T, G, D, A = len(thresholds), len(gts), len(dts), len(areas)
    matches, flags, objects = np.zeros((A, T * (D + G))), np.zeros((A, T, D), bool), np.zeros((A, 2, G), np.int64)
    dt_ids, dt_scores = [dt['id'] for dt in dts], [dt['score'] for dt in dts]
    overlaps = np.ascontiguousarray(np.asarray(ious, dtype=float)[:D]) if len(ious) > 0 and G > 0 and D > 0 else None
    _native.match(gts, dts, overlaps, np.array(thresholds, dtype=float), np.array(areas, dtype=float), matches, flags,
                  objects)
    records = []
    for a in range(A):
        order = objects[a, 0].tolist()
        sorted_gts = [gts[g] for g in order]
        of_dt, of_gt = matches[a, :T * D].reshape(T, D), matches[a, T * D:].reshape(T, G)
        # pycocotools takes an object that such a detection has found for a free one
        if overlaps is not None and min(dt_ids) <= 0:
            match_slowly(sorted_gts, dts, areas[a], thresholds, overlaps[:, order], of_dt, of_gt, flags[a])
        records.append({
            'image_id': None,
            'category_id': None,
            'aRng': None,
            'maxDet': None,
            'dtIds': list(dt_ids),
            'gtIds': [gt['id'] for gt in sorted_gts],
            'dtMatches': of_dt,
            'gtMatches': of_gt,
            'dtScores': list(dt_scores),
            'gtIgnore': objects[a, 1],
            'dtIgnore': flags[a],
        })
    for gt, ignored in zip(sorted_gts, objects[-1, 1].tolist()):
        gt['_ignore'] = ignored
    return records


def match_slowly(gts, dts, area, thresholds, ious, of_dt, of_gt, flags):
    """As pycocotools does it, in Python; objects that are ignored stand last."""
    ignored = [1 if gt['ignore'] or gt['area'] < area[0] or gt['area'] > area[1] else 0 for gt in gts]
    crowd = [int(gt['iscrowd']) for gt in gts]
    gt_ids, dt_ids = [gt['id'] for gt in gts], [dt['id'] for dt in dts]
    outside = np.array([dt['area'] < area[0] or dt['area'] > area[1] for dt in dts])
    dt_ignored = np.zeros_like(of_dt)
    of_dt[:], of_gt[:] = 0, 0
    for t, threshold in enumerate(thresholds):
        match_at(min(threshold, 1 - 1e-10), ious, crowd, ignored, gt_ids, dt_ids, of_gt[t], of_dt[t], dt_ignored[t])
    flags[:] = np.logical_or(dt_ignored, np.logical_and(of_dt == 0, outside))


def match_at(least, ious, crowd, ignored, gt_ids, dt_ids, of_gt, of_dt, dt_ignored):
    """At one threshold: each detection takes the free object that it overlaps most, one that counts before one that is
    ignored."""
    for d, dt_id in enumerate(dt_ids):
        best, found = least, -1
        for g in range(len(gt_ids)):
            if of_gt[g] > 0 and not crowd[g]:
                continue
            if found > -1 and ignored[found] == 0 and ignored[g] == 1:
                break
            if ious[d, g] < best:
                continue
            best, found = ious[d, g], g
        if found > -1:
            dt_ignored[d] = ignored[found]
            of_dt[d] = gt_ids[found]
            of_gt[found] = dt_id


# ---- all images ----------------------------------------------------------------------------------------------------

@without_collecting
def accumulate(evalImgs, p, then):
    """precision, recall and scores of a list of records, which stand in the order of the parameters `then`."""
    T, R, A, M = len(p.iouThrs), len(p.recThrs), len(p.areaRng), len(p.maxDets)
    K = len(p.catIds) if p.useCats else 1
    precision, recall, scores = -np.ones((T, R, K, A, M)), -np.ones((T, K, A, M)), -np.ones((T, R, K, A, M))
    known = set(then.catIds
                if then.useCats else [-1]), set(map(tuple, then.areaRng)), set(then.maxDets), set(then.imgIds)
    categories = [n for n, k in enumerate(p.catIds) if k in known[0]]
    areas = [n for n, a in enumerate(map(tuple, p.areaRng)) if a in known[1]]
    most = [m for m in p.maxDets if m in known[2]]
    images = [n for n, i in enumerate(p.imgIds) if i in known[3]]
    n_images, n_areas = len(then.imgIds), len(then.areaRng)
    for k, k0 in enumerate(categories):
        for a, a0 in enumerate(areas):
            first = (k0 * n_areas + a0) * n_images
            cell = [e for e in (evalImgs[first + i] for i in images) if e is not None]
            n_objects = sum(np.count_nonzero(np.asarray(e['gtIgnore']) == 0) for e in cell)
            if n_objects == 0:
                continue
            joined = joined_of(cell, max(most, default=0))
            for m, max_det in enumerate(most):
                curves = curves_of(joined, max_det, n_objects, p.recThrs)
                precision[:, :, k, a, m], recall[:, k, a, m], scores[:, :, k, a, m] = curves
    return precision, recall, scores


def joined_of(cell, most):
    """Detections of some images: place in the image, score, and at each threshold match and whether ignored."""
    return (np.concatenate([np.arange(min(len(e['dtScores']), most)) for e in cell]),
            np.concatenate([e['dtScores'][0:most] for e in cell]),
            np.concatenate([e['dtMatches'][:, 0:most] for e in cell], axis=1),
            np.concatenate([e['dtIgnore'][:, 0:most] for e in cell], axis=1))


def curves_of(joined, max_det, n_objects, recalls):
    """Precision at the recalls, the last recall, and scores at the recalls, at each threshold, of the best of each image."""
    place, score, matched, ignored = joined
    chosen = np.flatnonzero(place < max_det)
    order = chosen[np.argsort(-score[chosen], kind='stable')]
    score, matched, ignored = score[order], matched[:, order], ignored[:, order]
    counts = np.logical_not(ignored)
    right = np.cumsum(np.logical_and(matched, counts), axis=1).astype(float)
    wrong = np.cumsum(np.logical_and(np.logical_not(matched), counts), axis=1).astype(float)
    T, n = right.shape
    precision, at_score, last = np.zeros((T, len(recalls))), np.zeros((T, len(recalls))), np.zeros(T)
    for t in range(T if n else 0):
        recall = right[t] / n_objects
        curve = right[t] / (wrong[t] + right[t] + np.spacing(1))
        curve = np.maximum.accumulate(curve[::-1])[::-1]
        at = np.searchsorted(recall, recalls, side='left')
        reached = at.size if (at < n).all() else int(np.argmax(at >= n))    # the first recall that is not ends the list
        precision[t, :reached] = curve[at[:reached]]
        at_score[t, :reached] = score[at[:reached]]
        last[t] = recall[-1]
    return precision, last, at_score
