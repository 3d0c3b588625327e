#!/usr/bin/env python3
"""list_type_gaps.py PROGRAM CONFORMANCE_FOLDER...: which types of which operator versions are refused though ONNX lists them.

For development only (needs the onnx package and ml_dtypes). Takes the single-node cases of ONNX's backend tests, gives each
type variable every type that the schema of every version allows, runs them all in one process and prints those that PROGRAM
calls unsupported. The numbers are not compared.
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

ELEMENT = {"tensor(%s)" % k.lower().replace("double", "double"): v for k, v in TensorProto.DataType.items() if k != "UNDEFINED"}
CASES_PER_OPERATOR = 3


def single_node_cases(folders):
    """operator -> folders of cases whose model is one node of it."""
    cases = collections.defaultdict(list)
    for folder in folders:
        for model_path in sorted(pathlib.Path(folder).glob("node/*/model.onnx")):
            if model_path.parent.name.endswith("_expanded"):
                continue
            model = onnx.load(model_path)
            if len(model.graph.node) == 1:
                node = model.graph.node[0]
                cases[(node.domain, node.op_type)].append((model_path.parent, model))
    return cases


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
        return numpy_helper.from_array(array.astype(np.float64).astype(target) if np.dtype(target).kind == "V" or array.dtype.kind == "V" else array.astype(target), "")


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
    out = pathlib.Path(tempfile.mkdtemp())
    for (domain, op), cases in sorted(single_node_cases(folders).items()):
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
        if case["reason"].startswith("unsupported"):
            op, version, variable, kind, _ = case["name"].split("__", 4)
            gaps[(op, re.sub(r"\S+/model.onnx: ", "", case["reason"])[:150])].add((int(version), variable, kind))
    for (op, reason), which in sorted(gaps.items()):
        print("%s: %s\n    %s" % (op, reason, " ".join("%d.%s=%s" % w for w in sorted(which))))
    print("%d variants, %d unsupported" % (len(cases), sum(c["reason"].startswith("unsupported") for c in cases)))
    shutil.rmtree(out)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
