#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets for containers and pictures, fuzz/corpus/NAME: tiny files of every kind.

For development only (needs NumPy and Pillow); the files are committed. Seeds that a target's own author made by hand lie
beside them and are left alone.
"""
import bz2
import gzip
import io
import json
import lzma
import pathlib
import tarfile

import numpy as np
from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus"
TYPES = "undefined float uint8 int8 uint16 int16 int32 int64 string bool".split()


def write(target, name, content):
    folder = HERE / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def saved(array):
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def archives():
    for style in (tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=style) as tar:
            for name in ["a", "d/\u00e9"] + ["n" * 120] * (style != tarfile.USTAR_FORMAT):
                info = tarfile.TarInfo(name)
                info.size = 3
                tar.addfile(info, io.BytesIO(b"abc"))
        plain = out.getvalue().rstrip(b"\0") + bytes(1024)
        plain += bytes(-len(plain) % 512)
        write("archive", "tar%d" % style, plain)
        write("archive", "tar%d.gz" % style, gzip.compress(plain, mtime=0))
    write("archive", "gz", gzip.compress(b"abc", mtime=0))
    write("archive", "xz", lzma.compress(b"abc"))
    write("archive", "bz2", bz2.compress(b"abc"))


def arrays():
    count = np.arange(6).reshape(2, 3)
    for code in "f4 >i2 U2 S2 b1 c8 V2".split():
        array = count.astype("u2").view("V2") if code == "V2" else count.astype(code)
        write("npy", code.replace(">", "big_"), (b"\x10" if code == "V2" else b"\0") + saved(array))
    write("npy", "fortran", b"\x16" + saved(np.asfortranarray(count.astype("i1"))))
    for name, save in (("stored", np.savez), ("deflated", np.savez_compressed)):
        out = io.BytesIO()
        save(out, a=count.astype("f4"), b=np.array("x"))
        write("npz", name, out.getvalue())


def safetensors():
    header = b'{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"y":{"dtype":"BOOL","shape":[],"data_offsets":[8,9]}}'
    write("safetensors", "two", len(header).to_bytes(8, "little") + header + bytes(9))
    write("safetensors", "none", (2).to_bytes(8, "little") + b"{}")


def texts():
    def typed(name, text):
        return bytes([TYPES.index(name)]) + text.encode()

    write("json", "object", typed("undefined", '{"dtype":"float","shape":[2,2],"data":[1,-2.5e3,"NaN",0]}'))
    write("json", "nested", typed("int64", "[[1,2],[3,-4]]"))
    write("json", "strings", typed("string", '["a","\\u00e9\\n",""]'))
    write("json", "bool", typed("bool", "[true,false]"))
    write("json", "document", typed("undefined", '{"a":{"b":[null,{},[]]}}'))
    write("sidecar", "image", b"image: {preset: imagenet, size: [2, 3], mean: [1, 2, 3], fit: crop, pad: 0}\n")
    write("sidecar", "classes", b"# text\nclasses:\n  labels: [a, b]\n  softmax: true\n  top: 5\n")


def pictures():
    image = Image.fromarray(np.random.RandomState(1).randint(0, 255, (5, 6, 3), dtype=np.uint8))
    few, gray = image.quantize(4), image.convert("L")
    exif = Image.Exif()
    exif[0x0112] = 6
    for name, kind, picture, options in (
        ("rgb.png", "PNG", image, {"exif": exif}), ("palette.png", "PNG", few, {}), ("gray.png", "PNG", gray, {}),
        ("rgb.jpg", "JPEG", image, {"exif": exif, "quality": 50}), ("gray.jpg", "JPEG", gray, {"progressive": True}),
        ("cmyk.jpg", "JPEG", image.convert("CMYK"), {}), ("lossy.webp", "WEBP", image, {"exif": exif}),
        ("lossless.webp", "WEBP", image, {"lossless": True}), ("rgb.jp2", "JPEG2000", image, {}), ("rgb.j2k", "JPEG2000", image, {"no_jp2": True, "tile_size": (4, 4)}),
        ("rgb.bmp", "BMP", image, {}), ("palette.bmp", "BMP", few, {}),
        ("bilevel.bmp", "BMP", gray.convert("1"), {}), ("rgb.ppm", "PPM", image, {}), ("bilevel.pbm", "PPM", gray.convert("1"), {}),
        ("plain.tif", "TIFF", image, {}), ("lzw.tif", "TIFF", image, {"compression": "tiff_lzw"}),
        ("packbits.tif", "TIFF", few, {"compression": "packbits"}),
    ):
        out = io.BytesIO()
        picture.save(out, kind, **options)
        write("image", name, out.getvalue())
    write("image", "text.ppm", b"P3 2 1 15\n1 2 3 4 5 6\n")
    testdata = HERE.parent.parent / "src/vision/testdata"
    for name in ("rle4.bmp", "rle8.bmp", "rgb565.bmp"):
        write("image", name, (testdata / name).read_bytes())


def exported_programs():
    """JSON of exported PyTorch programs: a layer, symbolic sizes with a write to a view, and control flow."""
    size = "Symbol('s0', positive=True, integer=True)"

    def tensor(name):
        return {"as_tensor": {"name": name}}

    def meta(sizes, dtype=7):
        dims = [{"as_int": n} if isinstance(n, int) else {"as_expr": {"expr_str": n, "hint": None}} for n in sizes]
        return {"dtype": dtype, "sizes": dims, "strides": [], "storage_offset": {"as_int": 0}, "layout": 7}

    def node(target, inputs, outputs):
        return {"target": target, "name": "n", "inputs": [{"name": n, "arg": a, "kind": 1} for n, a in inputs], "outputs": outputs,
                "metadata": {"nn_module_stack": "L__self__,,Net;L__self__l,l,Linear"}}

    def graph(nodes, metas, inputs, outputs):
        return {"inputs": [tensor(n) for n in inputs], "outputs": [tensor(n) for n in outputs], "nodes": nodes,
                "tensor_values": metas, "sym_int_values": {}, "sym_bool_values": {}, "is_single_tensor_return": False}

    def program(name, nodes, metas, parameters, outputs):
        specs = [{"parameter": {"arg": {"name": n}, "parameter_name": n}} for n in parameters] + [{"user_input": {"arg": tensor("x")}}]
        write("exported_program", name, json.dumps({
            "graph_module": {"graph": graph(nodes, metas, parameters + ["x"], outputs), "signature": {
                "input_specs": specs, "output_specs": [{"user_output": {"arg": tensor(n)}} for n in outputs]}},
            "range_constraints": {"s0": {"min_val": 2, "max_val": None}}, "torch_version": "2.15.0"}).encode())

    program("linear.json", [
        node("torch.ops.aten.linear.default", [("input", tensor("x")), ("weight", tensor("w"))], [tensor("y")]),
        node("torch.ops.aten.relu_.default", [("self", tensor("y"))], [tensor("z")])],
        {"x": meta([size, 3]), "w": meta([2, 3]), "y": meta([size, 2]), "z": meta([size, 2])}, ["w"], ["z"])
    n, m = {"as_sym_int": {"as_name": "n"}}, {"as_sym_int": {"as_name": "m"}}
    program("symbolic.json", [
        node("torch.ops.aten.sym_size.int", [("self", tensor("x")), ("dim", {"as_int": 0})], [n]),
        node("_operator.mul", [("a", n), ("b", {"as_int": 3})], [m]),
        node("torch.ops.aten.view.default", [("self", tensor("x")), ("size", {"as_sym_ints": [{"as_name": "m"}]})], [tensor("y")]),
        node("torch.ops.aten.slice.Tensor", [("self", tensor("y")), ("dim", {"as_int": 0}), ("start", {"as_int": 0}),
                                              ("end", {"as_int": 2})], [tensor("v")]),
        node("torch.ops.aten.fill_.Scalar", [("self", tensor("v")), ("value", {"as_float": 1.5})], [tensor("f")])],
        {"x": meta([size, 3]), "y": meta(["Mul(Integer(3), %s)" % size]), "v": meta([2]), "f": meta([2])}, [], ["y"])
    branch = {"as_graph": {"name": "g", "graph": graph([node("torch.ops.aten.sin.default", [("self", tensor("a"))], [tensor("s")])],
                                                         {"a": meta([2, 3]), "s": meta([2, 3])}, ["a"], ["s"])}}
    program("cond.json", [
        node("torch.ops.aten.gt.Scalar", [("self", tensor("w")), ("other", {"as_int": 0})], [tensor("m")]),
        node("torch.ops.aten.any.default", [("self", tensor("m"))], [tensor("c")]),
        node("torch.ops.higher_order.cond", [("", tensor("c")), ("", branch), ("", branch), ("", {"as_tensors": [{"name": "x"}]})],
             [{"as_tensors": [{"name": "r"}]}])],
        {"x": meta([2, 3]), "w": meta([2, 3]), "m": meta([2, 3], 12), "c": meta([], 12), "r": meta([2, 3])}, ["w"], ["r"])


def models():
    """The models of corpus/text in their other forms, and the messages in them. Needs the onnx package."""
    import onnx
    from google.protobuf import json_format
    from onnx import helper, numpy_helper

    for text in sorted((HERE / "text").glob("*.onnxtxt")):
        try:
            model = onnx.parser.parse_model(text.read_text())
        except onnx.parser.ParseError:
            continue  # says something that only we read
        write("onnx", text.stem + ".onnx", model.SerializeToString())
        write("session", text.stem + ".onnx", model.SerializeToString())
        write("model_json", text.stem + ".json", json_format.MessageToJson(model).encode())
    array = numpy_helper.from_array(np.arange(6, dtype=np.float32).reshape(2, 3), "t")
    typed = helper.make_tensor("t", onnx.TensorProto.INT64, [3], [1, -2, 3])
    sequence = helper.make_sequence("s", onnx.SequenceProto.TENSOR, [array, typed])
    strings = helper.make_map("m", onnx.TensorProto.STRING, [b"a", b"b"], helper.make_sequence("v", onnx.SequenceProto.TENSOR, [array]))
    sparse = helper.make_sparse_tensor(helper.make_tensor("v", 1, [2], [1.0, 2.0]), helper.make_tensor("i", 7, [2], [0, 5]), [2, 3])
    for kind, name, message in ((0, "raw", array), (0, "typed", typed), (1, "sequence", sequence), (2, "map", strings),
                                (3, "optional", helper.make_optional("o", onnx.OptionalProto.SEQUENCE, sequence)), (5, "sparse", sparse)):
        write("tensor", name + ".pb", bytes([kind]) + message.SerializeToString())


if __name__ == "__main__":
    archives()
    arrays()
    safetensors()
    texts()
    pictures()
    models()
    exported_programs()
