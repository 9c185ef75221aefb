# SPDX-License-Identifier: Apache-2.0
"""Detectors, segmentors and classifiers: pictures in, numpy arrays out.

    model = deformer.load('mask_rcnn.py', 'weights.pth')       or the folder of a model, as transformers writes it
    result = model(picture, score_threshold=0.3)               an array of height x width x 3, R G B, uint8
    for box, score, name in zip(result.boxes, result.scores, result.names):
        print(name, score, box)
"""
import os
import threading

import numpy as np

from . import _mask, _native
from ._arrays import array_of

_native.config_folder(os.environ.get('DEFORMER_CONFIGS')
                      or os.path.join(os.path.dirname(os.path.abspath(__file__)), 'configs'))


def load(config, weights=None, *, threads=0, changes=None, wrapper=None, allow_missing=False,
         precision='float32'):
    """Opens a model.

    config           a config of mmdet, mmseg, detectron2 ..., the name of a ready one, or the folder of a model (config.json, config.yaml)
    weights          a .pth or .safetensors file, or 'random' or 'random:SEED'; None: those in the folder
    threads          0: DEFORMER_THREADS, else OMP_NUM_THREADS, else all processors
    changes          of the config: {'model.test_cfg.score_thr': 0.05} or ['model.test_cfg.score_thr=0.05']
    wrapper          which dict of the weights file, as 'model_ema'
    allow_missing    weights that the file lacks are drawn at random
    precision        'float32', or 'bf16': layers multiply in bfloat16, on processors with AVX512-BF16 or BF16 of ARM
    """
    return Model(config, weights, threads, changes, wrapper, allow_missing, precision)


def _changes(changes):
    if changes is None:
        return []
    if isinstance(changes, str):
        return [changes]
    if hasattr(changes, 'items'):
        return [f'{key}={value!r}' for key, value in changes.items()]
    return [str(change) for change in changes]


class Model:
    """What load() gives. It serves one thread at a time, and the others wait.

    task           'detection', 'segmentation', 'classification', or 'features': a bare backbone, which gives no results
    names          of the classes, by label
    category_ids   of the classes in COCO's files, by label
    precision      'float32' or 'bf16'
    """

    def __init__(self, config, weights=None, threads=0, changes=None, wrapper=None, allow_missing=False,
                 precision='float32'):
        self.config = os.fsdecode(config)
        self.weights = None if weights is None else os.fsdecode(weights)
        self.precision = precision
        self._native = _native.detector_open(self.config, self.weights, threads
                                             or 0, _changes(changes), wrapper, allow_missing,
                                             precision)
        self._generation = _native.generation()
        self._lock = threading.Lock()
        self.task, classes = _native.detector_classes(self._native)
        self.names = [name for name, _ in classes]
        self.category_ids = [number for _, number in classes]

    def __repr__(self):
        return f'<deformer.Model {self.config!r}: {self.task}, {len(self.names)} classes>'

    def __call__(self, image, *, score_threshold=0.0, bgr=False):
        """A picture, or a list of pictures, through the network: a Result, or a list of them.

        A picture is an array of height x width x 3, uint8, in any order of memory; a picture of PIL; or the path of a file, which
        is read as OpenCV reads it. Arrays are R G B, with bgr=True B G R. They are not copied where their bytes stand one after
        the other. Detections of a lower score than score_threshold are left out."""
        if isinstance(image, (list, tuple)) or getattr(image, 'ndim', 3) == 4:
            return [self._run(one, score_threshold, bgr) for one in image]
        return self._run(image, score_threshold, bgr)

    def _run(self, image, least, bgr):
        if self._generation != _native.generation():
            raise _native.Error('the model was loaded before a fork(): load it in the process that uses it')
        if isinstance(image, (str, bytes, os.PathLike)):
            with self._lock:
                return Result(self, _native.detector_run_file(self._native, os.fsdecode(image), least))
        pixels, bgr = _pixels(image, bgr)
        with self._lock:
            return Result(self, _native.detector_run(self._native, pixels, bgr, least))


def _pixels(image, bgr):
    """An array whose bytes stand one after the other, and whether it is B G R."""
    if hasattr(image, 'convert') and hasattr(image, 'mode'):     # PIL's
        image, bgr = image if image.mode == 'RGB' else image.convert('RGB'), False
    array = np.asarray(image)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] != 3:
        raise _native.Error(f'a picture of shape {array.shape} and type {array.dtype}: want height x width x 3 of uint8')
    if array.strides[2] == -1:                                   # array[..., ::-1] of the other order
        array, bgr = array[..., ::-1], not bgr
    return np.ascontiguousarray(array), bgr


