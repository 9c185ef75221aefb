# SPDX-License-Identifier: Apache-2.0
"""COCO: annotations and results, with the names of pycocotools."""
import copy
import itertools
import json
import os
import time
from collections import defaultdict
from urllib.request import urlretrieve

import numpy as np

from . import _native
from ._source import ResultsSource, ToldSource, TruthSource, without_collecting

# What becomes Python objects when somebody looks at it.
LAZY = ('dataset', 'anns', 'cats', 'imgs', 'imgToAnns', 'catToImgs')


def is_list(value):
    return hasattr(value, '__iter__') and hasattr(value, '__len__')


def as_list(value):
    """pycocotools takes one for a list of one. A text has a length, and is one there by chance."""
    return value if is_list(value) and not isinstance(value, str) else [value]


def members(values):
    """For `in`: a set where that is the same."""
    try:
        return set(values)
    except TypeError:
        return values


class COCO:
    """The annotations of a file: images, categories, objects.

    The library reads the file. Its records become dicts when somebody asks for them: then `dataset` holds what the file
    does, and `anns`, `cats`, `imgs`, `imgToAnns` and `catToImgs` are its index. They are ordinary dicts, of the same records.
    """

    def __init__(self, annotation_file=None):
        if annotation_file is None:
            self.dataset = {}
            self._set_index({}, {}, {}, defaultdict(list), defaultdict(list))
            return
        print('loading annotations into memory...')
        start = time.time()
        self._load(annotation_file)
        print(f'Done (t={time.time() - start:0.2f}s)')
        if type(self).createIndex is COCO.createIndex and '_source' in self.__dict__:
            print('creating index...\nindex created!')
        else:
            self.createIndex()

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _load(self, path, wanted=0):
        """Leaves `_source` of a file that the library reads, or else `dataset`."""
        source = TruthSource(path)
        refused = None
        try:
            if source.is_regular():
                source.read(wanted)
                self._source = source
                return
        except _native.Error as error:
            refused = error       # perhaps a kind of annotations of which the library knows nothing: captions
        try:
            dataset = source.records()
        except ValueError:
            raise refused or _native.Error(f'{source.path} is no JSON') from None
        if not isinstance(dataset, dict):
            raise AssertionError(f'{source.path}: met a {type(dataset).__name__}, want an object of annotations')
        self.dataset = dataset

    def __getattr__(self, name):
        if name not in LAZY or '_source' not in self.__dict__:
            raise AttributeError(f'{type(self).__name__!r} object has no attribute {name!r}')
        self._look()
        return self.__dict__[name]

    def _look(self):
        """Makes the records. They may be changed from now on, so the file speaks for them no longer."""
        source = self._source
        mine = {key: self.__dict__[key] for key in LAZY if key in self.__dict__}
        if isinstance(source, ResultsSource):
            self.dataset = self._truth._dataset_of_results(source.records())
        elif isinstance(source, ToldSource):
            self.dataset = self._truth._with_images(source.anns)
        else:
            self.dataset = source.records()
        self._index()
        self.__dict__.update(mine)
        self.__dict__.pop('_truth', None)
        self.__dict__.pop('_source', None)

    def __getstate__(self):
        """For pickle: a process elsewhere knows nothing of files that are open here."""
        if '_source' in self.__dict__:
            self._look()
        return self.__dict__

    def __deepcopy__(self, memo):
        twin = type(self).__new__(type(self))
        memo[id(self)] = twin
        twin.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return twin

    # ---- the index -------------------------------------------------------------------------------------------------

    def createIndex(self):
        """Makes `anns`, `cats`, `imgs`, `imgToAnns` and `catToImgs` of `dataset`."""
        print('creating index...')
        self._index()
        print('index created!')

    @without_collecting
    def _index(self):
        dataset = self.dataset
        annotations = dataset.get('annotations', ())
        of_image, of_category = defaultdict(list), defaultdict(list)
        for ann in annotations:
            of_image[ann['image_id']].append(ann)
        if 'categories' in dataset:
            for ann in annotations:
                of_category[ann['category_id']].append(ann['image_id'])
        anns = {ann['id']: ann for ann in annotations}
        imgs = {img['id']: img for img in dataset.get('images', ())}
        cats = {cat['id']: cat for cat in dataset.get('categories', ())}
        self._set_index(anns, cats, imgs, of_image, of_category)

    def _set_index(self, anns, cats, imgs, imgToAnns, catToImgs):
        self.anns, self.cats, self.imgs = anns, cats, imgs
        self.imgToAnns, self.catToImgs = imgToAnns, catToImgs
        self.__dict__.pop('_truth', None)
        self.__dict__.pop('_source', None)

    def info(self):
        """Prints what the file says of itself."""
        for key, value in self.dataset['info'].items():
            print(f'{key}: {value}')

    # ---- queries ---------------------------------------------------------------------------------------------------

    def getAnnIds(self, imgIds=[], catIds=[], areaRng=[], iscrowd=None):
        """Ids of the objects that are in these images, of these classes, of an area between the two of `areaRng` (both
        excluded) and crowds or none. What is left out, or empty, asks for nothing."""
        imgIds, catIds = as_list(imgIds), as_list(catIds)
        if len(imgIds) > 0:
            anns = itertools.chain.from_iterable(self.imgToAnns[i] for i in imgIds if i in self.imgToAnns)
        else:
            anns = self.dataset['annotations']
        if len(catIds) > 0:
            wanted = members(catIds)
            anns = [ann for ann in anns if ann['category_id'] in wanted]
        if len(areaRng) > 0:
            low, high = areaRng[0], areaRng[1]
            anns = [ann for ann in anns if low < ann['area'] < high]
        if iscrowd is not None:
            anns = [ann for ann in anns if ann['iscrowd'] == iscrowd]
        return [ann['id'] for ann in anns]

    def getCatIds(self, catNms=[], supNms=[], catIds=[]):
        """Ids of the classes that have one of these names, supercategories and ids."""
        catNms, supNms, catIds = as_list(catNms), as_list(supNms), as_list(catIds)
        asked = [(key, value)
                 for key, value in (('name', catNms), ('supercategory', supNms), ('id', catIds)) if len(value) > 0]
        source = self.__dict__.get('_source')
        if not asked and isinstance(source, TruthSource):
            return _native.listed_ids(source.read(), True)
        return [cat['id'] for cat in self.dataset['categories'] if all(cat[key] in value for key, value in asked)]

    def getImgIds(self, imgIds=[], catIds=[]):
        """Ids of the images that are among these and have objects of all these classes."""
        imgIds, catIds = as_list(imgIds), as_list(catIds)
        if len(imgIds) == len(catIds) == 0:
            source = self.__dict__.get('_source')
            return _native.listed_ids(source.read(), False) if isinstance(source, TruthSource) else list(self.imgs)
        ids = set(imgIds)
        for i, category in enumerate(catIds):
            of_category = set(self.catToImgs[category])
            ids = of_category if i == 0 and len(ids) == 0 else ids & of_category
        return list(ids)

    def loadAnns(self, ids=[]):
        """The records of these objects."""
        return [self.anns[i] for i in as_list(ids)]

    def loadCats(self, ids=[]):
        """The records of these classes."""
        return [self.cats[i] for i in as_list(ids)]

    def loadImgs(self, ids=[]):
        """The records of these images."""
        return [self.imgs[i] for i in as_list(ids)]

    # ---- results ---------------------------------------------------------------------------------------------------

    def loadRes(self, resFile):
        """Results of this ground truth: the path of a file, a list of dicts (which are completed), or an array of rows
        image_id, x, y, width, height, score, category_id."""
        found = COCO()
        print('Loading and preparing results...')
        start = time.time()
        if isinstance(resFile, (str, os.PathLike)):
            source = self._open_results(resFile)
        elif isinstance(resFile, np.ndarray):
            source = self._take_results(self.loadNumpyAnnotations(resFile))
        else:
            source = self._take_results(resFile)
        found.__dict__ = {'_source': source, '_truth': self}
        print(f'DONE (t={time.time() - start:0.2f}s)')
        print('creating index...\nindex created!')
        return found

    def _open_results(self, path):
        """The file, with what the library reads in it where that can be: if the truth is a file, too."""
        source = ResultsSource(path, self.__dict__.get('_source'))
        refused = None
        try:
            if source.is_regular() and isinstance(source.truth, TruthSource):
                source.read()
                return source
        except _native.Error as error:
            refused = error       # perhaps a kind of results of which the library knows nothing
        try:
            return self._take_results(source.records())
        except (ValueError, AssertionError, KeyError, TypeError):
            if refused:
                raise AssertionError(str(refused)) from None
            raise

    def _take_results(self, anns):
        self._complete(anns)
        return ToldSource(anns)

    def _dataset_of_results(self, anns):
        self._complete(anns)
        return self._with_images(anns)

    @without_collecting
    def _complete(self, anns):
        """Adds to detections what annotations have."""
        if not isinstance(anns, list):
            raise AssertionError(f'results are a {type(anns).__name__}, want a list, one dict for each detection')
        known = set(self.getImgIds())
        for ann in anns:
            if ann['image_id'] not in known:
                raise AssertionError(f'image_id {ann["image_id"]!r} of the results is not an image of the ground truth')
        complete(anns, anns[0] if anns else {})

    def _with_images(self, anns):
        """A dataset of detections."""
        dataset = {'info': copy.deepcopy(self.dataset.get('info', {})), 'images': list(self.dataset['images'])}
        first = anns[0] if anns else {'bbox': None}
        if 'caption' in first:
            named = {ann['image_id'] for ann in anns}
            dataset['images'] = [img for img in dataset['images'] if img['id'] in named]
        elif any(key in first for key in ('bbox', 'segmentation', 'keypoints', 'obb')):
            dataset['categories'] = copy.deepcopy(self.dataset['categories'])
        dataset['annotations'] = anns
        return dataset

    def loadNumpyAnnotations(self, data):
        """Dicts of an array of rows image_id, x, y, width, height, score, category_id."""
        print('Converting ndarray to lists...')
        if not isinstance(data, np.ndarray):
            raise AssertionError(f'results are a {type(data).__name__}, want an array')
        print(data.shape)
        if data.ndim != 2 or data.shape[1] != 7:
            raise AssertionError(f'results are an array of the shape {data.shape}, want N x 7')
        anns = []
        for i, row in enumerate(data):
            if i % 1000000 == 0:
                print(f'{i}/{len(data)}')
            anns.append({'image_id': int(row[0]), 'bbox': [row[1], row[2], row[3], row[4]], 'score': row[5],
                         'category_id': int(row[6])})
        return anns

    # ---- masks -----------------------------------------------------------------------------------------------------

    def annToRLE(self, ann):
        """The mask of an object as compressed runs."""
        from . import mask
        segmentation = ann['segmentation']
        image = self.imgs[ann['image_id']]
        if isinstance(segmentation, list):
            return mask.merge(mask.frPyObjects(segmentation, image['height'], image['width']))
        if isinstance(segmentation['counts'], list):
            return mask.frPyObjects(segmentation, image['height'], image['width'])
        return segmentation

    def annToMask(self, ann):
        """The mask of an object as an array of 0 and 1, height x width."""
        from . import mask
        return mask.decode(self.annToRLE(ann))

    # ---- pictures --------------------------------------------------------------------------------------------------

    def showAnns(self, anns, draw_bbox=False):
        """Draws objects into the axes of matplotlib that are open."""
        from ._show import show
        return show(self, anns, draw_bbox)

    def download(self, tarDir=None, imgIds=[]):
        """Loads the pictures that are not in the folder yet from where `coco_url` says."""
        if tarDir is None:
            print('Please specify target directory')
            return -1
        imgs = list(self.imgs.values()) if len(imgIds) == 0 else self.loadImgs(imgIds)
        os.makedirs(tarDir, exist_ok=True)
        for i, img in enumerate(imgs):
            start = time.time()
            path = os.path.join(tarDir, img['file_name'])
            if not os.path.exists(path):
                urlretrieve(img['coco_url'], path)
            print(f'downloaded {i}/{len(imgs)} images (t={time.time() - start:0.1f}s)')


