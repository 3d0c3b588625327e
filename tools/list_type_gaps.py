#!/usr/bin/env python3
"""list_type_gaps.py PROGRAM CONFORMANCE_FOLDER...: which types of which operator versions are refused though ONNX lists them.

For development only (needs the onnx package and ml_dtypes). Takes the single-node cases of ONNX's backend tests, gives each
type variable every type that the schema of every version allows, runs them all in one process and prints those that PROGRAM
refuses, which a few rightly are (the case's other inputs do not fit the type). The numbers are not compared.
"""
import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

ELEMENT = {"tensor(%s)" % k.lower(): v for k, v in TensorProto.DataType.items() if k != "UNDEFINED"}
CASES_PER_OPERATOR = 3
# Versions that the suites do not reach: domain, opset, inputs (of small integers unless values are given), node, outputs.
EXTRA = [
    ("", 1, {"x": (2, 3)}, "BatchNormalization <is_test = 1, consumed_inputs = [0, 0, 0, 1, 1]> (x, s, s, s, s)", 1),
    ("", 1, {"x": (1, 4, 2, 2)}, "DepthToSpace <blocksize = 2> (x)", 1),
    ("", 1, {"x": (1, 2, 3)}, "GlobalLpPool (x)", 1),
    ("", 22, {"x": (1, 2, 3)}, "GlobalLpPool (x)", 1),
    ("", 1, {"x": (1, 2, 4, 4), "r": [[0, 0, 0, 3, 3]]}, "MaxRoiPool <pooled_shape = [2, 2]> (x, r)", 1),
    ("", 22, {"x": (1, 2, 4, 4), "r": [[0, 0, 0, 3, 3]]}, "MaxRoiPool <pooled_shape = [2, 2]> (x, r)", 1),
    ("", 22, {"x": (1, 3)}, "Multinomial <sample_size = 4> (x)", 1),
    ("", 1, {"x": (2, 3)}, "Pad <paddings = [1, 0, 0, 1]> (x)", 1),
    ("", 2, {"x": (2, 3)}, "Pad <pads = [1, 0, 0, 1]> (x)", 1),
    ("", 22, {"x": (2, 3)}, "RandomNormalLike (x)", 1),
    ("", 22, {"x": (2, 3)}, "RandomUniformLike (x)", 1),
    ("", 1, {"x": (2, 3)}, "Reshape <shape = [3, 2]> (x)", 1),
    ("", 10, {"x": (1, 2), "s": [1.0, 2.0]}, "Resize (x, s)", 1),
    ("", 10, {"x": (1, 1, 4, 4), "r": [[0, 0, 3, 3]], "i": [0]}, "RoiAlign (x, r, i)", 1),
    ("", 1, {"x": (2, 3)}, "Slice <starts = [1], ends = [2]> (x)", 1),
    ("", 11, {"x": (2, 1)}, "Squeeze <axes = [1]> (x)", 1),
    ("", 1, {"x": (2, 3), "t": 2, "a": 1}, "Tile (x, t, a)", 1),
    ("", 1, {"x": (2, 3)}, "TopK <k = 2> (x)", 2),
    ("", 1, {"x": (1, 1, 2, 2)}, "Upsample <width_scale = 2.0, height_scale = 2.0> (x)", 1),
    ("", 7, {"x": (1, 1, 2, 2)}, "Upsample <scales = [1.0, 1.0, 2.0, 2.0]> (x)", 1),
    ("", 1, {"x": (2, 3)}, "Cast <to = \"FLOAT\"> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 3)}, "FeatureVectorizer <inputdimensions = [3]> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 3)}, "Imputer <imputed_value_floats = [1.0], replaced_value_float = 2.0> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "LinearClassifier <coefficients = [1.0, 2.0, 3.0, 4.0], intercepts = [0.0, 1.0], classlabels_ints = [0, 1]> (x)", 2),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "LinearRegressor <coefficients = [1.0, 2.0], targets = 1> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "Normalizer <norm = \"L2\"> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "OneHotEncoder <cats_int64s = [0, 1, 2], zeros = 1> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "Scaler <offset = [1.0], scale = [2.0]> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "Binarizer <threshold = 1.0> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "SVMRegressor <coefficients = [1.0], support_vectors = [1.0, 2.0], n_supports = 1, rho = [0.5], "
                                     "kernel_params = [1.0, 0.0, 3.0]> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "TreeEnsembleRegressor <nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1, 2], nodes_featureids = [0, 0, 0], "
                                     "nodes_values = [1.0, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\"], nodes_truenodeids = [1, 0, 0], "
                                     "nodes_falsenodeids = [2, 0, 0], target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0], "
                                     "target_weights = [1.0, 2.0], n_targets = 1> (x)", 1),
    ("ai.onnx.ml", 1, {"x": (2, 2)}, "TreeEnsembleClassifier <nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1, 2], nodes_featureids = [0, 0, 0], "
                                     "nodes_values = [1.0, 0.0, 0.0], nodes_modes = [\"BRANCH_LEQ\", \"LEAF\", \"LEAF\"], nodes_truenodeids = [1, 0, 0], "
                                     "nodes_falsenodeids = [2, 0, 0], class_treeids = [0, 0], class_nodeids = [1, 2], class_ids = [0, 1], "
                                     "class_weights = [1.0, 2.0], classlabels_int64s = [0, 1]> (x)", 2),
] + [("", version, {"x": (2, 3)}, op + " <axes = [1]> (x)", 1) for version in (1, 11) for op in
     "ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMean ReduceSum ReduceSumSquare ReduceMax ReduceProd".split()]