def _ids_by_name(names, truth):
    """The category of each class; annotations of fewer classes are fine, if there are some."""
    ids = {category['name']: category['id'] for category in truth.cats.values()}
    if not any(name in ids for name in names):
        raise _native.Error(f'no category of the annotations has the name of a class of the model: {", ".join(names[:3])}, ... '
                            f'and {", ".join(list(ids)[:3])}, ...')
    unused = max([0, *(i for i in ids.values() if isinstance(i, int))]) + 1
    return [ids.get(name, unused + label) for label, name in enumerate(names)]


class Result:
    """What was found in one picture of height x width pixels. It is also read as a dict: result['boxes'], dict(result).

    Of a detector, in the order in which its library lists them, mostly the best first:
        boxes          float32, n x 4: x1 y1 x2 y2 in pixels
        scores         float32, n
        labels         int64, n
        names          of the classes
        masks          bool, n x height x width, made when they are asked for; None if the network makes none
        rles           the same masks as deformer.mask has them
    Of a segmentor:
        label_map      uint16, height x width: the class of every pixel
    Of a classifier:
        probabilities  float32, of every class; top(k) has the likeliest
    """

    _of_task = {
        'detection': ('boxes', 'scores', 'labels', 'names', 'masks'),
        'segmentation': ('label_map',),
        'classification': ('probabilities',),
        'features': (),
    }

    def __init__(self, model, native):
        self.height, self.width, found, label_map, probabilities = native
        self.model = model
        self.boxes = self.scores = self.labels = self.names = self.rles = self.label_map = self.probabilities = None
        self._masks = None
        if found is not None:
            boxes, scores, labels, self.rles = found
            self.boxes = array_of(boxes, np.float32).reshape(-1, 4)
            self.scores = array_of(scores, np.float32)
            self.labels = array_of(labels, np.int64)
            self.names = [model.names[label] for label in self.labels]
        if label_map is not None:
            self.label_map = array_of(label_map, np.uint16).reshape(self.height, self.width)
        if probabilities is not None:
            self.probabilities = array_of(probabilities, np.float32)

    @property
    def masks(self):
        if self._masks is None and self.rles is not None:
            masks = np.zeros((len(self.rles), self.height, self.width), bool)
            for mask, rle in zip(masks, self.rles):
                mask[:] = _mask.decode([rle])[:, :, 0]
            self._masks = masks
        return self._masks

    def top(self, k=5):
        """Of a classifier: (label, name, probability) of the k likeliest classes, the likeliest first."""
        if self.probabilities is None:
            raise _native.Error(f'the result of a model for {self.model.task} has no probabilities: want a classifier')
        order = np.argsort(-self.probabilities, kind='stable')[:k]
        return [(int(label), self.model.names[label], float(self.probabilities[label])) for label in order]

    def to_coco(self, image_id, truth=None):
        """Of a detector: records of COCO's results format, as `deformer predict --json` writes them and loadRes() takes them.

        Categories have COCO's ids where the classes are COCO's, and else numbers from 1; with `truth`, a COCO of annotations, the ids
        that their names have there."""
        if self.boxes is None:
            raise _native.Error(f'the result of a model for {self.model.task} has no boxes: want a detector')
        ids = self.model.category_ids if truth is None else _ids_by_name(self.model.names, truth)
        records = []
        for i, (box, score, label) in enumerate(zip(self.boxes.astype(float), self.scores, self.labels)):
            x1, y1, x2, y2 = box.tolist()
            record = {'image_id': image_id, 'category_id': ids[label], 'bbox': [x1, y1, x2 - x1, y2 - y1],
                      'score': float(score)}
            if self.rles is not None:
                record['segmentation'] = {'size': self.rles[i]['size'], 'counts': self.rles[i]['counts'].decode()}
            records.append(record)
        return records

    def keys(self):
        return tuple(key for key in self._of_task[self.model.task] if key != 'masks' or self.rles is not None)

    def __getitem__(self, key):
        if key not in self.keys():
            raise KeyError(key)
        return getattr(self, key)

    def __repr__(self):
        if self.boxes is not None:
            what = f'{len(self.boxes)} detections'
        elif self.label_map is not None:
            what = f'{len(np.unique(self.label_map))} classes'
        elif self.probabilities is not None:
            what = '{1}, {2:.3f}'.format(*self.top(1)[0])
        else:
            what = 'nothing'
        return f'<deformer.Result {self.height} x {self.width}: {what}>'
