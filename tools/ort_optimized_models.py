#!/usr/bin/env python3
"""Holds the program against models that ONNX Runtime saved after its own optimizations, at levels "extended" and "all".

    tools/ort_optimized_models.py PROGRAM [MODEL.onnx|FOLDER...]     compare: our small models, then those given
    tools/ort_optimized_models.py PROGRAM --keep                     besides, write tests/onnxruntime (what ctest runs)

For development only (needs numpy, onnx and onnxruntime). Each model is saved by ONNX Runtime at both levels, run by it and by
`sardonyx run` with the same random inputs, and the outputs compared. One line a model and level; exits with 1 on a difference.
Models of the level "all" hold weights in the blocks of the CPU that saves them; those kept were saved on one with AVX-512 (blocks
of 16 channels), and once more with the blocks cut to 8 by this script.
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

KEPT = pathlib.Path(__file__).parent.parent / "tests/onnxruntime"
LEVELS = {"extended": ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED, "all": ort.GraphOptimizationLevel.ORT_ENABLE_ALL}
BLOCKED = "com.microsoft.nchwc"


class Builder:
    """A graph under construction; every call adds a node and returns the name of its output."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, value):
        self.count += 1
        self.initializers.append(numpy_helper.from_array(np.asarray(value), f"c{self.count}"))
        return f"c{self.count}"

    def weight(self, *shape, scale=None):
        scale = scale or 1 / math.sqrt(max(1, np.prod(shape[1:])))
        return self.constant((self.random.standard_normal(shape) * scale).astype(np.float32))

    def add(self, op, *inputs, outputs=1, **attributes):
        self.count += 1
        names = [f"v{self.count}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=f"{op}_{self.count}", **attributes))
        return names[0] if outputs == 1 else names

    def model(self, inputs, outputs, opset=17):
        infos = [helper.make_tensor_value_info(name, dtype, shape) for name, dtype, shape in inputs]
        results = []
        for name, source, dtype, shape in outputs:
            self.nodes.append(helper.make_node("Identity", [source], [name]))
            results.append(helper.make_tensor_value_info(name, dtype, shape))
        graph = helper.make_graph(self.nodes, "small", infos, results, self.initializers)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8, producer_name="sardonyx tests")


