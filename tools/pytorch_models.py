#!/usr/bin/env python3
"""Whole models as cases: torchvision and timm with small settings, transformers with tiny configurations.

    tools/pytorch_models.py make FOLDER torchvision|timm|transformers|transformers-media [--pattern REGEX]
    tools/pytorch_models.py judge FOLDER --program build/release/sardonyx [--pattern REGEX]

For development: making needs torch and the library that is named; nothing is downloaded, weights are random. Each model is exported
with torch.export (batch and, for text, length dynamic where PyTorch allows it) and traced with torch.jit.trace; inputs of two
sizes are kept with what PyTorch gives for them.
"""
import argparse
import collections
import logging
import pathlib
import re
import sys
import traceback
import warnings

import pytorch_cases as cases


def save(folder, what, model, make_inputs, dynamic, counts, names=None):
    """Writes one case; `make_inputs(k)` gives the tensors of run k, and `dynamic` the dims that differ between runs."""
    import torch
    model = model.eval()
    runs = []
    with torch.no_grad():
        for k in range(2):
            inputs = tuple(make_inputs(k))
            runs.append((inputs, cases.tensors_of(model(*[t.clone() for t in inputs]))))
    folder.mkdir(parents=True, exist_ok=True)
    used = runs
    with torch.no_grad():
        try:
            shapes = tuple({axis: torch.export.Dim.AUTO for axis in axes} for axes in dynamic)
            program = torch.export.export(model, runs[0][0], dynamic_shapes=shapes if any(dynamic) else None, strict=False)
            try:
                program.module()(*runs[1][0])
            except Exception:  # noqa: BLE001: PyTorch itself has fixed the size
                used = runs[:1]
            torch.export.save(program, folder / 'model.pt2')
            counts['exported'] += 1
        except Exception as error:  # noqa: BLE001
            counts['not exported'] += 1
            (folder / 'export_error.txt').write_text(f'{type(error).__name__}: {error}'[:4000])
        try:
            torch.jit.save(torch.jit.trace(model, runs[0][0], check_trace=False, strict=False), folder / 'model.torchscript.pt')
            counts['traced'] += 1
        except Exception:  # noqa: BLE001
            counts['not traced'] += 1
    if any(folder.glob('model.*')):
        flags = []
        types = {'float32': 'float', 'float64': 'double'}
        for i, (tensor, axes) in enumerate(zip(runs[0][0], dynamic)):
            dims = [('batch', 'length', 'c', 'd')[a] if a in axes and used is runs else str(n) for a, n in enumerate(tensor.shape)]
            dtype = str(tensor.dtype)[6:]
            flags += ['--input', f'input_{i}:{types.get(dtype, dtype)}[{",".join(dims)}]']
        cases.write_case(folder, what, used, rtol=1e-3, atol=1e-4 * max(1.0, max(float(t.abs().max()) if t.numel() and t.is_floating_point() else 0 for t in runs[0][1])),
                         flags={'model.torchscript.pt': flags})


def pictures(sizes, size):
    import torch
    return lambda k: (torch.randn(sizes[k], 3, size, size),)


def make_torchvision(root, pattern, counts):
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
        yield name, lambda n=name, s=size, kw=kwargs: save(root / f'tv_{n}', f'torchvision {n}', models.get_model(n, weights=None, **kw), pictures((2, 3), s), [[0]], counts)
    for name in models.list_models(models.segmentation):
        if re.search(pattern, name):
            yield name, lambda n=name: save(root / f'tv_seg_{n}', f'torchvision segmentation {n}',
                                            Unwrapped(models.get_model(n, weights=None, weights_backbone=None, num_classes=5), 'out'), pictures((2, 3), 65), [[0]], counts)
    for name in models.list_models(models.video):
        if re.search(pattern, name) and not re.search('_b$|_l$', name):
            shape = (3, 16, 112, 112) if name.startswith(('r3d', 'mc3', 'r2plus1d')) else (3, 16, 224, 224)
            yield name, lambda n=name, s=shape: save(root / f'tv_video_{n}', f'torchvision video {n}', models.get_model(n, weights=None, num_classes=5),
                                                     lambda k: (torch.randn(1, *s),), [[]], counts)
    for name in models.list_models(models.optical_flow):
        if re.search(pattern, name):
            yield name, lambda n=name: save(root / f'tv_flow_{n}', f'torchvision optical flow {n}', models.get_model(n, weights=None),
                                            lambda k: (torch.rand(1, 3, 128, 128), torch.rand(1, 3, 128, 128)), [[], []], counts)


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