def complete(anns, first):
    """Adds to detections what annotations have: an id, an area, a box, a segmentation. As the first one is, so are all."""
    if 'caption' in first:
        fill = None
    elif 'bbox' in first and not equals_nothing(first['bbox']):
        fill = complete_box
    elif 'segmentation' in first:
        fill = complete_mask
    elif 'keypoints' in first:
        fill = complete_points
    elif 'obb' in first:
        fill = complete_oriented
    else:
        return
    for i, ann in enumerate(anns):
        if fill:
            fill(ann)
        ann['id'] = i + 1
        if fill in (complete_box, complete_mask, complete_oriented):
            ann['iscrowd'] = 0


def equals_nothing(box):
    return isinstance(box, list) and len(box) == 0


def complete_box(ann):
    x, y, width, height = ann['bbox'][:4]
    right, bottom = x + width, y + height
    if 'segmentation' not in ann:
        ann['segmentation'] = [[x, y, x, bottom, right, bottom, right, y]]
    ann['area'] = width * height


def complete_oriented(ann):
    cx, cy, width, height, angle = ann['obb']
    c, s = abs(np.cos(angle)), abs(np.sin(angle))
    wide, high = width * c + height * s, width * s + height * c
    ann['area'] = width * height
    ann['bbox'] = [cx - wide / 2, cy - high / 2, wide, high]


def complete_mask(ann):
    from . import mask
    ann['area'] = mask.area(ann['segmentation'])
    if 'bbox' not in ann:
        ann['bbox'] = mask.toBbox(ann['segmentation'])


def complete_points(ann):
    x, y = ann['keypoints'][0::3], ann['keypoints'][1::3]
    left, right, top, bottom = np.min(x), np.max(x), np.min(y), np.max(y)
    ann['area'] = (right - left) * (bottom - top)
    ann['bbox'] = [left, top, right - left, bottom - top]
