#!/usr/bin/env python3
"""Draws cases of every operator at random and compares three engines: Sardonyx, ONNX's reference evaluator, ONNX Runtime.

    tools/differential.py --program build/release/sardonyx [--count 200] [--seed 1] [--work FOLDER] [--hostile] [OPERATOR...]

For development: needs onnx, onnxruntime, numpy and ml_dtypes. Attributes, types and shapes are drawn from the schemas of every
version of every operator that is in force at opset 7 or later, by one hint an operator (differential_hints*.py). What the
peers give is written as conformance cases, which `sardonyx conformance` runs; prints every disagreement, and counts.
Disagreements that are decided (docs/differences.md) are rows of KNOWN in differential_known.py, and are counted by reason.
With --hostile the peers are left alone: cases are spoilt (differential_spoil.py), and the program must live through all of them.
"""
import argparse
import collections
import json
import multiprocessing
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings

import ml_dtypes
import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

import differential_hints_control  # noqa: F401
import differential_hints_ml  # noqa: F401
import differential_hints_nn  # noqa: F401
from differential_draw import Draw, NoCase, is_integer
from differential_hints import hints
from differential_known import KNOWN
from differential_spoil import spoil

DOMAINS = ('', 'ai.onnx.ml', 'ai.onnx.preview.training')
NEWEST = {'': 28, 'ai.onnx.ml': 5, 'ai.onnx.preview.training': 1}
PLAIN = {'float32', 'float64', 'float16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool', 'object', 'complex64', 'complex128'}
PEERS = ('reference', 'onnxruntime')


def tensor_type(array):
    return helper.np_dtype_to_tensor_dtype(np.dtype(array.dtype)) if array.dtype.kind != 'O' else TensorProto.STRING


def value_info(name, value):
    if isinstance(value, list):
        return helper.make_tensor_sequence_value_info(name, tensor_type(value[0]), None)
    return helper.make_tensor_value_info(name, tensor_type(value), list(value.shape))


def build(schema, opset, case, rng, infer=True):
    """The model of one node; small integer inputs become initializers at times, as exporters write them."""
    node = helper.make_node(schema.name, [], [f'y{k}' for k in range(case.outputs)], name='node', domain=schema.domain, **case.attributes)
    inputs, initializers, feeds = [], [], {}
    for k, value in enumerate(case.inputs):
        node.input.append('' if value is None else f'x{k}')
        if value is None:
            continue
        if k > 0 and isinstance(value, np.ndarray) and value.dtype == np.int64 and value.ndim < 2 and rng.random() < 0.5:
            initializers.append(numpy_helper.from_array(value, f'x{k}'))
            continue
        inputs.append(value_info(f'x{k}', value))
        feeds[f'x{k}'] = value
    while node.input and not node.input[-1]:
        node.input.pop()
    outputs = [helper.make_empty_tensor_value_info(name) for name in node.output]
    graph = helper.make_graph([node], 'case', inputs, outputs, initializers)
    imports = [helper.make_opsetid(schema.domain, opset)] + ([helper.make_opsetid('', 21)] if schema.domain else [])
    model = helper.make_model(graph, opset_imports=imports, ir_version=10 if opset < 23 or schema.domain else 13)
    if not infer:  # onnx's own inference does not live through every spoilt model
        return model, feeds
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=False)
    del model.graph.output[:]
    for output in inferred.graph.output:
        kind = output.type
        if kind.WhichOneof('value') == 'tensor_type':
            kind.tensor_type.ClearField('shape')
        model.graph.output.append(output)
    return model, feeds


def run_reference(model, feeds):
    from onnx.reference import ReferenceEvaluator
    return ReferenceEvaluator(model).run(None, feeds)


def odd(element):
    return element not in (0, None) and element != TensorProto.STRING and np.dtype(helper.tensor_dtype_to_np_dtype(element)).name not in PLAIN


