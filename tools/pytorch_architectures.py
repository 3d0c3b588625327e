#!/usr/bin/env python3
"""Checkpoints of every torchvision architecture that --arch names, with random weights: which convert and match.

    tools/pytorch_architectures.py --program build/release/sardonyx [--auto] [NAME...]

For development: needs torch and torchvision. Weights and running statistics are drawn at random, so that a layer in a wrong place
shows. With --auto the architecture is left to be recognized. Files are removed as soon as they have been judged: some have gigabytes.
"""
import argparse
import collections
import pathlib
import shutil
import sys
import warnings

import pytorch_cases as cases

# Sizes other than the models' own, to keep it short. Where the graph depends on the size it is said with --input.
SIZES = {'inception_v3': 107, 'alexnet': 96, 'vgg': 64, 'swin': 0, 'maxvit': 0, 'vit': 0}


def randomize(model, seed):
    import torch
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                uniform(module.running_mean, -0.2, 0.2)
                uniform(module.running_var, 0.5, 1.5)
                uniform(module.weight, 0.7, 1.3)
                uniform(module.bias, -0.2, 0.2)
            elif isinstance(module, torch.nn.LayerNorm):
                uniform(module.weight, 0.7, 1.3)
                uniform(module.bias, -0.2, 0.2)
        for name, parameter in model.named_parameters():
            if name.endswith(('layer_scale', 'class_token', 'relative_position_bias_table', 'heads.head.weight', 'pos_embedding')):
                uniform(parameter, -0.5, 0.5)
            elif name.endswith('bias') and parameter.abs().max() == 0:
                uniform(parameter, -0.1, 0.1)


def build(name):
    import torchvision
    if name in ('inception_v3', 'googlenet'):
        return torchvision.models.get_model(name, weights=None, init_weights=False, num_classes=17)
    return torchvision.models.get_model(name, weights=None, num_classes=17)


def judge(name, arguments, folder):
    import torch
    torch.manual_seed(7)
    model = build(name).eval()
    randomize(model, 5)
    size = next((size for prefix, size in SIZES.items() if name.startswith(prefix)), 72)
    if size == 0:
        size = 256 if name.startswith('swin_v2') else 224
    runs = []
    with torch.no_grad():
        for batch in (2, 1):
            x = torch.randn(batch, 3, size, size)
            runs.append(([x], [model(x)]))
    shutil.rmtree(folder, ignore_errors=True)
    cases.write_case(folder, f'torchvision {name}', runs, rtol=1e-3, atol=1e-4 * max(1.0, float(runs[0][1][0].abs().max())))
    torch.save(model.state_dict(), folder / 'model.state_dict.pth')
    del model
    return cases.judge(arguments.program, folder, 'model.state_dict.pth', folder, ['--arch', 'auto' if arguments.auto else name])


def main():
    import torch
    import torchvision
    parser = argparse.ArgumentParser()
    parser.add_argument('names', nargs='*')
    parser.add_argument('--program', default='build/release/sardonyx')
    parser.add_argument('--auto', action='store_true')
    parser.add_argument('--work', default='/tmp/pytorch_architectures')
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore')
    torch.set_num_threads(1)
    names = arguments.names or torchvision.models.list_models(torchvision.models)
    counts = collections.Counter()
    for name in names:
        folder = pathlib.Path(arguments.work) / name
        what, why = judge(name, arguments, folder)
        shutil.rmtree(folder, ignore_errors=True)
        counts[what] += 1
        print(f'{what:8} {name} {why[:500]}', flush=True)
    total = sum(counts.values())
    print(f'{total} architectures, {counts["matches"]} match ({100 * counts["matches"] / max(1, total):.1f} %); {dict(counts)}')
    sys.exit(0 if counts['matches'] == total else 1)


if __name__ == '__main__':
    main()
