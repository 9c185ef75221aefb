# SPDX-License-Identifier: Apache-2.0
"""COCO and COCOeval of the Python package. Expected numbers are pycocotools' (tests/data/eval); what two ways compute must be
the same to the last bit."""
import copy
import contextlib
import gzip
import io
import json
import os
import pickle

import numpy as np
import pytest

from deformer import COCO, COCOeval, Error, Params, _native, mask

from conftest import stopped_by_signals

DATA = os.path.join(os.path.dirname(__file__), '..', '..', 'tests', 'data', 'eval')
CASES = ('crowd', 'crowd_masks', 'custom_params', 'rle_mix', 'score_ties')
MASKS = ('crowd_masks', 'rle_mix')


def quiet(function, *args, **kwargs):
    with contextlib.redirect_stdout(io.StringIO()):
        return function(*args, **kwargs)


def printed(function, *args):
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        function(*args)
    return text.getvalue()


def path(case, what):
    return os.path.join(DATA, f'{case}.{what}.json')


def load(case, what):
    with open(path(case, what), encoding='utf-8') as f:
        return json.load(f)


def of_dicts(dataset):
    coco = COCO()
    coco.dataset = dataset
    quiet(coco.createIndex)
    return coco


def both(case, way):
    """Ground truth and results by one of the ways in which they come."""
    truth = of_dicts(load(case, 'gt')) if way == 'dicts' else quiet(COCO, path(case, 'gt'))
    return truth, quiet(truth.loadRes, path(case, 'dt') if way == 'files' else load(case, 'dt'))


def scored(case, way, kind=None):
    scores = quiet(COCOeval, *both(case, way), kind or ('segm' if case in MASKS else 'bbox'))
    if case == 'custom_params':
        set_params(scores.params)
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    return scores


def set_params(p):
    p.iouThrs = np.array([.3, .5, .75, .9])
    p.maxDets = [2, 7, 15]


# ---- scores --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('way', ['files', 'dicts', 'mixed'])
@pytest.mark.parametrize('case', ['crowd', 'crowd_masks', 'rle_mix', 'score_ties'])
def test_numbers_and_text_are_those_of_pycocotools(case, way):
    scores = scored(case, way)
    expected = load(case, 'expected')
    assert printed(scores.summarize) == expected['table']
    assert np.allclose(scores.stats, expected['stats'], rtol=1e-12, atol=0)
    assert isinstance(scores.stats, np.ndarray) and '_native' in scores.__dict__


@pytest.mark.parametrize('way', ['files', 'dicts'])
@pytest.mark.parametrize('case', CASES)
def test_eval_imgs_accumulate_to_the_same_bits(case, way):
    scores = scored(case, way)
    first = scores.eval
    assert len(scores.evalImgs) == len(scores.params.imgIds) * len(scores.params.catIds) * len(scores.params.areaRng)
    quiet(scores.accumulate)
    for key in ('precision', 'recall', 'scores'):
        assert scores.eval[key].shape == first[key].shape
        assert (scores.eval[key] == first[key]).all()


def test_the_files_give_the_bits_of_the_dicts():
    of_files, of_records = (scored('crowd_masks', way).eval for way in ('files', 'dicts'))
    assert all((of_files[key] == of_records[key]).all() for key in ('precision', 'recall', 'scores'))
    assert of_files['counts'] == [10, 101, of_files['precision'].shape[2], 4, 3]


def test_images_and_classes_are_sorted_and_once():
    scores = quiet(COCOeval, *both('crowd', 'files'), 'bbox')
    images, classes = scores.params.imgIds, scores.params.catIds
    scores.params.imgIds, scores.params.catIds = images[5:1:-1] + images[2:4], classes[3::-1]
    quiet(scores.evaluate)
    assert scores.params.imgIds == sorted(images[2:6]) and scores.params.catIds == sorted(classes[:4])
    quiet(scores.accumulate)
    assert scores.eval['precision'].shape[2] == 4


def test_a_second_accumulate_gives_arrays_of_its_own():
    scores = scored('crowd', 'files')
    first = scores.eval['precision']
    kept = first.copy()
    first[:] = 0.5
    quiet(scores.accumulate)
    assert (scores.eval['precision'] == kept).all()


def test_part_of_what_was_evaluated():
    scores = scored('crowd', 'files')
    whole, some = scores.eval['precision'], copy.deepcopy(scores.params)
    some.catIds, some.maxDets = some.catIds[:3], [10, 100]
    quiet(scores.accumulate, some)
    assert (scores.eval['precision'] == whole[:, :, :3, :, 1:]).all()


