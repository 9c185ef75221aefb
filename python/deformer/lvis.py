# SPDX-License-Identifier: Apache-2.0
"""LVIS, LVISResults and LVISEval: scores of LVIS, with the names and the numbers of lvis-api.

    from deformer.lvis import LVIS, LVISEval
    scores = LVISEval(LVIS('lvis_v1_val.json'), 'results.json', 'bbox')
    scores.run()
    scores.print_results()
"""
from collections import OrderedDict

import numpy as np

from . import _native
from ._source import ResultsSource, ToldSource
from .coco import COCO

OTHER_NAMES = {'img_ann_map': 'imgToAnns', 'cat_img_map': 'catToImgs'}
PLACES = {'s': 'small', 'm': 'medium', 'l': 'large'}


class LVIS(COCO):
    """Annotations of LVIS. As in COCO records are made when somebody looks at them."""

    def __init__(self, annotation_path):
        self._load(annotation_path, _native.FEDERATED)

    def __getattr__(self, name):
        return getattr(self, OTHER_NAMES[name]) if name in OTHER_NAMES else super().__getattr__(name)

    def get_ann_ids(self, img_ids=None, cat_ids=None, area_rng=None):
        return self.getAnnIds(img_ids or [], cat_ids or [], area_rng or [])

    def get_cat_ids(self):
        return self.getCatIds()

    def get_img_ids(self):
        return self.getImgIds()

    def load_anns(self, ids=None):
        return list(self.anns.values()) if ids is None else self.loadAnns(ids)

    def load_cats(self, ids):
        return list(self.cats.values()) if ids is None else self.loadCats(ids)

    def load_imgs(self, ids):
        return list(self.imgs.values()) if ids is None else self.loadImgs(ids)

    def ann_to_rle(self, ann):
        return self.annToRLE(ann)

    def ann_to_mask(self, ann):
        return self.annToMask(ann)


class LVISResults(LVIS):
    """Results, a file or a list: of each image the best `max_dets`, or all of them with -1."""

    def __init__(self, lvis_gt, results, max_dets=300):
        truth = lvis_gt if isinstance(lvis_gt, LVIS) else LVIS(lvis_gt)
        if isinstance(results, list):
            source = truth._take_results([dict(ann) for ann in results])
        else:
            source = truth._open_results(results)
        self._truth, self._source, self.max_dets = truth, source, max_dets


class Params:
    def __init__(self, iou_type):
        self.img_ids = []
        self.cat_ids = []
        self.iou_thrs = np.linspace(0.5, 0.95, 10)
        self.rec_thrs = np.linspace(0.0, 1.00, 101)
        self.max_dets = 300
        self.area_rng = [[0, 1e10], [0, 1024], [1024, 9216], [9216, 1e10]]
        self.area_rng_lbl = ['all', 'small', 'medium', 'large']
        self.use_cats = 1
        self.img_count_lbl = ['r', 'c', 'f']    # rare, common and frequent classes
        self.iou_type = iou_type
        self.dets_per_class = 0                 # of fixed AP; 0: AP as lvis-api has it
        if iou_type == 'boundary':
            self.boundary_dilation_ratio = 0.02


