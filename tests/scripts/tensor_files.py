# SPDX-License-Identifier: Apache-2.0
"""Tensors in .safetensors files, as the scripts beside this one write and read them. Needs numpy."""
import json
import struct

import numpy as np

KINDS = {"int32": "I32", "float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8",
         "bool": "BOOL"}


def save(path, tensors, metadata=None, kind=None):
    """Arrays, or tensors of PyTorch; all of them as `kind` if it is given. metadata: texts by name."""
    head, body = {"__metadata__": metadata} if metadata else {}, b""
    for name, t in tensors.items():
        a = np.ascontiguousarray(np.asarray(t.detach() if hasattr(t, "detach") else t, kind))
        head[name] = {"dtype": KINDS[str(a.dtype)], "shape": list(a.shape),
                      "data_offsets": [len(body), len(body) + a.nbytes]}
        body += a.tobytes()
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + body)


def load(path):
    """Arrays by name."""
    with open(path, "rb") as f:
        data = f.read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    types, arrays = {kind: name for name, kind in KINDS.items()}, {}
    for name, v in json.loads(data[8:start]).items():
        if name != "__metadata__":
            first, last = v["data_offsets"]
            arrays[name] = np.frombuffer(data[start + first:start + last], types[v["dtype"]]).reshape(v["shape"])
    return arrays


def metadata(path):
    """The texts beside them."""
    with open(path, "rb") as f:
        data = f.read()
    return json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]]).get("__metadata__", {})
