"""What the scripts pytorch_*.py share: writing cases as files, and converting and comparing them with the program.

A case is a folder: model.pt2 and (or) model.torchscript.pt, or model.state_dict.pth; inputs_K.npz and outputs_K.npz, whose keys
are in the order of the arguments and outputs; meta.json with the tolerance. For development: needs torch, which is no dependency
of the project.
"""
import collections
import json
import pathlib
import re
import shutil
import subprocess

import numpy as np

FILES = ('model.pt2', 'model.decomposed.pt2', 'model.torchscript.pt', 'model.script.pt', 'model.ptl', 'model.state_dict.pth')


def to_numpy(tensor):
    """A tensor as an array; bfloat16 as float32, since NumPy has no such type."""
    import torch
    tensor = tensor.detach().cpu().resolve_conj().resolve_neg()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.float()
    return np.array(tensor.numpy(), order='C')  # ascontiguousarray would give a scalar a dimension


def write_arrays(path, prefix, tensors):
    """The tensors as PREFIX_0, PREFIX_1 ... in an .npz."""
    np.savez(path, **{f'{prefix}_{i}': to_numpy(t) for i, t in enumerate(tensors)})


def tensors_of(tree):
    """The tensors among a result's leaves, numbers as 0-d tensors."""
    import torch
    from torch.utils import _pytree
    leaves = _pytree.tree_flatten(tree)[0]
    return [leaf if isinstance(leaf, torch.Tensor) else torch.tensor(leaf) for leaf in leaves if isinstance(leaf, (torch.Tensor, bool, int, float))]


def write_case(folder, what, runs, rtol=1e-3, atol=1e-4, **more):
    """Writes data and meta.json; `runs` holds (inputs, outputs), tensors each. Model files are the caller's."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for k, (inputs, outputs) in enumerate(runs):
        write_arrays(folder / f'inputs_{k}.npz', 'input', inputs)
        write_arrays(folder / f'outputs_{k}.npz', 'output', outputs)
    meta = {'name': folder.name, 'what': what, 'tolerance': {'rtol': rtol, 'atol': atol}, **more}
    (folder / 'meta.json').write_text(json.dumps(meta, indent=1))


def run(command, seconds=300):
    """(exit code, standard output, standard error); code 124 past the time."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds)
        return done.returncode, done.stdout, done.stderr
    except subprocess.TimeoutExpired:
        return 124, '', f'took more than {seconds} s'


def run_onnxruntime(model, folder, tolerance):
    """None, or how ONNX Runtime's results for the case's inputs differ. Models that it has no kernel for, or no type, count as None too."""
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 2
    try:
        session = onnxruntime.InferenceSession(str(model), options, providers=['CPUExecutionProvider'])
    except Exception as error:  # noqa: BLE001
        return None if 'NOT_IMPLEMENTED' in str(error) or 'NotImplemented' in type(error).__name__ else f'is not loaded: {error}'[:400]
    for inputs in sorted(folder.glob('inputs_*.npz')):
        given, wanted = np.load(inputs), np.load(inputs.with_name(inputs.name.replace('inputs', 'outputs')))
        given = [given[key] for key in given.files]
        named = session.get_inputs()
        try:
            results = session.run(None, {value.name: array for value, array in zip(named, given)} if len(named) <= len(given) else {})
        except Exception as error:  # noqa: BLE001
            return f'{inputs.name}: {error}'[:400]
        for key, result in zip(wanted.files, results):
            if result.shape != wanted[key].shape or not np.allclose(result.astype(np.complex128), wanted[key].astype(np.complex128), tolerance['rtol'], tolerance['atol'], equal_nan=True):
                return f'{inputs.name}: {key} {result.shape}, {wanted[key].shape} is expected'
    return None


