#!/usr/bin/env python3
"""Files of any PyTorch from 1.13 on, as cases: what its torch.export.save, torch.jit.save and torch.save write.

    PYTHON_WITH_THAT_TORCH tools/pytorch_versions.py make FOLDER [--pattern REGEX]
    tools/pytorch_versions.py judge FOLDER --program build/release/sardonyx [--pattern REGEX]

For development: making needs nothing but that torch, NumPy before 2 for old ones, and torchvision for its part. What a version cannot
export is skipped and counted.
"""
import argparse
import collections
import logging
import pathlib
import re
import sys
import warnings

import pytorch_cases as cases


def modules(torch):
    """name -> (module, inputs of two runs, dynamic axes an input: {axis: name of the Dim})."""
    nn, F = torch.nn, torch.nn.functional
    rand = torch.rand
    old = torch.__version__ < '2'

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Conv2d(8, 8, 3, padding=1, groups=4)
            self.norm_a, self.norm_b, self.head = nn.BatchNorm2d(8), nn.BatchNorm2d(8), nn.Linear(8, 5)

        def forward(self, x):
            x = F.relu(self.norm_a(self.a(x)), inplace=True)
            x = F.max_pool2d(x + self.norm_b(self.b(x)), 2, ceil_mode=True)
            return F.log_softmax(self.head(F.dropout(torch.flatten(F.adaptive_avg_pool2d(x, 1), 1), 0.5, self.training)), dim=1)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.position = nn.Embedding(40, 16, padding_idx=0), nn.Embedding(32, 16)
            self.qkv, self.norm, self.head = nn.Linear(16, 48), nn.LayerNorm(16), nn.Linear(16, 40, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, ids, mask):
            x = self.embed(ids) + self.position(torch.arange(ids.shape[1], device=ids.device))
            qkv = self.qkv(self.norm(x)).view(ids.shape[0], ids.shape[1], 3, 4, 4)
            q, k, v = qkv[:, :, 0].transpose(1, 2), qkv[:, :, 1].transpose(1, 2), qkv[:, :, 2].transpose(1, 2)
            bias = torch.zeros(mask.shape, dtype=x.dtype).masked_fill(mask == 0, float('-inf'))[:, None, None, :]
            scores = torch.softmax(q @ k.transpose(-2, -1) / 4 ** 0.5 + bias, dim=-1)
            x = x + (scores @ v).transpose(1, 2).reshape(ids.shape[0], ids.shape[1], -1)
            return self.head(F.gelu(x, approximate='tanh'))

    class Fused(nn.Module):
        def __init__(self):
            super().__init__()
            self.project = nn.Linear(8, 24)

        def forward(self, x, mask):
            q, k, v = [t.unflatten(-1, (2, 4)).transpose(1, 2) for t in self.project(x).split(8, dim=-1)]
            return F.scaled_dot_product_attention(q, k, v, mask), F.scaled_dot_product_attention(q, k, v, is_causal=True)

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm, self.gru, self.rnn = nn.LSTM(6, 5, 2, batch_first=True, bidirectional=True), nn.GRU(10, 4), nn.RNN(4, 3, nonlinearity='relu')

        def forward(self, x):
            y, (h, c) = self.lstm(x)
            z, state = self.gru(y)
            return self.rnn(z)[0], h, c, state

    class Mutating(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer('count', torch.zeros((), dtype=torch.int64))
            self.register_buffer('cache', torch.zeros(2, 4))
            self.register_buffer('scale', torch.tensor([1.0, 2.0, 3.0, 4.0]), persistent=False)

        def forward(self, x):
            self.count += 1
            self.cache.mul_(0.5).add_(x)
            return self.cache * self.scale + self.count

    class Nested(nn.Module):
        def forward(self, pair, options):
            (a, b), c = pair, options['c']
            return {'sum': a + b, 'list': [a * c, (b - c, a.shape[0])], 'same': a}

    class Types(nn.Module):
        def __init__(self, dtype):
            super().__init__()
            self.layer = nn.Linear(6, 4).to(dtype)
            self.dtype = dtype
            self.register_buffer('table', torch.arange(-8, 8, dtype=torch.int8))
            self.register_buffer('mask', torch.tensor([True, False, True, True]))

        def forward(self, x):
            y = F.linear(x.to(self.dtype).float(), self.layer.weight.float(), self.layer.bias.float())  # old ones have no half arithmetic here
            return torch.where(self.mask, y, torch.zeros_like(y)) + self.table[4:8].to(torch.float32)

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Linear(6, 6)
            self.second = nn.Linear(6, 6)
            self.second.weight = self.first.weight
            base = torch.randn(12, 12)
            self.register_buffer('view', base[2:8, 3:9].t())
            self.register_buffer('wide', torch.randn(1, 6).expand(6, 6))
            self.register_buffer('last', torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last))

        def forward(self, x):
            return self.second(self.first(x)) @ self.view + x @ self.wide + self.last.sum()

    class Resizing(nn.Module):
        def forward(self, x):
            grid = F.affine_grid(torch.tensor([[[1.0, 0.2, 0.0], [0.1, 0.9, 0.1]]]).expand(x.shape[0], 2, 3), [2, 4, 6, 6], align_corners=False)
            return (F.interpolate(x, scale_factor=2.0, mode='bilinear', align_corners=False), F.interpolate(x, size=(3, 7), mode='nearest'),
                    F.interpolate(x, scale_factor=1.5, mode='bicubic', align_corners=True), F.pixel_shuffle(x, 2), F.pad(x, (1, 2, 0, 1), mode='reflect'),
                    F.grid_sample(x, grid, align_corners=False), F.avg_pool2d(x, 3, 2, 1, count_include_pad=False))

    class Indexing(nn.Module):
        def forward(self, x, index):
            y = x.clone()
            y[:, 1] = 0
            y[..., ::2] += 1
            y[index] = x[index] * 2
            return y, x[:, index], torch.gather(x, 1, index[None].expand(x.shape[0], -1)), x.index_select(0, index), x.scatter(1, index[None], 9.0)

    class Ordering(nn.Module):
        def forward(self, x):
            values, indices = torch.topk(x, 3, dim=1)
            ordered, order = torch.sort(x, dim=-1, descending=True)
            return values, indices, ordered, order, x.cumsum(1), x.argmax(1), x.max(1)[0], torch.einsum('ij,kj->ik', x, x), x.std(1), torch.clamp(x, min=0.2), \
                torch.var_mean(x, dim=1)[0], torch.norm(x, dim=1), x.tril(), torch.logsumexp(x, 1)

    class Norms(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.Sequential(nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1), nn.GroupNorm(3, 6), nn.SiLU(), nn.InstanceNorm2d(6, affine=True),
                                        nn.Hardswish(), nn.PReLU(6), nn.Conv2d(6, 4, 3, dilation=2, padding='same', padding_mode='zeros'), nn.Softplus(), nn.ELU(), nn.Mish())

        def forward(self, x):
            return self.layers(x)

    class Sizes(nn.Module):
        def forward(self, x):
            batch, length = x.shape[0], x.shape[1]
            y = x.reshape(batch * length, -1)
            z = torch.cat([x, torch.zeros(batch, 2, x.shape[2])], dim=1)
            position = torch.arange(length, dtype=torch.float32)[None, :, None].expand(batch, length, 1)
            return y.sum(1), z[:, 1:], x * position / length, x.new_ones(batch, 3), torch.full((length,), batch), x.mean((1, 2)) * (length // 2)

    class Literals(nn.Module):
        def forward(self, x):
            with torch.no_grad():
                table = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
            return x @ table, torch.clamp(x, -float('inf'), 0.5), x + torch.tensor(2), torch.where(x > 0.5, x, torch.tensor(-1.0)), x.to(torch.float16).to(torch.float32), \
                torch.linspace(0, 1, 5), torch.eye(3), x.type_as(torch.zeros(1, dtype=torch.float64))

    class Spectrum(nn.Module):
        def forward(self, x):
            y = torch.fft.rfft(x, norm='ortho')
            return torch.abs(y), torch.view_as_real(y * y.conj()), torch.fft.irfft(y, n=8, norm='ortho')

    class Branch(nn.Module):
        def forward(self, x):
            cond = getattr(torch, 'cond', None)
            if cond is None:
                from functorch.experimental.control_flow import cond
            return cond(x.sum() > 4, lambda v: v.sin() + 1, lambda v: v.cos() * 2, [x])

    class Precision(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            with torch.autocast('cpu', dtype=torch.bfloat16):
                y = self.layer(x)
            return y.float()

    class Loop(nn.Module):
        def forward(self, x):
            from torch._higher_order_ops.while_loop import while_loop
            return while_loop(lambda i, v: i < 4, lambda i, v: (i + 1, v * 1.5 + i), (torch.tensor(0), x))[1]

    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 24, batch_first=True, norm_first=True, activation='gelu'), 2, enable_nested_tensor=False) \
        if not old else nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 4, 24, batch_first=True), 2, enable_nested_tensor=False)
    batch = {0: 'batch'}
    pictures = [(rand(2, 3, 12, 14),), (rand(3, 3, 12, 14),)]
    ids = [(torch.randint(1, 40, shape), torch.ones(shape, dtype=torch.int64)) for shape in ((2, 7), (3, 5))]
    small = [(rand(2, 4),), (rand(2, 4) * 2,)]
    rows = [(rand(3, 6),), (rand(4, 6),)]
    return {
        'residual': (Residual(), pictures, [batch]),
        'attention': (Attention(), ids, [{0: 'batch', 1: 'length'}] * 2),
        'fused': (Fused(), [(rand(2, 5, 8), rand(2, 1, 5, 5) > 0.3), (rand(3, 5, 8), rand(3, 1, 5, 5) > 0.3)], [batch, batch]),
        'recurrent': (Recurrent(), [(rand(2, 5, 6),), (rand(2, 5, 6),)], [{}]),
        'encoder': (encoder, [(rand(2, 5, 16),), (rand(3, 5, 16),)], [batch]),
        'mutating': (Mutating(), small[:1], [{}]),
        'nested': (Nested(), [((rand(2, 3), rand(2, 3)), {'c': rand(2, 3)})], None),
        'half': (Types(torch.float16), rows, [batch]),
        'bfloat16': (Types(torch.bfloat16), rows, [batch]),
        'double': (Types(torch.float64), rows, [batch]),
        'shared': (Shared(), rows, [batch]),
        'resizing': (Resizing(), [(rand(2, 4, 6, 6),)], [{}]),
        'indexing': (Indexing(), [(rand(4, 4), torch.tensor([2, 0, 3]))], [{}, {}]),
        'ordering': (Ordering(), [(rand(3, 6),), (rand(4, 6),)], [batch]),
        'norms': (Norms(), [(rand(2, 4, 7, 7),), (rand(3, 4, 7, 7),)], [batch]),
        'sizes': (Sizes(), [(rand(2, 4, 3),), (rand(3, 5, 3),)], [{0: 'batch', 1: 'length'}]),
        'literals': (Literals(), [(rand(3, 2),), (rand(4, 2),)], [batch]),
        'spectrum': (Spectrum(), [(rand(2, 8),), (rand(3, 8),)], [batch]),
        'branch': (Branch(), small, [{}]),
        'precision': (Precision(), small, [{}]),
        'loop': (Loop(), small, [{}]),
    }


