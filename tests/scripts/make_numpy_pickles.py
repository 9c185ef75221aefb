# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/checkpoint/numpy*.pkl and caffe2.pkl: dicts of arrays as detectron2's model zoo has them, in every protocol.
Needs numpy 2; numpy 1 wrote the same under other module names. Usage: make_numpy_pickles.py FOLDER FUZZ_CORPUS"""
import pathlib
import pickle
import sys

import numpy

out = pathlib.Path(sys.argv[1])
arrays = {
    "c_order": numpy.arange(200, 194, -1, dtype="f4").reshape(2, 3),
    "fortran": numpy.asfortranarray(numpy.arange(6, dtype="f8").reshape(3, 2)),
    "scalar": numpy.float32(2.5),
    "empty": numpy.zeros(0, "f4"),
    "integers": numpy.arange(3),
}
for protocol in range(6):
    data = pickle.dumps({"model": arrays, "__author__": "Detectron2 Model Zoo"}, protocol=protocol)
    (out / f"numpy_protocol{protocol}.pkl").write_bytes(data)
    if protocol == 3:
        old = data.replace(b"numpy._core.", b"numpy.core.")
        (out / "numpy1_protocol3.pkl").write_bytes(old)
(out / "numpy_big_endian.pkl").write_bytes(pickle.dumps({"model": {"x": numpy.arange(3).astype(">f4")}}))
(out / "caffe2.pkl").write_bytes(pickle.dumps({"blobs": {"conv1_w": numpy.zeros(2, "f4")}}, protocol=2))
for name in ("numpy_protocol2.pkl", "numpy_protocol5.pkl", "numpy1_protocol3.pkl", "numpy_big_endian.pkl"):
    (pathlib.Path(sys.argv[2]) / name).write_bytes((out / name).read_bytes())
