"""Models of transformers for pytorch_models.py: an architecture each, by a tiny configuration of the usual names.

Which class, and which inputs, is asked of AutoModel's mappings and of the signature of `forward`; what no tiny configuration makes, or
what needs inputs that nobody could guess, is skipped and counted. Nothing is downloaded.
"""
import inspect
import re

# The first mapping that knows a model says what it is for; text with and without a cache come first.
HEADS = ['CAUSAL_LM', 'SEQ_TO_SEQ_CAUSAL_LM', 'MASKED_LM', 'SPEECH_SEQ_2_SEQ', 'CTC', 'OBJECT_DETECTION', 'UNIVERSAL_SEGMENTATION', 'SEMANTIC_SEGMENTATION',
         'IMAGE_CLASSIFICATION', 'DEPTH_ESTIMATION', 'VIDEO_CLASSIFICATION', 'ZERO_SHOT_OBJECT_DETECTION', 'MASK_GENERATION', 'TIME_SERIES_PREDICTION',
         'TEXT_TO_SPECTROGRAM', 'TEXT_TO_WAVEFORM', 'AUDIO_CLASSIFICATION', 'KEYPOINT_DETECTION', 'IMAGE_TO_IMAGE', 'TABLE_QUESTION_ANSWERING',
         'DOCUMENT_QUESTION_ANSWERING', 'VISUAL_QUESTION_ANSWERING', 'QUESTION_ANSWERING', 'SEQUENCE_CLASSIFICATION', 'IMAGE_SEGMENTATION', 'POSE_ESTIMATION',
         'TEXT_RECOGNITION', 'TABLE_RECOGNITION', 'IMAGE_TEXT_TO_TEXT', 'AUDIO_TOKENIZATION', 'BACKBONE', 'PRETRAINING']

TINY = {
    # width and depth
    'hidden_size': 32, 'd_model': 32, 'n_embd': 32, 'dim': 32, 'embed_dim': 32, 'embedding_size': 32, 'projection_dim': 16, 'word_embed_proj_dim': 32, 'd_embed': 32,
    'num_hidden_layers': 2, 'n_layer': 2, 'num_layers': 2, 'n_layers': 2, 'encoder_layers': 2, 'decoder_layers': 2, 'num_encoder_layers': 2, 'num_decoder_layers': 2,
    'num_blocks': 2, 'depth': 2, 'num_hidden_groups': 1, 'embedding_hidden_size': 32, 'hidden_dim': 32, 'attention_hidden_size': 32, 'decoder_hidden_size': 32,
    'intermediate_size': 48, 'd_ff': 48, 'n_inner': 48, 'ffn_dim': 48, 'encoder_ffn_dim': 48, 'decoder_ffn_dim': 48, 'mlp_dim': 48, 'moe_intermediate_size': 24,
    'shared_expert_intermediate_size': 24, 'ffn_hidden_size': 48, 'decoder_intermediate_size': 48, 'dim_ff': 48, 'encoder_dim': 32, 'decoder_dim': 32,
    # heads
    'num_attention_heads': 4, 'n_head': 4, 'n_heads': 4, 'num_heads': 4, 'encoder_attention_heads': 4, 'decoder_attention_heads': 4, 'num_key_value_heads': 2, 'head_dim': 8,
    'd_kv': 8, 'rotary_dim': 4, 'q_lora_rank': 16, 'kv_lora_rank': 16, 'qk_rope_head_dim': 4, 'qk_nope_head_dim': 4, 'v_head_dim': 8, 'decoder_num_attention_heads': 4,
    # vocabulary, length, tokens
    'vocab_size': 99, 'max_position_embeddings': 64, 'n_positions': 64, 'max_seq_len': 64, 'pad_token_id': 0, 'bos_token_id': 1, 'eos_token_id': 2, 'type_vocab_size': 2,
    'decoder_start_token_id': 1, 'max_source_positions': 64, 'max_target_positions': 64, 'attention_window': 8, 'block_size': 8, 'sliding_window': 8, 'vocab_size_per_layer_input': 99,
    'hidden_size_per_layer_input': 8,
    # experts and states
    'num_local_experts': 4, 'num_experts': 4, 'n_routed_experts': 4, 'num_experts_per_tok': 2, 'moe_num_experts': 4, 'moe_topk': 2, 'n_group': 1, 'topk_group': 1,
    'state_size': 8, 'mamba_d_state': 8, 'mamba_n_heads': 4, 'mamba_num_heads': 4, 'mamba_d_head': 16, 'mamba_head_dim': 16, 'n_groups': 1, 'mamba_n_groups': 1, 'time_step_rank': 4,
    'linear_num_key_heads': 2, 'linear_num_value_heads': 4, 'linear_key_head_dim': 8, 'linear_value_head_dim': 8, 'lru_width': 32, 'mamba_chunk_size': 8, 'chunk_size': 8,
    # pictures and sound
    'image_size': 32, 'patch_size': 8, 'num_labels': 5, 'num_mel_bins': 16, 'max_length': 64, 'num_queries': 6, 'use_pretrained_backbone': False, 'num_frames': 4,
    'decoder_num_hidden_layers': 2, 'num_conv_pos_embeddings': 16, 'num_conv_pos_embedding_groups': 4, 'encoder_feed_forward_dim': 48, 'prediction_length': 4, 'context_length': 12,
    'use_cache': False, 'num_image_tokens': 4, 'query_length': 4}