def scripted(torch):
    """Modules whose control flow only torch.jit.script keeps: name -> (module, inputs of runs)."""
    nn = torch.nn
    from typing import Dict, List, Optional, Tuple

    class Loops(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)])
            self.cell = nn.LSTMCell(4, 4)

        def forward(self, x: torch.Tensor, steps: Optional[torch.Tensor] = None) -> Tuple[torch.Tensor, List[torch.Tensor], Dict[str, torch.Tensor]]:
            kept: List[torch.Tensor] = []
            for i, layer in enumerate(self.layers):
                x = torch.tanh(layer(x))
                if i % 2 == 0:
                    kept.append(x)
            h, c = torch.zeros(x.size(0), 4), torch.zeros(x.size(0), 4)
            for _ in range(3):
                h, c = self.cell(x, (h, c))
            if steps is not None:
                h = h + steps
            if bool(x.sum() > 0):
                x = x * 2
            else:
                x = x - 1
            i = 0
            while i < x.size(1):
                x[:, i] += i
                i += 1
            return x, kept, {'h': h}

    class Strings(nn.Module):
        mode: str

        def __init__(self):
            super().__init__()
            self.mode, self.factor = 'double', 2.5

        def helper(self, x: torch.Tensor, shape: List[int]) -> torch.Tensor:
            assert len(shape) == 2, f'{shape}'
            return x.view(shape[1], shape[0]) if self.mode == 'double' else x

        @torch.jit.export
        def other(self, x: torch.Tensor) -> torch.Tensor:
            return x + 1

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.helper(x, list(x.shape)) * self.factor + float(x.dim())

    return {'loops': (Loops(), [(torch.rand(2, 4),), (torch.rand(3, 4),)]), 'strings': (Strings(), [(torch.rand(2, 4),), (torch.rand(3, 5),)])}