def test_batches_joined_as_torchvision_joins_them():
    whole = scored('crowd', 'files')
    truth = quiet(COCO, path('crowd', 'gt'))
    detections, images = load('crowd', 'dt'), sorted(truth.getImgIds())
    scores, parts = COCOeval(truth, iouType='bbox'), []
    for i in range(0, len(images), 7):
        batch = images[i:i + 7]
        of_batch = [d for d in detections if d['image_id'] in batch]
        scores.cocoDt = quiet(truth.loadRes, of_batch) if of_batch else COCO()
        scores.params.imgIds = batch
        quiet(scores.evaluate)
        parts.append(np.asarray(scores.evalImgs).reshape(-1, len(scores.params.areaRng), len(batch)))
    scores.evalImgs = list(np.concatenate(parts, 2).flatten())
    scores.params.imgIds = images
    scores._paramsEval = copy.deepcopy(scores.params)
    quiet(scores.accumulate)
    assert (scores.eval['precision'] == whole.eval['precision']).all()


def test_no_detections_are_no_crash():
    truth = quiet(COCO, path('crowd', 'gt'))
    scores = quiet(COCOeval, truth, quiet(truth.loadRes, []), 'bbox')
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    quiet(scores.summarize)
    assert scores.stats[0] == 0


def test_keypoints():
    points = [x for i in range(17) for x in (10 + 5 * i, 20 + 3 * i, 2)]
    truth = of_dicts({'images': [{'id': 1, 'height': 200, 'width': 200}], 'categories': [{'id': 1, 'name': 'person'}],
                      'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': [10, 20, 80, 50],
                                       'area': 2500.0,
                                       'iscrowd': 0, 'keypoints': points, 'num_keypoints': 17}]})
    near = [x + 9 * (i % 3 == 0) for i, x in enumerate(points)]
    scores = quiet(COCOeval, truth, quiet(truth.loadRes,
                                          [{'image_id': 1, 'category_id': 1, 'keypoints': near, 'score': .5}]),
                                          'keypoints')
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    text = printed(scores.summarize)
    assert len(text.splitlines()) == 10 and 'maxDets= 20 ] = 0.' in text
    sigmas = scores.params.kpt_oks_sigmas
    expected = np.mean(np.exp(-81 / (2 * sigmas) ** 2 / (2500 + np.spacing(1)) / 2))
    assert np.allclose(scores.ious[1, 1], expected, rtol=1e-12)
    assert scores.stats[0] == pytest.approx(np.mean(scores.params.iouThrs <= expected))


# ---- what a program may replace --------------------------------------------------------------------------------------

@pytest.mark.parametrize('looked', [False, True])
@pytest.mark.parametrize('way', ['files', 'dicts', 'mixed'])
@pytest.mark.parametrize('kind', ['boundary', 'obb'])
def test_boundaries_and_oriented_boxes(kind, way, looked):
    with open(os.path.join(DATA, f'{kind}.want.txt'), encoding='utf-8') as f:
        expected = [float(line) for line in f]
    scores = quiet(COCOeval, *both(kind, way), kind)
    scores._looked = looked            # True: by the evaluation of records
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    quiet(scores.summarize)
    assert scores.stats.tolist() == expected[:12]


def test_crowdpose():
    with open(os.path.join(DATA, 'crowdpose.want.txt'), encoding='utf-8') as f:
        want = [float(line) for line in f]
    for results in (path('crowdpose', 'dt'), load('crowdpose', 'dt')):
        truth = quiet(COCO, path('crowdpose', 'gt'))
        scores = quiet(COCOeval, truth, quiet(truth.loadRes, results), 'keypoints_crowd')
        quiet(scores.evaluate)
        quiet(scores.accumulate)
        text = printed(scores.summarize)
        assert scores.stats.tolist() == want
        assert text.count('\n') == 13 and '| type=  easy | maxDets= 20 ] = 0.' in text


def test_the_width_of_boundaries():
    scores = quiet(COCOeval, *both('boundary', 'files'), 'boundary')
    found = []
    for ratio in (0.02, 0.005, 0.02):
        scores.params.boundary_dilation_ratio = ratio
        quiet(scores.evaluate)
        quiet(scores.accumulate)
        quiet(scores.summarize)
        found.append(scores.stats[0])
    assert found[0] == found[2] > found[1]