class LVISEval:
    """Scores of LVIS, of 'bbox', 'segm' or 'boundary'. `eval` has precision (iou, recall, class, area) and recall (iou, class, area),
    `results` the numbers. params.dets_per_class = 10000 makes them fixed AP (Dave et al., 2021): the best so many detections of each
    class in all images count, any number of an image."""

    def __init__(self, lvis_gt, lvis_dt, iou_type='segm'):
        if iou_type not in ('bbox', 'segm', 'boundary'):
            raise _native.Error(f"iou_type {iou_type!r}: want 'bbox', 'segm' or 'boundary'")
        self.lvis_gt = lvis_gt if isinstance(lvis_gt, LVIS) else LVIS(lvis_gt)
        self.lvis_dt = lvis_dt if isinstance(lvis_dt, LVISResults) else LVISResults(self.lvis_gt, lvis_dt)
        self.eval = {}
        self.results = OrderedDict()
        self.params = Params(iou_type)
        self.params.img_ids = sorted(self.lvis_gt.get_img_ids())
        self.params.cat_ids = sorted(self.lvis_gt.get_cat_ids())

    def run(self):
        """All that there is to do."""
        self.evaluate()
        self.accumulate()
        self.summarize()

    def evaluate(self):
        p = self.params
        p.img_ids, p.cat_ids = list(np.unique(p.img_ids)), list(np.unique(p.cat_ids))
        if p.dets_per_class:
            p.max_dets = -1
        most = -1 if p.dets_per_class else self.lvis_dt.max_dets
        arrays = (np.array(p.iou_thrs, float), np.array(p.rec_thrs, float), np.array([most], np.int64),
                  np.array(p.area_rng, float), np.array(p.img_ids, np.int64), np.array(p.cat_ids, np.int64), np.ones(1))
        self._native = _native.evaluate(self._read(), p.iou_type, bool(p.use_cats), *arrays, p.dets_per_class)
        self.eval = {}

    def _read(self):
        masks = self.params.iou_type in ('segm', 'boundary')
        ratio = float(self.params.boundary_dilation_ratio) if self.params.iou_type == 'boundary' else 0.0
        wanted = _native.FEDERATED | (_native.MASKS if masks else 0)
        if masks and not self.params.use_cats:
            wanted |= _native.ACROSS_CLASSES
        source = self.lvis_dt.__dict__.get('_source')
        if isinstance(source, ResultsSource):
            return source.read(wanted, ratio)
        truth = self.lvis_gt.__dict__.get('_source')
        if truth is None:
            raise _native.Error('the records of the ground truth were looked at: want a new LVIS() for an evaluation')
        anns = source.anns if isinstance(source, ToldSource) else self.lvis_dt.dataset['annotations']
        areas_of_masks = bool(anns) and anns[0]['area'] != anns[0]['bbox'][2] * anns[0]['bbox'][3]
        return _native.tell_results(truth.read(wanted, ratio), anns, wanted, areas_of_masks)

    def accumulate(self):
        if self.__dict__.get('_native') is None:
            raise _native.Error('there is nothing to accumulate: want evaluate() first')
        p = self.params
        T, R, K, A = len(p.iou_thrs), len(p.rec_thrs), len(p.cat_ids) if p.use_cats else 1, len(p.area_rng)
        self._frequency = _native.frequencies(self._native).decode()
        precision, recall, _ = (np.frombuffer(memory) for memory in _native.take_arrays(self._native))
        self._native = None
        self.eval = {
            'params': p,
            'counts': [T, R, K, A],
            'precision': precision.reshape(K, A, T, R).transpose(2, 3, 0, 1),
            'recall': recall.reshape(K, A, T).transpose(2, 0, 1),
        }

    def summarize(self):
        """Fills `results`."""
        if not self.eval:
            raise _native.Error('there is nothing to summarize: want accumulate() first')
        rows = [('AP', {}), ('AP50', {'iou_thr': 0.50}), ('AP75', {'iou_thr': 0.75})]
        rows += [('AP' + letter, {'area_rng': area}) for letter, area in PLACES.items()]
        rows += [('AP' + letter, {'frequency': letter}) for letter in self.params.img_count_lbl]
        most = self.params.max_dets
        self.results = OrderedDict((key, self._mean('precision', **how)) for key, how in rows)
        self.results[f'AR@{most}'] = self._mean('recall')
        for letter, area in PLACES.items():
            self.results[f'AR{letter}@{most}'] = self._mean('recall', area_rng=area)

    def _mean(self, what, iou_thr=None, area_rng='all', frequency=None):
        p = self.params
        array = self.eval[what]
        if iou_thr is not None:
            array = array[np.where(iou_thr == p.iou_thrs)[0]]
        if frequency is not None:
            array = array[..., [k for k, letter in enumerate(self._frequency) if letter == frequency], :]
        array = array[..., [i for i, label in enumerate(p.area_rng_lbl) if label == area_rng]]
        array = array[array > -1]
        return np.mean(array) if len(array) > 0 else -1

    def get_results(self):
        return self.results

    def print_results(self):
        """Prints `results`, a line each."""
        p = self.params
        for key, value in self.results.items():
            title, kind = ('Average Precision', '(AP)') if 'AP' in key else ('Average Recall', '(AR)')
            mark = key[2:3]
            iou = f'{float(key[2:]) / 100:0.2f}' if mark.isdigit() else f'{p.iou_thrs[0]:0.2f}:{p.iou_thrs[-1]:0.2f}'
            area = mark if mark and mark in 'sml' else 'all'
            group = mark if mark and mark in 'rcf' else 'all'
            print(f' {title:<18} {kind} @[ IoU={iou:<9} | area={area:>6s} | maxDets={p.max_dets:>3d} catIds={group:>3s}] = {value:0.3f}')