def quantized(torch):
    """Eager-mode quantization, static and dynamic: name -> (module, inputs)."""
    nn, q = torch.nn, torch.ao.quantization

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.quant, self.dequant = q.QuantStub(), q.DeQuantStub()
            self.conv, self.norm, self.relu, self.fc = nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Linear(8, 4)
            self.add = torch.ao.nn.quantized.FloatFunctional()

        def forward(self, x):
            x = self.relu(self.norm(self.conv(self.quant(x))))
            return self.dequant(self.fc(self.add.add(x, x).mean((2, 3))))

    x = torch.rand(2, 3, 8, 8)
    torch.backends.quantized.engine = 'fbgemm'
    net = Net().eval()
    net.qconfig = q.get_default_qconfig('fbgemm')
    net = q.prepare(q.fuse_modules(net, [['conv', 'norm', 'relu']]))
    net(x)
    dynamic = q.quantize_dynamic(nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3)).eval(), {nn.Linear}, torch.qint8)
    return {'quantized': (q.convert(net), [(x,)]), 'quantized_dynamic': (dynamic, [(torch.rand(2, 6),)])}


def export(torch, module, args, dynamic):
    """The exported program, by whichever way this version says that sizes are dynamic."""
    tree = args
    if dynamic is None or not any(dynamic):
        return torch.export.export(module, tree)
    if hasattr(torch.export, 'Dim'):
        dims = {name: torch.export.Dim(name, min=2, max=12) for axes in dynamic for name in axes.values()}
        return torch.export.export(module, tree, dynamic_shapes=tuple({axis: dims[name] for axis, name in axes.items()} for axes in dynamic))
    constraints, first = [], {}
    for tensor, axes in zip(args, dynamic):
        for axis, name in axes.items():
            dim = torch.export.dynamic_dim(tensor, axis)
            constraints.append(dim == first[name] if name in first else dim <= 12)
            first.setdefault(name, dim)
    return torch.export.export(module, tree, constraints=constraints)