def make_timm(root, pattern, counts):
    """The test models, and a small model of each of timm's modules: its registry has more than a thousand names, which differ in sizes only."""
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
            chosen.append(small[0])

    for name in chosen:
        def one(n=name):
            with torch.device('meta'):
                size = sum(p.numel() for p in timm.create_model(n, pretrained=False).parameters())
            if size > 30e6:
                print('too large', n, size, flush=True)
                return
            model = timm.create_model(n, pretrained=False, num_classes=7)
            channels, height, width = model.default_cfg['input_size']
            save(root / f'timm_{n}', f'timm {n}', model, lambda k: (torch.randn((2, 3)[k], channels, height, width),), [[0]], counts)
        yield name, one


TEXT = {'hidden_size': 32, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'intermediate_size': 48, 'vocab_size': 99, 'num_key_value_heads': 2, 'head_dim': 8,
        'max_position_embeddings': 64, 'd_model': 32, 'n_embd': 32, 'n_layer': 2, 'n_head': 4, 'n_positions': 64, 'num_layers': 2, 'num_heads': 4,
        'd_ff': 48, 'd_kv': 8, 'encoder_layers': 2, 'decoder_layers': 2, 'encoder_attention_heads': 4, 'decoder_attention_heads': 4,
        'encoder_ffn_dim': 48, 'decoder_ffn_dim': 48, 'dim': 32, 'n_layers': 2, 'n_heads': 4, 'hidden_dim': 48, 'embedding_size': 32, 'pad_token_id': 0,
        'num_local_experts': 4, 'num_experts': 4, 'num_experts_per_tok': 2, 'moe_intermediate_size': 24, 'use_cache': False, 'attention_window': 8, 'block_size': 8,
        'num_blocks': 2, 'ffn_dim': 48, 'word_embed_proj_dim': 32, 'bos_token_id': 1, 'eos_token_id': 2, 'n_inner': 48, 'rotary_dim': 4, 'type_vocab_size': 2}


def make_transformers(root, pattern, counts):
    """Every text model that AutoModel knows and that a tiny configuration of the usual names makes."""
    import torch
    import transformers
    from transformers.models.auto import modeling_auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    transformers.logging.set_verbosity_error()
    kinds = [('lm', modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING), ('base', modeling_auto.MODEL_MAPPING)]
    done = set()
    for kind, mapping in kinds:
        for model_type, config_class in CONFIG_MAPPING.items():
            if model_type in done or config_class not in mapping or not re.search(pattern, model_type):
                continue
            done.add(model_type)

            def one(t=model_type, c=config_class, m=mapping, k=kind):
                config = c()
                if sum(hasattr(config, name) for name in ('vocab_size',)) == 0 or hasattr(config, 'vision_config') or hasattr(config, 'audio_config'):
                    return
                for name, value in TEXT.items():
                    if hasattr(config, name):
                        try:
                            setattr(config, name, value)
                        except Exception:  # noqa: BLE001
                            pass
                model_class = m[c][0] if isinstance(m[c], tuple) else m[c]
                try:
                    config._attn_implementation = 'sdpa'
                    model = model_class(config)
                except ValueError:  # not every model has it
                    config._attn_implementation = 'eager'
                    model = model_class(config)
                if sum(p.numel() for p in model.parameters()) > 20e6:
                    return
                key = 'logits' if k == 'lm' else 0

                class Model(torch.nn.Module):
                    def __init__(self):
                        super().__init__()
                        self.model = model

                    def forward(self, ids, mask):
                        more = {'decoder_input_ids': ids} if getattr(self.model.config, 'is_encoder_decoder', False) else {}
                        return self.model(input_ids=ids, attention_mask=mask, **more)[key]

                def inputs(run):
                    batch, length = ((2, 10), (3, 7))[run]
                    return torch.randint(3, 90, (batch, length)), torch.ones(batch, length, dtype=torch.int64)
                save(root / f'hf_{t}', f'transformers {t} ({type(model).__name__})', Model(), inputs, [[0, 1], [0, 1]], counts)
            yield model_type, one


