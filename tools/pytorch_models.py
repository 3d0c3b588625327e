#!/usr/bin/env python3
"""Whole models as cases: torchvision and timm with small settings, transformers with tiny configurations, the modules of torch.nn.

    tools/pytorch_models.py make FOLDER torchvision|detection|timm|transformers|modules|audio [--pattern REGEX] [--decompose] [--each N]
    tools/pytorch_models.py judge FOLDER --program build/release/sardonyx [--pattern REGEX] [--onnxruntime]

For development: making needs torch and the library that is named; nothing is downloaded, weights are random. Each model is exported
with torch.export (batch and, for text, length dynamic where PyTorch allows it), traced and scripted where it can be; inputs of two
sizes are kept with what PyTorch gives for them. Each is made in a process of its own, and given up after --seconds.
With --program, make judges each as it is made and removes what matches: the large ones need no disk then.
"""
import argparse
import collections
import logging
import os
import pathlib
import re
import shutil
import signal
import sys
import time
import traceback
import warnings

import pytorch_cases as cases


def save(folder, what, model, make_inputs, dynamic, options, script=False):
    """Writes one case; `make_inputs(k)` gives the tensors of run k, and `dynamic` the axes of each that differ between runs."""
    import torch
    model = model.eval()
    runs = []
    with torch.no_grad():
        for k in range(2):
            inputs = tuple(make_inputs(k))
            try:
                runs.append((inputs, cases.tensors_of(model(*[t.clone() for t in inputs]))))
            except Exception:  # noqa: BLE001: it takes the first size only
                if k == 0:
                    raise
                runs.append(runs[0])
    folder.mkdir(parents=True, exist_ok=True)
    used = runs if any(dynamic) else runs[:1]

    def attempt(kind, function):
        try:
            function()
            print(kind, folder.name, flush=True)
        except Exception as error:  # noqa: BLE001
            print(f'not {kind}', folder.name, f'{type(error).__name__}: {error}'[:200].replace('\n', ' '), flush=True)

    def export():
        nonlocal used
        shapes = tuple({axis: torch.export.Dim.AUTO for axis in axes} for axes in dynamic)
        program = torch.export.export(model, runs[0][0], dynamic_shapes=shapes if any(dynamic) else None, strict=False)
        try:
            program.module()(*runs[1][0])
        except Exception:  # noqa: BLE001: PyTorch itself has fixed the size
            used = runs[:1]
        torch.export.save(program, folder / 'model.pt2')
        if options.decompose:
            attempt('decomposed', lambda: torch.export.save(program.run_decompositions(), folder / 'model.decomposed.pt2'))

    with torch.no_grad():
        attempt('exported', export)
        attempt('traced', lambda: torch.jit.save(torch.jit.trace(model, runs[0][0], check_trace=False, strict=False), folder / 'model.torchscript.pt'))
        if script:
            attempt('scripted', lambda: torch.jit.save(torch.jit.script(model), folder / 'model.script.pt'))
    if any(folder.glob('model.*')):
        flags = []
        types = {'float32': 'float', 'float64': 'double'}
        for i, (tensor, axes) in enumerate(zip(runs[0][0], dynamic or [[]] * len(runs[0][0]))):
            dims = [('batch', 'length', 'c', 'd')[a] if a in axes and used is runs else str(n) for a, n in enumerate(tensor.shape)]
            dtype = str(tensor.dtype)[6:]
            flags += ['--input', f'input_{i}:{types.get(dtype, dtype)}[{",".join(dims)}]']
        scale = max([1.0] + [float(t.abs().nan_to_num(posinf=0).max()) for t in runs[0][1] if t.numel() and t.is_floating_point()])
        cases.write_case(folder, what, used, rtol=1e-3, atol=1e-4 * scale, flags={'model.torchscript.pt': flags, 'model.script.pt': flags})


