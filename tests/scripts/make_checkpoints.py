#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes tests/data/checkpoint: small .pth files as the official training codes of Swin, DAT, mmdetection and Deformable DETR
leave them, oddities of the format, and expected.txt with what torch.load reads from each of them. Needs torch (made with 1.13)
and numpy; run it from the root of the repository."""
import argparse
import collections
import os
import pickle
import struct
import sys
import types
import warnings
import zipfile
import zlib

import numpy as np
import torch

warnings.filterwarnings("ignore")
OUT = "tests/data/checkpoint"
torch.manual_seed(7)


def fake_module(name, **classes):
    """A module that only exists here, so that its classes are unknown to any reader."""
    module = types.ModuleType(name)
    for key, value in classes.items():
        value.__module__, value.__qualname__ = name, key
        setattr(module, key, value)
    parts = name.split(".")
    for i in range(1, len(parts)):
        sys.modules.setdefault(".".join(parts[:i]), types.ModuleType(".".join(parts[:i])))
    sys.modules[name] = module


class CfgNode(dict):  # as yacs: a dict with attributes beside its items
    def __init__(self, *args):
        super().__init__(*args)
        self.__dict__["__immutable__"] = False


class ConfigDict(dict):
    pass


class Priority(object):
    def __init__(self):
        self.level = 3


fake_module("yacs.config", CfgNode=CfgNode)
fake_module("mmcv.utils.config", ConfigDict=ConfigDict)
fake_module("mmcv.runner", Priority=Priority)


def weights(prefix=""):
    state = collections.OrderedDict()
    state[prefix + "patch_embed.proj.weight"] = torch.randn(4, 3, 2, 2)
    state[prefix + "patch_embed.proj.bias"] = torch.randn(4)
    state[prefix + "layers.0.attn.relative_position_index"] = torch.arange(16).view(4, 4)
    state[prefix + "norm.num_batches_tracked"] = torch.tensor(12)
    state._metadata = collections.OrderedDict([("", {"version": 1}), ("norm", {"version": 2})])
    return state


def optimizer(n=2):
    parameters = [torch.nn.Parameter(torch.randn(3, 2)) for _ in range(n)]
    adam = torch.optim.AdamW(parameters, lr=1e-4)
    sum(p.square().sum() for p in parameters).backward()
    adam.step()
    return adam.state_dict()


def every_type():
    state = collections.OrderedDict()
    base = torch.randn(6, 5)
    for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
        state["a_%s" % str(dtype).split(".")[1]] = (base * 100).to(dtype)
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        state["a_%s" % str(dtype).split(".")[1]] = (base * 40).abs().to(dtype)
    state["half_edges"] = torch.tensor([0.0, -0.0, 6e-8, -3e-5, 6.1e-5, 65504.0, float("inf"), float("-inf")]).half()
    state["shared_whole"] = base
    state["shared_row"] = base[2]
    state["shared_part"] = base[1:5, 1:4]
    state["transposed"] = base.t()
    state["every_other"] = base[::2, ::2]
    state["expanded"] = torch.tensor([[1.0], [2.0]]).expand(2, 3)
    state["channels_last"] = torch.randn(2, 3, 4, 2).to(memory_format=torch.channels_last)
    state["no_dimensions"] = torch.tensor(3.5)
    state["empty"] = torch.zeros(0)
    state["empty_rows"] = torch.zeros(3, 0, 2)
    state["one_of_many"] = torch.arange(100)[57]
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 2))
    state["subclass"] = torch.randn(3).as_subclass(Subclass)
    state["subclass"].note = "torch 1.13 wants a subclass to have state"
    state["number"] = 17
    state["ratio"] = 0.25
    state["text"] = "no array"
    state["nothing"] = None
    state["array"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    return state


class OldPickler(pickle._Pickler):
    """Writes as Python 2 and early PyTorch did: OrderedDict from a list of pairs, one storage seen through several windows."""

    def __init__(self, file, storages):
        super().__init__(file, 2)
        self.storages = storages

    def persistent_id(self, obj):
        if isinstance(obj, Window):
            self.storages["123"] = obj.whole
            return ("storage", torch.FloatStorage, "123", "cpu", obj.whole.numel(), (obj.key, obj.offset, obj.size))
        return None


class Window(object):
    def __init__(self, whole, key, offset, size):
        self.whole, self.key, self.offset, self.size = whole, key, offset, size


class OldTensor(object):
    def __init__(self, window, offset, shape, stride):
        self.arguments = (window, offset, shape, stride)

    def __reduce__(self):
        return torch._utils._rebuild_tensor, self.arguments


class OldDict(object):
    def __init__(self, pairs):
        self.pairs = pairs

    def __reduce__(self):
        return collections.OrderedDict, ([list(p) for p in self.pairs],)


def save_windows(path):
    whole, storages = torch.arange(20, dtype=torch.float32), {}
    state = OldDict([("first", OldTensor(Window(whole, "1", 0, 6), 0, (2, 3), (3, 1))),
                     ("second", OldTensor(Window(whole, "2", 6, 14), 2, (3, 4), (1, 3)))])
    with open(path, "wb") as f:
        pickle.dump(0x1950a86a20f9469cfc6c, f, 2)
        pickle.dump(1001, f, 2)
        pickle.dump({"protocol_version": 1001, "little_endian": True,
                     "type_sizes": {"short": 2, "int": 4, "long": 4}}, f, 2)
        OldPickler(f, storages).dump({"state_dict": state})
        pickle.dump(sorted(storages), f, 2)
        for key in sorted(storages):
            f.write(struct.pack("<q", storages[key].numel()) + storages[key].numpy().tobytes())


class Subclass(torch.Tensor):
    pass


class Dangerous(object):
    def __reduce__(self):
        return os.mkdir, ("this_folder_must_not_appear",)


def repack(path, source, method):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", method) as new:
        for info in old.infolist():
            new.writestr(zipfile.ZipInfo("other name/" + info.filename.split("/", 1)[1]), old.read(info), method)
        new.comment = b"packed again"


def repack_zip64(path, source):
    """Every field that zip64 can hold is in its blocks, as in an archive beyond 4 GiB."""
    body, directory, most = b"", b"", 0xffffffff
    with zipfile.ZipFile(source) as old:
        infos = old.infolist()
        for info in infos:
            data, name = old.read(info), info.filename.encode()
            common = struct.pack("<HHHHHIIIH", 45, 0, 0, 0, 0x21, info.CRC, most, most, len(name))
            local = b"PK\3\4" + common + struct.pack("<H",
                                                     20) + name + struct.pack("<HHQQ", 1, 16, len(data), len(data))
            extra = struct.pack("<HHQQQ", 1, 24, len(data), len(data), len(body))
            directory += b"PK\1\2" + struct.pack("<H",
                                                 45) + common + struct.pack("<HHHHII", len(extra), 0, 0, 0, 0, most) + name + extra
            body += local + data
    n = len(infos)
    end64 = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, n, n, len(directory), len(body))
    locator = b"PK\6\7" + struct.pack("<IQI", 0, len(body) + len(directory), 1)
    end = b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 0xffff, 0xffff, most, most, 0)
    with open(path, "wb") as f:
        f.write(body + directory + end64 + locator + end)


def make():
    os.makedirs(OUT, exist_ok=True)
    zip_form, legacy = {}, {"_use_new_zipfile_serialization": False}
    config = CfgNode({"MODEL": CfgNode({"TYPE": "dat", "DIMS": [96, 192]}), "TAG": "default"})
    swin = {"model": weights()}
    dat = {"model": weights(), "optimizer": optimizer(), "lr_scheduler": {"base_values": [0.1], "t": np.float64(0.5)},
           "max_accuracy": np.float64(81.3), "scaler": {}, "epoch": 299, "config": config}
    mmdet = {"meta": {"mmcv_version": "1.3.9", "time": "Mon Jan  3 10:00:00 2022", "epoch": 12, "iter": 87960,
                      "CLASSES": ("person", "bicycle"), "config": "model = dict(type='RetinaNet')\n", "hook_msgs": {},
                      "priority": Priority(), "cfg": ConfigDict(a=1)},
             "state_dict": weights("module."), "optimizer": optimizer()}
    ddetr = {"model": weights(), "optimizer": optimizer(),
             "lr_scheduler": {"step_size": 40, "milestones": collections.Counter({3: 1})},
             "epoch": 49,
             "args": argparse.Namespace(lr=2e-4, lr_backbone_names=["backbone.0"], set={1, 2}, none=None, big=1 << 80),
             "numpy": np.arange(3), "random": np.random.RandomState(0).get_state()[0], "device": torch.device("cpu"),
             "dtype": torch.float32, "shape": torch.Size([1, 2]), "bytes": b"\0\1\2", "frozen": frozenset([1])}
    files = [("swin.pth", swin, zip_form), ("dat_legacy.pth", dat, legacy), ("mmdet.pth", mmdet, zip_form),
             ("mmdet_legacy.pth", mmdet, legacy), ("ddetr.pth", ddetr, zip_form), ("ddetr_legacy.pth", ddetr, legacy),
             ("types.pth", every_type(), zip_form), ("types_legacy.pth", every_type(), legacy),
             ("ema.pth", {"model": weights(), "model_ema": weights()}, zip_form), ("flat.pth", weights(), zip_form)]
    for name, obj, how in files:
        torch.save(obj, "%s/%s" % (OUT, name), **how)
    for protocol in (3, 4, 5):
        torch.save(ddetr, "%s/protocol%d.pth" % (OUT, protocol), pickle_protocol=protocol)
    torch.save(ddetr, OUT + "/protocol4_legacy.pth", pickle_protocol=4, **legacy)
    save_windows(OUT + "/windows_legacy.pth")
    repack(OUT + "/deflated.pth", OUT + "/swin.pth", zipfile.ZIP_DEFLATED)
    repack(OUT + "/unaligned.pth", OUT + "/mmdet.pth", zipfile.ZIP_STORED)
    repack_zip64(OUT + "/zip64.pth", OUT + "/swin.pth")
    # Those that are refused, or harmless: the tests say which.
    torch.save({"model": weights(), "hook": Dangerous()}, OUT + "/dangerous.pth")
    torch.save(torch.nn.Linear(2, 2), OUT + "/whole_model.pth")
    torch.save([weights()], OUT + "/list.pth")
    torch.save({"complex": torch.zeros(2, dtype=torch.complex64)}, OUT + "/complex.pth")
    torch.save({"x": torch.zeros((1,) * 9)}, OUT + "/nine_dimensions.pth")
    torch.save({"epoch": 3}, OUT + "/no_tensors.pth")
    average = {"backbone.weight": torch.ones(2, 3)}
    torch.save({"epoch": 3, "ema": {"module": average, "updates": 7}}, OUT + "/average.pth")


def crc(array):
    return zlib.crc32(array.tobytes())


def describe(name, wrapper=None):
    """One line for an array: name, dtype, shape, checksum of its row-major bytes, and of those as float64."""
    types_ = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
              torch.int64: "I64",
              torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
    path = "%s/%s" % (OUT, name)
    top = torch.load(path, map_location="cpu")
    state = top[wrapper] if wrapper else top.get("state_dict", top.get("model", top))
    state = collections.OrderedDict((k, v) for k, v in state.items() if isinstance(v, (torch.Tensor, int, float)))
    strip = next(iter(state)).startswith("module.")
    form = "zip" if zipfile.is_zipfile(path) else "legacy"
    lines = ["FILE %s %s %s %d" % (name, wrapper or "-", form, len(state))]
    for key, value in state.items():
        if not isinstance(value, torch.Tensor):
            value = torch.tensor(value, dtype=torch.float64 if isinstance(value, float) else torch.int64)
        value = value.detach().as_subclass(torch.Tensor).contiguous()
        raw = value.view(torch.int16) if value.dtype == torch.bfloat16 else value
        lines.append("%s %s [%s] %08x %08x" % (key[7:]
                                               if strip else key, types_[value.dtype], ",".join(map(str, value.shape)),
                                              crc(raw.numpy()), crc(value.double().numpy())))
    return lines


if __name__ == "__main__":
    make()
    lines = []
    for name in ("swin.pth dat_legacy.pth mmdet.pth mmdet_legacy.pth ddetr.pth ddetr_legacy.pth types.pth types_legacy.pth flat.pth "
                 "protocol3.pth protocol4.pth protocol5.pth protocol4_legacy.pth windows_legacy.pth deflated.pth unaligned.pth "
                 "zip64.pth ema.pth").split():
        lines += describe(name)
    lines += describe("ema.pth", "model_ema")
    with open(OUT + "/expected.txt", "w") as f:
        f.write("\n".join(lines) + "\n")