def single_node_cases(folders):
    """operator -> folders of cases whose model is one node of it."""
    cases, seen = collections.defaultdict(list), set()
    for folder in folders:
        for model_path in sorted(pathlib.Path(folder).glob("node/*/model.onnx")):
            if model_path.parent.name.endswith("_expanded") or model_path.parent.name in seen:
                continue
            seen.add(model_path.parent.name)
            model = onnx.load(model_path)
            if len(model.graph.node) == 1:
                node = model.graph.node[0]
                cases[(node.domain, node.op_type)].append((model_path.parent, model))
    return cases


def add_extra(cases, root):
    for domain, opset, inputs, text, outputs in EXTRA:
        values = {"s": (3,), **inputs} if text.startswith("BatchN") else inputs
        arrays = {k: np.arange(np.prod(v)).reshape(v) % 5 if isinstance(v, tuple) else np.array(v) for k, v in values.items()}
        types = {k: "int64" if k == "i" else "float" for k in arrays}
        declared = ", ".join("%s[%s] %s" % (types[k], ",".join(map(str, a.shape)), k) for k, a in arrays.items())
        names = ["y%d" % i for i in range(outputs)]
        body = ("%s." % domain if domain else "") + text
        model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["%s": %d]> g (%s) => (%s) { %s = %s }' % (
            domain, opset, declared, ", ".join("float[] " + n for n in names), ", ".join(names), body))
        folder = root / ("extra_%s_%d" % (text.split(" ")[0], opset)) / "test_data_set_0"
        folder.mkdir(parents=True)
        for i, (k, array) in enumerate(arrays.items()):
            array = array.astype(np.int64 if k == "i" else np.float32)
            (folder / ("input_%d.pb" % i)).write_bytes(numpy_helper.from_array(array).SerializeToString())
        cases[(domain, text.split(" ")[0])].append((folder.parent, model))


def load_input(path, value_info):
    kind = value_info.type.WhichOneof("value")
    if kind != "tensor_type":
        return None
    tensor = TensorProto()
    tensor.ParseFromString(path.read_bytes())
    return tensor


def converted(tensor, dtype):
    array = numpy_helper.to_array(tensor)
    if dtype == TensorProto.STRING:
        array = np.array([str(v) for v in array.reshape(-1)], dtype=object).reshape(array.shape)
        return helper.make_tensor("", dtype, array.shape, [s.encode() for s in array.reshape(-1)])
    target = helper.tensor_dtype_to_np_dtype(dtype)
    if array.dtype == object:
        array = np.arange(array.size).reshape(array.shape)
    if array.dtype.kind == "c" and np.dtype(target).kind != "c":
        array = array.real
    with np.errstate(all="ignore"):
        if "V" in (np.dtype(target).kind, array.dtype.kind):  # of ml_dtypes
            array = array.astype(np.float64)
        return numpy_helper.from_array(array.astype(target), "")


def fits(schema, node):
    return (all(a.name in schema.attributes for a in node.attribute) and
            all(a in {x.name for x in node.attribute} for a, s in schema.attributes.items() if s.required) and
            schema.min_input <= len(node.input) <= schema.max_input and schema.min_output <= len(node.output) <= schema.max_output)