def judge(program, folder, file, work, flags=(), onnxruntime=False):
    """('matches', '') or (what failed, why) of one model file of a case."""
    meta = json.loads((folder / 'meta.json').read_text())
    out = pathlib.Path(work) / f'{folder.name}.onnx'
    code, _, error = run([program, 'convert', folder / file, '-o', out, '--quiet', *flags])
    if code:
        return ('crash' if code < 0 or code >= 70 else 'convert', error.strip())
    code, text, error = run([program, 'check', out])
    if code:
        return 'check', (text + error).strip()
    tolerance = meta['tolerance']
    for inputs in sorted(folder.glob('inputs_*.npz')):
        outputs = inputs.with_name(inputs.name.replace('inputs', 'outputs'))
        code, text, error = run([program, 'validate', out, '--inputs', inputs, '--against', outputs, '--rtol', str(tolerance['rtol']), '--atol',
                                 str(tolerance['atol']), '--json'])
        if code == 1:
            try:
                document = json.loads(text)
                bad = [o for case in document.get('cases', []) for o in case['outputs'] if not o['ok']]
                why = bad[0]['name'] + ': ' + bad[0]['reason'] if bad else document.get('error', {}).get('message') or str([c.get('reason') for c in document['cases']])
            except (ValueError, KeyError):
                why = text + error
            return 'values', f'{inputs.name}: {why}'
        if code:
            return ('crash' if code < 0 or code >= 70 else 'run'), error.strip()
    differs = run_onnxruntime(out, folder, tolerance) if onnxruntime else None
    out.unlink(missing_ok=True)
    return ('onnxruntime', differs) if differs else ('matches', '')


def judge_all(program, root, work, pattern='', flags=(), summary=None, onnxruntime=False):
    """Judges every file of every case below `root`; prints a line a failure and the shares, and writes a summary. The failures."""
    shutil.rmtree(work, ignore_errors=True)
    pathlib.Path(work).mkdir(parents=True)
    counts, failures = collections.defaultdict(collections.Counter), []
    for folder in sorted(p.parent for p in pathlib.Path(root).rglob('meta.json')):
        for file in FILES:
            if not (folder / file).exists() or not re.search(pattern, f'{folder.name}/{file}'):
                continue
            extra = list(flags) + json.loads((folder / 'meta.json').read_text()).get('flags', {}).get(file, [])
            what, why = judge(program, folder, file, work, extra, onnxruntime)
            counts[file][what] += 1
            if what != 'matches':
                failures.append((folder.name, file, what, why))
                print(f'{what:8} {folder.name}/{file}: {why[:400]}', flush=True)
    for file, counter in counts.items():
        total = sum(counter.values())
        converted = total - counter['convert'] - counter['crash']
        print(f'{file}: {total} cases, {converted} convert ({100 * converted / total:.1f} %), {counter["matches"]} match '
              f'({100 * counter["matches"] / total:.1f} %); {dict(counter)}')
    if summary:
        summarize(failures, summary)
    return failures


def summarize(failures, path):
    """Writes the failures by what causes them: operators without a translation first, then wrong results and errors by case."""
    missing, others = collections.defaultdict(list), collections.defaultdict(list)
    for name, file, what, why in failures:
        operators = re.findall(r'^\s*((?:aten|prims|torchvision|torch|quantized\w*|higher_order|_operator|math|prim)(?:::|\.)[\w.:]+)', why, re.M)
        for operator in set(operators):
            reason = next((line for line in why.splitlines() if operator in line), '')
            missing[operator].append((f'{name}/{file}', reason.strip()))
        if not operators:
            others[what].append(f'{name}/{file}: ' + ' | '.join(why.split('\n'))[:300])
    with open(path, 'w') as out:
        print('# Without a translation, or refused: operator, cases, one of the reasons', file=out)
        for operator, cases in sorted(missing.items(), key=lambda item: -len(item[1])):
            print(f'{len(cases):4} {operator}  e.g. {cases[0][0]}: {cases[0][1][:260]}', file=out)
        for what, lines in others.items():
            print(f'\n# {what}: {len(lines)}', file=out)
            print('\n'.join(lines), file=out)