def test_a_method_of_a_subclass_is_called():
    class Nothing(COCOeval):
        def computeIoU(self, imgId, catId):
            return np.zeros_like(super().computeIoU(imgId, catId))

    class Mine(COCO):
        def __init__(self, file=None):
            super().__init__(file)
            self.extra = len(self.imgToAnns)

    truth = quiet(Mine, path('crowd', 'gt'))
    scores = Nothing(truth, quiet(truth.loadRes, path('crowd', 'dt')), 'bbox')
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    assert truth.extra > 0 and scores.eval['recall'].max() == 0


def test_evaluate_img_can_be_called():
    scores = scored('crowd', 'files')
    image, category = next(key for key, value in scores.ious.items() if np.size(value) > 3)
    record = scores.evaluateImg(image, category, scores.params.areaRng[0], 2)
    assert len(record['dtIds']) <= 2 and record['dtMatches'].shape == (10, len(record['dtIds']))
    assert (np.asarray(scores.computeIoU(image, category)) == scores.ious[image, category]).all()


def test_changed_records_are_what_is_scored():
    scores = quiet(COCOeval, *both('crowd', 'files'), 'bbox')
    for gt in scores.cocoGt.anns.values():
        gt['iscrowd'] = 1
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    assert (scores.eval['precision'] == -1).all()


def test_detections_of_other_areas_and_ids():
    """What loadRes() did not make goes the long way: ids of 0, areas of their own."""
    dataset = load('crowd', 'gt')
    found = copy.deepcopy(dataset)
    for i, ann in enumerate(found['annotations']):
        ann.update(id=i, score=1 - i / 5000)
    scores = COCOeval(of_dicts(dataset), of_dicts(found), 'bbox')
    quiet(scores.evaluate)
    assert '_native' not in scores.__dict__
    quiet(scores.accumulate)
    assert scores.eval['recall'].max() == 1


# ---- records ---------------------------------------------------------------------------------------------------------

def test_records_are_ordinary_and_live():
    coco = quiet(COCO, path('crowd', 'gt'))
    assert 'anns' not in coco.__dict__                      # nobody has looked yet
    assert type(coco.anns) is dict and type(coco.imgs) is dict
    first = coco.dataset['annotations'][0]
    first['mark'] = 5
    assert coco.loadAnns([first['id']])[0] is first and coco.anns[first['id']]['mark'] == 5
    assert coco.imgToAnns[10 ** 12] == [] and coco.catToImgs[10 ** 12] == []
    assert coco.dataset == {**load('crowd', 'gt'), 'annotations': coco.dataset['annotations']}


def test_queries():
    dataset = {'images': [{'id': 5}, {'id': 3}],
               'categories': [{'id': 2, 'name': 'cat', 'supercategory': 'animal'},
                              {'id': 1, 'name': 'car', 'supercategory': 'vehicle'}],
               'annotations': [{'id': 7, 'image_id': 5, 'category_id': 1, 'area': 10, 'iscrowd': 0},
                               {'id': 8, 'image_id': 3, 'category_id': 2, 'area': 20, 'iscrowd': 1},
                               {'id': 9, 'image_id': 3, 'category_id': 1, 'area': 30, 'iscrowd': 0}]}
    coco = of_dicts(dataset)
    assert coco.getAnnIds() == [7, 8, 9]
    assert coco.getAnnIds(imgIds=3) == [8, 9] and coco.getAnnIds(imgIds=np.array([3, 5])) == [8, 9, 7]
    assert coco.getAnnIds(catIds=[1]) == [7, 9] and coco.getAnnIds(areaRng=[10, 30]) == [8]
    assert coco.getAnnIds(iscrowd=True) == [8] and coco.getAnnIds([3], [1], [0, 100], False) == [9]
    assert coco.getCatIds() == [2, 1] and coco.getCatIds('car') == [1] and coco.getCatIds(supNms=['animal'], catIds=[1]) == []
    assert coco.getImgIds() == [5, 3] and sorted(coco.getImgIds(catIds=1)) == [3, 5] and coco.getImgIds(catIds=[1, 2]) == [3]
    assert coco.loadCats(2)[0]['name'] == 'cat' and coco.loadImgs(np.int64(5)) == [{'id': 5}]
    with pytest.raises(KeyError):
        coco.loadAnns([99])


def test_ids_stand_in_the_order_of_the_file(tmp_path):
    file = tmp_path / 'late.json'
    file.write_text('{"annotations": [{"id": 1, "image_id": 9, "category_id": 4}], "categories": [{"id": 7}, {"id": 4}],'
                    ' "images": [{"id": 12}, {"id": 9}, {"id": 123456789012345678901}]}')
    coco = quiet(COCO, str(file))
    assert coco.getImgIds() == [12, 9, 123456789012345678901] and coco.getCatIds() == [7, 4]
    assert 'anns' not in coco.__dict__


