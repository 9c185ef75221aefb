# SPDX-License-Identifier: Apache-2.0
"""What the tests of the package share. CTest sets DEFORMER_SOURCES and, if the program is built, DEFORMER_PROGRAM."""
import collections
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import pytest

SOURCES = pathlib.Path(os.environ.get('DEFORMER_SOURCES') or pathlib.Path(__file__).resolve().parents[2])


@pytest.fixture(scope='session')
def data():
    """tests/data of the sources."""
    return SOURCES / 'tests' / 'data'


@pytest.fixture(scope='session')
def configs():
    return SOURCES / 'configs'


@pytest.fixture(scope='session')
def program():
    """Runs the program, as program('list', ...), and returns what it prints."""
    path = os.environ.get('DEFORMER_PROGRAM')
    if not path:
        pytest.skip('the program is not built')

    def run(*args):
        return subprocess.run([path, *map(str, args)], check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout
    return run


@pytest.fixture(scope='session')
def drawn(program, tmp_path_factory):
    """A folder of nine drawn pictures with COCO annotations."""
    folder = tmp_path_factory.mktemp('drawn')
    program('synth', folder, '--images', 9, '--val', 9, '--coco', '--quiet')
    return folder


class Stop(Exception):
    pass


@contextlib.contextmanager
def stopped_by_signals(times=2):
    """What runs within is to hear signals while it is in the library, and to end when a handler raises. Alarms come, one at a time,
    until so many were heard in one and the same call. How long that takes does not matter, if the call alone would take longer."""
    heard = collections.Counter()

    def handler(number, frame):
        place = frame.f_code, frame.f_lasti
        heard[place] += 1
        if heard[place] == times:
            raise Stop
        signal.setitimer(signal.ITIMER_REAL, 0.01)
    before = signal.signal(signal.SIGALRM, handler)
    try:
        with pytest.raises(Stop):
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def read_json(path):
    with open(path, encoding='utf-8') as file:
        return json.load(file)
