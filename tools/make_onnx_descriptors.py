#!/usr/bin/env python3
"""Writes src/ir/descriptor_{kinds,table}.inc: the messages of onnx.proto and onnx-data.proto as tables.

Needs the onnx package (pip install onnx); run it when a release of ONNX adds a field. With --check, compares
instead of writing and exits with 1 if a table is out of date.
"""
import argparse
import pathlib
import sys

import onnx
from onnx import onnx_data_pb2, onnx_ml_pb2

KINDS = {1: "kDouble", 2: "kFloat", 3: "kInt64", 4: "kUint64", 5: "kInt32", 9: "kString", 11: "kMessage", 12: "kBytes", 14: "kEnum"}


def all_messages():
    def walk(message):
        yield message
        for nested in message.nested_types:
            yield from walk(nested)

    for file in (onnx_ml_pb2.DESCRIPTOR, onnx_data_pb2.DESCRIPTOR):
        for message in file.message_types_by_name.values():
            yield from walk(message)


def plain(full_name):
    """onnx.TypeProto.Tensor -> TypeProtoTensor"""
    return full_name.removeprefix("onnx.").replace(".", "")


def field_line(field):
    message = f"MessageKind::k{plain(field.message_type.full_name)}" if field.message_type else "MessageKind::kCount"
    enum = f"&k{plain(field.enum_type.full_name)}" if field.enum_type else "nullptr"
    repeated = field.is_repeated
    return (f'    {{{field.number}, "{field.name}", "{field.json_name}", FieldKind::{KINDS[field.type]}, '
            f'{str(bool(repeated)).lower()}, {str(bool(field.is_packed)).lower()}, {message}, {enum}}},')


def tables():
    header = f"// Made by tools/make_onnx_descriptors.py from onnx {onnx.__version__} (IR version {onnx.IR_VERSION}). Not edited by hand."
    messages = list(all_messages())
    enums = {}
    for message in messages:
        for field in message.fields:
            if field.enum_type:
                enums[field.enum_type.full_name] = field.enum_type
    kinds = [header] + [f"k{plain(m.full_name)}," for m in messages]
    table = [header]
    for name, enum in enums.items():
        table.append(f"constexpr EnumValue k{plain(name)}Values[] = {{")
        table += [f'    {{"{value.name}", {value.number}}},' for value in enum.values]
        table.append("};")
        table.append(f"constexpr EnumDescriptor k{plain(name)} = {{k{plain(name)}Values}};")
    for message in messages:
        table.append(f"constexpr FieldDescriptor k{plain(message.full_name)}Fields[] = {{")
        table += [field_line(field) for field in sorted(message.fields, key=lambda f: f.number)]
        table.append("};")
    table.append("constexpr MessageDescriptor kMessages[] = {")
    for message in messages:
        name = message.full_name.removeprefix("onnx.")
        table.append(f'    {{"{name}", k{plain(message.full_name)}Fields}},')
    table.append("};")
    return {"descriptor_kinds.inc": "\n".join(kinds) + "\n", "descriptor_table.inc": "\n".join(table) + "\n"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the tables in the source tree")
    arguments = parser.parse_args()
    folder = pathlib.Path(__file__).resolve().parent.parent / "src" / "ir"
    for name, text in tables().items():
        path = folder / name
        if not arguments.check:
            path.write_text(text)
        elif path.read_text() != text:
            sys.exit(f"{path} is out of date: run {sys.argv[0]}")


if __name__ == "__main__":
    main()
