#!/usr/bin/env python3
"""Writes src/formats/testdata/pickle and src/formats/testdata/torch, and the seeds of fuzz/corpus/{pickle,torch_save}.

For development only; the files are committed. PyTorch is not needed: the modules that its files name are made up here, so
that Python's own pickler writes what PyTorch's would.
"""
import collections
import io
import pathlib
import pickle
import struct
import sys
import tarfile
import types
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT / "src/formats/testdata"
FUZZ = ROOT / "fuzz/corpus"


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    if "." in name:
        parent, _, last = name.rpartition(".")
        setattr(sys.modules[parent], last, made)
    return made


torch = module("torch")
for part in ("_utils", "storage", "nn", "nn.parameter", "serialization"):
    module("torch." + part)


def global_in(where, name):
    """A callable that pickles as `where`.`name`."""
    made = type(name, (), {"__module__": where.__name__})
    setattr(where, name, made)
    return made


class Call:
    """Pickles as a call."""

    def __init__(self, function, *args):
        self.function, self.args = function, args

    def __reduce__(self):
        return self.function, self.args


for kind in "Float Double BFloat16 Long QInt8".split():
    global_in(torch, kind + "Storage")
global_in(torch.storage, "UntypedStorage")
for name in "tensor tensor_v2 tensor_v3 parameter qtensor sparse_tensor".split():
    global_in(torch._utils, "_rebuild_" + name)
for name in "per_tensor_affine per_channel_affine float8_e4m3fn uint16 FloatTensor Evil".split():
    global_in(torch, name)
global_in(torch.serialization, "_get_layout")
hooks = collections.OrderedDict()


class Storage:
    def __init__(self, kind, key, data, width, view=None):
        where = torch.storage if kind == "Untyped" else torch
        self.type, self.key, self.data, self.width, self.view = getattr(where, kind + "Storage"), key, data, width, view