class Maker:
    def __init__(self, root, pattern):
        self.root, self.pattern, self.counts = pathlib.Path(root), pattern, collections.Counter()

    def attempt(self, kind, name, function):
        try:
            function()
            self.counts[kind] += 1
        except Exception as error:  # noqa: BLE001: what this version cannot
            self.counts[f'no {kind}'] += 1
            print(f'no {kind}: {name}: {type(error).__name__}: {str(error).strip().splitlines()[0][:160] if str(error).strip() else ""}', flush=True)

    def case(self, torch, name, module, runs, dynamic, ways, tolerance=1e-4):
        """Saves a case; `ways` lists export, trace, script and mobile."""
        if not re.search(self.pattern, name):
            return
        import copy
        module = module.eval()
        done = []
        with torch.no_grad():
            try:
                for args in runs:
                    done.append((cases.tensors_of(args), cases.tensors_of(copy.deepcopy(module)(*copy.deepcopy(args)))))
            except Exception as error:  # noqa: BLE001
                print(f'not run: {name}: {error}', flush=True)
                return
            folder = self.root / name
            folder.mkdir(parents=True, exist_ok=True)
            args = runs[0]
            if 'export' in ways and hasattr(torch, 'export') and hasattr(torch.export, 'export'):
                def save():
                    torch.export.save(export(torch, copy.deepcopy(module), args, dynamic), folder / 'model.pt2')
                    program = export(torch, copy.deepcopy(module), args, dynamic)
                    if hasattr(program, 'run_decompositions'):
                        torch.export.save(program.run_decompositions(), folder / 'model.decomposed.pt2')
                self.attempt('export', name, save)
            flags = {}
            tensors = cases.tensors_of(args)
            if dynamic is not None:
                types = {'float32': 'float', 'float64': 'double'}
                shapes = [[axes.get(a, str(n)) for a, n in enumerate(t.shape)] for t, axes in zip(tensors, dynamic or [{}] * len(tensors))]
                names = [f'input_{i}:{types.get(str(t.dtype)[6:], str(t.dtype)[6:])}[{",".join(shape)}]' for i, (t, shape) in enumerate(zip(tensors, shapes))]
                flags = {file: [part for text in names for part in ('--input', text)] for file in ('model.torchscript.pt', 'model.ptl')}
            if 'trace' in ways:
                self.attempt('trace', name, lambda: torch.jit.save(torch.jit.trace(copy.deepcopy(module), args, check_trace=False, strict=False), folder / 'model.torchscript.pt'))
            if 'script' in ways:
                self.attempt('script', name, lambda: torch.jit.save(torch.jit.script(copy.deepcopy(module)), folder / 'model.torchscript.pt'))
            if 'mobile' in ways:
                from torch.utils.mobile_optimizer import optimize_for_mobile
                self.attempt('mobile', name, lambda: optimize_for_mobile(torch.jit.script(copy.deepcopy(module)))._save_for_lite_interpreter(str(folder / 'model.ptl')))
        if any(folder.glob('model.*')):
            cases.write_case(folder, f'torch {torch.__version__} {name}', done, rtol=max(1e-3, tolerance), atol=tolerance, flags=flags)


