# SPDX-License-Identifier: Apache-2.0
"""What Ultralytics asks of faster-coco-eval beside pycocotools' classes."""
import contextlib
import io

import numpy as np

from . import coco, cocoeval, mask
from ._native import Error


class COCO(coco.COCO):
    """Annotations, of a file or as a dict."""

    def __init__(self, annotation_file=None):
        if not isinstance(annotation_file, dict):
            super().__init__(annotation_file)
            return
        super().__init__()
        self.dataset = annotation_file
        self.createIndex()


BOX_STATS = ('AP_all', 'AP_50', 'AP_75', 'AP_small', 'AP_medium', 'AP_large',
             'AR_all', 'AR_second', 'AR_third', 'AR_small', 'AR_medium', 'AR_large')
KEYPOINT_STATS = ('AP_all', 'AP_50', 'AP_75', 'AP_medium', 'AP_large', 'AR_all', 'AR_50', 'AR_75', 'AR_medium',
                  'AR_large')


class COCOeval_faster(cocoeval.COCOeval):
    """COCOeval whose lines go to `print_function`, and whose numbers have names."""

    def __init__(self, cocoGt=None, cocoDt=None, iouType='segm', print_function=print, lvis_style=False,
                 boundary_dilation_ratio=0.02, boundary_cpu_count=None, **others):
        if lvis_style:
            raise Error('COCOeval_faster(lvis_style=True): want `deformer metric lvis`, which scores by the rules of LVIS')
        if any(others.values()):
            raise Error(f'COCOeval_faster has no option {", ".join(others)}')
        self.print_function = print_function
        self._tell(super().__init__, cocoGt, cocoDt, iouType)
        if iouType == 'boundary':
            self.params.boundary_dilation_ratio = boundary_dilation_ratio

    def _tell(self, method, *args):
        lines = io.StringIO()
        with contextlib.redirect_stdout(lines):
            method(*args)
        for line in lines.getvalue().splitlines():
            self.print_function(line)

    def evaluate(self):
        self._tell(super().evaluate)

    def accumulate(self, p=None):
        self._tell(super().accumulate, p)

    def summarize(self):
        self._tell(super().summarize)

    def run(self):
        self.evaluate()
        self.accumulate()
        self.summarize()

    def _recall_at(self, threshold):
        """Of all areas, with the most detections."""
        recall = self.eval['recall'][np.isclose(self.params.iouThrs, threshold)][:, :, 0, -1]
        known = recall[recall > -1]
        return float(known.mean()) if known.size else -1.0

    @property
    def stats_as_dict(self):
        if self.params.iouType == 'keypoints':
            return dict(zip(KEYPOINT_STATS, map(float, self.stats)))
        named = dict(zip(BOX_STATS, map(float, self.stats)))
        return {**named, 'AR_50': self._recall_at(0.5), 'AR_75': self._recall_at(0.75)}


def segmToRle(segm, w, h):
    """A polygon, several that are one object, or a mask of either kind as a compressed mask."""
    if isinstance(segm, dict):
        return mask.frPyObjects(segm, h, w) if isinstance(segm['counts'], list) else segm
    return mask.merge(mask.frPyObjects(segm, h, w))
