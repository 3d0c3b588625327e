#!/usr/bin/env python3
"""Breaks models in known ways and compares two verdicts: onnx.checker's and that of a command.

usage: compare_checkers.py --checker "build/release/sardonyx check --quiet" [--full] [--count N] [--seed N] MODEL...

For development: needs the onnx package. The command is given a file and answers by exit code: 0 valid, anything else not.
Prints, for every way of breaking, how often both agreed, and every mutant that onnx.checker refuses but the command
accepts (a rule that the command lacks). The other direction is listed too: the command may be stricter, and should say why.
"""
import argparse
import collections
import copy
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile

import onnx
from onnx import AttributeProto, TensorProto, helper

MUTATIONS = {}


def mutation(function):
    MUTATIONS[function.__name__] = function
    return function


def graphs_of(model):
    """All graphs of the model, nested ones too."""
    found = []

    def walk(graph):
        found.append(graph)
        for node in graph.node:
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    walk(attribute.g)

    walk(model.graph)
    return found


def pick_graph(model, rng, has=lambda g: True):
    candidates = [g for g in graphs_of(model) if has(g)]
    return rng.choice(candidates) if candidates else None


def pick_node(model, rng, has=lambda n: True):
    candidates = [n for g in graphs_of(model) for n in g.node if has(n)]
    return rng.choice(candidates) if candidates else None


def pick_tensor(model, rng, has=lambda t: True):
    tensors = [t for g in graphs_of(model) for t in g.initializer]
    tensors += [a.t for g in graphs_of(model) for n in g.node for a in n.attribute if a.HasField("t")]
    candidates = [t for t in tensors if has(t)]
    return rng.choice(candidates) if candidates else None


# --- The model's own fields. Each function changes the model in place, or returns False where it does not apply.

@mutation
def ir_version_missing(m, rng): m.ClearField("ir_version")

@mutation
def ir_version_too_new(m, rng): m.ir_version = 99

@mutation
def ir_version_old(m, rng): m.ir_version = rng.choice([1, 2, 3])

@mutation
def opset_imports_missing(m, rng): del m.opset_import[:]

@mutation
def opset_version_changed(m, rng): rng.choice(m.opset_import).version = rng.choice([0, 1, 5, 9, 13, 20, 28])

@mutation
def opset_version_unknown(m, rng): rng.choice(m.opset_import).version = rng.choice([-1, 29, 1000, 2**40])

@mutation
def opset_domain_changed(m, rng): rng.choice(m.opset_import).domain = "example.com"

@mutation
def metadata_twice(m, rng):
    for value in "ab":
        entry = m.metadata_props.add()
        entry.key, entry.value = "key", value

@mutation
def graph_missing(m, rng): m.ClearField("graph")

# --- Graphs.

@mutation
def graph_name_missing(m, rng): pick_graph(m, rng).ClearField("name")