PICTURE = {'hidden_size': 32, 'num_hidden_layers': 2, 'num_attention_heads': 4, 'intermediate_size': 48, 'image_size': 32, 'patch_size': 8, 'num_labels': 5,
           'd_model': 32, 'encoder_layers': 2, 'decoder_layers': 2, 'encoder_attention_heads': 4, 'decoder_attention_heads': 4, 'encoder_ffn_dim': 48,
           'decoder_ffn_dim': 48, 'num_mel_bins': 16, 'max_length': 64, 'num_queries': 6, 'use_pretrained_backbone': False, 'num_key_value_heads': 2}


def make_pictures_and_sound(root, pattern, counts):
    """Models of transformers that take pictures or sound, by tiny configurations where the usual names make one."""
    import torch
    import transformers
    from transformers.models.auto import modeling_auto as auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    transformers.logging.set_verbosity_error()
    kinds = [('logits', 'pixel_values', auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING), ('logits', 'pixel_values', auto.MODEL_FOR_OBJECT_DETECTION_MAPPING),
             ('logits', 'pixel_values', auto.MODEL_FOR_SEMANTIC_SEGMENTATION_MAPPING), ('predicted_depth', 'pixel_values', auto.MODEL_FOR_DEPTH_ESTIMATION_MAPPING),
             ('logits', 'input_values', auto.MODEL_FOR_CTC_MAPPING), ('logits', 'input_values', auto.MODEL_FOR_AUDIO_CLASSIFICATION_MAPPING)]
    done = set()
    for key, argument, mapping in kinds:
        for model_type, config_class in CONFIG_MAPPING.items():
            if model_type in done or config_class not in mapping or not re.search(pattern, model_type):
                continue
            done.add(model_type)

            def one(t=model_type, c=config_class, m=mapping, k=key, a=argument):
                config = c()
                for name, value in PICTURE.items():
                    if isinstance(getattr(config, name, None), (int, bool)):
                        setattr(config, name, value)
                model = (m[c][0] if isinstance(m[c], tuple) else m[c])(config)
                if sum(p.numel() for p in model.parameters()) > 40e6:
                    print('too large', t, flush=True)
                    return
                size = config.image_size if isinstance(getattr(config, 'image_size', None), int) else 64
                shape = (3, size, size) if a == 'pixel_values' else (4000,)

                class Model(torch.nn.Module):
                    def __init__(self):
                        super().__init__()
                        self.model = model

                    def forward(self, x):
                        return self.model(**{a: x})[k]

                save(root / f'hf_{t}', f'transformers {t} ({type(model).__name__})', Model(), lambda run: (torch.randn((2, 3)[run], *shape),), [[0]], counts)
            yield model_type, one


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('what', choices=['make', 'judge'])
    parser.add_argument('folder')
    parser.add_argument('library', nargs='?', choices=['torchvision', 'timm', 'transformers', 'transformers-media'])
    parser.add_argument('--program', default='build/release/sardonyx')
    parser.add_argument('--pattern', default='')
    parser.add_argument('--summary', help='file for the failures by their causes')
    parser.add_argument('--work', default='/tmp/pytorch_models')
    arguments = parser.parse_args()
    warnings.filterwarnings('ignore')
    if arguments.what == 'judge':
        sys.exit(1 if cases.judge_all(arguments.program, arguments.folder, arguments.work, arguments.pattern, summary=arguments.summary) else 0)
    import torch
    logging.disable(logging.ERROR)
    torch.set_num_threads(1)
    torch.manual_seed(3)
    counts = collections.Counter()
    maker = {'torchvision': make_torchvision, 'timm': make_timm, 'transformers': make_transformers,
             'transformers-media': make_pictures_and_sound}[arguments.library]
    for name, one in maker(pathlib.Path(arguments.folder), arguments.pattern, counts):
        try:
            one()
        except Exception:  # noqa: BLE001: not every configuration is one
            counts['not made'] += 1
            print('not made', name, traceback.format_exc().strip().splitlines()[-1][:200], flush=True)
    print(dict(counts))


if __name__ == '__main__':
    main()