def test_copies_and_pickles():
    truth, found = both('crowd', 'files')
    assert '_source' in copy.deepcopy(truth).__dict__
    for twin in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert twin.dataset['annotations'] == found.dataset['annotations'] and twin.dataset is not found.dataset
    scores = scored('crowd', 'files')
    twin = copy.deepcopy(scores)
    assert (twin.eval['precision'] == scores.eval['precision']).all() and len(twin.evalImgs) == len(scores.evalImgs)


def test_results_of_every_form():
    truth = quiet(COCO, path('crowd', 'gt'))
    listed = load('crowd', 'dt')[:4]
    of_list = quiet(truth.loadRes, listed)
    assert [d['id'] for d in listed] == [1, 2, 3, 4] and {'area', 'iscrowd', 'segmentation'} <= set(listed[0])
    assert of_list.anns[2] is listed[1] and sorted(of_list.dataset) == ['annotations', 'categories', 'images', 'info']
    rows = np.array([[d['image_id'], *d['bbox'], d['score'], d['category_id']] for d in listed])
    of_array = quiet(truth.loadRes, rows)
    assert [of_array.anns[i]['bbox'] for i in (1, 2, 3, 4)] == [d['bbox'] for d in listed]
    assert type(of_array.anns[1]['image_id']) is int
    of_file = quiet(truth.loadRes, path('crowd', 'dt'))
    assert of_file.anns[3] == {**listed[2], 'id': 3}


def test_masks_of_annotations():
    truth, found = both('crowd_masks', 'files')
    for ann in list(truth.anns.values())[:20]:
        image = truth.imgs[ann['image_id']]
        pixels = truth.annToMask(ann)
        assert pixels.shape == (image['height'], image['width']) and pixels.dtype == np.uint8
        assert mask.area(truth.annToRLE(ann)) == pixels.sum()
    first = found.anns[1]
    assert first['area'] == found.annToMask(first).sum()


# ---- files ----------------------------------------------------------------------------------------------------------

def test_a_file_that_is_gone_is_still_known(tmp_path):
    truth_file, results_file = tmp_path / 'gt.json', tmp_path / 'dt.json'
    truth_file.write_text(json.dumps(load('crowd_masks', 'gt')))
    results_file.write_text(json.dumps(load('crowd_masks', 'dt')))
    truth = quiet(COCO, str(truth_file))
    found = quiet(truth.loadRes, str(results_file))
    truth_file.unlink()
    results_file.unlink()
    scores = quiet(COCOeval, truth, found, 'segm')
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    assert (scores.eval['precision'] == scored('crowd_masks', 'files').eval['precision']).all()
    assert len(found.anns) == len(load('crowd_masks', 'dt'))


def test_a_file_that_has_changed_is_refused(tmp_path):
    file = tmp_path / 'gt.json'
    file.write_text(json.dumps(load('crowd', 'gt')))
    truth = quiet(COCO, str(file))
    file.write_text('{}')
    with pytest.raises(Error, match='has changed since it was loaded'):
        truth.anns


def test_gzip_and_paths(tmp_path):
    file = tmp_path / 'gt.json.gz'
    with gzip.open(file, 'wt') as f:
        json.dump(load('crowd', 'gt'), f)
    truth = quiet(COCO, file)
    assert truth.getImgIds() == quiet(COCO, path('crowd', 'gt')).getImgIds() and len(truth.anns) > 0


def test_captions(tmp_path):
    """The library knows nothing of them, and Python does."""
    file = tmp_path / 'captions.json'
    file.write_text('{"info": {"year": 2014}, "images": [{"id": 1}], "annotations": [{"id": 3, "image_id": 1, "caption": "a cat"}]}')
    coco = quiet(COCO, str(file))
    assert coco.anns[3]['caption'] == 'a cat' and printed(coco.info) == 'year: 2014\n'
    assert printed(coco.showAnns, coco.loadAnns([3])) == 'a cat\n'
    assert quiet(coco.loadRes,
                 [{'image_id': 1, 'caption': 'a dog'}]).anns == {1: {'image_id': 1, 'caption': 'a dog', 'id': 1}}