@mutation
def input_removed(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    del g.input[rng.randrange(len(g.input))]

@mutation
def input_twice(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    g.input.append(rng.choice(g.input))

@mutation
def input_unnamed(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    rng.choice(g.input).name = ""

@mutation
def input_untyped(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    rng.choice(g.input).ClearField("type")

@mutation
def input_unshaped(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    rng.choice(g.input).type.tensor_type.ClearField("shape")

@mutation
def input_element_type(m, rng):
    g = pick_graph(m, rng, lambda g: g.input)
    if g is None: return False
    rng.choice(g.input).type.tensor_type.elem_type = rng.choice([0, 1, 7, 8, 9, 17, 99])

@mutation
def output_renamed(m, rng):
    g = pick_graph(m, rng, lambda g: g.output)
    if g is None: return False
    rng.choice(g.output).name = "no such value"

@mutation
def output_unshaped(m, rng):
    g = pick_graph(m, rng, lambda g: g.output)
    if g is None: return False
    rng.choice(g.output).type.tensor_type.ClearField("shape")

@mutation
def output_type_changed(m, rng):
    g = pick_graph(m, rng, lambda g: g.output)
    if g is None: return False
    rng.choice(g.output).type.tensor_type.elem_type = rng.choice([1, 7, 9, 16])

@mutation
def output_dim_changed(m, rng):
    o = rng.choice(m.graph.output) if m.graph.output else None
    if o is None or not o.type.tensor_type.shape.dim: return False
    rng.choice(o.type.tensor_type.shape.dim).dim_value = 12345

@mutation
def output_rank_changed(m, rng):
    if not m.graph.output: return False
    rng.choice(m.graph.output).type.tensor_type.shape.dim.add().dim_value = 3

@mutation
def initializer_twice(m, rng):
    g = pick_graph(m, rng, lambda g: g.initializer)
    if g is None: return False
    g.initializer.append(rng.choice(g.initializer))

@mutation
def initializer_unnamed(m, rng):
    g = pick_graph(m, rng, lambda g: g.initializer)
    if g is None: return False
    rng.choice(g.initializer).name = ""

@mutation
def initializer_removed(m, rng):
    g = pick_graph(m, rng, lambda g: g.initializer)
    if g is None: return False
    del g.initializer[rng.randrange(len(g.initializer))]

# --- Nodes.

@mutation
def nodes_shuffled(m, rng):
    g = pick_graph(m, rng, lambda g: len(g.node) > 1)
    if g is None: return False
    nodes = list(g.node)
    rng.shuffle(nodes)
    del g.node[:]
    g.node.extend(nodes)

@mutation
def node_removed(m, rng):
    g = pick_graph(m, rng, lambda g: g.node)
    if g is None: return False
    del g.node[rng.randrange(len(g.node))]

@mutation
def node_twice(m, rng):
    g = pick_graph(m, rng, lambda g: g.node)
    if g is None: return False
    g.node.append(rng.choice(g.node))

@mutation
def node_cycle(m, rng):
    n = pick_node(m, rng, lambda n: n.input and n.output)
    if n is None: return False
    n.input[0] = n.output[0]

@mutation
def operator_misspelt(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.op_type = n.op_type[:-1] + "q"

@mutation
def operator_exchanged(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.op_type = rng.choice(["Relu", "Add", "Conv", "MatMul", "Concat", "Upsample", "Scatter", "Softmax", "Reshape", "LSTM", "If", "Gelu", "Split"])

@mutation
def operator_missing(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.op_type = ""

@mutation
def domain_exchanged(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.domain = rng.choice(["", "ai.onnx.ml", "example.com"])  # "ai.onnx" is another name of "", though not to onnx.checker

@mutation
def node_input_renamed(m, rng):
    n = pick_node(m, rng, lambda n: n.input)
    if n is None: return False
    n.input[rng.randrange(len(n.input))] = rng.choice(["no such value", ""])

@mutation
def node_input_added(m, rng):
    n = pick_node(m, rng, lambda n: n.input)
    if n is None: return False
    for _ in range(rng.randrange(1, 4)): n.input.append(rng.choice([n.input[0], ""]))

@mutation
def node_input_removed(m, rng):
    n = pick_node(m, rng, lambda n: n.input)
    if n is None: return False
    del n.input[rng.randrange(len(n.input)):]

@mutation
def node_inputs_swapped(m, rng):
    n = pick_node(m, rng, lambda n: len(n.input) > 1)
    if n is None: return False
    names = list(n.input)
    rng.shuffle(names)
    del n.input[:]
    n.input.extend(names)

@mutation
def node_output_added(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.output.append(rng.choice(["", "another output"]))

@mutation
def node_output_removed(m, rng):
    n = pick_node(m, rng, lambda n: n.output)
    if n is None: return False
    del n.output[rng.randrange(len(n.output)):]

@mutation
def node_output_renamed(m, rng):
    n = pick_node(m, rng, lambda n: n.output)
    if n is None: return False
    names = [i.name for i in m.graph.input] + [o for x in m.graph.node for o in x.output] + [""]
    n.output[rng.randrange(len(n.output))] = rng.choice(names)

@mutation
def node_emptied(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    del n.input[:]
    del n.output[:]

# --- Attributes.

def with_attributes(n): return n.attribute

@mutation
def attribute_misspelt(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    rng.choice(n.attribute).name += "s"

@mutation
def attribute_unnamed(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    rng.choice(n.attribute).name = ""

@mutation
def attribute_removed(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    del n.attribute[rng.randrange(len(n.attribute))]

@mutation
def attribute_twice(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    n.attribute.append(rng.choice(n.attribute))

@mutation
def attribute_added(m, rng):
    n = pick_node(m, rng)
    if n is None: return False
    n.attribute.append(helper.make_attribute(rng.choice(["axis", "foo", "__internal", "to", "keepdims"]), rng.choice([1, 0.5, "text", [1, 2]])))

@mutation
def attribute_type_changed(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    rng.choice(n.attribute).type = rng.choice([0, 1, 2, 3, 4, 6, 7, 8])

@mutation
def attribute_type_missing(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    rng.choice(n.attribute).ClearField("type")

@mutation
def attribute_other_value(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    a = rng.choice(n.attribute)
    rng.choice([lambda: setattr(a, "i", 3), lambda: setattr(a, "f", 0.5), lambda: a.ints.append(1), lambda: setattr(a, "s", b"x")])()

@mutation
def attribute_value_changed(m, rng):
    n = pick_node(m, rng, lambda n: any(a.type in (AttributeProto.INT, AttributeProto.INTS) for a in n.attribute))
    if n is None: return False
    a = rng.choice([a for a in n.attribute if a.type in (AttributeProto.INT, AttributeProto.INTS)])
    if a.type == AttributeProto.INT: a.i = rng.choice([-100, -1, 0, 3, 7, 1000])
    else: a.ints.append(rng.choice([-1, 0, 1, 5]))

@mutation
def attribute_refers(m, rng):
    n = pick_node(m, rng, with_attributes)
    if n is None: return False
    rng.choice(n.attribute).ref_attr_name = "alpha"

@mutation
def attribute_emptied(m, rng):
    n = pick_node(m, rng, lambda n: any(a.HasField("t") or a.HasField("g") for a in n.attribute))
    if n is None: return False
    a = rng.choice([a for a in n.attribute if a.HasField("t") or a.HasField("g")])
    a.ClearField("t")
    a.ClearField("g")

# --- Tensors.

@mutation
def tensor_dim_changed(m, rng):
    t = pick_tensor(m, rng, lambda t: t.dims)
    if t is None: return False
    t.dims[rng.randrange(len(t.dims))] = rng.choice([-1, 0, 1, 5, 2**40])

@mutation
def tensor_dim_added(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    t.dims.append(rng.choice([-1, 0, 1, 2]))

@mutation
def tensor_type_changed(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    t.data_type = rng.choice([0, 1, 2, 6, 7, 8, 10, 11, 14, 17, 22, 25, 99])

@mutation
def tensor_data_removed(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "string_data", "double_data", "uint64_data"): t.ClearField(field)

@mutation
def tensor_data_added(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    rng.choice([lambda: t.float_data.append(1), lambda: t.int64_data.append(1), lambda: t.string_data.append(b"x"),
                lambda: setattr(t, "raw_data", t.raw_data + b"x")])()

@mutation
def tensor_data_shortened(m, rng):
    t = pick_tensor(m, rng, lambda t: len(t.raw_data) or len(t.float_data) or len(t.int64_data))
    if t is None: return False
    t.raw_data = t.raw_data[:-1]
    for field in (t.float_data, t.int64_data):
        if len(field): del field[-1]

@mutation
def tensor_external(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    for field in ("raw_data", "float_data", "int32_data", "int64_data", "string_data", "double_data", "uint64_data"): t.ClearField(field)
    t.data_location = TensorProto.EXTERNAL
    for key, value in rng.choice([{}, {"location": "missing.bin"}, {"location": "/etc/passwd"}, {"location": "../x"}, {"location": ""}]).items():
        e = t.external_data.add()
        e.key, e.value = key, value

@mutation
def tensor_external_and_data(m, rng):
    t = pick_tensor(m, rng)
    if t is None: return False
    t.data_location = TensorProto.EXTERNAL

@mutation
def sparse_initializer(m, rng):
    t = helper.make_tensor("sparse", 1, [2], [1.0, 2.0])
    indices = rng.choice([[0, 1], [1, 0], [1, 1], [-1, 1], [0, 99]])
    s = helper.make_sparse_tensor(t, helper.make_tensor("i", rng.choice([7, 7, 7, 6]), [2], indices), rng.choice([[4], [2, 2], [], [0], [-1]]))
    m.graph.sparse_initializer.append(s)
    m.ir_version = max(m.ir_version, 8)

# --- Functions.

def add_function(m, nodes, inputs=("x",), outputs=("y",), name="Foo", domain="example.com", attributes=(), opset=None):
    m.ir_version = max(m.ir_version, 8)
    version = next((o.version for o in m.opset_import if o.domain == ""), 18)
    f = helper.make_function(domain, name, list(inputs), list(outputs), nodes, [helper.make_opsetid("", opset or version)], list(attributes))
    m.functions.append(f)
    if all(o.domain != domain for o in m.opset_import): m.opset_import.append(helper.make_opsetid(domain, 1))
    return f

@mutation
def function_valid(m, rng): add_function(m, [helper.make_node("Identity", ["x"], ["y"])])

@mutation
def function_recursive(m, rng):
    add_function(m, [helper.make_node("Foo", ["x"], ["y"], domain="example.com")]).opset_import.append(helper.make_opsetid("example.com", 1))

@mutation
def function_undefined_name(m, rng): add_function(m, [helper.make_node("Identity", ["z"], ["y"])])

@mutation
def function_not_ssa(m, rng): add_function(m, [helper.make_node("Identity", ["x"], ["x"])])

@mutation
def function_duplicate_output(m, rng): add_function(m, [helper.make_node("Identity", ["x"], ["y"])], outputs=("y", "y"))

@mutation
def function_duplicate_attribute(m, rng): add_function(m, [helper.make_node("Identity", ["x"], ["y"])], attributes=("a", "a"))

@mutation
def function_twice(m, rng):
    for _ in range(2): add_function(m, [helper.make_node("Identity", ["x"], ["y"])])

@mutation
def function_unnamed(m, rng): add_function(m, [helper.make_node("Identity", ["x"], ["y"])], name="")

@mutation
def function_other_opset(m, rng): add_function(m, [helper.make_node("Softmax", ["x"], ["y"])], opset=rng.choice([1, 11, 13]))

@mutation
def function_without_import(m, rng): del add_function(m, [helper.make_node("Identity", ["x"], ["y"])]).opset_import[:]

@mutation
def function_bad_reference(m, rng):
    node = helper.make_node("Elu", ["x"], ["y"])
    a = node.attribute.add()
    a.name, a.type, a.ref_attr_name = "alpha", AttributeProto.FLOAT, rng.choice(["alpha", "beta"])
    if rng.random() < 0.5: a.f = 2.0
    add_function(m, [node], attributes=("alpha",))


def verdict_of_onnx(path, full):
    try:
        onnx.checker.check_model(str(path), full_check=full)
        return True, ""
    except Exception as error:  # noqa: BLE001: any refusal counts
        return False, str(error).replace("\n", " ")[:200]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--checker", required=True)
    parser.add_argument("--full", action="store_true", help="compare with full_check (type and shape inference)")
    parser.add_argument("--count", type=int, default=1, help="mutants of each kind from each model")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    tally = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mutant.onnx"
        for source in arguments.models:
            model = onnx.load(str(source), load_external_data=False)
            for name, mutate in MUTATIONS.items():
                for _ in range(arguments.count):
                    mutant = copy.deepcopy(model)
                    if mutate(mutant, rng) is False: continue
                    path.write_bytes(mutant.SerializeToString())
                    theirs, reason = verdict_of_onnx(path, arguments.full)
                    ours = subprocess.run(shlex.split(arguments.checker) + [str(path)], capture_output=True, text=True)
                    if ours.returncode < 0: print(f"CRASH {name} {source}: signal {-ours.returncode}")
                    kind = ("agree" if theirs == (ours.returncode == 0) else "missed" if ours.returncode == 0 else "stricter")
                    tally[name][kind] += 1
                    if kind != "agree": print(f"{kind:8} {name:26} {source.parent.name}/{source.name}: {reason or ours.stdout.strip()[:300]}")
    for name, counts in tally.items(): print(f"{name:30} {dict(counts)}")
    return 1 if any(c["missed"] for c in tally.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
