#!/usr/bin/env python3
"""Cases of single PyTorch operators, from the samples that PyTorch tests itself with, and whether they convert and match.

    tools/pytorch_operators.py make FOLDER [--samples 3] [OPERATOR...]
    tools/pytorch_operators.py judge FOLDER --program build/release/sardonyx [--pattern REGEX]
    tools/pytorch_operators.py calls FILE [--samples 8] [--dtypes float32,int64] [--in-place] [OPERATOR...]

`calls` writes every call of an aten operator below the samples as a line for tests/import/operator_cases.cc, which runs thousands of
them in a second, with --dynamic as well.

For development: making needs torch, expecttest and scipy; judging only numpy. Samples are spread over those that PyTorch has of
an operator (ranks, broadcasts, empty tensors, arguments); one of them is exported with dynamic sizes. Operators that draw
random numbers, and outputs whose size is random, are left out.
"""
import argparse
import pathlib
import re
import sys
import warnings

import pytorch_cases as cases

SKIP = re.compile(r'(dropout|rand|normal|bernoulli|multinomial|cauchy|exponential|geometric|uniform|empty|item|^to_sparse|sparse|allclose|'
                  r'^equal$|tolist|svd_lowrank|pca_lowrank|_fill_mem|fractional_max|alpha_dropout|rrelu)')


def make_module(op, sample):
    import torch
    from torch.utils import _pytree
    leaves, spec = _pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
    places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]
    inputs = tuple(leaves[i].detach().clone() for i in places)
    constants = [None if i in places else leaf for i, leaf in enumerate(leaves)]

    class Module(torch.nn.Module):
        def forward(self, *tensors):
            filled = list(constants)
            for place, tensor in zip(places, tensors):
                filled[place] = tensor
            args, kwargs = _pytree.tree_unflatten(filled, spec)
            return op(*args, **kwargs)

    return Module().eval(), inputs


def choose(samples, count):
    step = max(1, len(samples) // count)
    return samples[::step][:count]


def usable(tensors):
    import torch
    # .npz has no bfloat16.
    return tensors and all(t.dtype not in (torch.complex32, torch.bfloat16) and t.layout == torch.strided and not t.is_complex() for t in tensors)


def write(op, dtype, index, sample, folder, counts):
    import torch
    module, inputs = make_module(op, sample)
    if not usable(inputs) or sum(t.numel() for t in inputs) > 200000:
        return
    with torch.no_grad():
        outputs, again = cases.tensors_of(module(*[t.clone() for t in inputs])), cases.tensors_of(module(*[t.clone() for t in inputs]))
    if not usable(outputs) or any(not torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) for a, b in zip(outputs, again)):
        return
    name = re.sub(r'\W', '_', op.name + ('.' + op.variant_test_name if op.variant_test_name else '')) + f'-{str(dtype)[6:]}-{index}'
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    dynamic = index == 1
    try:
        shapes = tuple({d: torch.export.Dim.AUTO for d in range(t.dim())} for t in inputs) if dynamic else None
        program = torch.export.export(module, inputs, dynamic_shapes=(shapes,) if dynamic else None, strict=False)
        torch.export.save(program, folder / 'model.pt2')
        counts['exported'] += 1
    except Exception as error:  # noqa: BLE001: whatever PyTorch cannot export is no case
        counts['not exported'] += 1
        (folder / 'export_error.txt').write_text(f'{type(error).__name__}: {error}'[:2000])
    try:
        torch.jit.save(torch.jit.trace(module, inputs, check_trace=False), folder / 'model.torchscript.pt')
        counts['traced'] += 1
    except Exception:  # noqa: BLE001
        counts['not traced'] += 1
    if not any(folder.glob('model.*')):
        return
    cases.write_case(folder, f'{op.name} on {[list(t.shape) for t in inputs]}', [(inputs, outputs)], operator=op.name, dynamic=dynamic,
                     flags={'model.torchscript.pt': input_flags(inputs)})


# A trace has no types and shapes of its own.
def input_flags(inputs):
    names = {'float32': 'float', 'float64': 'double'}
    flags = []
    for i, tensor in enumerate(inputs):
        dtype = str(tensor.dtype)[6:]
        flags += ['--input', f'input_{i}:{names.get(dtype, dtype)}[{",".join(map(str, tensor.shape))}]']
    return flags


def make(arguments):
    import collections
    import logging
    import torch
    from torch.testing._internal.common_methods_invocations import op_db
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)
    counts = collections.Counter()
    for op in op_db:
        if SKIP.search(op.name) or (arguments.only and op.name not in arguments.only):
            continue
        for dtype in (torch.float32, torch.int64, torch.bool):
            if dtype not in op.dtypes or (dtype != torch.float32 and torch.float32 in op.dtypes and dtype == torch.bool):
                continue
            torch.manual_seed(1)
            try:
                samples = list(op.sample_inputs('cpu', dtype, requires_grad=False))[:300]
            except Exception:  # noqa: BLE001
                continue
            count = arguments.samples if dtype == torch.float32 or torch.float32 not in op.dtypes else 1
            for index, sample in enumerate(choose(samples, count)):
                try:
                    write(op, dtype, index, sample, pathlib.Path(arguments.folder), counts)
                except Exception as error:  # noqa: BLE001
                    counts['failed'] += 1
                    print('failed', op.name, type(error).__name__, str(error)[:200], flush=True)
    print(dict(counts))