def tiny(config_class, more=()):
    """A small configuration, parts included, or the reason why none was made."""
    default = config_class()
    values = {name: value for name, value in {**TINY, **dict(more)}.items() if isinstance(getattr(default, name, None), (int, float, type(None))) and hasattr(default, name)}
    if getattr(default, 'num_key_value_heads', None) == getattr(default, 'num_attention_heads', 0):
        values.pop('num_key_value_heads', None)
        if hasattr(default, 'num_key_value_heads'):
            values['num_key_value_heads'] = 4
    parts = {}
    for name in getattr(config_class, 'sub_configs', {}):
        part = getattr(default, name, None)
        if hasattr(part, 'to_dict') and hasattr(part, 'model_type'):
            parts[name] = tiny(type(part)).to_dict()
    try:
        return config_class(**values, **parts)
    except Exception:  # noqa: BLE001: it checks them together
        config = config_class(**parts)
        for name, value in values.items():
            try:
                setattr(config, name, value)
            except Exception:  # noqa: BLE001
                pass
        return config


def find(config, name, default=None):
    """An attribute of the configuration or of one of its parts."""
    if isinstance(getattr(config, name, None), (int, list, tuple)):
        return getattr(config, name)
    for part in getattr(type(config), 'sub_configs', {}):
        value = getattr(getattr(config, part, None), name, None)
        if isinstance(value, (int, list, tuple)):
            return value
    return default


def make_inputs(torch, model, config, run):
    """The inputs by name, of run 0 or 1: what the signature of forward has of the names that are known here."""
    parameters = inspect.signature(model.forward).parameters
    main = getattr(model, 'main_input_name', 'input_ids')
    batch, length = (2, 10) if run == 0 else (3, 7)
    size = find(config, 'image_size', 64)
    height, width = size[:2] if isinstance(size, (list, tuple)) else (size, size)
    channels = find(config, 'num_channels', 3)
    frames = find(config, 'num_frames', 4)
    kinds = {
        'input_ids': lambda: torch.randint(3, 90, (batch, length)),
        'attention_mask': lambda: torch.ones(batch, length, dtype=torch.int64),
        'token_type_ids': lambda: torch.zeros(batch, length, dtype=torch.int64),
        'bbox': lambda: torch.cat([torch.randint(0, 20, (batch, length, 2)), torch.randint(20, 40, (batch, length, 2))], -1),
        'decoder_input_ids': lambda: torch.randint(3, 90, (batch, 5)),
        'pixel_values': lambda: torch.randn(batch, channels, height, width),
        'pixel_values_videos': lambda: torch.randn(batch, frames, channels, height, width),
        'input_values': lambda: torch.randn(batch, 4000),
        'input_features': lambda: torch.randn(batch, 64, find(config, 'num_mel_bins', find(config, 'feature_projection_input_dim', 80))),
        'past_values': lambda: torch.rand(batch, find(config, 'context_length', 12) + max(find(config, 'lags_sequence', [0]) or [0]), *([find(config, 'num_input_channels')] if find(config, 'num_input_channels') else [])),
    }
    names = [main]
    if main == 'input_ids':
        names += [n for n in ('attention_mask', 'bbox') if n in parameters]
        if any(re.search('vision|image', part) for part in getattr(type(config), 'sub_configs', {})) and 'pixel_values' in parameters:
            names.append('pixel_values')
    elif main in ('pixel_values', 'input_values', 'input_features') and parameters.get('input_ids') is not None and hasattr(config, 'text_config'):
        names += ['input_ids']
    if 'decoder_input_ids' in parameters and (getattr(config, 'is_encoder_decoder', False) or find(config, 'decoder_start_token_id')):
        names.append('decoder_input_ids')
    names += [n for n, p in parameters.items() if p.default is p.empty and p.kind == p.POSITIONAL_OR_KEYWORD and n not in names]
    unknown = [n for n in names if n not in kinds]
    if unknown:
        raise ValueError(f'inputs that are not known: {unknown}')
    inputs = {name: kinds[name]() for name in names}
    if main == 'input_features' and 'whisper' in config.model_type or config.model_type in ('speech_to_text',) and False:
        inputs['input_features'] = torch.randn(batch, find(config, 'num_mel_bins', 80), 2 * find(config, 'max_source_positions', 64))
    if main == 'pixel_values' and ('video' in config.model_type or config.model_type in ('timesformer', 'vivit', 'vjepa2')):
        inputs['pixel_values'] = torch.randn(batch, frames, channels, height, width)
    return inputs