def isolated(name, one, seconds):
    """Runs `one` in a process of its own, which ends after `seconds`: some models take all memory, or never end."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            one()
            code = 0
        except Exception:  # noqa: BLE001: not every configuration is one
            print('not made', name, traceback.format_exc().strip().splitlines()[-1][:200], flush=True)
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            print('not made', name, f'took more than {seconds} s', flush=True)
            return
        time.sleep(0.05)


def pictures(sizes, size):
    import torch
    return lambda k: (torch.randn(sizes[k], 3, size, size),)


def make_torchvision(root, pattern, options):
    import torch
    import torchvision
    models = torchvision.models
    for name in models.list_models(models):
        if not re.search(pattern, name) or re.search('vgg1[169]|_h_|128gf|32gf|16gf|_l$|large_|b[4567]$|101|152|v2_[ml]|convnext_(base|small)|swin.*_[sb]$|vit_l', name):
            continue
        size = 224 if name.startswith(('swin', 'maxvit', 'vit')) else 299 if name.startswith('inception') else 64
        if name.startswith('swin_v2'):
            size = 256
        kwargs = {'num_classes': 10} | ({'init_weights': False} if name in ('inception_v3', 'googlenet') else {})
        yield name, lambda n=name, s=size, kw=kwargs: save(root / f'tv_{n}', f'torchvision {n}', models.get_model(n, weights=None, **kw), pictures((2, 3), s), [[0]], options)
    for name in models.list_models(models.segmentation):
        if re.search(pattern, name):
            yield name, lambda n=name: save(root / f'tv_seg_{n}', f'torchvision segmentation {n}',
                                            Unwrapped(models.get_model(n, weights=None, weights_backbone=None, num_classes=5), 'out'), pictures((2, 3), 65), [[0]], options)
    for name in models.list_models(models.video):
        if re.search(pattern, name) and not re.search('_b$|_l$', name):
            shape = (3, 16, 112, 112) if name.startswith(('r3d', 'mc3', 'r2plus1d')) else (3, 16, 224, 224)
            yield name, lambda n=name, s=shape: save(root / f'tv_video_{n}', f'torchvision video {n}', models.get_model(n, weights=None, num_classes=5),
                                                     lambda k: (torch.randn(1, *s),), [[]], options)
    for name in models.list_models(models.optical_flow):
        if re.search(pattern, name):
            yield name, lambda n=name: save(root / f'tv_flow_{n}', f'torchvision optical flow {n}', models.get_model(n, weights=None),
                                            lambda k: (torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)), [[], []], options)


def Unwrapped(model, key):
    import torch

    class Module(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *args, **kwargs):
            result = self.model(*args, **kwargs)
            return result[key]

    return Module()


SMALL = re.compile('(^test_|tiny|nano|pico|femto|atto|xxs|_xs|_s0|_b0|_t0|mini|lite|_050|_005|_small|18|_s_|_s$|_t_|_t$)')


def make_timm(root, pattern, options):
    """The test models, and small models of each of timm's modules: its registry has more than a thousand names, most differ in sizes only."""
    import timm
    import torch
    families = collections.defaultdict(list)
    for name in timm.list_models():
        if re.search(pattern, name):
            families[timm.models.model_entrypoint(name).__module__].append(name)
    tests = [name for names in families.values() for name in names if name.startswith('test_')]
    chosen = list(tests)
    for names in families.values():
        small = sorted((name for name in names if name not in tests), key=lambda name: (not SMALL.search(name), len(name)))
        if small:
            chosen += small[:options.each]

    def smallest(name):
        """The model at the smallest pictures that it takes, and their size."""
        channels, height, width = timm.create_model(name, pretrained=False, num_classes=7).default_cfg['input_size']
        for size in (64, 112, 128, 192):
            for more in ({'img_size': size}, {}):
                try:
                    model = timm.create_model(name, pretrained=False, num_classes=7, **more).eval()
                    with torch.no_grad():
                        model(torch.randn(1, channels, size, size))
                    return model, (channels, size, size)
                except Exception:  # noqa: BLE001
                    pass
        return timm.create_model(name, pretrained=False, num_classes=7), (channels, height, width)

    for name in chosen:
        def one(n=name):
            with torch.device('meta'):
                size = sum(p.numel() for p in timm.create_model(n, pretrained=False).parameters())
            if size > 30e6:
                raise ValueError(f'too large by {size / 1e6:.0f} million parameters')
            model, shape = smallest(n)
            save(root / f'timm_{n}', f'timm {n}', model, lambda k: (torch.randn((2, 3)[k], *shape),), [[0]], options, script=True)
        yield f'timm_{name}', one


