# SPDX-License-Identifier: Apache-2.0
"""The wheel that the backend packs: what is in it, that its list is right, and that it runs where it is unpacked."""
import base64
import csv
import hashlib
import io
import os
import subprocess
import sys
import zipfile

import pytest

import deformer

from conftest import SOURCES


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """Packed of the module that these tests use."""
    folder = tmp_path_factory.mktemp('wheel')
    code = f'import sys; sys.path.insert(0, {str(SOURCES / "python")!r}); import backend; print(backend.build_wheel({str(folder)!r}))'
    environment = {**os.environ, 'DEFORMER_MODULE': deformer._native.__file__}
    subprocess.run([sys.executable, '-c', code], check=True, env=environment)
    [path] = folder.glob('*.whl')
    return path


def test_its_name_says_every_python_from_3_11_on(wheel):
    name, version, *tags = wheel.stem.split('-')
    assert (name, version, tags[0], tags[1]) == ('deformer', deformer.__version__, 'cp311', 'abi3')


def test_everything_is_there(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for file in ('__init__.py', '__init__.pyi', 'py.typed', 'mask.py', 'model.py', '_native.abi3.so',
                 'configs/demo/retinanet_dat_nano.py'):
        assert f'deformer/{file}' in names
    info = f'deformer-{deformer.__version__}.dist-info'
    assert {f'{info}/{file}' for file in ('METADATA', 'WHEEL', 'RECORD', 'LICENSE')} <= names
    assert not any('test' in name or '__pycache__' in name for name in names)


def test_its_list_has_every_file(wheel):
    archive = zipfile.ZipFile(wheel)
    [record] = [name for name in archive.namelist() if name.endswith('/RECORD')]
    listed = {row[0]: row for row in csv.reader(io.StringIO(archive.read(record).decode()))}
    assert set(listed) == set(archive.namelist())
    for name, digest, size in listed.values():
        if name == record:
            continue
        data = archive.read(name)
        assert int(size) == len(data)
        assert digest == 'sha256=' + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()


@pytest.mark.skipif(sys.platform != 'linux', reason='libraries go along on Linux')
def test_libraries_go_along_with_their_licences(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    libraries = [name for name in names if name.startswith('deformer.libs/')]
    assert any('libpng' in name for name in libraries) and any('libjpeg' in name for name in libraries)
    assert not any(name.startswith(('deformer.libs/libc.', 'deformer.libs/libm.')) for name in libraries)


def test_it_runs_where_it_is_unpacked(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = ('import deformer; assert deformer.__file__.startswith({0!r});'
            'print(deformer.load("demo/retinanet_dat_nano", "random").task)').format(str(tmp_path))
    ran = subprocess.run([sys.executable, '-c', code], check=True, env={**os.environ, 'PYTHONPATH': str(tmp_path)},
                         stdout=subprocess.PIPE)
    assert ran.stdout.strip() == b'detection'