def cnn():
    """Residual blocks, a depthwise convolution, pooling, upsampling: channels that are no multiple of a block."""
    b = Builder(1)
    x = b.add("Relu", b.add("Conv", "x", b.weight(20, 3, 3, 3), b.weight(20), strides=[2, 2], pads=[1, 1, 1, 1]))
    y = b.add("Conv", x, b.weight(20, 20, 1, 1), b.weight(20))
    x = b.add("Relu", b.add("Add", y, x))
    x = b.add("Clip", b.add("Conv", x, b.weight(20, 1, 3, 3), b.weight(20), group=20, pads=[1, 1, 1, 1]), b.constant(np.float32(0)),
              b.constant(np.float32(6)))
    x = b.add("Conv", b.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), b.weight(24, 20, 1, 1))
    x = b.add("LeakyRelu", b.add("AveragePool", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1]), alpha=0.1)
    up = b.add("Resize", x, "", b.constant(np.array([1, 1, 2, 2], np.float32)), mode="nearest",
               coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    x = b.add("Sigmoid", b.add("Conv", up, b.weight(6, 24, 1, 1), b.weight(6)))
    pooled = b.add("Flatten", b.add("GlobalAveragePool", b.add("Conv", x, b.weight(16, 6, 1, 1))))
    scores = b.add("Softmax", b.add("Gemm", pooled, b.weight(5, 16), b.weight(5), transB=1))
    return b.model([("x", TensorProto.FLOAT, [1, 3, 16, 16])],
                   [("scores", scores, TensorProto.FLOAT, [1, 5]), ("map", x, TensorProto.FLOAT, [1, 6, 8, 8])])


def qdq_cnn():
    """A convolutional network of QuantizeLinear / DequantizeLinear pairs, int8 weights by channel, uint8 activations."""
    b = Builder(2)

    def activation(x, scale, zero=128):
        s, z = b.constant(np.float32(scale)), b.constant(np.uint8(zero))
        return b.add("DequantizeLinear", b.add("QuantizeLinear", x, s, z), s, z)

    def conv(x, out, channels, size, x_scale, **attributes):
        w = b.random.standard_normal((out, channels, size, size)).astype(np.float32) / math.sqrt(channels * size * size)
        scales = (np.abs(w).max(axis=(1, 2, 3)) / 127).astype(np.float32)
        codes = np.clip(np.round(w / scales[:, None, None, None]), -127, 127).astype(np.int8)
        weights = b.add("DequantizeLinear", b.constant(codes), b.constant(scales), b.constant(np.zeros(out, np.int8)), axis=0)
        bias_scales = (scales * np.float32(x_scale)).astype(np.float32)
        bias = b.add("DequantizeLinear", b.constant(b.random.integers(-500, 500, out).astype(np.int32)), b.constant(bias_scales),
                     b.constant(np.zeros(out, np.int32)), axis=0)
        return b.add("Conv", x, weights, bias, **attributes)

    x = activation("x", 0.03)
    x = activation(b.add("Relu", conv(x, 12, 3, 3, 0.03, pads=[1, 1, 1, 1], strides=[2, 2])), 0.02, 0)
    y = activation(conv(x, 12, 12, 3, 0.02, pads=[1, 1, 1, 1]), 0.02)
    x = activation(b.add("Add", x, y), 0.03)
    x = activation(b.add("MaxPool", x, kernel_shape=[2, 2], strides=[2, 2]), 0.03)
    y = activation(b.add("Sigmoid", x), 1 / 256, 0)
    x = activation(b.add("Mul", x, y), 0.03)
    x = activation(b.add("Concat", x, activation(b.add("LeakyRelu", x, alpha=0.1), 0.03), axis=1), 0.03)
    x = activation(b.add("GlobalAveragePool", x), 0.02)
    x = activation(b.add("Reshape", x, b.constant(np.array([1, 24]))), 0.02)
    w = b.random.integers(-127, 127, (24, 6)).astype(np.int8)
    weights = b.add("DequantizeLinear", b.constant(w), b.constant(np.float32(0.004)), b.constant(np.int8(0)))
    y = activation(b.add("Softmax", activation(b.add("MatMul", x, weights), 0.02)), 1 / 256, 0)
    return b.model([("x", TensorProto.FLOAT, [1, 3, 16, 16])], [("y", y, TensorProto.FLOAT, [1, 6])])


def layer_normalization(b, x, size):
    """As exporters wrote it before opset 17."""
    deviation = b.add("Sub", x, b.add("ReduceMean", x, axes=[-1]))
    variance = b.add("ReduceMean", b.add("Pow", deviation, b.constant(np.float32(2))), axes=[-1])
    normal = b.add("Div", deviation, b.add("Sqrt", b.add("Add", variance, b.constant(np.float32(1e-5)))))
    return b.add("Add", b.add("Mul", normal, b.weight(size, scale=1)), b.weight(size, scale=1))


def gelu(b, x):
    gate = b.add("Add", b.add("Erf", b.add("Div", x, b.constant(np.float32(math.sqrt(2))))), b.constant(np.float32(1)))
    return b.add("Mul", b.add("Mul", x, gate), b.constant(np.float32(0.5)))


def bert(opset=13):
    """Embeddings and two layers of a BERT, from the pieces that exporters write."""
    b = Builder(3)
    batch, length, hidden, heads = 1, 6, 8, 2

    def linear(x, n, m):
        return b.add("Add", b.add("MatMul", x, b.weight(n, m, scale=1 / math.sqrt(n))), b.weight(m, scale=0.1))

    def split(x, permutation):
        return b.add("Transpose", b.add("Reshape", x, b.constant(np.array([0, 0, heads, hidden // heads]))), perm=permutation)

    position = b.add("Gather", b.weight(12, hidden, scale=1), b.constant(np.arange(length)[None]))
    words = b.add("Gather", b.weight(30, hidden, scale=1), "input_ids")
    segments = b.add("Gather", b.weight(2, hidden, scale=1), "token_type_ids")
    x = layer_normalization(b, b.add("Add", b.add("Add", words, segments), position), hidden)
    mask = b.add("Unsqueeze", b.add("Unsqueeze", "attention_mask", b.constant(np.array([1]))), b.constant(np.array([2])))
    mask = b.add("Sub", b.constant(np.float32(1)), b.add("Cast", mask, to=TensorProto.FLOAT))
    mask = b.add("Mul", mask, b.constant(np.float32(-10000)))
    for _ in range(2):
        q, v = split(linear(x, hidden, hidden), [0, 2, 1, 3]), split(linear(x, hidden, hidden), [0, 2, 1, 3])
        scores = b.add("MatMul", q, split(linear(x, hidden, hidden), [0, 2, 3, 1]))
        scores = b.add("Add", b.add("Div", scores, b.constant(np.float32(math.sqrt(hidden // heads)))), mask)
        context = b.add("Transpose", b.add("MatMul", b.add("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
        attention = linear(b.add("Reshape", context, b.constant(np.array([0, 0, hidden]))), hidden, hidden)
        x = layer_normalization(b, b.add("Add", attention, x), hidden)
        x = layer_normalization(b, b.add("Add", linear(gelu(b, linear(x, hidden, 12)), 12, hidden), x), hidden)
    ids = [(name, TensorProto.INT64, [batch, length]) for name in ("input_ids", "token_type_ids", "attention_mask")]
    return b.model(ids, [("y", x, TensorProto.FLOAT, [batch, length, hidden])], opset)


def decoder():
    """Root-mean-square normalization, SiLU gates and residual sums, as in Llama's layers."""
    b = Builder(4)
    x = "x"
    for _ in range(2):
        mean = b.add("ReduceMean", b.add("Pow", x, b.constant(np.float32(2))), axes=[-1])
        normal = b.add("Mul", x, b.add("Div", b.constant(np.float32(1)), b.add("Sqrt", b.add("Add", mean, b.constant(np.float32(1e-6))))))
        normal = b.add("Mul", b.weight(8, scale=1), normal)
        gate = b.add("MatMul", normal, b.weight(8, 12))
        up = b.add("MatMul", normal, b.weight(8, 12))
        down = b.add("MatMul", b.add("Mul", b.add("Mul", gate, b.add("Sigmoid", gate)), up), b.weight(12, 8))
        x = b.add("Add", x, down)
    return b.model([("x", TensorProto.FLOAT, [1, 5, 8])], [("y", x, TensorProto.FLOAT, [1, 5, 8])], 14)


def lstm():
    """A bidirectional LSTM and a linear layer."""
    b = Builder(5)
    y, _, _ = b.add("LSTM", "x", b.weight(2, 32, 6), b.weight(2, 32, 8), b.weight(2, 64), outputs=3, direction="bidirectional", hidden_size=8)
    y = b.add("Reshape", b.add("Transpose", y, perm=[0, 2, 1, 3]), b.constant(np.array([0, 0, -1])))
    y = b.add("Tanh", b.add("Add", b.add("MatMul", y, b.weight(16, 4)), b.weight(4)))
    return b.model([("x", TensorProto.FLOAT, [7, 2, 6])], [("y", y, TensorProto.FLOAT, [7, 2, 4])])


def dynamic_quantized():
    """Matrix products quantized as they run, as quantize_dynamic writes them."""
    b = Builder(6)
    x = "x"
    for n, m in ((16, 24), (24, 8)):
        codes, scale, zero = b.add("DynamicQuantizeLinear", x, outputs=3)
        w = b.constant(b.random.integers(0, 255, (n, m)).astype(np.uint8))
        sums = b.add("Cast", b.add("MatMulInteger", codes, w, zero, b.constant(np.uint8(127))), to=TensorProto.FLOAT)
        y = b.add("Mul", sums, b.add("Mul", scale, b.constant(np.float32(0.005))))
        x = b.add("Add", y, b.weight(m))
    return b.model([("x", TensorProto.FLOAT, [2, 3, 16])], [("y", x, TensorProto.FLOAT, [2, 3, 8])])


SMALL = {"cnn": cnn, "qdq_cnn": qdq_cnn, "bert": bert, "decoder": decoder, "lstm": lstm, "dynamic_quantized": dynamic_quantized}


def session(model, level=None, save=None):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL if level is None else LEVELS[level]
    if save:
        options.optimized_model_filepath = str(save)
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def random_inputs(infos, seed=7):
    random, feeds = np.random.default_rng(seed), {}
    for info in infos:
        shape = [d if isinstance(d, int) and d > 0 else 1 for d in info.shape]
        kind = info.type.removeprefix("tensor(").removesuffix(")")
        dtype = {"float": np.float32, "double": np.float64, "float16": np.float16}.get(kind)
        if dtype is not None:
            feeds[info.name] = random.random(shape).astype(dtype)
        elif kind == "string":
            raise ValueError("strings")
        else:
            feeds[info.name] = random.integers(0, 2, shape).astype("bool" if kind == "bool" else kind)
    return feeds


def ours(program, model, feeds):
    with tempfile.TemporaryDirectory() as folder:
        np.savez(folder + "/x.npz", **feeds)
        command = [program, "run", str(model), "--input", folder + "/x.npz", "--output", folder + "/o.npz", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError((done.stderr or done.stdout).strip()[:300])
        with np.load(folder + "/o.npz", allow_pickle=False) as outputs:
            return {name: outputs[name] for name in outputs.files}


def difference(expected, got):
    """The largest difference over all outputs, relative to the largest number of each; None where shapes or types differ."""
    worst = 0.0
    for name, value in expected.items():
        value = np.asarray(value)
        if name not in got or got[name].shape != value.shape or got[name].dtype != value.dtype:
            return None
        if value.size:
            a, b = value.astype(np.float64), got[name].astype(np.float64)
            worst = max(worst, float(np.nanmax(np.abs(a - b)) / max(1e-6, np.nanmax(np.abs(a)))))
    return worst


def cut_blocks(model):
    """The weights of a model saved with blocks of 16 in blocks of 8 (dims that need no more than 8 more channels shrink)."""
    for node in model.graph.node:
        if node.domain != BLOCKED or node.op_type != "Conv":
            continue
        by_name = {t.name: t for t in model.graph.initializer}
        tensor = by_name[node.input[1]]
        w = numpy_helper.to_array(tensor)
        out, channels, height, width = w.shape
        group = next((a.i for a in node.attribute if a.name == "group"), 1)
        if channels % 16 == 0 and not (group > 1 and channels == 1):
            w = w.reshape(out // 16, channels // 16, height, width, 16, 16).transpose(0, 5, 1, 4, 2, 3).reshape(w.shape)
        else:
            w = w.reshape(out // 16, channels, height, width, 16).transpose(0, 4, 1, 2, 3).reshape(w.shape)
        plain_out = out - 8 if not w[out - 8:].any() else out
        plain_in = channels - 8 if channels % 16 == 0 and not w[:, channels - 8:].any() else channels
        w = w[:plain_out, :plain_in]
        out, channels = w.shape[:2]
        if group > 1 and channels == 1:
            for attribute in node.attribute:
                if attribute.name == "group":
                    attribute.i = out
        if channels % 8 == 0 and not (group > 1 and channels == 1):
            blocks = w.reshape(out // 8, 8, channels // 8, 8, height, width).transpose(0, 2, 4, 5, 3, 1)
        else:
            blocks = w.reshape(out // 8, 8, channels, height, width).transpose(0, 2, 3, 4, 1)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(blocks).reshape(w.shape), tensor.name))
        if len(node.input) > 2 and node.input[2]:
            bias = by_name[node.input[2]]
            bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias)[:out].copy(), bias.name))
    return model


def keep(model, name, level, feeds, expected):
    folder = KEPT / level / f"test_{name}"
    data = folder / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    del model.graph.value_info[:]
    onnx.save(model, folder / "model.onnx")
    # Sums in another order than ONNX Runtime's, and where something is quantized, now and then the next code.
    tolerance = {"rtol": 1e-3, "atol": 0.03 if "q" in name else 1e-5}
    (folder / "data.json").write_text(json.dumps(tolerance) + "\n")
    for i, info in enumerate(model.graph.input):
        (data / f"input_{i}.pb").write_bytes(numpy_helper.from_array(feeds[info.name], info.name).SerializeToString())
    for i, info in enumerate(model.graph.output):
        (data / f"output_{i}.pb").write_bytes(numpy_helper.from_array(np.asarray(expected[info.name]), info.name).SerializeToString())


def without_default_inputs(source, folder):
    """The model without graph inputs that only say an initializer's type, as old IR versions want them: what is left are constants."""
    model = onnx.load(source, load_external_data=False)
    constants = {t.name for t in model.graph.initializer}
    kept = [i for i in model.graph.input if i.name not in constants]
    if len(kept) == len(model.graph.input):
        return source
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.ir_version = max(model.ir_version, 4)
    onnx.save(model, folder / "constants.onnx")
    return folder / "constants.onnx"


def compare(program, source, label, level, folder, kept_name=None):
    saved = folder / f"{level}.onnx"
    try:
        source = without_default_inputs(source, folder)
        infos = session(source, level, saved).get_inputs()
        feeds = random_inputs(infos)
        runner = session(saved)
        expected = dict(zip([o.name for o in runner.get_outputs()], runner.run(None, feeds)))
        if any(isinstance(v, (list, dict)) for v in expected.values()):
            raise ValueError("an output is no tensor")
    except Exception as error:  # pylint: disable=broad-except: what ONNX Runtime does not run is no case
        print(f"{label:<44} {level:<9} skipped: ONNX Runtime: {str(error).splitlines()[0][:80]}")
        return "skipped"
    try:
        got = ours(program, saved, feeds)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        print(f"{label:<44} {level:<9} FAILED: {error}")
        return "failed"
    worst = difference(expected, got)
    good = worst is not None and worst < (0.05 if "q" in label.lower() else 2e-3)
    own = sorted({n.op_type for n in onnx.load(saved, load_external_data=False).graph.node if n.domain.startswith("com.")})
    print(f"{label:<44} {level:<9} {'ok' if good else 'DIFFERS'} {'shapes or types' if worst is None else f'{worst:.1e}'}  {' '.join(own)[:90]}")
    model = onnx.load(saved) if kept_name and good else None
    if model and (level != "all" or any(n.domain in (BLOCKED, "com.microsoft") for n in model.graph.node) and kept_name.endswith("cnn")):
        keep(model, kept_name, level, feeds, expected)
        if level == "all" and any(n.domain == BLOCKED for n in model.graph.node):
            keep(cut_blocks(onnx.load(saved)), kept_name + "_blocks_of_8", level, feeds, expected)
    return "passed" if good else "failed"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("models", nargs="*", type=pathlib.Path)
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    ort.set_default_logger_severity(4)
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for model_name, make in SMALL.items():
            onnx.save(make(), folder / "source.onnx")
            for level in LEVELS:
                counts[compare(arguments.program, folder / "source.onnx", model_name, level, folder, model_name if arguments.keep else None)] += 1
        for path in arguments.models:
            for source in sorted(path.rglob("*.onnx")) if path.is_dir() else [path]:
                for level in LEVELS:
                    counts[compare(arguments.program, source, str(source.relative_to(path.parent))[-44:], level, folder)] += 1
    print(", ".join(f"{count} {name}" for name, count in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
