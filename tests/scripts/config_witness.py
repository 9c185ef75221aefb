#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The witness of tests/config: reads config files the way mmcv.Config.fromfile() does, by executing them, and compares.

    config_witness.py dump  FILE.py OUT.json              the merged config as JSON
    config_witness.py check PROGRAM FOLDER...             every .py file below the folders, against `PROGRAM IN OUT.json`

Written from the documented rules of mmcv 1.x: bases left to right without a key in common, then the file itself over them;
dicts merge key by key, everything else replaces, `_delete_=True` drops what the base had. A `_delete_` that met no base is
dropped too, which mmcv leaves to the reader. {{ _base_.a.b }} is a text until the bases are read, then a whole value.
The expected trees of base_values*.py and .json were also made with mmcv 1.x's own Config._file2dict(), and are the same. Executes the files: run it on configs you trust.
"""
import json
import math
import os
import re
import subprocess
import sys
import tempfile


def merge(base, over):
    out = dict(base)
    for key, value in over.items():
        if isinstance(value, dict):
            value = dict(value)
            if not value.pop('_delete_', False) and key in out:
                if not isinstance(out[key], dict):
                    raise TypeError(f'{key}: dict over {type(out[key])}')
                out[key] = merge(out[key], value)
                continue
        out[key] = value
    return out


BASE_VALUE = re.compile(r'\{\{\s*_base_\.([\w.]+)\s*\}\}')
MARK = '\x01'


def fill(value, bases):
    """Whole texts MARK + 'a.b' by what the bases have at a, b."""
    if isinstance(value, dict):
        return {k: fill(v, bases) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(fill(v, bases) for v in value)
    if isinstance(value, str) and value.startswith(MARK):
        at = bases
        for key in value[len(MARK):].split('.'):
            if not isinstance(at, dict):
                raise TypeError(f'{value}: {key} of {type(at)}')
            at = at[key]
        return at
    if isinstance(value, str) and MARK in value:
        raise ValueError(f'{value}: a part of a text')
    return value


def read(path):
    text = open(path).read()
    base = os.path.basename(path)
    stem, ext = os.path.splitext(base)
    for name, to in (('fileDirname', os.path.dirname(path) or '.'), ('fileBasenameNoExtension', stem),
                     ('fileBasename', base),
                     ('fileExtname', ext)):
        text = re.sub(r'\{\{\s*%s\s*\}\}' % name, to, text)
    text = BASE_VALUE.sub(lambda found: '"' + (r'\u0001' + found[1]) + '"', text)
    if path.endswith('.json'):
        config = json.loads(text)
    else:
        names = {}
        exec(compile(text, path, 'exec'), names)
        config = {k: v for k, v in names.items() if not k.startswith('__')}
    bases = config.pop('_base_', [])
    merged = {}
    for name in bases if isinstance(bases, list) else [bases]:
        base = read(os.path.join(os.path.dirname(path), name))
        if merged.keys() & base.keys():
            raise KeyError(f'{path}: keys in two bases: {merged.keys() & base.keys()}')
        merged.update(base)
    return merge(merged, fill(config, merged))


def plain(value):
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items() if k != '_delete_'}
    if isinstance(value, (list, tuple, range)):
        return [plain(v) for v in value]
    return value


def same(a, b):
    """Equal, with the types and the order of keys."""
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return type(a) is type(b) and a == b


def check(program, folders):
    files = sorted(os.path.join(at, name) for folder in folders for at, _, names in os.walk(folder) for name in names
                   if name.endswith('.py'))
    wrong = 0
    with tempfile.TemporaryDirectory() as scratch:
        out = os.path.join(scratch, 'out.json')
        for path in files:
            run = subprocess.run([program, path, out], capture_output=True, text=True)
            try:
                want = plain(read(path))
            except Exception as error:  # both must refuse
                want = None
                print(f'{path}: the witness refuses: {error!r}; the program: {run.stdout.strip() or "reads it"}')
                wrong += run.returncode == 0
                continue
            got = json.load(open(out)) if run.returncode == 0 else run.stdout
            if not same(want, got):
                wrong += 1
                print(f'{path}: differs: {got if isinstance(got, str) else ""}')
    print(f'{len(files)} files, {wrong} wrong')
    return wrong > 0


if __name__ == '__main__':
    if len(sys.argv) == 4 and sys.argv[1] == 'dump':
        json.dump(plain(read(sys.argv[2])), open(sys.argv[3], 'w'), indent=1)
    elif len(sys.argv) > 3 and sys.argv[1] == 'check':
        sys.exit(check(sys.argv[2], sys.argv[3:]))
    else:
        sys.exit(__doc__)
