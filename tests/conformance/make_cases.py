"""Writes the project's own conformance cases, cases/KIND/test_NAME/, in the layout of ONNX's backend test data.

    python tests/conformance/make_cases.py      needs numpy, ml_dtypes and onnx

A few of every kind, so that `make test` covers each without the ONNX suites. Models are written in ONNX's textual syntax and
expected values in NumPy, from the specification. onnx's reference evaluator gives a second opinion, which is not always right:
it lets Softmax of opset 12 not flatten, and OptionalGetElement return a list.
"""
import shutil
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper, parser
from onnx.reference import ReferenceEvaluator

import definitions

FOLDER = Path(__file__).parent / 'cases'


def serialized(value, name):
    if isinstance(value, list):
        return numpy_helper.from_list(value, name).SerializeToString()
    if isinstance(value, onnx.TensorProto):
        value.name = name
        return value.SerializeToString()
    return numpy_helper.from_array(np.asarray(value), name).SerializeToString()


def agrees(got, expected):
    if isinstance(expected, list):
        return len(got) == len(expected) and all(map(agrees, got, expected))
    if isinstance(expected, onnx.TensorProto):
        expected = numpy_helper.to_array(expected)
    got, expected = np.asarray(got), np.asarray(expected)
    if got.shape != expected.shape:
        return False
    if expected.dtype.kind in 'OUT':
        return got.tolist() == expected.tolist()
    wide = np.complex128 if expected.dtype.kind == 'c' else np.float64
    return np.allclose(got.astype(wide), expected.astype(wide), rtol=1e-3, atol=1e-6, equal_nan=True)


def second_opinion(model, inputs, outputs):
    feeds = {i.name: numpy_helper.to_array(v) if isinstance(v, onnx.TensorProto) else v for i, v in zip(model.graph.input, inputs)}
    try:
        got = ReferenceEvaluator(model).run(None, feeds)
    except Exception as error:  # pylint: disable=broad-except: it fails in many ways on what it does not know
        return f'no second opinion ({type(error).__name__})'
    return 'confirmed' if all(map(agrees, got, outputs)) else f'DISAGREES: {got} for {outputs}'


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    for one in definitions.CASES:
        model = parser.parse_model(one.text)
        model.producer_name = 'sardonyx tests'
        onnx.checker.check_model(model, full_check=True)
        print(f'{one.name:<44} {second_opinion(model, one.inputs, one.outputs)}')
        kind, name = one.name.split('/')
        data = FOLDER / kind / f'test_{name}' / 'test_data_set_0'
        data.mkdir(parents=True)
        onnx.save(model, data.parent / 'model.onnx')
        for stem, values, infos in (('input', one.inputs, model.graph.input), ('output', one.outputs, model.graph.output)):
            assert len(values) == len(infos), one.name
            for i, (value, info) in enumerate(zip(values, infos)):
                (data / f'{stem}_{i}.pb').write_bytes(serialized(value, info.name))


if __name__ == '__main__':
    main()