def test_what_is_wrong_is_said(tmp_path):
    truth = quiet(COCO, path('crowd', 'gt'))
    with pytest.raises(FileNotFoundError):
        COCO(str(tmp_path / 'none.json'))
    with pytest.raises(AssertionError, match='want an object of annotations'):
        quiet(COCO, path('crowd', 'dt'))
    broken = tmp_path / 'broken.json'
    broken.write_text('{"images": [{"id": 1,}]}')
    with pytest.raises(Error, match='broken.json: line 1'):
        quiet(COCO, str(broken))
    with pytest.raises(AssertionError, match='image_id 77 '):
        quiet(truth.loadRes, [{'image_id': 77, 'bbox': [1, 2, 3, 4], 'score': 1, 'category_id': 1}])
    stranger = tmp_path / 'stranger.json'
    stranger.write_text('[{"image_id": 77, "bbox": [1, 2, 3, 4], "score": 1, "category_id": 1}]')
    with pytest.raises(AssertionError, match='77 is not an image of'):
        quiet(truth.loadRes, str(stranger))
    with pytest.raises(AssertionError, match='results are a dict'):
        quiet(truth.loadRes, {'a': 1})
    with pytest.raises(AssertionError, match='want N x 7'):
        quiet(truth.loadRes, np.zeros((3, 6)))
    with pytest.raises(Error, match="want 'segm', 'bbox', 'keypoints', 'keypoints_crowd', 'boundary' or 'obb'"):
        Params('nonsense')
    with pytest.raises(Error, match='want accumulate'):
        COCOeval(truth, None, 'bbox').summarize()


def test_a_record_without_an_area_is_named(tmp_path):
    dataset = load('crowd', 'gt')
    del dataset['annotations'][3]['area']
    file = tmp_path / 'gt.json'
    file.write_text(json.dumps(dataset))
    truth = quiet(COCO, str(file))
    scores = quiet(COCOeval, truth, quiet(truth.loadRes, path('crowd', 'dt')), 'bbox')
    with pytest.raises(Error, match='has no area'):
        quiet(scores.evaluate)


# ---- texts and processes --------------------------------------------------------------------------------------------

def test_what_is_printed():
    text = printed(COCO, path('crowd', 'gt')).splitlines()
    assert text[0] == 'loading annotations into memory...' and text[1].startswith('Done (t=')
    assert text[2:] == ['creating index...', 'index created!']
    scores = quiet(COCOeval, *both('crowd', 'files'), 'bbox')
    text = printed(scores.evaluate).splitlines()
    assert text[:2] == ['Running per image evaluation...',
                        'Evaluate annotation type *bbox*'] and text[2].startswith('DONE (t=')
    assert printed(scores.accumulate).startswith('Accumulating evaluation results...\nDONE (t=')


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork')
def test_a_child_process_scores_too():
    whole = scored('crowd', 'files')
    truth, found = both('crowd', 'files')
    child = os.fork()
    if child == 0:
        status = 1
        try:
            scores = quiet(COCOeval, truth, found, 'bbox')
            quiet(scores.evaluate)
            quiet(scores.accumulate)
            status = 0 if (scores.eval['precision'] == whole.eval['precision']).all() else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_show(monkeypatch):
    plt = pytest.importorskip('matplotlib.pyplot')
    plt.switch_backend('agg')
    truth, _ = both('crowd_masks', 'files')
    quiet(truth.showAnns, list(truth.anns.values())[:30], True)
    assert len(plt.gca().collections) == 2


# ---- LVIS -----------------------------------------------------------------------------------------------------------

def test_lvis():
    from deformer.lvis import LVIS, LVISEval, LVISResults
    with open(os.path.join(DATA, 'lvis.expected.txt'), encoding='utf-8') as f:
        expected = {key: float(value) for key, value in map(str.split, f)}
    truth = LVIS(path('lvis', 'gt'))
    for results in (path('lvis', 'dt'), load('lvis', 'dt')):
        scores = LVISEval(truth, LVISResults(truth, results), 'bbox')
        scores.run()
        assert list(scores.get_results()) == list(expected)
        assert np.allclose(list(scores.results.values()), list(expected.values()), rtol=1e-12, atol=0)
        assert printed(scores.print_results).count('\n') == 13
    assert len(truth.anns) == len(truth.get_ann_ids()) and truth.img_ann_map is truth.imgToAnns


