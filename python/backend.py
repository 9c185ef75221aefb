# SPDX-License-Identifier: Apache-2.0
"""What pip calls to make a wheel (PEP 517): CMake builds the module, and a zip file holds it with the Python files.

Needs nothing beside Python, CMake and what the library is built from. CMake options: DEFORMER_CMAKE_ARGS="-DX=Y ...".

The wheel is for every Linux with this machine's C library or a later one: the libraries that read pictures go along, in
deformer.libs/, with their licences. TIFF is left out, since Debian's libtiff needs JBIG-KIT, which is under the GPL;
-DDEFORMER_TIFF=ON takes both along."""
import base64
import hashlib
import os
import platform
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def version():
    with open(os.path.join(ROOT, 'CMakeLists.txt'), encoding='utf-8') as f:
        return re.search(r'project\(deformer VERSION ([0-9.]+)', f.read()).group(1)


def metadata():
    with open(os.path.join(HERE, 'README.md'), encoding='utf-8') as f:
        readme = f.read()
    return (f'Metadata-Version: 2.1\nName: deformer\nVersion: {version()}\n'
            'Summary: Scores of detection and segmentation, and detectors, by a library in C\n'
            'License: Apache-2.0\nRequires-Python: >=3.11\nRequires-Dist: numpy\n'
            'Description-Content-Type: text/markdown\n\n' + readme)


def build_module(folder):
    """Compiles deformer/_native.abi3.so in a build folder and returns its path; DEFORMER_MODULE is one that is there already."""
    if os.environ.get('DEFORMER_MODULE'):
        return os.environ['DEFORMER_MODULE']
    configure = ['cmake', '-S', ROOT, '-B', folder, '-DCMAKE_BUILD_TYPE=Release', '-DDEFORMER_PYTHON=ON',
                 '-DDEFORMER_TESTS=OFF',
                 '-DDEFORMER_BENCH=OFF', '-DDEFORMER_TIFF=OFF', '-DDEFORMER_PYTHON_LIBS=../deformer.libs',
                 f'-DPython3_EXECUTABLE={sys.executable}']
    if shutil.which('ninja') and not os.environ.get('CMAKE_GENERATOR') and not os.path.exists(os.path.join(folder, 'CMakeCache.txt')):
        configure += ['-G', 'Ninja']
    subprocess.run(configure + shlex.split(os.environ.get('DEFORMER_CMAKE_ARGS', '')), check=True)
    subprocess.run(['cmake', '--build', folder, '--target', 'python_native', '--parallel'], check=True)
    return os.path.join(folder, 'python', 'deformer', '_native.abi3.so')


def files_below(folder, endings):
    """Paths from `folder`, which need not be files that git knows."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != '__pycache__']
        found += [os.path.relpath(os.path.join(parent, name), folder) for name in names if name.endswith(endings)]
    return sorted(found)


# ---- what the module needs of this machine ---------------------------------------------------------------------------

EVERYWHERE = re.compile(r'(ld-linux.*|linux-vdso|lib(c|m|dl|rt|pthread|gcc_s|stdc\+\+))\.so')     # as in PEP 600


def libraries(module):
    """The others that it needs, and those that they need: {name: path}."""
    if sys.platform != 'linux':
        return {}
    listed = subprocess.run(['ldd', module], check=True, stdout=subprocess.PIPE, encoding='utf-8').stdout
    if 'not found' in listed:
        raise SystemExit(f'{module} needs libraries that are not here:\n{listed}')
    return {name: path for name, path in re.findall(r'(\S+) => (/\S+)', listed) if not EVERYWHERE.match(name)}


def licence_of(library):
    """The file of Debian's package that has it; None elsewhere."""
    if not shutil.which('dpkg-query'):
        return None
    for path in (library, os.path.realpath(library), os.path.realpath(library).removeprefix('/usr')):
        asked = subprocess.run(['dpkg-query', '-S', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               encoding='utf-8')
        licence = f'/usr/share/doc/{asked.stdout.partition(":")[0]}/copyright'
        if asked.returncode == 0 and os.path.exists(licence):
            return licence
    return None


def platform_tag():
    name, version_of_libc = platform.libc_ver()
    if sys.platform == 'linux' and name == 'glibc':
        return f'manylinux_{version_of_libc.replace(".", "_")}_{platform.machine()}'
    return sysconfig.get_platform().replace('-', '_').replace('.', '_')


# ---- wheels ----------------------------------------------------------------------------------------------------------


class Wheel:
    """A zip file that notes what is in it."""

    def __init__(self, path, info):
        self.zip = zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED)
        self.info = info
        self.record = []

    def add(self, name, data, mode=0o644):
        entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
        entry.external_attr = (0o100000 | mode) << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        self.zip.writestr(entry, data)
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()
        self.record.append(f'{name},sha256={digest},{len(data)}')

    def add_file(self, name, path, mode=0o644):
        with open(path, 'rb') as f:
            self.add(name, f.read(), mode)

    def close(self):
        record = f'{self.info}/RECORD'
        self.zip.writestr(record, '\n'.join(self.record + [f'{record},,']) + '\n')
        self.zip.close()


def add_libraries(wheel, module):
    for name, path in sorted(libraries(module).items()):
        wheel.add_file(f'deformer.libs/{name}', path, 0o755)
        licence = licence_of(path)
        if licence:
            wheel.add_file(f'{wheel.info}/licenses/{name}.txt', licence)


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    module = build_module(os.path.join(ROOT, 'build-wheel'))
    tag = 'cp311-abi3-' + platform_tag()
    name = f'deformer-{version()}-{tag}.whl'
    info = f'deformer-{version()}.dist-info'
    wheel = Wheel(os.path.join(wheel_directory, name), info)
    for folder, source in ('deformer',
                           os.path.join(HERE, 'deformer')), ('deformer/configs', os.path.join(ROOT, 'configs')):
        for file in files_below(source, ('.py', '.pyi', '.typed')):
            wheel.add_file(f'{folder}/{file}', os.path.join(source, file))
    wheel.add_file('deformer/_native.abi3.so', module, 0o755)
    add_libraries(wheel, module)
    wheel.add_file(f'{info}/LICENSE', os.path.join(ROOT, 'LICENSE'))
    wheel.add(f'{info}/METADATA', metadata().encode())
    wheel.add(f'{info}/WHEEL',
              f'Wheel-Version: 1.0\nGenerator: deformer\nRoot-Is-Purelib: false\nTag: {tag}\n'.encode())
    wheel.close()
    return name


def build_sdist(sdist_directory, config_settings=None):
    """The files that git knows, and PKG-INFO."""
    base = f'deformer-{version()}'
    files = subprocess.run(['git', '-C', ROOT, 'ls-files', '-z'], check=True,
                           stdout=subprocess.PIPE).stdout.decode().split('\0')
    path = os.path.join(sdist_directory, base + '.tar.gz')
    info = os.path.join(sdist_directory, 'PKG-INFO')
    with open(info, 'w', encoding='utf-8') as f:
        f.write(metadata())
    with tarfile.open(path, 'w:gz') as tar:
        tar.add(info, f'{base}/PKG-INFO')
        for file in filter(None, files):
            tar.add(os.path.join(ROOT, file), f'{base}/{file}')
    os.remove(info)
    return os.path.basename(path)


def get_requires_for_build_wheel(config_settings=None):
    return []


def get_requires_for_build_sdist(config_settings=None):
    return []