def make_detection(root, pattern, options):
    """torchvision's detectors (scripted, and traced with lists of dicts flattened), its quantized models, and its operators."""
    import torch
    import torchvision
    models = torchvision.models

    def detector(name):
        torch.manual_seed(0)
        model = models.get_model(name, weights=None, weights_backbone=None, **({} if name.startswith('ssd') else {'min_size': 96, 'max_size': 128}))
        model.eval()

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, x):
                found = self.model([x])
                return tuple((found[1] if isinstance(found, tuple) else found)[0].values())
        save(root / f'tv_{name}', f'torchvision detection {name}', Module(), lambda k: (torch.rand(3, 96, 112),), [[]], options)
        save(root / f'tv_scripted_{name}', f'torchvision detection {name}, scripted', Scripted(model), lambda k: (torch.rand(3, 96, 112),), [[]], options)

    def Scripted(model):
        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = torch.jit.script(model)

            def forward(self, x):
                return tuple(self.model([x])[1][0].values())
        return Module()

    for name in models.list_models(models.detection):
        if re.search(pattern, name):
            yield f'tv_{name}', lambda n=name: detector(n)
    for name in models.list_models(models.quantization):
        if re.search(pattern, name) and not re.search('101|large', name):
            size = 299 if 'inception' in name else 64

            def one(n=name, s=size):
                torch.backends.quantized.engine = 'fbgemm'
                model = models.get_model(n, weights=None, quantize=True, num_classes=10, **({'init_weights': False} if re.search('inception|googlenet', n) else {}))
                save(root / f'tv_{n}', f'torchvision quantized {n}', model, pictures((2, 3), s), [[0]], options, script=True)
            yield f'tv_{name}', one


def make_transformers(root, pattern, options):
    import torch
    import pytorch_transformers
    for name, make in pytorch_transformers.models(torch, pattern):
        yield name, lambda n=name, m=make: save(root / n, *m(), options)


def make_modules(root, pattern, options):
    import torch
    import pytorch_modules
    makers = pytorch_modules.audio if options.library == 'audio' else pytorch_modules.models
    for name, make in makers(torch):
        if re.search(pattern, name):
            yield name, lambda n=name, m=make: save(root / n, *m(), options, script=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['make', 'judge'])
    parser.add_argument('folder')
    parser.add_argument('library', nargs='?', choices=['torchvision', 'detection', 'timm', 'transformers', 'modules', 'audio'])
    parser.add_argument('--program', help='judge: build/release/sardonyx; make: judge each with it and remove what matches')
    parser.add_argument('--pattern', default='')
    parser.add_argument('--decompose', action='store_true', help='also what run_decompositions() gives')
    parser.add_argument('--each', type=int, default=1, help='timm: models of each of its modules')
    parser.add_argument('--seconds', type=int, default=240, help='for one model')
    parser.add_argument('--onnxruntime', action='store_true', help='judge also by ONNX Runtime, which this Python then needs')
    parser.add_argument('--summary', help='file for the failures by their causes')
    parser.add_argument('--work', default='/tmp/pytorch_models')
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore')
    if arguments.what == 'judge':
        sys.exit(1 if cases.judge_all(arguments.program or 'build/release/sardonyx', arguments.folder, arguments.work, arguments.pattern,
                                      summary=arguments.summary, onnxruntime=arguments.onnxruntime) else 0)
    import torch
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)
    root = pathlib.Path(arguments.folder)
    maker = {'torchvision': make_torchvision, 'detection': make_detection, 'timm': make_timm, 'transformers': make_transformers,
             'modules': make_modules, 'audio': make_modules}[arguments.library]
    for name, one in maker(root, arguments.pattern, arguments):
        if (root / name / 'meta.json').exists() or (root / name / 'matches').exists():
            continue  # made before
        torch.manual_seed(3)
        isolated(name, one, arguments.seconds)
        if arguments.program and (root / name / 'meta.json').exists():
            if not cases.judge_all(arguments.program, root / name, arguments.work, summary=None):
                shutil.rmtree(root / name)
                (root / name).mkdir()
                (root / name / 'matches').touch()


if __name__ == '__main__':
    main()