# Calls that say nothing of a value.
PLAIN = re.compile(r'aten\.(empty|new_empty|item|_local_scalar_dense|detach|lift_fresh|clone|alias|rand|bernoulli|sym_|_assert|_reshape_alias)')


def call_case(target, arguments, named, result):
    """The case of one call, or None if its arguments or results are of another kind than the file has."""
    import torch
    from make_torch_operator_cases import argument_json, tensor_json
    from torch.utils import _pytree
    outputs = cases.tensors_of(result)
    tensors = [leaf for leaf in _pytree.tree_leaves((arguments, named)) if isinstance(leaf, torch.Tensor)] + outputs
    if not outputs or any(t.layout != torch.strided or t.numel() > 3000 for t in tensors):
        return None
    half = any(t.dtype in (torch.float16, torch.bfloat16) for t in tensors)
    ignored = (torch.device, torch.layout, torch.memory_format)
    try:
        return {'operator': str(target).replace('::', '.'), 'arguments': argument_json(list(arguments)),
                'named': {k: argument_json(x) for k, x in named.items() if not isinstance(x, ignored) and k != 'pin_memory'},
                'outputs': [tensor_json(one) for one in outputs], 'rtol': 5e-2 if half else 1e-3, 'atol': 2e-2 if half else 1e-4}
    except KeyError:  # an element type
        return None


def record(function, inputs, write):
    """Calls a function of tensors and writes a case for every aten operator that it calls."""
    import torch
    from torch.fx.experimental.proxy_tensor import make_fx
    from torch.utils import _pytree

    class Recorder(torch.fx.Interpreter):
        def call_function(self, target, arguments, named):
            before = _pytree.tree_map(lambda x: x.clone() if isinstance(x, torch.Tensor) else x, (arguments, named))
            result = super().call_function(target, arguments, named)
            if isinstance(target, torch._ops.OpOverload) and not PLAIN.match(str(target)):
                case = call_case(target, *before, result)
                if case is not None:
                    write(case)
            return result

    graph = make_fx(function, tracing_mode='real', pre_dispatch=True)(*[t.clone() for t in inputs])
    Recorder(graph).run(*[t.clone() for t in inputs])


def calls(arguments):
    import collections
    import json
    import logging
    import random
    import torch
    from torch.testing._internal.common_methods_invocations import op_db
    from torch.utils import _pytree
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)
    chosen, lines, counts = random.Random(arguments.seed), set(), collections.Counter()
    for op in op_db:
        function = op.inplace_variant if arguments.in_place else op
        if SKIP.search(op.name) or function is None or (arguments.only and op.name not in arguments.only):
            continue
        for dtype in (getattr(torch, name) for name in arguments.dtypes.split(',')):
            torch.manual_seed(arguments.seed)
            try:
                samples = list(op.sample_inputs('cpu', dtype, requires_grad=False))[:400] if dtype in op.dtypes else []
            except Exception:  # noqa: BLE001
                continue
            for sample in chosen.sample(samples, min(arguments.samples, len(samples))):
                leaves, spec = _pytree.tree_flatten(((sample.input, *sample.args), sample.kwargs))
                places = [i for i, leaf in enumerate(leaves) if isinstance(leaf, torch.Tensor)]

                def call(*tensors):
                    filled = list(leaves)
                    for place, tensor in zip(places, tensors):
                        filled[place] = tensor
                    args, kwargs = _pytree.tree_unflatten(filled, spec)
                    return function(*args, **kwargs)

                if any(leaves[i].numel() > 3000 for i in places):
                    continue
                try:
                    record(call, [leaves[i].detach() for i in places], lambda case: lines.add(json.dumps(case)))
                except Exception:  # noqa: BLE001: what cannot be traced is no case
                    counts['not traced'] += 1
    pathlib.Path(arguments.folder).write_text('\n'.join(sorted(lines)) + '\n')
    print(len(lines), 'calls of', len({line.split('"')[3] for line in lines}), 'operators;', dict(counts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['make', 'judge', 'calls'])
    parser.add_argument('folder')
    parser.add_argument('only', nargs='*')
    parser.add_argument('--samples', type=int, default=3, help='an operator and type')
    parser.add_argument('--dtypes', default='float32', help='of calls')
    parser.add_argument('--in-place', action='store_true', help='calls in place')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--program', default='build/release/sardonyx')
    parser.add_argument('--pattern', default='')
    parser.add_argument('--summary', help='file for the failures by their causes')
    parser.add_argument('--work', default='/tmp/pytorch_operators')
    arguments = parser.parse_intermixed_args()
    warnings.filterwarnings('ignore')
    if arguments.what == 'make':
        make(arguments)
    elif arguments.what == 'calls':
        calls(arguments)
    else:
        sys.exit(1 if cases.judge_all(arguments.program, arguments.folder, arguments.work, arguments.pattern, summary=arguments.summary) else 0)


if __name__ == '__main__':
    main()
