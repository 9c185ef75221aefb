# SPDX-License-Identifier: Apache-2.0
"""Files that the library has read, kept open for those who look at their records later."""
import json
import os
import stat

from . import _native


class Source:
    """One file. It stays open, so that its records can be read even when its name is gone."""

    def __init__(self, path):
        self.path = os.fsdecode(path)
        self.file = open(self.path, 'rb')
        self.met = os.fstat(self.file.fileno())
        self.native = None        # what was read, and how: a capsule of _native
        self.masks = False
        self.across_classes = False
        self.generation = _native.generation()

    def __deepcopy__(self, memo):
        return self

    def is_regular(self):
        return stat.S_ISREG(self.met.st_mode)

    def readable_path(self):
        """The path, or another way to the same file where the path leads elsewhere now."""
        now = os.fstat(self.file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self.met.st_size, self.met.st_mtime_ns):
            raise _native.Error(f'{self.path} has changed since it was loaded: load it again')
        try:
            same = os.path.samestat(os.stat(self.path), now)
        except OSError:
            same = False
        return self.path if same else f'/proc/self/fd/{self.file.fileno()}'

    def records(self):
        """The file as Python's json reads it."""
        with open(self.readable_path(), 'rb') as f:
            return json.load(f)

    def has(self, masks, across_classes):
        fresh = self.generation == _native.generation()
        return self.native is not None and fresh and self.masks >= masks and self.across_classes >= across_classes

    def keep(self, native, masks, across_classes):
        self.native, self.masks, self.across_classes = native, masks, across_classes
        self.generation = _native.generation()
        return native


class TruthSource(Source):
    """Annotations."""

    def read(self, masks=False, across_classes=False):
        if not self.has(masks, across_classes):
            masks, across_classes = masks or self.masks, across_classes or self.across_classes
            self.native = None    # two of them need not be in memory
            self.keep(_native.open_truth(self.readable_path(), masks, across_classes, False), masks, across_classes)
        return self.native


class ResultsSource(Source):
    """Results, of which `truth` is the source of the ground truth."""

    def __init__(self, path, truth):
        super().__init__(path)
        self.truth = truth

    def read(self, masks=False, across_classes=False):
        if not self.has(masks, across_classes):
            masks, across_classes = masks or self.masks, across_classes or self.across_classes
            self.native = None
            truth = self.truth.read(masks, across_classes)
            self.keep(_native.open_results(truth, self.readable_path()), self.truth.masks, self.truth.across_classes)
        return self.native