def wrapped(torch, model, names, fixed):
    """A module whose forward has these names as parameters, and gives the tensors of the first level of the output."""
    def pick(result):
        values = list(result.values()) if hasattr(result, 'values') else list(result) if isinstance(result, (tuple, list)) else [result]
        tensors = [v for v in values if isinstance(v, torch.Tensor)]
        if not tensors:
            tensors = [t for v in values if isinstance(v, (tuple, list)) for t in v if isinstance(t, torch.Tensor)]
        return tuple(tensors[:4])
    scope = {'pick': pick, 'fixed': fixed}
    exec(f'def forward(self, {", ".join(names)}):\n    return pick(self.model({", ".join(f"{n}={n}" for n in names)}, **fixed))', scope)  # noqa: S102
    kind = type('Model', (torch.nn.Module,), {'forward': scope['forward']})
    module = kind()
    module.model = model
    return module


def with_cache(torch, model):
    """A decoder with past keys and values as tensors: forward(ids, mask, key_0, value_0, ...) -> logits and all keys and values."""
    from transformers import DynamicCache
    count = model.config.get_text_config().num_hidden_layers
    past = [f'{what}_{i}' for i in range(count) for what in ('key', 'value')]
    pairs = ', '.join(f'(key_{i}, value_{i})' for i in range(count))

    def call(self, ids, mask, pairs):
        cache = DynamicCache(pairs)
        result = self.model(input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True)
        return (result.logits, *[t for layer in result.past_key_values.layers for t in (layer.keys, layer.values)])
    scope = {'call': call}
    exec(f'def forward(self, ids, mask, {", ".join(past)}):\n    return call(self, ids, mask, [{pairs}])', scope)  # noqa: S102
    module = type('Model', (torch.nn.Module,), {'forward': scope['forward']})()
    module.model = model
    return module


def models(torch, pattern, head=None):
    """(name, function that makes (description, module, inputs of a run, dynamic axes)) of every architecture."""
    import transformers
    from transformers.models.auto import modeling_auto as auto
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    transformers.logging.set_verbosity_error()
    mappings = [(h, getattr(auto, f'MODEL_FOR_{h}_MAPPING')) for h in HEADS if hasattr(auto, f'MODEL_FOR_{h}_MAPPING')] + [('BASE', auto.MODEL_MAPPING)]

    def build(model_type, config_class, mapping):
        config = tiny(config_class)
        classes = mapping[config_class]
        model_class = classes[0] if isinstance(classes, tuple) else classes
        try:
            config._attn_implementation = 'sdpa'
            with torch.device('meta'):
                size = sum(p.numel() for p in model_class(config).parameters())
        except ValueError:  # not every model has it
            config._attn_implementation = 'eager'
            with torch.device('meta'):
                size = sum(p.numel() for p in model_class(config).parameters())
        if size > 40e6:
            raise ValueError(f'too large by {size / 1e6:.0f} million parameters')
        return config, model_class(config).eval()

    def one(model_type, config_class, mapping):
        config, model = build(model_type, config_class, mapping)
        first = make_inputs(torch, model, config, 0)
        fixed = {'use_cache': False} if 'use_cache' in inspect.signature(model.forward).parameters else {}
        dynamic = [[0, 1] if n in ('input_ids', 'attention_mask', 'bbox') else [0] for n in first]
        return (f'transformers {model_type} ({type(model).__name__})', wrapped(torch, model, list(first), fixed),
                lambda run: tuple(make_inputs(torch, model, config, run).values()), dynamic)

    def cached(model_type, config_class, mapping):
        _, model = build(model_type, config_class, mapping)
        text = model.config.get_text_config()
        heads = getattr(text, 'num_key_value_heads', None) or text.num_attention_heads
        width = getattr(text, 'head_dim', None) or text.hidden_size // text.num_attention_heads

        def inputs(run):
            batch, past = ((2, 6), (3, 5))[run]
            layers = [torch.randn(batch, heads, past, width) for _ in range(2 * text.num_hidden_layers)]
            return (torch.randint(3, 90, (batch, 1)), torch.ones(batch, past + 1, dtype=torch.int64), *layers)
        return f'transformers {model_type} ({type(model).__name__}) with a cache', with_cache(torch, model), inputs, [[0], [0, 1]] + [[0, 2]] * (2 * text.num_hidden_layers)

    for model_type, config_class in CONFIG_MAPPING.items():
        if not re.search(pattern, model_type):
            continue
        known = [(h, m) for h, m in mappings if config_class in m]
        if known:
            yield f'hf_{model_type}', lambda a=(model_type, config_class, known[0][1]): one(*a)
            if known[0][0] == 'CAUSAL_LM':
                yield f'hf_cache_{model_type}', lambda a=(model_type, config_class, known[0][1]): cached(*a)