def run_onnxruntime(model, feeds):
    """Types that its Python interface cannot pass go in as initializers and come out through a Cast to float."""
    import onnxruntime
    model = onnx.ModelProto.FromString(model.SerializeToString())
    feeds = dict(feeds)
    for info in list(model.graph.input):
        if odd(info.type.tensor_type.elem_type):
            model.graph.initializer.append(numpy_helper.from_array(feeds.pop(info.name), info.name))
            model.graph.input.remove(info)
    back = {}
    for info in model.graph.output:
        element = info.type.tensor_type.elem_type
        if odd(element):
            back[info.name] = helper.tensor_dtype_to_np_dtype(element)
            model.graph.node.append(helper.make_node('Cast', [info.name], [info.name + '_float'], to=TensorProto.FLOAT))
            info.name += '_float'
            info.type.tensor_type.elem_type = TensorProto.FLOAT
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=['CPUExecutionProvider'])
    results = session.run(None, feeds)
    return [np.asarray(r).astype(back[name[:-6]]) if name.endswith('_float') and name[:-6] in back else r for name, r in
            zip([o.name for o in model.graph.output], results)]


def serialized(value, name):
    if isinstance(value, list):
        if value and isinstance(value[0], dict):
            raise NoCase
        return numpy_helper.from_list([np.asarray(v) for v in value], name, None if value else onnx.SequenceProto.TENSOR).SerializeToString()
    return numpy_helper.from_array(np.asarray(value), name).SerializeToString()


def tolerances(case, results):
    """By the least precise type among inputs and outputs; integers must be equal."""
    arrays = [v for v in list(case.inputs) + list(results) if isinstance(v, np.ndarray) or np.isscalar(v)]
    names = {np.asarray(v).dtype.name for v in arrays}
    rtol, atol = 1e-3, 1e-5
    if 'float16' in names:
        rtol, atol = 1e-2, 1e-2
    if 'bfloat16' in names:
        rtol, atol = 3e-2, 3e-2
    if any('float8' in n or 'float6' in n or 'float4' in n for n in names):
        rtol, atol = 1e-6, 0
    if all(is_integer(np.asarray(v).dtype) or np.asarray(v).dtype == bool for v in results if not isinstance(v, list)):
        rtol, atol = 0, case.inexact
    return {'rtol': max(rtol, case.rtol or 0), 'atol': max(atol, (case.atol or 0) if atol else 0)}


def typed(results, model):
    """The reference gives Python numbers at times, and misses no type by that: they get the declared one."""
    fixed = []
    for value, info in zip(results, model.graph.output):
        element = info.type.tensor_type.elem_type
        if not isinstance(value, (np.ndarray, list, dict)) and element:
            value = np.asarray(value, helper.tensor_dtype_to_np_dtype(element))
        fixed.append(value)
    return fixed


def write(folder, model, feeds, case, results):
    data = folder / 'test_data_set_0'
    data.mkdir(parents=True)
    try:
        for k, info in enumerate(model.graph.input):
            (data / f'input_{k}.pb').write_bytes(serialized(feeds[info.name], info.name))
        for k, (value, info) in enumerate(zip(results, model.graph.output)):
            (data / f'output_{k}.pb').write_bytes(serialized(value, info.name))
        (folder / 'model.onnx').write_bytes(model.SerializeToString())
        (folder / 'data.json').write_text(json.dumps(tolerances(case, results)))
    except Exception:
        shutil.rmtree(folder)
        raise


def draw_case(schema, opset, seed):
    draw = Draw(schema, opset, seed)
    case = hints[schema.name](draw)
    case.inputs = [value if value is None or isinstance(value, list) else np.asarray(value) for value in case.inputs]
    return case, build(schema, opset, case, draw.rng)


def work(schema, opsets, indices, seed, root, log):
    """Draws and writes cases; a peer that dies takes this process with it, and the parent goes on behind that case."""
    warnings.simplefilter('ignore')
    np.seterr(all='ignore')
    for index in indices:
        log.send(('at', index))
        opset = opsets[index % len(opsets)]
        try:
            case, (model, feeds) = draw_case(schema, opset, [seed, index, sum(map(ord, schema.name)), schema.since_version])
        except NoCase:
            log.send(('none', ''))
            continue
        for peer, run in zip(PEERS, (run_reference, run_onnxruntime)):
            try:
                results = typed(run(model, feeds), model)
                write(root / peer / f'{schema.name}-{schema.since_version}' / f'{index:05}', model, feeds, case, results)
                log.send((peer, 'gave'))
            except NoCase:
                log.send(('none', ''))
            except Exception as error:  # pylint: disable=broad-except: peers refuse in many ways
                log.send((peer, f'{type(error).__name__}: {error}'[:300]))
    log.send(('done', ''))


