# SPDX-License-Identifier: Apache-2.0
"""Where annotations and results come from, as long as nobody has looked at their records: files that the library has read,
kept open for those who look later, or a list."""
import functools
import gc
import gzip
import json
import os
import stat

from . import _native


def without_collecting(function):
    """Makes many objects, and none that is in a circle: to look for circles again and again would take most of the time."""
    @functools.wraps(function)
    def call(*args, **kwargs):
        enabled = gc.isenabled()
        gc.disable()
        try:
            return function(*args, **kwargs)
        finally:
            if enabled:
                gc.enable()
    return call


class Source:
    """One file. It stays open, so that its records can be read even when its name is gone."""

    def __init__(self, path):
        self.path = os.fsdecode(path)
        self.file = open(self.path, 'rb')
        self.met = os.fstat(self.file.fileno())
        self.native = None        # what was read: a capsule of _native
        self.wanted = 0           # and what was wanted of it,
        self.boundary_ratio = 0.0  # with boundaries of masks so wide
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

    @without_collecting
    def records(self):
        """The file as Python's json reads it."""
        if not self.is_regular():
            return json.load(self.file)
        with open(self.readable_path(), 'rb') as f:
            packed = f.read(2) == b'\x1f\x8b'
            f.seek(0)
            return json.load(gzip.open(f) if packed else f)

    def has(self, wanted, boundary_ratio):
        return (self.native is not None and self.generation == _native.generation() and wanted & ~self.wanted == 0
                and boundary_ratio == self.boundary_ratio)

    def keep(self, native, wanted, boundary_ratio):
        self.native, self.wanted, self.boundary_ratio, self.generation = native, wanted, boundary_ratio, _native.generation()
        return native


class TruthSource(Source):
    """Annotations."""

    def __init__(self, path):
        super().__init__(path)
        # They will be asked for, and one reading is quicker than two.
        self.wanted = _native.KEYPOINTS if self.mentions(b'"keypoints"') else 0

    def mentions(self, word):
        """Is the word near the beginning or the end, where categories are?"""
        edge = 8192
        if not self.is_regular():
            return False
        size = self.met.st_size
        return any(word in os.pread(self.file.fileno(), edge, max(at, 0)) for at in (0, size - edge))

    def read(self, wanted=0, boundary_ratio=0.0):
        """What the library makes of the file: boxes, and what is wanted beside them (_native.MASKS, KEYPOINTS, ...)."""
        if not self.has(wanted, boundary_ratio):
            wanted |= self.wanted
            self.native = None    # two of them need not be in memory
            self.keep(_native.open_truth(self.readable_path(), wanted, boundary_ratio), wanted, boundary_ratio)
        return self.native


class ResultsSource(Source):
    """Results, of which `truth` is the source of the ground truth."""

    def __init__(self, path, truth):
        super().__init__(path)
        self.truth = truth

    def read(self, wanted=0, boundary_ratio=0.0):
        if not self.has(wanted, boundary_ratio):
            self.native = None
            truth = self.truth.read(wanted | self.wanted, boundary_ratio)
            self.keep(_native.open_results(truth, self.readable_path()), self.truth.wanted, boundary_ratio)
        return self.native


class ToldSource:
    """Results that are a list of dicts. They are live: whoever gave them may change them."""

    def __init__(self, anns):
        self.anns = anns