class Pickler(pickle.Pickler):
    legacy = False

    def persistent_id(self, value):
        if not isinstance(value, Storage):
            return None
        whole = ("storage", value.type, value.key, "cpu", len(value.data) // value.width)
        return whole + (value.view,) if self.legacy else whole


def dump(value, protocol=2, legacy=False):
    out = io.BytesIO()
    pickler = Pickler(out, protocol)
    pickler.legacy = legacy
    pickler.dump(value)
    return out.getvalue()


def strides(sizes):
    out = []
    for i in range(len(sizes)):
        step = 1
        for size in sizes[i + 1:]:
            step *= size
        out.append(step)
    return tuple(out)


def tensor(storage, sizes, stride=None, offset=0):
    return Call(torch._utils._rebuild_tensor_v2, storage, offset, sizes, stride or strides(sizes), False, hooks)


def floats(*values):
    return struct.pack("<%df" % len(values), *values)


def zipped(pickled, storages, folder="model", method=zipfile.ZIP_STORED, byteorder=b"little"):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as file:
        members = [("data.pkl", pickled), ("byteorder", byteorder)]
        members += [("data/" + s.key, s.data) for s in storages] + [("version", b"3\n")]
        for name, content in members:
            file.writestr(zipfile.ZipInfo(folder + "/" + name), content, method)
    return out.getvalue()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def pickles():
    value = {
        "ints": [0, -1, 255, 65536, -2**31, 2**40, 2**63 - 1, -2**63, 2**80, -2**80],
        "flags": (True, False, None),
        "floats": [1.5, -0.25, float("inf")],
        "text": ["", "h\u00e9\n\\", "\u65e5\u672c\U0001f600", "a" * 300],
        "bytes": b"a\xff",
        "array": bytearray(b"xyz"),
        "set": {1},
        "frozen": frozenset(["f"]),
        "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
        "nested": {"t": ((1, 2, 3, 4), ((), []), {})},
        7: "seven",
    }
    value["shared"] = value["ints"]
    value["itself"] = value
    for protocol in range(6):
        write(DATA / "pickle" / ("protocol%d.pkl" % protocol), pickle.dumps(value, protocol))
        write(FUZZ / "pickle" / ("protocol%d" % protocol), pickle.dumps(value, protocol))
    write(DATA / "pickle" / "hostile.pkl", b"cposix\nsystem\n(S'echo hello'\ntR.")
    write(FUZZ / "pickle" / "inst", b"(iargparse\nNamespace\n}S'x'\nI01\nsb.")


def state():
    shared = Storage("Float", "0", floats(*range(12)), 4)
    quantized = Storage("QInt8", "q", bytes([1, 255, 3, 4]), 1)
    indices = Storage("Long", "i", struct.pack("<6q", 0, 1, 1, 2, 0, 0), 8)
    compressed = Storage("Long", "r", struct.pack("<3q", 0, 1, 3), 8)
    plain = Storage("Long", "c", struct.pack("<3q", 2, 0, 1), 8)
    values = Storage("Float", "v", floats(1, 2, 3), 4)
    scales = Storage("Double", "s", struct.pack("<2d", 0.5, 0.25), 8)
    zeros = Storage("Long", "z", struct.pack("<2q", 0, 1), 8)
    half = Storage("BFloat16", "h", struct.pack("<2H", 0x3f80, 0x4000), 2)
    raw = Storage("Untyped", "u", bytes([0x38, 0x40]), 1)
    words = Storage("Untyped", "w", struct.pack("<2H", 7, 65535), 1)
    rebuild = torch._utils
    layout = lambda name: Call(torch.serialization._get_layout, "torch." + name)
    v3 = lambda storage, sizes, dtype: Call(rebuild._rebuild_tensor_v3, storage, 0, sizes, strides(sizes), False, hooks, dtype)
    entries = collections.OrderedDict([
        ("whole", Call(rebuild._rebuild_parameter, tensor(shared, (3, 4)), True, hooks)),
        ("transposed", tensor(shared, (4, 3), (1, 4))),
        ("row", tensor(shared, (4,), (1,), 8)),
        ("expanded", tensor(shared, (2, 3), (0, 1), 1)),
        ("scalar", tensor(shared, (), (), 5)),
        ("empty", tensor(shared, (0, 3))),
        ("old", Call(rebuild._rebuild_tensor, shared, 2, (2,), (1,))),
        ("bfloat16", tensor(half, (2,))),
        ("fp8", v3(raw, (2,), torch.float8_e4m3fn)),
        ("uint16", v3(words, (2,), torch.uint16)),
        ("quantized", Call(rebuild._rebuild_qtensor, quantized, 0, (2, 2), (2, 1), (torch.per_tensor_affine, 0.5, 3), False, hooks)),
        ("per_channel", Call(rebuild._rebuild_qtensor, quantized, 0, (2, 2), (2, 1),
                             (torch.per_channel_affine, tensor(scales, (2,)), tensor(zeros, (2,)), 0), False, hooks)),
        ("coo", Call(rebuild._rebuild_sparse_tensor, layout("sparse_coo"),
                     (tensor(indices, (2, 3)), tensor(values, (3,)), (2, 3)))),
        ("csr", Call(rebuild._rebuild_sparse_tensor, layout("sparse_csr"),
                     (tensor(compressed, (3,)), tensor(plain, (3,)), tensor(values, (3,)), (2, 3)))),
    ])
    return entries, [shared, quantized, indices, compressed, plain, values, scales, zeros, half, raw, words]


def legacy(value, storages):
    keys = [s.key for s in storages]
    head = pickle.dumps(0x1950a86a20f9469cfc6c, 2) + pickle.dumps(1001, 2)
    head += pickle.dumps({"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}, 2)
    head += dump(value, legacy=True) + pickle.dumps(keys, 2)
    return head + b"".join(struct.pack("<q", len(s.data) // s.width) + s.data for s in storages)


def tar():
    storage = dump(1) + dump((11, "cpu", torch.FloatStorage)) + struct.pack("<q", 6) + floats(*range(6)) + dump([(12, 11, 2, 3)])
    described = lambda key, root, sizes, stride, offset: dump((key, root, torch.FloatTensor)) + struct.pack(
        "<ii%dq" % (2 * len(sizes) + 1), len(sizes), 0, *sizes, *stride, offset)
    tensors = dump(2) + described(21, 11, (2, 3), (3, 1), 0) + described(22, 12, (2,), (1,), 1)

    class ById(pickle.Pickler):
        def persistent_id(self, value):
            return str(value.id) if isinstance(value, types.SimpleNamespace) else None

    out = io.BytesIO()
    ById(out, 2).dump(collections.OrderedDict([("a", types.SimpleNamespace(id=21)), ("b", types.SimpleNamespace(id=22))]))
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in (("sys_info", dump({"little_endian": True})), ("pickle", out.getvalue()), ("tensors", tensors), ("storages", storage)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue().rstrip(b"\0") + bytes(1024 + -len(file.getvalue().rstrip(b"\0")) % 512)


def saved():
    value, storages = state()
    files = {"stored.pt": zipped(dump(value), storages), "deflated.pt": zipped(dump(value), storages, "x", zipfile.ZIP_DEFLATED)}
    files["big_endian.pt"] = zipped(dump(value), storages, byteorder=b"big")
    weight = Storage("Float", "0", floats(*range(6)), 4)
    part = Storage("Float", "0", weight.data, 4, ("1", 2, 3))
    plain = collections.OrderedDict([("a", tensor(weight, (2, 3))), ("b", tensor(part, (2,), (1,), 1))])
    files["legacy.pt"] = legacy({"state_dict": plain, "epoch": 3}, [weight])
    files["tar.pt"] = tar()
    files["hostile.pt"] = zipped(dump({"a": Call(torch.Evil, "x")}), [])
    for name, content in files.items():
        write(DATA / "torch" / name, content)
        write(FUZZ / "torch_save" / name, content)


pickles()
saved()
