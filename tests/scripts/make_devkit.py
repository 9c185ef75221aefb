# SPDX-License-Identifier: Apache-2.0
"""make_devkit.py VOC_EVAL DOTA OUT -- labels and results in the files of the devkits of PASCAL VOC and DOTA, and their scores: the
reference of tests/eval/test_devkit.c. VOC_EVAL is the file with voc_eval(), of py-faster-rcnn or detectron2 (what it imports but
numpy may be missing); DOTA the folder of DOTA_devkit with polyiou built.
"""
import os
import re
import sys
import xml.etree.ElementTree as ET

import numpy as np

rng = np.random.default_rng(11)
CLASSES = ('cat', 'dog', 'train')


def voc_functions(path):
    """parse_rec(), voc_ap() and voc_eval() alone, which need nothing else."""
    text = open(path).read()
    text = re.sub(r'^@lru_cache.*\n', '', text[text.index('def parse_rec') - 200:], flags=re.M)
    space = {'np': np, 'os': os, 'ET': ET, 'PathManager': type('P', (), {'open': staticmethod(open)})}
    exec(text[text.index('def parse_rec'):], space)
    return space['voc_eval']


def box():
    x, y = rng.integers(1, 150, 2)
    w, h = rng.integers(4, 80, 2)
    return np.array([x, y, x + w, y + h], float)


def corners(b):
    middle, t = (b[:2] + b[2:]) / 2, rng.random() * 3
    p = np.array([[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]]) - middle
    p = p @ np.array([[np.cos(t), np.sin(t)], [-np.sin(t), np.cos(t)]]) + middle
    p = p + rng.normal(0, 2, p.shape) * (rng.random() < .3)
    return (p[::-1] if rng.random() < .3 else p).round(1).reshape(-1)


def numbers(b):
    return ' '.join(f'{x:g}' for x in b)


def write_labels(out, name, objects, oriented):
    if oriented:
        lines = ['imagesource:GoogleEarth', 'gsd:0.5'] + [f'{numbers(b)} {c} {d}' for c, d, b in objects]
        open(f'{out}/{name}.txt', 'w').write('\n'.join(lines) + '\n')
        return
    xml = ''.join(f'<object><name>{c}</name><pose>Left</pose><truncated>0</truncated><difficult>{d}</difficult><bndbox>'
                  f'<xmin>{b[0]:g}</xmin><ymin>{b[1]:g}</ymin><xmax>{b[2]:g}</xmax><ymax>{b[3]:g}</ymax></bndbox></object>\n'
                  for c, d, b in objects)
    open(f'{out}/{name}.xml', 'w').write(f'<annotation>\n{xml}</annotation>\n')


def make(out, prefix, oriented):
    """Labels of ten pictures, and results of the classes and of one that has no object."""
    os.makedirs(f'{out}/labels', exist_ok=True)
    os.makedirs(f'{out}/results', exist_ok=True)
    found = {c: [] for c in CLASSES + ('sofa',)}
    names = [f'{i:06d}' for i in range(10)]
    for name in names:
        objects = []
        for _ in range(int(rng.integers(1, 7))):
            b = corners(box()) if oriented else box()
            objects.append((str(rng.choice(CLASSES)), int(rng.random() < .2), b))
            for scale in (0, 2, 8)[:int(rng.integers(0, 4))]:
                found[objects[-1][0]].append((name, (b + rng.normal(0, scale, b.shape)).round(1)))
        found['sofa'].append((name, corners(box()) if oriented else box()))
        write_labels(f'{out}/labels', name, objects, oriented)
    for c, boxes in found.items():
        score = rng.permutation(len(boxes)) / len(boxes)
        lines = [f'{name} {s:.4f} {numbers(b)}' for (name, b), s in zip(boxes, score)]
        open(f'{out}/results/{prefix}{c}.txt', 'w').write('\n'.join(lines) + '\n')
    open(f'{out}/pictures.txt', 'w').write('\n'.join(names) + '\n')


def score(out, prefix, suffix, voc_eval):
    """Lines of class, threshold, AP by eleven points, AP below the curve, recall."""
    with open(f'{out}/expected.txt', 'w') as file:
        for c in sorted(CLASSES + ('sofa',)):
            for t in (0.5, 0.75):
                ap = []
                for eleven in (True, False):
                    recall, _, value = voc_eval(f'{out}/results/{prefix}{{:s}}.txt', f'{out}/labels/{{:s}}{suffix}',
                                                f'{out}/pictures.txt', c, ovthresh=t, use_07_metric=eleven)
                    ap.append(repr(float(value)))
                file.write(' '.join([c, str(t), *ap, repr(float(recall[-1]))]) + '\n')


def main(voc_eval, dota, out):
    make(f'{out}/voc', 'comp4_det_val_', False)
    score(f'{out}/voc', 'comp4_det_val_', '.xml', voc_functions(voc_eval))
    make(f'{out}/dota', 'Task1_', True)
    sys.path.insert(0, dota)
    from dota_evaluation_task1 import voc_eval as dota_eval
    sys.stdout = open(os.devnull, 'w')
    score(f'{out}/dota', 'Task1_', '.txt', dota_eval)


main(*sys.argv[1:])