def formal(parameters, i):
    return parameters[min(i, len(parameters) - 1)]


def variants(schema, node):
    """Assignments variable -> type, one variable varied at a time."""
    for constraint in schema.type_constraints:
        for kind in constraint.allowed_type_strs:
            if kind in ELEMENT:
                yield constraint.type_param_str, kind


def write_variant(out, case, model, schema, variable, kind):
    model = onnx.ModelProto.FromString(model.SerializeToString())
    node = model.graph.node[0]
    for opset in model.opset_import:
        if opset.domain == node.domain:
            opset.version = schema.since_version
    allowed = {c.type_param_str: c.allowed_type_strs for c in schema.type_constraints}
    infos = {v.name: v for v in list(model.graph.input) + list(model.graph.output)}
    folder = out / ("%s__%d__%s__%s__%s" % (node.op_type, schema.since_version, variable, re.sub(r"\W", "_", kind), case.name))
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    for is_input, names, parameters in (True, node.input, schema.inputs), (False, node.output, schema.outputs):
        for i, name in enumerate(names):
            if not name or name not in infos or not infos[name].type.HasField("tensor_type"):
                if name:
                    return False
                continue
            current = "tensor(%s)" % TensorProto.DataType.Name(infos[name].type.tensor_type.elem_type).lower()
            type_str = formal(parameters, i).type_str
            if type_str == variable:
                current = kind
            elif current not in allowed.get(type_str, [type_str]):
                current = next((t for t in allowed.get(type_str, [type_str]) if t in ELEMENT), None)
            if current not in ELEMENT:
                return False
            infos[name].type.tensor_type.elem_type = ELEMENT[current]
    for attribute in node.attribute:
        if attribute.name in ("to", "dtype", "output_dtype"):
            return False
    for k, info in enumerate(model.graph.input):
        tensor = load_input(case / "test_data_set_0" / ("input_%d.pb" % k), info)
        if tensor is None:
            return False
        if tensor.data_type != info.type.tensor_type.elem_type:
            tensor = converted(tensor, info.type.tensor_type.elem_type)
        (data / ("input_%d.pb" % k)).write_bytes(tensor.SerializeToString())
    for k, _ in enumerate(model.graph.output):
        (data / ("output_%d.pb" % k)).write_bytes(numpy_helper.from_array(np.float32(0)).SerializeToString())
        del model.graph.output[k].type.tensor_type.shape.dim[:]
        model.graph.output[k].type.tensor_type.ClearField("shape")
    onnx.save(model, folder / "model.onnx")
    return True


def main(program, folders):
    out, extra = pathlib.Path(tempfile.mkdtemp()), pathlib.Path(tempfile.mkdtemp())
    all_cases = single_node_cases(folders)
    add_extra(all_cases, extra)
    for (domain, op), cases in sorted(all_cases.items()):
        versions = [s for s in defs.get_all_schemas_with_history() if s.name == op and s.domain == domain and not s.deprecated]
        for schema in versions:
            taken = 0
            for case, model in cases:
                node = model.graph.node[0]
                if taken == CASES_PER_OPERATOR or not fits(schema, node):
                    continue
                taken += 1
                for variable, kind in variants(schema, node):
                    try:
                        written = write_variant(out, case, model, schema, variable, kind)
                    except (TypeError, ValueError, OverflowError, FileNotFoundError):
                        written = False
                    if not written:
                        for folder in out.glob("%s__%d__%s__%s__%s" % (op, schema.since_version, variable, re.sub(r"\W", "_", kind), case.name)):
                            shutil.rmtree(folder)
    result = subprocess.run([program, "conformance", str(out), "--json"], capture_output=True, text=True)
    cases = json.loads(result.stdout)["cases"]
    gaps = collections.defaultdict(set)
    for case in cases:
        if re.match("unsupported|invalid|internal|usage", case["reason"]):
            op, version, variable, kind, _ = case["name"].split("__", 4)
            gaps[(op, re.sub(r"\S+/model.onnx: ", "", case["reason"])[:150])].add((int(version), variable, kind))
    for (op, reason), which in sorted(gaps.items()):
        print("%s: %s\n    %s" % (op, reason, " ".join("%d.%s=%s" % w for w in sorted(which))))
    print("%d variants, %d refused" % (len(cases), sum(map(len, gaps.values()))))
    shutil.rmtree(out)
    shutil.rmtree(extra)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