def test_lvis_boundaries_and_fixed_ap():
    from deformer.lvis import LVIS, LVISEval, LVISResults
    truth = LVIS(path('lvis', 'gt'))
    with open(os.path.join(DATA, 'lvis.boundary.txt'), encoding='utf-8') as f:
        boundary = [float(line.split()[1]) for line in f]
    with open(os.path.join(DATA, 'lvis.limits.txt'), encoding='utf-8') as f:
        of_class = [line.split() for line in f if line.split()[1] != '0']
    for results in (path('lvis', 'dt'), load('lvis', 'dt')):
        scores = LVISEval(truth, LVISResults(truth, results), 'boundary')
        scores.run()
        assert np.allclose(list(scores.results.values()), boundary, rtol=1e-12, atol=0)
        for _, most, *expected in of_class:
            scores = LVISEval(truth, LVISResults(truth, results), 'bbox')
            scores.params.dets_per_class = int(most)
            scores.run()
            assert np.allclose(list(scores.results.values()), [float(x) for x in expected], rtol=1e-12, atol=0)
    with pytest.raises(Error, match="want 'bbox', 'segm' or 'boundary'"):
        LVISEval(truth, path('lvis', 'dt'), 'keypoints')


# ---- Ctrl-C ---------------------------------------------------------------------------------------------------------

def crowded(images, boxes):
    """An evaluation of so many images and boxes, all of a class, at so many thresholds that it takes long."""
    rng = np.random.default_rng(0)
    annotations = [dict(id=n + 1, image_id=n % images + 1, category_id=1, iscrowd=0, area=100.0, score=float(rng.random()),
                        bbox=[float(x) for x in (*rng.integers(0, 90, 2), 10, 10)]) for n in range(boxes)]
    truth = of_dicts({'images': [dict(id=i, width=100, height=100) for i in range(1, images + 1)],
                      'categories': [dict(id=1, name='a')], 'annotations': annotations})
    scores = COCOeval(truth, quiet(truth.loadRes, [dict(box) for box in annotations]), 'bbox')
    scores.params.iouThrs = np.linspace(0.01, 0.99, 4000)
    scores.params.maxDets = [1, 10, boxes]
    return scores


@pytest.mark.parametrize('images, boxes', [(40, 12000), (1, 3000)])
def test_an_evaluation_hears_signals(images, boxes):
    scores = crowded(images, boxes)
    with stopped_by_signals(times=20):      # more than it has parts: within them, too
        quiet(scores.evaluate)
    test_numbers_and_text_are_those_of_pycocotools('crowd', 'files')      # and computes again


def test_accumulating_hears_signals():
    scores = crowded(4, 40)
    scores.params.iouThrs = np.linspace(0.01, 0.99, 100)
    quiet(scores.evaluate)
    quiet(scores.accumulate)
    want = scores.eval['precision']
    scores.evalImgs = list(scores.evalImgs)             # records of the caller's own
    asked = copy.deepcopy(scores.params)
    asked.maxDets = [1, 10, 40] * 1000
    with stopped_by_signals():
        quiet(scores.accumulate, asked)
    quiet(scores.accumulate)
    assert np.array_equal(scores.eval['precision'], want)


def test_unpacking_hears_signals(tmp_path):
    file = tmp_path / 'gt.json.gz'
    space = gzip.compress(b' ' * (1 << 26), 1)
    file.write_bytes(32 * space + b'an error, if it came so far')
    with stopped_by_signals():
        _native.open_truth(str(file), 0, 0.02)


# ---- panoptic -------------------------------------------------------------------------------------------------------------

def test_panoptic():
    from deformer.panoptic import pq_compute
    folder = os.path.join(DATA, 'panoptic')
    with open(os.path.join(folder, 'expected.txt'), encoding='utf-8') as f:
        lines = [line.split() for line in f]
    results = quiet(pq_compute, os.path.join(folder, 'gt.json'), os.path.join(folder, 'dt.json'))
    means = {name: numbers for name, *numbers in lines if name in ('All', 'Things', 'Stuff')}
    assert len(means) == 3
    for name, numbers in means.items():
        assert results[name]['n'] == int(numbers[0])
        met = [results[name][key] for key in ('pq', 'sq', 'rq')]
        assert np.allclose(met, [float.fromhex(x) for x in numbers[1:]], rtol=1e-12, atol=0)
    assert list(results) == ['All', 'Things', 'Stuff', 'per_class']
    with pytest.raises(FileNotFoundError, match='want the PNG maps of'):
        quiet(pq_compute, os.path.join(folder, 'gt.json'), os.path.join(folder, 'dt.json'), 'nowhere')
    with pytest.raises(OSError):
        quiet(pq_compute, os.path.join(folder, 'gt.json'), os.path.join(folder, 'dt.json'), folder, folder)