def make(root, pattern):
    import copy
    import torch
    torch.manual_seed(5)
    torch.set_num_threads(1)
    maker = Maker(root, pattern)
    for name, (module, runs, dynamic) in modules(torch).items():
        tolerance = 0.05 if name in ('half', 'bfloat16', 'precision') else 1e-4
        maker.case(torch, name, module, runs, dynamic, ['export'] + ['trace'] * (name not in ('nested', 'branch', 'loop', 'mutating')), tolerance)
        if name in ('residual', 'attention', 'recurrent', 'norms', 'ordering', 'shared'):
            fixed = None if dynamic is None else dynamic
            maker.case(torch, name + '_script', module, runs, fixed, ['script', 'mobile'])
    for name, (module, runs) in scripted(torch).items():
        maker.case(torch, name, module, runs, [{a: f's{a}' for a in range(2)} for _ in runs[0]], ['script', 'mobile'])
    for name, (module, runs) in quantized(torch).items():
        maker.case(torch, name, module, runs, [{}], ['trace'], 1e-3)
        maker.case(torch, name + '_script', module, runs, [{}], ['script', 'mobile'], 1e-3)
    try:
        import torchvision
    except Exception as error:  # noqa: BLE001
        print('no torchvision:', error)
        print(torch.__version__, dict(maker.counts))
        return
    models = torchvision.models
    for name in ('resnet18', 'mobilenet_v3_small', 'shufflenet_v2_x0_5', 'squeezenet1_1', 'swin_t', 'vit_b_32'):
        size = 224 if name.startswith(('swin', 'vit')) else 64
        model = getattr(models, name)(num_classes=10)
        maker.case(torch, 'tv_' + name, model, [(torch.rand(2, 3, size, size),), (torch.rand(3, 3, size, size),)], [{0: 'batch'}], ['export', 'trace'])
        if name in ('resnet18', 'mobilenet_v3_small', 'shufflenet_v2_x0_5', 'squeezenet1_1') and re.search(pattern, 'checkpoint'):
            x = torch.rand(2, 3, size, size)
            state = model.eval().state_dict()
            forms = {'plain': lambda path, s=state: torch.save(s, path), 'legacy': lambda path, s=state: torch.save(s, path, _use_new_zipfile_serialization=False),
                     'training': lambda path, s=state, m=model: torch.save({'epoch': 3, 'state_dict': {'module.' + k: v for k, v in s.items()},
                                                                            'optimizer': torch.optim.SGD(m.parameters(), 0.1, momentum=0.9).state_dict()}, path),
                     'parameters': lambda path, s=state: torch.save({k: torch.nn.Parameter(v, requires_grad=False) for k, v in s.items()}, path)}
            for form, write in forms.items():
                folder = maker.root / f'checkpoint_{name}_{form}'
                folder.mkdir(parents=True, exist_ok=True)
                maker.attempt('checkpoint', folder.name, lambda: write(folder / 'model.state_dict.pth'))
                with torch.no_grad():
                    cases.write_case(folder, f'torch {torch.__version__} {folder.name}', [((x,), (copy.deepcopy(model)(x),))], atol=1e-4,
                                     flags={'model.state_dict.pth': ['--arch', name]})
    print(torch.__version__, dict(maker.counts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['make', 'judge'])
    parser.add_argument('folder')
    parser.add_argument('--program', default='build/release/sardonyx')
    parser.add_argument('--pattern', default='')
    parser.add_argument('--summary', help='file for the failures by their causes')
    parser.add_argument('--work', default='/tmp/pytorch_versions')
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore')
    logging.disable(logging.ERROR)
    if arguments.what == 'judge':
        sys.exit(1 if cases.judge_all(arguments.program, arguments.folder, arguments.work, arguments.pattern, summary=arguments.summary) else 0)
    make(arguments.folder, arguments.pattern)


if __name__ == '__main__':
    main()