def run_all(schema, opsets, count, seed, root):
    """Counts of what each peer did; how it refused is in the list."""
    counts, refusals, first = collections.Counter(), collections.Counter(), 0
    while first < count:
        ours, theirs = multiprocessing.Pipe(False)
        process = multiprocessing.Process(target=work, args=(schema, opsets, range(first, count), seed, root, theirs))
        process.start()
        theirs.close()
        at = first
        try:
            while True:
                if not ours.poll(60):
                    process.kill()
                    refusals['hangs'] += 1
                    raise EOFError
                what, text = ours.recv()
                if what == 'at':
                    at = text
                elif what == 'done':
                    at = count
                    break
                elif text == 'gave':
                    counts[what] += 1
                elif what in PEERS:
                    refusals[what, re.sub(r'[0-9x,()\[\]]+', '#', text)[:160]] += 1
        except EOFError:
            refusals['crash', f'case {at}'] += 1
        process.join()
        first = at + 1
    return counts, refusals


def schemas(names):
    """(schema, opsets at which it is in force), every version."""
    groups = collections.defaultdict(list)
    for schema in defs.get_all_schemas_with_history():
        if schema.domain in DOMAINS and schema.name in hints and (not names or schema.name in names):
            groups[schema.domain, schema.name].append(schema)
    for (domain, _), versions in sorted(groups.items()):
        versions.sort(key=lambda s: s.since_version)
        for schema, later in zip(versions, versions[1:] + [None]):
            last = later.since_version - 1 if later else NEWEST[domain]
            first = max(schema.since_version, 7 if not domain else 1)
            if first <= last and not schema.deprecated:
                yield schema, sorted({first, (first + last) // 2, last})


def write_hostile(schema, opsets, count, seed, root):
    """Spoilt cases below root/hostile; their expected output is nothing that a node would give."""
    warnings.simplefilter('ignore')
    np.seterr(all='ignore')
    for index in range(count):
        try:
            draw = Draw(schema, opsets[index % len(opsets)], [seed, index, sum(map(ord, schema.name)), schema.since_version])
            case = hints[schema.name](draw)
            spoil(draw, case)
            case.inputs = [value if value is None or isinstance(value, list) else np.asarray(value) for value in case.inputs]
            model, feeds = build(schema, draw.opset, case, draw.rng, infer=False)
            nothing = [np.zeros((), np.float32)] * len(model.graph.output)
            write(root / 'hostile' / f'{schema.name}-{schema.since_version}' / f'{index:05}', model, feeds, case, nothing)
        except Exception:  # pylint: disable=broad-except: what cannot even be written is no case
            continue


def run_hostile(program, root):
    """Runs them operator by operator; prints which die, and cases that take long."""
    total, failed = 0, False
    for folder in sorted((root / 'hostile').iterdir()):
        try:
            answer = subprocess.run([program, 'conformance', str(folder), '--json'], capture_output=True, text=True, timeout=600, check=False,
                                    preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30)))
            cases = json.loads(answer.stdout)['cases']
        except (subprocess.TimeoutExpired, json.JSONDecodeError) as error:
            print(f'{folder}: {type(error).__name__}')
            failed = True
            continue
        total += len(cases)
        for one in cases:
            if one['seconds'] > 1:
                print(f'{folder}/{one["name"]}: {one["seconds"]:.1f} s, {one["reason"][:100]}\n    {explain(folder / one["name"])[:300]}')
    print(f'{total} spoilt cases')
    return failed


def explain(folder):
    """One line of text for a case: operator, attributes, inputs."""
    model = onnx.load(folder / 'model.onnx')
    node = model.graph.node[0]
    attributes = ', '.join(f'{a.name}={helper.get_attribute_value(a)}'[:90] for a in node.attribute)
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    inputs = []
    names = {i.name: i for i in model.graph.input}
    for name in node.input:
        if name in constants:
            inputs.append(f'{constants[name].dtype}{constants[name].tolist()}')
        elif name in names:
            kind = names[name].type.tensor_type
            inputs.append(f'{TensorProto.DataType.Name(kind.elem_type).lower()}{[x.dim_value for x in kind.shape.dim]}' if kind.elem_type else 'seq')
        else:
            inputs.append('-')
    return f'opset {model.opset_import[0].version} <{attributes}> ({", ".join(inputs)})'


