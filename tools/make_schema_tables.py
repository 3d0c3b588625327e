#!/usr/bin/env python3
"""Makes the operator tables src/ops/schemas/*.txt from a list of operator schemas.

usage: make_schema_tables.py [--output FOLDER] SCHEMAS.json...

Each input is a JSON list of rows as onnx.defs.get_all_schemas_with_history() has them: name, domain, since, inputs and
outputs (name, type, option, homogeneous), types (variable -> types), attributes (name, type, required, default), and
where known min_in, max_in, min_out, max_out, deprecated, function. One table a domain is written; its form is explained
at its top and in src/ops/README.md. A row that the form cannot express exactly stops the script.

src/ops/schemas/additions.json is always read as well, last: rows that no exported list has, and rows that stand for one
of the same domain, name and version in a list that misstates it.
"""
import argparse
import collections
import ctypes
import json
import pathlib
import re
import sys

# Sets of types that many operators share, in the order in which they are looked for in a constraint: a set may be made
# of earlier ones. What is left over is listed type by type.
SETS = collections.OrderedDict([
    ("floats", "float16 float double"),
    ("ints", "int8 int16 int32 int64"),
    ("uints", "uint8 uint16 uint32 uint64"),
    ("integers", "ints uints"),
    ("wide_integers", "int32 int64 uint32 uint64"),
    ("numbers", "floats integers"),
    ("complexes", "complex64 complex128"),
    ("float8s", "float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz"),
    ("tensors", "numbers bool string complexes"),
    ("tensors_ir4", "tensors bfloat16"),
    ("tensors_ir9", "tensors_ir4 float8s"),
    ("tensors_ir10", "tensors_ir9 int4 uint4"),
    ("tensors_ir11", "tensors_ir10 float4e2m1"),
    ("tensors_ir12", "tensors_ir11 float8e8m0"),
    ("tensors_ir13", "tensors_ir12 int2 uint2"),
    ("tensors_ir14", "tensors_ir13 float6e2m3 float6e3m2"),
])

DTYPES = ("bool string float16 float double bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 int4 uint4 int2 uint2 "
          "float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz float8e8m0 float4e2m1 float6e2m3 float6e3m2 "
          "complex64 complex128").split()

HEADER = """\
# Operators of {domain}: every version of each, newest first.
# Made by tools/make_schema_tables.py; change that, not this. The form (src/ops/README.md has more):
#
#   Name
#     VERSION [function] [deprecated] (inputs) -> (outputs)   `function`: the specification gives a body of other operators
#       VARIABLE in types                                     what a type variable may be
#       attribute: kind [required | = default]
#
# An input or output is `name: type`, or `name?: type` when it may be omitted, or `name N+: type` when it stands for N or
# more (`N+: any T`: each may be of another type). `float` is short for tensor(float); seq(...) and optional(...) of a set
# are those of each member.
"""

ADDITIONS = pathlib.Path(__file__).parent.parent / "src/ops/schemas/additions.json"
WIDTH = 120
UNBOUNDED = "inf"


def expand_set(name):
    members = set()
    for part in SETS[name].split():
        members |= expand_set(part) if part in SETS else {part}
    return members


EXPANDED = {name: expand_set(name) for name in SETS}


def normal_type(text):
    """The one spelling of a type: no blanks, and scalars in maps are tensors, as in a TypeProto."""
    text = text.replace(" ", "")
    return re.sub(r"^(.*\bmap\(\w+),(\w+)(\)+)$", r"\1,tensor(\2)\3", text)


def split_type(text):
    """("seq(", "float", ")") of "seq(tensor(float))"; None as the dtype when it is not made of one tensor type."""
    match = re.fullmatch(r"((?:seq\(|optional\()*)tensor\((\w+)\)(\)*)", text)
    if match:
        return match.group(1), match.group(2), match.group(3)
    match = re.fullmatch(r"sparse_tensor\((\w+)\)", text)
    if match:
        return "sparse(", match.group(1), ")"
    return text, None, ""


def factor_types(types, used):
    """`types` as a short list of set names, dtypes and constructors of these; notes the sets it used."""
    groups = collections.OrderedDict()
    for text in types:
        before, dtype, after = split_type(normal_type(text))
        groups.setdefault((before, after), []).append(dtype)
    words = []
    for (before, after), dtypes in groups.items():
        if dtypes[0] is None:  # A map: written out, with tensor() as short as elsewhere.
            words.append(re.sub(r"tensor\((\w+)\)", r"\1", before))
            continue
        left = set(dtypes)
        unknown = left - set(DTYPES)
        if unknown:
            sys.exit(f"unknown element types {sorted(unknown)}: add them to DTYPES")
        for name in sorted(EXPANDED, key=lambda n: -len(EXPANDED[n])):
            if EXPANDED[name] <= left:
                words.append(before + name + after)
                left -= EXPANDED[name]
                note_used(name, used)
        words += [before + d + after for d in DTYPES if d in left]
    return " ".join(words)


