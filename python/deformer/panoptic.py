# SPDX-License-Identifier: Apache-2.0
"""Panoptic quality, with the name and the numbers of panopticapi.

    from deformer.panoptic import pq_compute
    pq_compute('panoptic_val2017.json', 'results.json')['All']['pq']
"""
import os
import time

from . import _native


def usual_folder(json_file):
    """As panopticapi has it: X for X.json."""
    path = os.fspath(json_file)
    for ending in ('.json', '.json.gz'):
        path = path.removesuffix(ending)
    return path


def pq_compute(gt_json_file, pred_json_file, gt_folder=None, pred_folder=None):
    """Prints and returns PQ, SQ, RQ (fractions of 1) and the number of classes, of 'All', 'Things' and 'Stuff'; 'per_class' has
    those of each class by its id, with its counts. Maps are in the folders; None: beside the files, X for X.json."""
    start = time.time()
    gt_folder = usual_folder(gt_json_file) if gt_folder is None else gt_folder
    pred_folder = usual_folder(pred_json_file) if pred_folder is None else pred_folder
    print('Evaluation panoptic segmentation metrics:')
    for name, folder, file in (('Ground truth', gt_folder, gt_json_file), ('Prediction', pred_folder, pred_json_file)):
        print(f'{name}:\n\tSegmentation folder: {folder}\n\tJSON file: {file}')
        if not os.path.isdir(folder):
            raise FileNotFoundError(f'{folder} is not a folder: want the PNG maps of {file}')
    found = _native.panoptic(gt_json_file, gt_folder, pred_json_file, pred_folder)
    results = dict(zip(('All', 'Things', 'Stuff', 'per_class'), found))
    print(f'{"":10s}| {"PQ":>5s}  {"SQ":>5s}  {"RQ":>5s} {"N":>5s}\n' + '-' * 38)
    for name in ('All', 'Things', 'Stuff'):
        of = results[name]
        print(f'{name:10s}| {100 * of["pq"]:5.1f}  {100 * of["sq"]:5.1f}  {100 * of["rq"]:5.1f} {of["n"]:5d}')
    print(f'Time elapsed: {time.time() - start:0.2f} seconds')
    return results