def known(name, reason, text, peer):
    operator, version = name.split('/')[0].rsplit('-', 1)
    for operators, peers, pattern, why in KNOWN:
        if peer in peers and re.fullmatch(operators, operator) and re.search(pattern, f'v{version} {reason} {text}'):
            return why
    return None


def conformance(program, folder):
    """Names of all cases below the folder, and the reasons of those that fail."""
    if not folder.exists():
        return set(), {}
    answer = subprocess.run([program, 'conformance', str(folder), '--json'], capture_output=True, text=True)
    try:
        cases = json.loads(answer.stdout)['cases']
    except json.JSONDecodeError:
        sys.exit(f'{program} died on {folder}:\n{answer.stderr[-2000:]}')
    return {one['name'] for one in cases}, {one['name']: one['reason'] for one in cases if one['status'] == 'failed'}


def judge(program, root, show):
    """Prints and counts the disagreements; those with every peer that ran the case come first."""
    results = {peer: conformance(program, root / peer) for peer in PEERS}
    counts = {peer: collections.Counter() for peer in PEERS}
    lines = []
    for peer, other in (PEERS, PEERS[::-1]):
        ran, failed = results[peer]
        counts[peer]['agree'] = len(ran) - len(failed)
        for name, reason in failed.items():
            text = explain(root / peer / name)
            why = known(name, reason, text, peer)
            other_agrees = name in results[other][0] and name not in results[other][1]
            counts[peer][why or (f'{peer} alone' if other_agrees else 'open')] += 1
            if not why:
                order = 1 if name not in results[other][0] else 0 if name in results[other][1] else 2
                tag = ('nobody agrees with us', f'{other} refuses', f'{other} agrees with us')[order]
                lines.append((order, name.split('/')[0], f'{peer} {name} ({tag}): {reason}\n    {text[:400]}', f'{peer}/{name}'))
    shown = collections.Counter()
    for order, operator, text, _ in sorted(lines):
        shown[order, operator] += 1
        if shown[order, operator] <= show:
            print(text)
    for peer in PEERS:
        print(f'{peer}: {len(results[peer][0])} cases')
        for what, number in counts[peer].most_common():
            print(f'    {number:6} {what}')
    return [line[-1] for line in sorted(lines)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--program', default='build/release/sardonyx')
    parser.add_argument('--count', type=int, default=200, help='cases an operator version')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--show', type=int, default=3, help='disagreements shown an operator version')
    parser.add_argument('--work', help='folder of the cases; kept')
    parser.add_argument('--reuse', action='store_true', help='judge the cases that are in --work')
    parser.add_argument('--refusals', action='store_true', help='list what the peers refuse')
    parser.add_argument('--hostile', action='store_true', help='spoil the cases, and see that the program lives through them')
    parser.add_argument('operators', nargs='*')
    args = parser.parse_args()
    os.environ['ALLOW_RELEASED_ONNX_OPSET_ONLY'] = '0'
    root = pathlib.Path(args.work or tempfile.mkdtemp(prefix='differential-'))
    if args.hostile:
        shutil.rmtree(root / 'hostile', ignore_errors=True)
        for schema, opsets in schemas(args.operators):
            write_hostile(schema, opsets, args.count, args.seed, root)
        sys.exit(run_hostile(args.program, root))
    if not args.reuse:
        for peer in PEERS:
            shutil.rmtree(root / peer, ignore_errors=True)
        for schema, opsets in schemas(args.operators):
            counts, refusals = run_all(schema, opsets, args.count, args.seed, root)
            print(f'{schema.name}-{schema.since_version}: ' + ', '.join(f'{peer} {counts[peer]}' for peer in PEERS), flush=True)
            for key, number in refusals.most_common(12 if args.refusals else 0):
                print(f'    {number} {key}')
            for key in refusals:
                if key[0] == 'crash':
                    print(f'    a peer died: {key[1]}')
    open_ones = judge(args.program, root, args.show)
    (root / 'open.txt').write_text('\n'.join(open_ones) + '\n')
    if not args.work:
        shutil.rmtree(root)


if __name__ == '__main__':
    main()