def note_used(name, used):
    if name not in used:
        used.add(name)
        for part in SETS[name].split():
            if part in SETS:
                note_used(part, used)


def format_float(value):
    """The shortest decimal that reads back as the same float32."""
    for digits in range(1, 18):
        text = f"{value:.{digits}g}"
        if ctypes.c_float(float(text)).value == value:
            return text
    raise ValueError(value)


def format_scalar(kind, value):
    if kind == "float":
        return format_float(value)
    if kind == "int":
        return str(value)
    if any(c in value for c in '"\\\n'):
        sys.exit(f"default {value!r} needs an escape, which the form does not have")
    return f'"{value}"'


def format_default(kind, value):
    if kind in ("ints", "floats", "strings"):
        return "[" + ", ".join(format_scalar(kind[:-1], v) for v in value) + "]"
    return format_scalar(kind, value)


def format_attribute(attribute):
    text = f"{attribute['name']}: {attribute['type']}"
    if attribute["required"]:
        text += " required"
    if "default" in attribute:
        text += " = " + format_default(attribute["type"], attribute["default"])
    return text


def short_type(text):
    before, dtype, after = split_type(normal_type(text))
    return before + dtype + after if dtype else before


def format_parameters(row, key, least, most):
    """`name: type` of each; checks that arity follows from it."""
    parameters = row[key]
    words, implied_least, variadic = [], 0, False
    for i, p in enumerate(parameters):
        kind = p["type"] if p["type"] in row["types"] else short_type(p["type"])
        option = p.get("option")
        if option == "variadic":
            variadic = True
            count = max(0, (least if least is not None else implied_least) - i)
            implied_least = i + count
            words.append(f"{p['name']} {count}+: {'' if p.get('homogeneous', True) else 'any '}{kind}")
        elif option == "optional":
            words.append(f"{p['name']}?: {kind}")
        else:
            implied_least = i + 1
            words.append(f"{p['name']}: {kind}")
    implied_most = UNBOUNDED if variadic else len(parameters)
    if least is not None and (implied_least, implied_most) != (least, most):
        sys.exit(f"{row['name']} {row['since']}: arity {least}..{most} of {key} does not follow from the parameters")
    return words


def wrap_signature(head, inputs, outputs):
    """The first line of a version, folded inside the parentheses when it is long."""
    text = f"{head} ({', '.join(inputs)}) -> ({', '.join(outputs)})"
    lines = []
    indent = " " * 8
    while len(text) > WIDTH:
        at = text.rfind(", ", 0, WIDTH)
        if at <= len(indent):
            break
        lines.append(text[:at + 1])
        text = indent + text[at + 2:]
    return lines + [text]


def format_version(row, used):
    head = f"  {row['since']}"
    if row.get("function"):
        head += " function"
    if row.get("deprecated"):
        head += " deprecated"
    inputs = format_parameters(row, "inputs", row.get("min_in"), row.get("max_in"))
    outputs = format_parameters(row, "outputs", row.get("min_out"), row.get("max_out"))
    lines = wrap_signature(head, inputs, outputs)
    lines += [f"    {variable} in {factor_types(types, used)}" for variable, types in row["types"].items()]
    lines += ["    " + format_attribute(a) for a in row["attributes"]]
    return lines


def make_table(domain, rows):
    operators = collections.OrderedDict()
    for row in sorted(rows, key=lambda r: (r["name"].lower(), -r["since"])):
        operators.setdefault(row["name"], []).append(row)
    used, body = set(), []
    for name, versions in operators.items():
        body.append(name)
        for row in versions:
            body += format_version(row, used)
        body.append("")
    lines = HEADER.format(domain=domain).splitlines() + [""]
    lines.append(f"domain {domain} {max(r['since'] for r in rows)}")
    width = max((len(n) for n in used), default=0)
    lines += [f"set {name:<{width}} = {SETS[name]}" for name in SETS if name in used]
    return "\n".join(lines + [""] + body)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("schemas", nargs="+", type=pathlib.Path)
    parser.add_argument("--output", type=pathlib.Path, default=pathlib.Path(__file__).parent.parent / "src/ops/schemas")
    arguments = parser.parse_args()
    domains = collections.defaultdict(dict)
    for path in arguments.schemas + [ADDITIONS]:
        for row in json.loads(path.read_text()):
            domains[row["domain"] or "ai.onnx"][row["name"], row["since"]] = row
    for domain, rows in domains.items():
        (arguments.output / f"{domain}.txt").write_text(make_table(domain, rows.values()))


if __name__ == "__main__":
    main()
