# SPDX-License-Identifier: Apache-2.0
"""deformer.load() against `deformer predict --json` of the same network and picture."""
import gc
import os
import threading
import weakref

import numpy as np
import pytest

import deformer
from deformer import mask

from conftest import SOURCES, read_json, stopped_by_signals

LOW = {'model.test_cfg.score_thr': 0.001}
LOW_OF_STAGES = {'model.test_cfg.rcnn.score_thr': 0.001}


def predicted(program, folder, config, weights, picture, changes=None, *options):
    """The JSON of the program."""
    changes = [text for key, value in (changes or {}).items() for text in ('--set', f'{key}={value}')]
    program('predict', config, weights, picture, '--json', folder / 'found.json', '--quiet', *changes, *options)
    return read_json(folder / 'found.json')


def write_bmp(path, rgb):
    """A file that the program and this test read alike, without a library of pictures."""
    height, width, _ = rgb.shape
    rows = np.zeros((height, (3 * width + 3) // 4 * 4), np.uint8)
    rows[:, :3 * width] = rgb[::-1, :, ::-1].reshape(height, -1)
    size = 54 + rows.size
    head = b'BM' + np.array([size, 0, 54, 40, width, height], '<u4').tobytes() + np.array([1, 24], '<u2').tobytes()
    path.write_bytes(head + np.array([0, rows.size, 2835, 2835, 0, 0], '<u4').tobytes() + rows.tobytes())


@pytest.fixture(scope='module')
def picture(tmp_path_factory):
    """(array of R G B, path of the same as a file)"""
    random = np.random.default_rng(5)
    rgb = np.kron(random.integers(0, 256, (9, 12, 3)), np.ones((16, 16, 1))).astype(np.uint8)
    rgb += random.integers(0, 20, rgb.shape, dtype=np.uint8)
    path = tmp_path_factory.mktemp('picture') / 'one.bmp'
    write_bmp(path, rgb)
    return rgb, path


@pytest.fixture(scope='module')
def detector(configs):
    return deformer.load(configs / 'demo' / 'retinanet_dat_nano.py', 'random:4', changes=LOW)


def same(a, b):
    assert a.keys() == b.keys()
    for key in a.keys():
        np.testing.assert_array_equal(a[key], b[key])


# ---- numbers ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('config, changes', [('retinanet_dat_nano', LOW), ('mask_rcnn_dat_nano', LOW_OF_STAGES)])
def test_detections_are_those_of_predict(program, configs, tmp_path, picture, config, changes):
    path = configs / 'demo' / f'{config}.py'
    model = deformer.load(path, 'random:4', changes=changes)
    result = model(picture[0])
    want = predicted(program, tmp_path, path, 'random:4', picture[1], changes)
    assert (model.task, len(model.names), model.names[0]) == ('detection', 80, 'person')
    assert len(result.boxes) == len(want) > 10
    assert result.boxes.dtype == result.scores.dtype == np.float32 and result.labels.dtype == np.int64
    for met, wanted in zip(result.to_coco('one.bmp'), want):
        assert np.float32(wanted.pop('score')) == np.float32(met.pop('score'))
        assert met == wanted
    if config.startswith('mask'):
        height, width = picture[0].shape[:2]
        assert result.masks.shape == (len(want), height, width) and result.masks.dtype == bool
        assert [int(m.sum()) for m in result.masks] == mask.area(result.rles).tolist()
    else:
        assert result.masks is None and 'masks' not in result.keys()


def test_label_map_is_that_of_predict(program, configs, tmp_path, picture):
    path = configs / 'demo' / 'upernet_dat_nano.py'
    model = deformer.load(path, 'random:4')
    result = model(picture[0])
    [want] = predicted(program, tmp_path, path, 'random:4', picture[1])
    assert model.task == 'segmentation' and result.label_map.shape == picture[0].shape[:2]
    pixels = {int(label): int(n) for label, n in zip(*np.unique(result.label_map, return_counts=True))}
    assert pixels == {c['id']: c['pixels'] for c in want['classes']}
    assert result.boxes is None and result.keys() == ('label_map',)


CLASSIFIER = '''
model = dict(
    type='ImageClassifier',
    backbone=dict(type='ResNet', depth=18, num_stages=4, out_indices=(3,), style='pytorch', base_channels=8),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', num_classes=3, in_channels=64))
data = dict(test=dict(type='ImageNet', classes=['cat', 'dog', 'bird'], pipeline=[
    dict(type='LoadImageFromFile'), dict(type='ResizeEdge', scale=36), dict(type='CenterCrop', crop_size=32),
    dict(type='DetrNormalize'), dict(type='PackInputs')]))
'''


def test_classes_are_those_of_predict(program, tmp_path, picture):
    config = tmp_path / 'classifier.py'
    config.write_text(CLASSIFIER)
    model = deformer.load(config, 'random:1')
    result = model(picture[0])
    [want] = predicted(program, tmp_path, config, 'random:1', picture[1])
    assert model.task == 'classification' and abs(float(result.probabilities.sum()) - 1) < 1e-5
    assert [(label, name) for label, name, _ in result.top(3)] == [(c['id'], c['name']) for c in want['classes']]
    assert [np.float32(p) for _, _, p in result.top(3)] == [np.float32(c['score']) for c in want['classes']]


@pytest.mark.parametrize('form', ['{}', '{}/config.json'])
def test_folders_of_models_have_their_weights(program, data, tmp_path, form):
    folder = data / 'model_folders' / 'detr_masks'
    picture = data / 'model_folders' / 'picture.png'
    model = deformer.load(form.format(folder))
    want = predicted(program, tmp_path, folder, folder, picture)
    met = model(picture).to_coco('picture.png')
    assert len(met) == len(want) > 0
    for one, wanted in zip(met, want):
        assert np.float32(one.pop('score')) == np.float32(wanted.pop('score')) and one == wanted


def test_files_are_read_as_the_program_reads_them(detector, picture):
    same(detector(picture[1]), detector(picture[0]))
    same(detector(str(picture[1])), detector(picture[0]))


def test_threads_do_not_change_bits(configs, detector, picture):
    one = deformer.load(configs / 'demo' / 'retinanet_dat_nano.py', 'random:4', threads=1, changes=LOW)
    same(one(picture[0]), detector(picture[0]))


# ---- pictures --------------------------------------------------------------------------------------------------------

def test_arrays_of_every_form(detector, picture):
    rgb = picture[0]
    want = detector(rgb)
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    wide = np.zeros((rgb.shape[0], 2 * rgb.shape[1], 4), np.uint8)
    wide[:, ::2, 1:] = rgb
    same(detector(bgr, bgr=True), want)
    same(detector(bgr[..., ::-1]), want)
    same(detector(rgb[..., ::-1], bgr=True), want)
    same(detector(np.asfortranarray(rgb)), want)
    same(detector(wide[:, ::2, 1:]), want)
    same(detector(np.ascontiguousarray(rgb[::-1])[::-1]), want)
    read_only = rgb.copy()
    read_only.setflags(write=False)
    same(detector(read_only), want)


def test_no_copy_is_made(detector, picture, monkeypatch):
    from deformer import model
    for array in (picture[0], np.ascontiguousarray(picture[0][..., ::-1])[..., ::-1]):
        assert np.shares_memory(model._pixels(array, False)[0], array)


def test_pictures_of_pil(detector, picture):
    image = pytest.importorskip('PIL.Image')
    same(detector(image.fromarray(picture[0])), detector(picture[0]))
    same(detector(image.fromarray(picture[0]).convert('RGBA')), detector(picture[0]))
    same(detector(image.fromarray(picture[0]), bgr=True), detector(picture[0]))


def test_lists_of_pictures(detector, picture):
    rgb, path = picture
    other = rgb[:100]
    results = detector([rgb, other, path])
    same(results[0], detector(rgb))
    same(results[1], detector(other))
    same(results[2], results[0])
    assert results[1].height == 100 and detector([]) == []
    same(detector(np.stack([rgb, rgb]))[1], results[0])


def test_threshold(detector, picture):
    every = detector(picture[0])
    least = float(np.median(every.scores))
    few = detector(picture[0], score_threshold=least)
    assert len(few.boxes) == (every.scores >= least).sum() < len(every.boxes)
    np.testing.assert_array_equal(few.boxes, every.boxes[every.scores >= least])
    none = detector(picture[0], score_threshold=1)
    assert none.boxes.shape == (0, 4) and none.scores.shape == (0,) and none.names == []


def test_results_are_read_as_dicts(detector, picture):
    result = detector(picture[0])
    as_dict = dict(result)
    assert list(as_dict) == ['boxes', 'scores', 'labels', 'names'] and as_dict['scores'] is result.scores
    assert result.names[0] == detector.names[result.labels[0]]
    with pytest.raises(KeyError):
        result['label_map']
    assert repr(result) == f'<deformer.Result 144 x 192: {len(result.boxes)} detections>'
    result.boxes[:] = 0                                  # arrays are the caller's


def test_results_outlive_the_model(configs, picture):
    model = deformer.load(configs / 'demo' / 'mask_rcnn_dat_nano.py', 'random:4', changes=LOW_OF_STAGES)
    result = model(picture[0])
    scores = result.scores.copy()
    boxes = result.boxes
    gone = weakref.ref(model)
    result.model = model = None
    gc.collect()
    assert gone() is None
    np.testing.assert_array_equal(result.scores, scores)
    assert np.isfinite(boxes).all()


# ---- threads and processes -------------------------------------------------------------------------------------------

def test_one_model_in_many_threads(detector, picture):
    want = detector(picture[0])
    results = [None] * 6

    def run(i):
        results[i] = detector(picture[0])
    threads = [threading.Thread(target=run, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        same(result, want)


def test_a_pass_hears_signals(configs, detector, picture):
    want = detector(picture[0])
    model = deformer.load(configs / 'demo' / 'retinanet_dat_nano.py', 'random:4', threads=1,
                          changes={**LOW, 'data.test.pipeline.1.img_scale': (2560, 1920)})
    with stopped_by_signals():
        model(picture[0])
    same(detector(picture[0]), want)


@pytest.mark.parametrize('name', ['weights.safetensors', 'weights.pth'])
def test_reading_weights_hears_signals(configs, tmp_path, detector, picture, name):
    """From a pipe to which nobody writes: reading would take as long as the library waits for bytes."""
    want = detector(picture[0])
    pipe = tmp_path / name
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    try:
        with stopped_by_signals():
            deformer.load(configs / 'demo' / 'retinanet_dat_nano.py', pipe, threads=1)
    finally:
        os.close(end)
    same(detector(picture[0]), want)


def test_a_child_process_is_told_to_load(detector, picture):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            detector(picture[0])
            text = 'it ran'
        except deformer.Error as error:
            text = str(error)
        os.write(write, text.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert b'before a fork()' in os.read(read, 1000)
    os.close(read)
    os.close(write)


# ---- errors ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize('image, sentence', [
    (np.zeros((4, 5), np.uint8), r'shape \(4, 5\) and type uint8: want height x width x 3'),
    (np.zeros((3, 4, 5), np.uint8), r'shape \(3, 4, 5\)'),
    (np.zeros((4, 5, 3), np.float32), 'type float32'),
    (np.zeros((4, 5, 4), np.uint8), r'\(4, 5, 4\)'),
    (np.zeros((0, 5, 3), np.uint8), 'the picture is empty'),
    (None, 'type object'),
])
def test_what_is_no_picture(detector, image, sentence):
    with pytest.raises(deformer.Error, match=sentence):
        detector(image)


def test_files_that_cannot_be_read(detector, tmp_path):
    with pytest.raises(OSError, match='nowhere.jpg: No such file'):
        detector('nowhere.jpg')
    (tmp_path / 'text.jpg').write_text('no picture')
    with pytest.raises(deformer.Error, match='text.jpg'):
        detector(tmp_path / 'text.jpg')


def test_models_that_cannot_be_opened(configs, tmp_path):
    config = configs / 'demo' / 'retinanet_dat_nano.py'
    with pytest.raises(OSError, match='nowhere.py'):
        deformer.load('nowhere.py', 'random')
    with pytest.raises(deformer.Error, match='no weights are given'):
        deformer.load(config)
    with pytest.raises(OSError, match='nowhere.pth'):
        deformer.load(config, 'nowhere.pth')
    with pytest.raises(deformer.Error, match="did you mean 'dims'"):
        deformer.load(config, 'random', changes={'model.backbone.dimm': 3})
    with pytest.raises(TypeError):
        deformer.load(config, 'random', nonsense=1)
    assert isinstance(deformer.Error('x'), ValueError)


def test_ready_configs_have_names():
    assert deformer.load('demo/retinanet_dat_nano', 'random').task == 'detection'
    with pytest.raises(OSError, match='did you mean'):
        deformer.load('retinanet_dat_nanu', 'random')


def test_to_coco_and_top_want_their_kind(detector, configs, picture):
    segmentor = deformer.load(configs / 'demo' / 'upernet_dat_nano.py', 'random')
    with pytest.raises(deformer.Error, match='want a detector'):
        segmentor(picture[0]).to_coco(1)
    with pytest.raises(deformer.Error, match='want a classifier'):
        detector(picture[0]).top()


def test_found_and_scored(program, drawn):
    """From pictures to scores without a file between, and what the program says of the same."""
    zoo = SOURCES / 'zoo' / 'world_retinanet_dat'
    model = deformer.load(zoo / 'config.py', zoo / 'weights.safetensors')
    truth = deformer.COCO(str(drawn / 'annotations' / 'instances_val2017.json'))
    records = []
    for image in truth.loadImgs(truth.getImgIds()):
        records += model(drawn / 'val2017' / image['file_name']).to_coco(image['id'], truth)
    scores = deformer.COCOeval(truth, truth.loadRes(records), 'bbox')
    scores.evaluate()
    scores.accumulate()
    scores.summarize()
    assert scores.stats[0] > 0.2
    program('eval', zoo / 'config.py', zoo / 'weights.safetensors', '--data', drawn, '--quiet', '--json',
            drawn / 'scores.json')
    assert abs(read_json(drawn / 'scores.json')['bbox']['stats'][0] - scores.stats[0]) < 1e-12


def test_annotations_of_other_classes_are_noticed(detector, picture):
    truth = deformer.COCO()
    truth.dataset = {'images': [], 'annotations': [], 'categories': [{'id': 7, 'name': 'gearwheel'}]}
    truth.createIndex()
    with pytest.raises(deformer.Error, match='no category of the annotations has the name of a class'):
        detector(picture[0]).to_coco(1, truth)
    truth.dataset['categories'].append({'id': 9, 'name': 'dog'})
    truth.createIndex()
    ids = {record['category_id'] for record in detector(picture[0]).to_coco(1, truth)}
    assert ids and min(ids) >= 9                         # what the annotations know nothing of is none of theirs
