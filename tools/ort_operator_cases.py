#!/usr/bin/env python3
"""Cases of single operators of com.microsoft and ai.onnx.contrib, with what ONNX Runtime computes for them.

    tools/ort_operator_cases.py             write tests/onnxruntime/operators (what ctest runs)
    tools/ort_operator_cases.py PROGRAM     compare `sardonyx run` instead, with fresh random numbers: --seed N, --only NAME

For development only: needs numpy, onnx and onnxruntime, and for ai.onnx.contrib onnxruntime-extensions (else those cases are left
as they are). Where ONNX Runtime has no CPU kernel, the expected values come from the operator's definition, in NumPy.
"""
import argparse
import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

try:
    import onnxruntime_extensions
except ImportError:
    onnxruntime_extensions = None

FOLDER = pathlib.Path(__file__).parent.parent / "tests/onnxruntime/operators"
MICROSOFT, CONTRIB = "com.microsoft", "ai.onnx.contrib"
random = np.random.default_rng(1)
cases = []


def floats(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype(np.float32)


def codes(*shape, dtype=np.uint8):
    info = np.iinfo(dtype)
    return random.integers(info.min, info.max, shape).astype(dtype)


def ints(values):
    return np.array(values, np.int32)


def case(name, op, inputs, outputs, expected=None, constants=(), domain=MICROSOFT, **attributes):
    """inputs: arrays, None where omitted, in order; constants: places of those that are initializers; expected: arrays by output."""
    cases.append((name, op, [None if i is None else np.asarray(i) for i in inputs], outputs, expected, constants, domain, attributes))


def text(name, op, inputs, outputs, **attributes):
    case(name, op, [np.array(i, object) if isinstance(i, list) and (not i or isinstance(i[0], (str, list))) else np.array(i) for i in inputs],
         outputs, domain=CONTRIB, **attributes)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def complex_pairs(z):
    return np.stack([z.real, z.imag], -1).astype(np.float32)


def group_norm(x, gamma, beta, groups, silu):
    n, h, w, c = x.shape
    y = x.transpose(0, 3, 1, 2).reshape(n, groups, -1)
    y = (y - y.mean(-1, keepdims=True)) / np.sqrt(y.var(-1, keepdims=True) + 1e-5)
    y = y.reshape(n, c, h, w).transpose(0, 2, 3, 1) * gamma + beta
    return (y * sigmoid(y) if silu else y).astype(np.float32)


def relative_positions(table, queries, keys, both_ways, furthest):
    buckets = len(table)
    distance = np.arange(keys)[None] - np.arange(queries)[:, None]
    offset = 0
    if both_ways:
        buckets //= 2
        offset, n = (distance > 0) * buckets, np.abs(distance)
    else:
        n = np.maximum(-distance, 0)
    exact = buckets // 2
    large = exact + (np.log(np.maximum(n, 1) / exact) / math.log(furthest / exact) * (buckets - exact)).astype(np.int64)
    return table[offset + np.where(n < exact, n, np.minimum(large, buckets - 1))].transpose(2, 0, 1)[None]


def gpu_only():
    x, bias = floats(2, 3, 8), floats(8)
    case("bias_add", "BiasAdd", [x, bias, 2 * x], ["y"], [3 * x + bias])
    split = x + bias
    erf = np.vectorize(math.erf)(split[..., 4:] / math.sqrt(2))
    case("bias_split_gelu", "BiasSplitGelu", [x, bias], ["y"], [(split[..., :4] * split[..., 4:] / 2 * (1 + erf)).astype(np.float32)])
    case("bias_dropout", "BiasDropout", [x, bias, x], ["y", "mask"], [2 * x + bias, np.ones(x.shape, bool)])
    data = floats(2, 3, 4, 6)
    for name, inner, b in (("inner", 1, floats(2, 1, 1, 6)), ("outer", 0, floats(3, 4, 6))):
        case(f"bias_softmax_{name}", "BiasSoftmax", [data, b], ["y"], [softmax(data + b)], axis=3, is_inner_broadcast=inner)
    image, gamma, beta = floats(1, 4, 4, 8), floats(8), floats(8)
    case("group_norm", "GroupNorm", [image, gamma, beta], ["y"], [group_norm(image, gamma, beta, 4, True)], groups=4, activation=1)
    skip, bias = floats(1, 8), floats(8)
    total = image + skip[:, None, None] + bias
    case("skip_group_norm", "SkipGroupNorm", [image, gamma, beta, skip, bias], ["y", "s"], [group_norm(total, gamma, beta, 2, False), total],
         groups=2, activation=0)
    a, b = floats(2, 3, 4), floats(2, 4, 5)
    case("fused_matmul_activation", "FusedMatMulActivation", [a, b], ["y"], [np.maximum(2 * a @ b, 0)], activation="Relu", alpha=2.0)
    p, q = floats(3, 2), floats(3, 2)
    zp, zq = p[..., 0] + 1j * p[..., 1], q[..., 0] + 1j * q[..., 1]
    case("complex_mul", "ComplexMul", [p, q], ["y"], [complex_pairs(zp * zq)])
    case("complex_mul_conj", "ComplexMulConj", [p, q], ["y"], [complex_pairs(zp * zq.conj())])
    signal = floats(2, 6, 8)
    case("rfft", "Rfft", [signal], ["y"], [complex_pairs(np.fft.rfft(signal))], signal_ndim=1, onesided=1, normalized=0)
    case("rfft_2d", "Rfft", [signal], ["y"], [complex_pairs(np.fft.rfft2(signal))], signal_ndim=2)
    case("irfft", "Irfft", [complex_pairs(np.fft.rfft(signal))], ["y"], [signal], signal_ndim=1)
    case("irfft_2d", "Irfft", [complex_pairs(np.fft.rfft2(signal))], ["y"], [signal], signal_ndim=2)
    c, d = codes(3, 4, dtype=np.int8), codes(4, dtype=np.int8)
    case("mul_integer", "MulInteger", [c, np.int8(3), d], ["y"], [(c.astype(np.int32) - 3) * d.astype(np.int32)])
    case("reduce_sum_integer", "ReduceSumInteger", [c], ["y"], [c.sum(1, keepdims=True, dtype=np.int32)], axes=[1], keepdims=1)
    bad = floats(3, 4)
    bad[1, 1] = np.inf
    case("is_all_finite", "IsAllFinite", [floats(2), bad], ["y"], [np.array(False)])
    case("is_all_finite_nan_only", "IsAllFinite", [floats(2), bad], ["y"], [np.array(True)], isnan_only=1)
    table = floats(8, 3)
    for both in (0, 1):
        case(f"relative_position_bias_{both}", "RelativePositionBias", [table, np.array(12), np.array(12)], ["y"],
             [relative_positions(table, 12, 12, both, 10)], is_bidirectional=both, max_distance=10)
    rows = floats(2, 4, 3)
    kept = np.concatenate([rows[0, :2], rows[1]])
    offsets = ints([[0, 1, 4, 5], [6, 7, 2, 3]])
    case("remove_padding", "RemovePadding", [rows, ints([2, 4])], ["y", "offset", "sums", "longest"], [kept, offsets, ints([0, 2, 6]), ints([4])])
    restored = rows.copy()
    restored[0, 2:] = 0
    case("restore_padding", "RestorePadding", [kept, offsets], ["y"], [restored])


def gpu_layouts():
    x, sx, sy = codes(2, 3, 8, dtype=np.int8), np.float32(.02), np.float32(.03)

    def quantize(y, scale):
        return np.clip(np.round(y / scale), -128, 127).astype(np.int8)

    real = x.astype(np.float32) * sx
    case("qordered_gelu", "QOrderedGelu", [x, sx, sy], ["y"], [quantize(real / 2 * (1 + np.vectorize(math.erf)(real / math.sqrt(2))), sy)])
    gamma, beta = floats(8), floats(8)
    normal = (real - real.mean(-1, keepdims=True)) / np.sqrt(real.var(-1, keepdims=True) + 1e-5) * gamma + beta
    case("qordered_layer_norm", "QOrderedLayerNormalization", [x, sx, gamma, beta, sy], ["y"], [quantize(normal, sy)])
    case("quantize_with_order", "QuantizeWithOrder", [real, sy], ["y"], [quantize(real, sy)], order_input=1, order_output=1)
    case("dequantize_with_order", "DequantizeWithOrder", [x, sx], ["y"], [real], order_input=1, order_output=1, to=1)
    w, bias, residual = codes(4, 8, dtype=np.int8), floats(4), codes(2, 3, 4, dtype=np.int8)
    product = (x.astype(np.float32) @ w.T.astype(np.float32)) * (sx * np.float32(.01)) + bias + residual * np.float32(.05)
    case("qordered_matmul", "QOrderedMatMul", [x, sx, w, np.float32(.01), np.float32(.2), bias, residual, np.float32(.05)], ["y"],
         [quantize(product, np.float32(.2))], order_A=1, order_B=0, order_Y=1)
    q, k, v = floats(6, 8), floats(6, 8), floats(6, 8)

    def attend(rows):
        heads = [t[rows].reshape(-1, 2, 4).transpose(1, 0, 2) for t in (q, k, v)]
        return (softmax(heads[0] @ heads[1].transpose(0, 2, 1) / 2) @ heads[2]).transpose(1, 0, 2).reshape(-1, 8)

    y = np.concatenate([attend(slice(0, 2)), attend(slice(2, 6))]).astype(np.float32)
    case("packed_mha", "PackedMultiHeadAttention", [q, k, v, None, ints([[0, 1, 4, 5], [6, 7, 2, 3]]), ints([0, 2, 6])], ["y"], [y], num_heads=2)


def transformers():
    ids, segments = random.integers(0, 10, (2, 5)).astype(np.int32), random.integers(0, 2, (2, 5)).astype(np.int32)
    mask = ints([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    tables = [floats(10, 8), floats(6, 8), floats(2, 8), floats(8), floats(8)]
    case("embed_layer_norm", "EmbedLayerNormalization", [ids, segments, *tables, mask], ["y", "mask_index", "sum"])
    case("embed_layer_norm_no_segments", "EmbedLayerNormalization", [ids, None, *tables[:2], None, *tables[3:]], ["y", "mask_index"], epsilon=1e-5)
    scales, zeros = [np.float32(0.02)] * 5, [np.uint8(120)] * 5
    case("qembed_layer_norm", "QEmbedLayerNormalization",
         [ids, segments, codes(10, 8), codes(6, 8), codes(2, 8), codes(8), codes(8), mask, *scales, *zeros], ["y", "mask_index"],
         constants=(2, 3, 4, 5, 6, *range(8, 18)))
    w, b = codes(8, 24), floats(24)
    quantized = [codes(2, 5, 8), w, b, np.float32(0.02), np.float32(0.03)]
    zero = [np.uint8(120), np.uint8(125)]
    case("qattention", "QAttention", [*quantized, None, *zero], ["y"], constants=(1, 2), num_heads=2)
    case("qattention_past", "QAttention", [*quantized, None, *zero, floats(2, 2, 2, 3, 4)], ["y", "present"], constants=(1, 2), num_heads=2, unidirectional=1)
    case("qattention_mask", "QAttention", [*quantized, ints([[1, 1, 0, 1, 1], [1, 1, 1, 1, 0]]), *zero], ["y"], constants=(1, 2), num_heads=2)
    q1, k1, v1 = floats(2, 1, 8), floats(2, 1, 8), floats(2, 1, 8)
    cache = [floats(2, 2, 8, 4), floats(2, 2, 8, 4)]
    shared = [q1, k1, v1, None, None, None, *cache, ints([4])]
    case("mha_shared_cache", "MultiHeadAttention", shared, ["y", "k", "v"], num_heads=2)
    case("mha_past", "MultiHeadAttention", [floats(2, 3, 8), floats(2, 3, 8), floats(2, 3, 8), floats(24), None, floats(2, 2, 3, 7), floats(2, 2, 4, 4),
                                            floats(2, 2, 4, 4)], ["y", "k", "v"], num_heads=2, unidirectional=1)
    masked = [q1, k1, v1, None, None, *cache, ints([4])]
    case("dmmha_shared_cache", "DecoderMaskedMultiHeadAttention", masked, ["y", "k", "v"], num_heads=2, past_present_share_buffer=1)
    beams = [ints([2]), ints([[[0, 1, 1, 0, 0, 0, 0, 0], [1, 1, 0, 1, 0, 0, 0, 0]]]), floats(24)]
    case("dmmha_beams", "DecoderMaskedMultiHeadAttention", masked + beams, ["y", "k", "v"], num_heads=2, past_present_share_buffer=1)
    case("dmmha_cross", "DecoderMaskedMultiHeadAttention", [q1, floats(2, 2, 5, 4), floats(2, 2, 5, 4)], ["y"], num_heads=2)
    grouped = [floats(1, 1, 32), floats(1, 1, 16), floats(1, 1, 16)]
    lengths = [ints([5]), ints(6)]
    attributes = dict(num_heads=4, kv_num_heads=2)
    case("gqa_shared_cache", "GroupQueryAttention", [*grouped, floats(1, 2, 12, 8), floats(1, 2, 12, 8), *lengths], ["y", "k", "v"], **attributes)
    case("gqa_scores", "GroupQueryAttention", [floats(1, 4, 32), floats(1, 4, 16), floats(1, 4, 16), None, None, ints([3]), ints(4)],
         ["y", "k", "v", "scores"], qk_output=2, **attributes)
    case("gqa_all_keys", "GroupQueryAttention", [floats(1, 4, 32), floats(1, 4, 16), floats(1, 4, 16), None, None, ints([3]), ints(4)],
         ["y", "k", "v"], causal=0, **attributes)
    for mode, count in (("PER_TENSOR", 1), ("PER_CHANNEL", 16)):
        scale = np.full(count, 0.03, np.float32)
        case(f"gqa_int8_cache_{mode.lower()}", "GroupQueryAttention",
             [*grouped, codes(1, 2, 12, 8, dtype=np.int8), codes(1, 2, 12, 8, dtype=np.int8), *lengths, *[None] * 5, scale, scale], ["y", "k", "v"],
             k_quant_type=mode, v_quant_type=mode, kv_cache_bit_width=8, **attributes)
    scale = np.full(1, 0.03, np.float32)
    case("gqa_4_bit_cache", "GroupQueryAttention", [*grouped, codes(1, 2, 12, 4), codes(1, 2, 12, 4), *lengths, *[None] * 5, scale, scale],
         ["y", "k", "v"], k_quant_type="PER_TENSOR", v_quant_type="PER_TENSOR", kv_cache_bit_width=4, **attributes)
    positions, cosines, sines = random.integers(0, 16, (3, 2, 5)), floats(16, 4), floats(16, 4)
    for layout in (0, 1):
        case(f"mrotary_{layout}", "MRotaryEmbedding", [floats(2, 5, 24), positions, cosines, sines], ["y"], mrope_section=[2, 1, 1],
             mrope_layout=layout, num_heads=3)


def window_caches():
    """Caches of a window; what lies behind their valid rows is not defined, and zero here."""
    for name, queries, total, room, window, extra in (("few", 1, 3, 6, 4, {}), ("full", 1, 9, 6, 4, {}), ("late", 1, 20, 6, 4, dict(do_rotary=1)),
                                                      ("exact", 1, 20, 5, 5, {}), ("prompt", 9, 9, 6, 4, dict(do_rotary=1)), ("chunk", 3, 11, 5, 5, {})):
        inputs = [floats(1, queries, 32), floats(1, queries, 16), floats(1, queries, 16), floats(1, 1, room, 16), floats(1, 1, room, 16), ints([total - 1]),
                  ints(total), *([floats(32, 8), floats(32, 8)] if extra else [])]
        attributes = dict(num_heads=2, kv_num_heads=1, local_window_size=window, sliding_window_cache=1, **extra)
        model, feeds = build("GroupQueryAttention", inputs, ["y", "k", "v"], (), MICROSOFT, attributes)
        expected = theirs(model, feeds, MICROSOFT)
        step = room - window + 1
        kept = total if total <= room else total - step * math.ceil((total - room) / step)
        for cache in expected[1:]:
            cache[:, :, kept:] = 0
        case(f"gqa_window_{name}", "GroupQueryAttention", inputs, ["y", "k", "v"], expected, **attributes)


def sparse_attention():
    """Its caches must be the same buffers before and after, so it is run here."""
    batch, length, heads, kv_heads, size, room, block = 1, 20, 4, 2, 16, 32, 16
    rows, columns = ints([[0, 1, 3], [0, 1, 2]]), ints([[0, 0, 1], [0, 1, -1]])
    inputs = [floats(batch, length, heads * size), floats(batch, length, kv_heads * size), floats(batch, length, kv_heads * size),
              floats(batch, kv_heads, room, size), floats(batch, kv_heads, room, size), rows, columns, ints(length), ints([length] * batch)]
    attributes = dict(num_heads=heads, kv_num_heads=kv_heads, sparse_block_size=block)
    model, feeds = build("SparseAttention", inputs, ["y", "k", "v"], (), MICROSOFT, attributes)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    binding = session.io_binding()
    caches = {name: ort.OrtValue.ortvalue_from_numpy(feeds[name].copy()) for name in ("i3", "i4")}
    for name, value in feeds.items():
        if name in caches:
            binding.bind_ortvalue_input(name, caches[name])
        else:
            binding.bind_cpu_input(name, value)
    binding.bind_output("y")
    binding.bind_ortvalue_output("k", caches["i3"])
    binding.bind_ortvalue_output("v", caches["i4"])
    session.run_with_iobinding(binding)
    # What lies behind the valid positions of a cache is not defined; we write zeros.
    after = [caches[name].numpy().copy() for name in ("i3", "i4")]
    for cache in after:
        cache[:, :, length:] = 0
    case("sparse_attention", "SparseAttention", inputs, ["y", "k", "v"], [binding.get_outputs()[0].numpy(), *after], **attributes)


def experts():
    def moe(name, activation="relu", fused=1, **attributes):
        case(f"moe_{name}", "MoE", [floats(5, 8), floats(5, 4), floats(4, 6 * fused, 8, scale=.3), floats(4, 6 * fused), floats(4, 8, 6, scale=.3),
                                    floats(4, 8)], ["y"], constants=(2, 4), activation_type=activation, **attributes)

    moe("top_1", k=1)
    moe("normalized", k=2, normalize_routing_weights=1)
    moe("gelu", "gelu", k=2)
    moe("swiglu", "swiglu", 2, k=2, swiglu_fusion=1, activation_alpha=1.702, activation_beta=1.0, swiglu_limit=1.0)
    for bits in (4, 8):
        packed = 16 * bits // 8
        scales = [random.uniform(.01, .05, (2, 16)).astype(np.float32) for _ in range(2)]
        case(f"qmoe_{bits}_bits", "QMoE", [floats(3, 16), floats(3, 2), codes(2, 16, packed), scales[0], floats(2, 16), codes(2, 16, packed),
                                           scales[1], floats(2, 16)], ["y"], constants=(2, 3, 5, 6), k=2, expert_weight_bits=bits)
    blocks = [random.uniform(.01, .05, (2, 32, 2)).astype(np.float32) for _ in range(2)]
    case("qmoe_blocks", "QMoE", [floats(3, 32), floats(3, 2), codes(2, 32, 16), blocks[0], None, codes(2, 32, 16), blocks[1], *[None] * 4,
                                 codes(2, 32, 1), codes(2, 32, 1)], ["y"], constants=(2, 3, 5, 6, 11, 12), k=1, block_size=16)
    for kind in (0, 1):
        case(f"matmul_bnb4_{kind}", "MatMulBnb4", [floats(3, 32), codes(128), random.uniform(.5, 2, 16).astype(np.float32)], ["y"], constants=(1, 2),
             K=32, N=8, block_size=16, quant_type=kind)
    case("matmul_nbits_g_idx", "MatMulNBits", [floats(3, 32), codes(8, 2, 8), random.uniform(.5, 2, (8, 2)).astype(np.float32), None,
                                               random.permutation(np.arange(32) // 16).astype(np.int32)], ["y"], constants=(1, 2, 4),
         K=32, N=8, bits=4, block_size=16)


def small():
    x = floats(3, 4)
    case("transpose_matmul", "TransposeMatMul", [floats(2, 4, 3), floats(2, 4, 5)], ["y"], transA=1, alpha=0.5)
    case("matmul_integer16", "MatMulInteger16", [random.integers(-3000, 3000, (3, 4)).astype(np.int16), random.integers(-3000, 3000, (4, 5)).astype(np.int16)], ["y"])
    case("scaled_silu", "ScaledSiLU", [x], ["y"], alpha=1.702)
    case("gated_add", "GatedAdd", [floats(2, 3, 4), floats(2, 3, 4), floats(2, 3, 1)], ["y"])
    case("gated_rms_norm", "GatedRMSNorm", [floats(2, 3, 8), floats(4), floats(2, 3, 8)], ["y"], activation="sigmoid", epsilon=1e-3)
    case("branchwise_rms_norm", "BranchwiseRMSNorm", [floats(2, 3, 32), floats(8)], ["y"], num_branches=4)
    case("hyper_connection_post_mix", "HyperConnectionPostMix", [floats(2, 4, 8), floats(2, 8), floats(2, 4), floats(2, 4, 4)], ["y"])
    case("hyper_connection_pre_mix", "HyperConnectionPreMix", [floats(2, 32), floats(2, 4)], ["y"], num_branches=4, reduction_scale=.3)
    case("engram_gate", "EngramGate", [floats(2, 3, 4, 8), floats(2, 3, 4, 8), floats(2, 3, 8), floats(4, 8), floats(4, 8), floats(4, 8)], ["y", "normed"])
    case("linear_attention_gate", "LinearAttentionGate", [floats(2, 3, 4), floats(4), -np.abs(floats(4)), floats(2, 3, 4)], ["decay", "beta"])
    case("linear_attention", "LinearAttention", [floats(2, 3, 8), floats(2, 3, 8), floats(2, 3, 8), None, -np.abs(floats(2, 3, 8)), sigmoid(floats(2, 3, 2))],
         ["y", "state"], q_num_heads=2, kv_num_heads=2)
    case("causal_conv", "CausalConvWithState", [floats(2, 6, 4), floats(4, 1, 3), floats(4), floats(2, 2, 4)], ["y", "state"], channels_last=1, activation="silu")
    case("causal_conv_dilated", "CausalConvWithState", [floats(2, 4, 6), floats(4, 1, 3), None, floats(2, 4, 4)], ["y", "state"], dilation=2)
    case("grid_sample", "GridSample", [floats(1, 2, 4, 5), random.uniform(-1.2, 1.2, (1, 3, 3, 2)).astype(np.float32)], ["y"], mode="bilinear",
         padding_mode="reflection", align_corners=1)
    case("cdist", "CDist", [floats(5, 4), floats(6, 4)], ["y"], metric="euclidean")
    case("unfold_tensor", "UnfoldTensor", [floats(3, 5, 7)], ["y"], dim=1, size=2, step=2)
    case("conv_transpose_dynamic_pads", "ConvTransposeWithDynamicPads", [floats(1, 2, 5, 5), floats(2, 3, 3, 3), np.array([1, 0, 1, 2]), floats(3)],
         ["y"], strides=[2, 2], output_padding=[1, 1])
    case("nhwc_max_pool", "NhwcMaxPool", [codes(1, 7, 8, 3)], ["y"], kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])
    boxes = np.array([[.1, .1, .8, .65], [0, 0, 1, 1], [-.2, .3, 1.3, .9]], np.float32)
    for mode in ("bilinear", "nearest"):
        case(f"crop_and_resize_{mode}", "CropAndResize", [floats(2, 2, 5, 6), boxes, ints([0, 1, 1]), ints([5, 3])], ["y"], extrapolation_value=-7.0, mode=mode)
    case("ngram_repeat_block", "NGramRepeatBlock", [np.array([[1, 2, 3, 1, 2, 4, 1, 2], [5] * 8]), floats(2, 8)], ["y"], ngram_size=3)
    case("dynamic_time_warping", "DynamicTimeWarping", [random.integers(0, 4, (7, 5)).astype(np.float32)], ["y"])
    case("tokenizer_separators", "Tokenizer", [np.array(["a,b;cc", "", "ddd,,e"], object)], ["y"], separators=[",", ";"], pad_value="#", mincharnum=1, mark=1)
    case("tokenizer_expression", "Tokenizer", [np.array([["ab 12 c"], ["x9"]], object)], ["y"], tokenexp="[a-z]+", pad_value="", mincharnum=1, mark=0)
    x, weights, bias = floats(2, 5, 8), floats(8, 24, scale=.4), floats(24)
    case("attention_mask", "Attention", [x, weights, bias, ints([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])], ["y"], num_heads=2)
    case("attention_past", "Attention", [x, weights, bias, None, floats(2, 2, 2, 3, 4)], ["y", "present"], num_heads=2, unidirectional=1)
    case("attention_sizes", "Attention", [x, floats(8, 8 + 8 + 12, scale=.4), floats(28), ints([5, 3])], ["y"], num_heads=2, qkv_hidden_sizes=[8, 8, 12], scale=.3)
    case("attention_bias", "Attention", [x, weights, bias, None, None, floats(2, 2, 5, 5)], ["y"], num_heads=2)
    table = [codes(6, 32), np.array([[0, 5], [3, -1]]), random.uniform(.5, 2, (6, 4)).astype(np.float32), codes(6, 2)]
    case("gather_block_quantized", "GatherBlockQuantized", table, ["y"], constants=(0, 2, 3), bits=4, block_size=16, quantize_axis=1)
    case("gather_block_quantized_8_bits", "GatherBlockQuantized", [codes(6, 32), np.array([4, 0]), random.uniform(.5, 2, (6, 2)).astype(np.float32)], ["y"],
         constants=(0, 2), bits=8, block_size=16, quantize_axis=1)
    letters = random.integers(1, 8, (6, 5)).astype(np.int32)
    letters[2, 3:] = 0
    case("word_conv_embedding", "WordConvEmbedding", [letters, floats(4, 1, 2, 3), floats(4), floats(8, 3)], ["y"])
    case("maxpool_with_mask", "MaxpoolWithMask", [floats(2, 3, 10), random.integers(0, 2, (1, 1, 10)).astype(np.int32)], ["y"], kernel_shape=[3],
         strides=[2], pads=[1, 1])
    part = [codes(1, 2, 3), np.float32(.02), np.uint8(100)]
    case("qlinear_concat", "QLinearConcat", [np.float32(.03), np.uint8(120), *part, codes(1, 4, 3), np.float32(.04), np.uint8(99)], ["y"],
         constants=(0, 1, 3, 4, 6, 7), axis=1)
    for direction, count in (("forward", 1), ("bidirectional", 2)):
        case(f"dynamic_quantize_lstm_{direction}", "DynamicQuantizeLSTM",
             [floats(4, 2, 6), codes(count, 6, 20, dtype=np.int8), codes(count, 5, 20, dtype=np.int8), floats(count, 40, scale=.2), *[None] * 4,
              np.full(count, .008, np.float32), np.zeros(count, np.int8), np.full(count, .006, np.float32), np.zeros(count, np.int8)],
             ["y", "h", "c"], constants=(1, 2, 3, 8, 9, 10, 11), hidden_size=5, direction=direction)


def gpt(vocabulary=13, heads=2, size=2):
    """A decoder of one layer, with a cache of its keys and values."""
    r, hidden = np.random.default_rng(3), heads * size
    weights = {name: (r.standard_normal(shape) * .5).astype(np.float32) for name, shape in
               (("emb", (vocabulary, hidden)), ("pos", (16, hidden)), ("head", (hidden, vocabulary)), ("qw", (hidden, hidden)), ("kw", (hidden, hidden)),
                ("vw", (hidden, hidden)))}
    weights["head"] *= 3
    constants = {"split": np.array([0, 0, heads, size]), "join": np.array([0, 0, hidden]), "zero": np.array([0]), "middle": np.array([1, 2]),
                 "one": np.float32(1), "far": np.float32(-10000)}
    node = helper.make_node
    nodes = [node("Gather", ["emb", "input_ids"], ["e0"]), node("Gather", ["pos", "position_ids"], ["e1"]), node("Add", ["e0", "e1"], ["x"]),
             node("Cast", ["attention_mask"], ["m0"], to=TensorProto.FLOAT), node("Sub", ["one", "m0"], ["m1"]), node("Mul", ["m1", "far"], ["m2"]),
             node("Unsqueeze", ["m2", "middle"], ["mask"])]
    for q in "qkv":
        nodes += [node("MatMul", ["x", q + "w"], [q + "0"]), node("Reshape", [q + "0", "split"], [q + "1"]), node("Transpose", [q + "1"], [q], perm=[0, 2, 1, 3])]
    nodes += [node("Split", ["past_0"], ["pk0", "pv0"], axis=0), node("Squeeze", ["pk0", "zero"], ["pk"]), node("Squeeze", ["pv0", "zero"], ["pv"]),
              node("Concat", ["pk", "k"], ["keys"], axis=2), node("Concat", ["pv", "v"], ["values"], axis=2), node("Unsqueeze", ["keys", "zero"], ["k2"]),
              node("Unsqueeze", ["values", "zero"], ["v2"]), node("Concat", ["k2", "v2"], ["present_0"], axis=0),
              node("Transpose", ["keys"], ["kt"], perm=[0, 1, 3, 2]), node("MatMul", ["q", "kt"], ["s0"]), node("Add", ["s0", "mask"], ["s1"]),
              node("Softmax", ["s1"], ["a"], axis=-1), node("MatMul", ["a", "values"], ["o0"]), node("Transpose", ["o0"], ["o1"], perm=[0, 2, 1, 3]),
              node("Reshape", ["o1", "join"], ["o2"]), node("Add", ["o2", "x"], ["o3"]), node("MatMul", ["o3", "head"], ["logits"])]
    value = helper.make_tensor_value_info
    inputs = [value(n, TensorProto.INT32, ["b", "s" if n != "attention_mask" else "t"]) for n in ("input_ids", "position_ids", "attention_mask")]
    inputs.append(value("past_0", TensorProto.FLOAT, [2, "b", heads, "p", size]))
    outputs = [value("logits", TensorProto.FLOAT, ["b", "s", vocabulary]), value("present_0", TensorProto.FLOAT, [2, "b", heads, "t", size])]
    return helper.make_graph(nodes, "gpt", inputs, outputs, [numpy_helper.from_array(v, k) for k, v in {**weights, **constants}.items()])


def encoder_decoder(whisper, vocabulary=13, heads=2, size=2, features=3):
    """An encoder, which also decodes the first token, and a decoder of one layer: attention to itself and to what was encoded."""
    r, hidden = np.random.default_rng(5), heads * size
    weights = {name: (r.standard_normal(shape) * .6).astype(np.float32) for name, shape in
               (("emb", (vocabulary, hidden)), ("head", (hidden, vocabulary)), ("encode", (features if whisper else hidden, hidden)),
                *((kind + q, (hidden, hidden)) for kind in ("self_", "cross_") for q in "qkv"))}
    weights["head"] *= 2
    constants = {"split": np.array([0, 0, heads, size]), "join": np.array([0, 0, hidden]), "middle": np.array([1, 2]), "one": np.float32(1),
                 "far": np.float32(-10000)}
    node, value = helper.make_node, helper.make_tensor_value_info
    FLOAT, INT32 = TensorProto.FLOAT, TensorProto.INT32

    def heads_of(x, weight, out):
        return [node("MatMul", [x, weight], [out + "0"]), node("Reshape", [out + "0", "split"], [out + "1"]),
                node("Transpose", [out + "1"], [out], perm=[0, 2, 1, 3])]

    def attend(q, k, v, mask, out):
        return [node("Transpose", [k], [out + "kt"], perm=[0, 1, 3, 2]), node("MatMul", [q, out + "kt"], [out + "s0"]),
                node("Add", [out + "s0", mask], [out + "s"]) if mask else node("Identity", [out + "s0"], [out + "s"]),
                node("Softmax", [out + "s"], [out + "a"], axis=-1), node("MatMul", [out + "a", v], [out + "o0"]),
                node("Transpose", [out + "o0"], [out + "o1"], perm=[0, 2, 1, 3]), node("Reshape", [out + "o1", "join"], [out])]

    mask = [] if whisper else [node("Cast", ["encoder_attention_mask"], ["m0"], to=FLOAT), node("Sub", ["one", "m0"], ["m1"]),
                               node("Mul", ["m1", "far"], ["m2"]), node("Unsqueeze", ["m2", "middle"], ["mask"])]

    def decode(ids, self_k, self_v, cross_k, cross_v):
        return [node("Gather", ["emb", ids], ["x"]), *heads_of("x", "self_q", "q"), *attend("q", self_k, self_v, "", "own"),
                *heads_of("x", "cross_q", "c"), *attend("c", cross_k, cross_v, "" if whisper else "mask", "seen"),
                node("Add", ["x", "own"], ["y0"]), node("Add", ["y0", "seen"], ["y1"]), node("MatMul", ["y1", "head"], ["logits"])]

    cache = lambda name, length: value(name, FLOAT, ["b", heads, length, size])
    encoded = [node("Transpose", ["encoder_input_ids"], ["e0"], perm=[0, 2, 1])] if whisper else [node("Gather", ["emb", "encoder_input_ids"], ["e0"])]
    encode = [*encoded, node("MatMul", ["e0", "encode"], ["e1"]), node("Tanh", ["e1"], ["encoder_hidden_states"]), *mask,
              *heads_of("encoder_hidden_states", "cross_k", "present_key_cross_0"), *heads_of("encoder_hidden_states", "cross_v", "present_value_cross_0"),
              node("Gather", ["emb", "decoder_input_ids"], ["d"]), *heads_of("d", "self_k", "present_key_self_0"), *heads_of("d", "self_v", "present_value_self_0"),
              *decode("decoder_input_ids", "present_key_self_0", "present_value_self_0", "present_key_cross_0", "present_value_cross_0")]
    first = [value("encoder_input_ids", FLOAT, ["b", features, "s"])] if whisper else [value(n, INT32, ["b", "s"]) for n in ("encoder_input_ids", "encoder_attention_mask")]
    ids = value("decoder_input_ids", INT32, ["b", "n"])
    initializers = [numpy_helper.from_array(v, k) for k, v in {**weights, **constants}.items()]
    logits = value("logits", FLOAT, ["b", "n", vocabulary])
    encoder = helper.make_graph(encode, "encoder", [*first, ids], [logits, value("encoder_hidden_states", FLOAT, ["b", "s", hidden]),
                                cache("present_key_self_0", "n"), cache("present_value_self_0", "n"), cache("present_key_cross_0", "s"),
                                cache("present_value_cross_0", "s")], initializers)
    step = [*mask, node("Gather", ["emb", "input_ids"], ["d"]), *heads_of("d", "self_k", "k"), *heads_of("d", "self_v", "v"),
            node("Concat", ["past_key_self_0", "k"], ["present_key_self_0"], axis=2), node("Concat", ["past_value_self_0", "v"], ["present_value_self_0"], axis=2),
            *decode("input_ids", "present_key_self_0", "present_value_self_0", "past_key_cross_0", "past_value_cross_0")]
    inputs = [value("input_ids", INT32, ["b", 1]), *([] if whisper else [value("encoder_attention_mask", INT32, ["b", "s"])]),
              cache("past_key_self_0", "p"), cache("past_value_self_0", "p"), cache("past_key_cross_0", "s"), cache("past_value_cross_0", "s")]
    decoder = helper.make_graph(step, "decoder", inputs, [value("logits", FLOAT, ["b", 1, vocabulary]), cache("present_key_self_0", "t"),
                                                          cache("present_value_self_0", "t")], initializers)
    return dict(encoder=encoder, decoder=decoder)


def encoder_decoders():
    limits = [ints([9]), ints([2]), ints([3]), ints([2]), np.array([.7], np.float32)]
    common = dict(eos_token_id=5, pad_token_id=12, decoder_start_token_id=1)
    case("beam_search_t5", "BeamSearch", [ints([[3, 4, 12], [6, 7, 8]]), *limits], ["sequences", "scores"], model_type=1, **common, **encoder_decoder(False))
    case("whisper_beam_search", "WhisperBeamSearch", [floats(2, 3, 6), *limits, None, None, None, None, ints([[1], [2]])], ["sequences", "scores"],
         model_type=2, **common, **encoder_decoder(True))
    times = dict(beginning_timestamp_token_id=12, no_timestamps_token_id=11, start_of_lm_token_id=10, translate_token_id=8, transcribe_token_id=9)
    case("whisper_timestamps", "WhisperBeamSearch", [floats(2, 3, 6), ints([12]), *limits[1:], None, None, None, None, ints([[1], [2]]), ints([1]), None, None,
                                                     np.array([.8], np.float32)], ["sequences", "scores"], model_type=2, **times, **common,
         **encoder_decoder(True, vocabulary=20))


def generation():
    ids = ints([[12, 3, 4], [5, 6, 7]])
    common = dict(eos_token_id=5, pad_token_id=12, model_type=0, decoder=gpt())
    case("greedy_search", "GreedySearch", [ids, ints([12]), ints([8]), np.array([1.7], np.float32)], ["sequences"], **common)
    case("greedy_search_ngram", "GreedySearch", [ids, ints([10])], ["sequences"], no_repeat_ngram_size=2, **common)
    case("greedy_search_end", "GreedySearch", [ids, ints([12])], ["sequences"], **{**common, "eos_token_id": 1})
    beams = [ids, ints([10]), ints([1]), ints([3]), ints([2]), np.array([.5], np.float32)]
    case("beam_search", "BeamSearch", beams, ["sequences", "scores"], **common)
    case("beam_search_early", "BeamSearch", beams + [np.array([1.3], np.float32)], ["sequences", "scores"], early_stopping=1, **common)


    for name, custom in (("top_p", 0), ("custom", 1)):
        case(f"sampling_{name}", "Sampling", [ids, ints([14]), ints([6]), np.array([1.2], np.float32), None, None, None, None, ints([7])], ["sequences"],
             top_p=.8, temperature=.9, custom=custom, min_tokens_to_keep=2, vocab_size=13, **common)
    case("sampling_default", "Sampling", [ids, ints([12])], ["sequences"], **common)
    case("beam_search_all_scores", "BeamSearch", beams, ["sequences", "scores", "all_scores"], **common)


def attention_lstm():
    for name, count, layer, length in (("forward", 1, True, None), ("reverse", 1, False, None), ("bidirectional", 2, True, [5, 3])):
        x, size, hidden, memory, depth, attention = floats(5, 2, 3), 3, 4, 6, 5, 7 if layer else 6
        inputs = [x, floats(count, 4 * hidden, size + attention, scale=.4), floats(count, 4 * hidden, hidden, scale=.4), floats(count, 8 * hidden, scale=.3),
                  ints(length) if length else None, floats(count, 2, hidden), floats(count, 2, hidden), floats(count, 3 * hidden, scale=.4),
                  floats(count, hidden, depth), floats(count, memory, depth), floats(count, depth), floats(2, 8, memory), ints([8, 5]),
                  floats(count, memory + hidden, attention, scale=.4) if layer else None]
        case(f"attn_lstm_{name}", "AttnLSTM", inputs, ["y", "h", "c"], hidden_size=hidden, direction=name, clip=2.0)


def tokens():
    source = np.array([1, 2, 3, 4, 5, 2, 3, 6])
    for name, predicted in (("agree", [4, 5, 2, 3, 6, 9]), ("differ", [4, 5, 7, 3, 6, 9]), ("repeated", [4, 5, 2, 9, 6, 9])):
        case(f"bifurcation_{name}", "BifurcationDetector", [source, np.array([8, 1]), np.array([3]), np.array(predicted)], ["tokens", "index"])
    case("bifurcation_none", "BifurcationDetector", [source, np.array([1, 2, 3]), np.array([0])], ["tokens", "index"], min_ngram_size=2, max_ngram_size=2)
    for kind in (np.int32, np.int64):
        ids = random.integers(0, 6, (2, 7)).astype(kind)
        multipliers, sizes, offsets = (random.integers(10 ** 8, 10 ** 9, 3) * 2 + 1).astype(kind), np.array([11, 13, 17, 19], kind), np.array([0, 11, 24, 41], kind)
        attributes = dict(max_ngram_size=3, n_head_per_ngram=2, pad_id=1)
        bits = 8 * np.dtype(kind).itemsize
        case(f"ngram_hash_{bits}", "NGramHashMapping", [ids, multipliers, sizes], ["hash", "present"], **attributes)
        case(f"ngram_hash_{bits}_all", "NGramHashMapping", [ids, multipliers, sizes, random.integers(0, 6, (2, 2)).astype(kind), offsets, np.array(3, kind),
                                                            np.sort(random.integers(0, 3, (2, 7)), axis=1).astype(np.int32)], ["hash", "present"],
             reset_on_eos=1, **attributes)
        starts = ints([0, 3, 4, 14])
        packed = [ids.ravel(), multipliers, sizes, starts]
        case(f"varlen_ngram_hash_{bits}", "VarlenNGramHashMapping", packed, ["hash", "present"], **attributes)
        case(f"varlen_ngram_hash_{bits}_all", "VarlenNGramHashMapping",
             [*packed, random.integers(0, 6, (3, 2)).astype(kind), offsets, np.array(3, kind), np.sort(random.integers(0, 4, 14)).astype(np.int32),
              random.integers(0, 2, (3, 2)).astype(np.int32), ints([2, 5, 3])], ["hash", "present", "segments", "states"], reset_on_eos=1,
             state_update_capacity=4, **attributes)


def packed_sequences():
    starts = ints([0, 3, 4, 9])
    case("varlen_causal_conv", "VarlenCausalConvWithState", [floats(9, 4), floats(4, 1, 3), starts, floats(4), floats(3, 4, 2)], ["y", "state"], activation="silu")
    case("varlen_causal_conv_dilated", "VarlenCausalConvWithState", [floats(9, 4), floats(4, 1, 3), starts, None, floats(3, 4, 4), ints([2, 5, 3])],
         ["y", "state", "updates"], dilation=2, state_update_capacity=4)
    q, k, v, state = floats(9, 2, 4), floats(9, 2, 4), floats(9, 4, 3), floats(3, 4, 3, 4)
    decay, beta = -np.abs(floats(9, 4)), sigmoid(floats(9, 4)).astype(np.float32)
    normal = dict(qk_l2_norm=1)
    case("gated_delta_net", "GatedDeltaNet", [q, k, v, starts, decay, beta, state], ["y", "state"], **normal)
    case("gated_delta_net_uniform", "GatedDeltaNet", [q, k, v, None, decay, beta, state], ["y", "state"], scale=.3, **normal)
    case("gated_delta_net_gates", "GatedDeltaNet", [q, k, v, starts, floats(9, 4), floats(9, 4), state, floats(4), floats(4)], ["y", "state"],
         gate_activation="softplus", beta_activation="sigmoid", **normal)
    case("gated_delta_net_sigmoid", "GatedDeltaNet", [q, k, v, starts, floats(9, 4, 4), floats(9, 4), state, floats(4), floats(4, 4)], ["y", "state"],
         gate_activation="sigmoid", beta_activation="sigmoid", **normal)
    case("gated_delta_net_linear", "GatedDeltaNet", [q, k, v, starts], ["y", "state"], update_rule="linear")
    case("gated_delta_net_gated", "GatedDeltaNet", [q, k, v, starts, -np.abs(floats(9, 4, 4)), None, state], ["y", "state"], update_rule="gated")
    case("gated_delta_net_captures", "GatedDeltaNet", [q, k, v, starts, decay, beta, state, None, None, ints([1, 1, 2])], ["y", "state"],
         state_update_capacity=2, **normal)
    qkv = np.concatenate([q.reshape(9, -1), k.reshape(9, -1), v.reshape(9, -1)], 1)
    case("gated_delta_net_joined", "GatedDeltaNet", [qkv, None, None, starts, decay, beta, state], ["y", "state"], **normal)
    for kind in (0, 1):
        blocks = np.zeros((5, 3, 20 + kind), np.uint8)
        blocks[..., :4] = random.uniform(.5, 2, (5, 3)).astype(np.float32)[..., None].view(np.uint8)
        blocks[..., 4:] = codes(5, 3, 16 + kind)
        if kind:
            blocks[..., 4] &= 15
        case(f"matmul_fp_q4_{kind}", "MatMulFpQ4", [floats(3, 80), blocks.ravel(), np.array([80, 5])], ["y"], constants=(1, 2), blk_quant_type=kind)


def texts():
    text("string_lower", "StringLower", [["Abc ÄÖ", ""]], ["y"])
    text("string_upper", "StringUpper", [["abc äö"]], ["y"])
    text("string_strip", "StringStrip", [["  a b \t\n", ""]], ["y"])
    text("string_length", "StringLength", [["abc", "äö", ""]], ["y"])
    text("string_concat", "StringConcat", [["a", "b"], ["c", "d"]], ["y"])
    text("string_equal", "StringEqual", [["a", "b"], ["a"]], ["y"])
    text("string_join", "StringJoin", [[["a", "b"], ["c", "d"]], [";"], np.array([1])], ["y"])
    text("string_split", "StringSplit", [["a,,b", "c", ""], [","], np.array([False])], ["indices", "values", "shape"])
    text("string_regex_replace", "StringRegexReplace", [["def f1():", "def g():"], [r"def\s+([a-z0-9]+)"], [r"x<\1>"]], ["y"])
    text("string_regex_split", "StringRegexSplitWithOffsets", [["hello there", "hi  you"], [r"(\s)"], [r"\s"]], ["words", "begins", "ends", "rows"])
    text("string_to_hash_bucket", "StringToHashBucket", [["abc", "12345678", "hello world!"], np.array([1000])], ["y"])
    text("vector_to_string", "VectorToString", [np.array([[0, 1], [2, 3]])], ["y"], map="a\t0 1\nb\t2 4", unk="?")
    # By their definition: onnxruntime-extensions 0.15 refuses or crashes on these two.
    case("string_to_vector", "StringToVector", [np.array(["a", "x", "b"], object)], ["y"], [np.array([[0, 1], [-1, -2], [2, 4]])], domain=CONTRIB,
         map="a\t0 1\nb\t2 4", unmapping_value="-1 -2")
    case("wordpiece_tokenizer", "WordpieceTokenizer", [np.array(["unwanted", "running", "xyz"], object), np.array([0, 2, 3])], ["tokens", "ids", "rows"],
         [np.array(["un", "##want", "##ed", "runn", "##ing", "[UNK]"], object), ints([3, 0, 1, 4, 5, -1]), np.array([0, 5, 6])], domain=CONTRIB,
         vocab=json.dumps({"##want": 0, "##ed": 1, "wa": 2, "un": 3, "runn": 4, "##ing": 5}), suffix_indicator="##", unknown_token="[UNK]")
    text("string_mapping", "StringMapping", [["a", "x"]], ["y"], map="a\tA\nb\tB")
    text("masked_fill", "MaskedFill", [["a", "b", "c"], np.array([True, False, True])], ["y"])
    text("segment_sum", "SegmentSum", [floats(3, 2), np.array([0, 0, 1])], ["y"])
    text("segment_extraction", "SegmentExtraction", [np.array([0, 0, 1, 1, 2, 0, 3])], ["position", "value"])
    text("ragged_to_sparse", "RaggedTensorToSparse", [np.array([0, 2, 3])], ["indices", "shape"])
    vocabulary = "\n".join("[PAD] [UNK] [CLS] [SEP] [MASK] hello world ##s un ##able a ! , 日 本".split())
    for name, texts_of in (("one", ["Hello WORLDS, unable!日本 xyz"]), ("pair", ["hello", "a  unqq"])):
        text(f"bert_tokenizer_{name}", "BertTokenizer", [texts_of], ["ids", "types", "mask"], vocab_file=vocabulary)
    text("hf_bert_tokenizer", "HfBertTokenizer", [["hello", "world"]], ["ids", "mask", "types"], vocab_file=vocabulary)
    printable = {b: chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]}
    for byte in range(256):
        printable.setdefault(byte, chr(256 + sum(1 for b in range(byte) if b not in range(33, 127) and b not in range(161, 173) and b not in range(174, 256))))
    tokens = [printable[b] for b in range(256)] + "he ll hell hello Ġw Ġwo rl Ġworl Ġworld <|endoftext|> <s> </s> <pad> <unk>".split()
    merges = "#version: 0.2\nh e\nl l\nhe ll\nhell o\nĠ w\nĠw o\nr l\nĠwo rl\nĠworl d"
    files = dict(vocab=json.dumps({t: i for i, t in enumerate(tokens)}), merges=merges)
    text("gpt2_tokenizer", "GPT2Tokenizer", [["hello", " world  hello\n\n x", "I'm 12 don't 日"]], ["ids", "mask"], **files)
    text("roberta_tokenizer", "RobertaTokenizer", [["hello world", "x"]], ["ids", "mask"], padding_length=7, **files)
    words = [printable[b] for b in range(33, 127)]
    clip = words + [w + "</w>" for w in words] + ["he", "ll", "hell", "hello</w>", "<|startoftext|>", "<|endoftext|>"]
    text("clip_tokenizer", "CLIPTokenizer", [["Hello world", "a 12 don't!!"]], ["ids", "mask"], vocab=json.dumps({t: i for i, t in enumerate(clip)}),
         merges="#version: 0.2\nh e\nl l\nhe ll\nhell o</w>")


def sentencepiece_model(kind, pieces):
    """A ModelProto of SentencePiece without rules of normalization: pieces of (text, score, type), kind 1 unigram or 2 BPE."""
    def field(number, payload):
        return bytes([number << 3 | 2, len(payload)]) + payload

    messages = [field(1, field(1, text.encode()) + bytes([2 << 3 | 5]) + np.float32(score).tobytes() + bytes([3 << 3, kind_of]))
                for text, score, kind_of in pieces]
    return b"".join(messages) + field(2, bytes([3 << 3, kind]))


def sentencepiece():
    pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁", -2, 1), ("▁a", -1.5, 1), ("a", -3, 1), ("b", -3, 1), ("ab", -1, 1), ("▁ab", -4, 1),
              ("<x>", 0, 4)]
    for name, kind in (("unigram", 1), ("bpe", 2)):
        text(f"sentencepiece_{name}", "SentencepieceTokenizer",
             [["ab", " a  a ", "a<x>b", "zzab", "", "baab"], np.array([0]), np.array([0], np.float32), np.array([True]), np.array([True]), np.array([False])],
             ["ids", "begins"], model=sentencepiece_model(kind, pieces))


def element_type(array):
    return TensorProto.STRING if array.dtype == object else helper.np_dtype_to_tensor_dtype(array.dtype)


def build(op, inputs, outputs, constants, domain, attributes):
    names = [f"i{n}" if value is not None else "" for n, value in enumerate(inputs)]
    feeds = {names[n]: value for n, value in enumerate(inputs) if value is not None and n not in constants}
    initializers = [numpy_helper.from_array(inputs[n], names[n]) for n in constants if inputs[n] is not None]
    graph = helper.make_graph([helper.make_node(op, names, outputs, domain=domain, **attributes)], "case",
                              [helper.make_tensor_value_info(k, element_type(v), v.shape) for k, v in feeds.items()],
                              [onnx.ValueInfoProto(name=name) for name in outputs], initializers)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid(domain, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="sardonyx tests"), feeds


def theirs(model, feeds, domain):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    if domain == CONTRIB:
        options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return session.run(None, feeds)


def write(name, model, feeds, outputs, expected):
    folder = FOLDER / f"test_{name}"
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    for info, value in zip(model.graph.output, expected):
        info.CopyFrom(helper.make_tensor_value_info(info.name, element_type(np.asarray(value)), np.asarray(value).shape))
    onnx.save(model, folder / "model.onnx")
    (folder / "data.json").write_text('{"rtol": 0.001, "atol": 0.0001}\n')
    for kind, pairs in (("input", feeds.items()), ("output", zip(outputs, expected))):
        for i, (key, value) in enumerate(pairs):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.asarray(value), key).SerializeToString())


def agrees(program, model, feeds, outputs, expected):
    """None, or what is wrong."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        onnx.save(model, folder / "model.onnx")
        command = [program, "run", str(folder / "model.onnx"), "--output", str(folder / "o.json"), "--quiet"]
        for key, value in feeds.items():
            (folder / f"{key}.pb").write_bytes(numpy_helper.from_array(value, key).SerializeToString())
            command += ["--input", f"{key}={folder / (key + '.pb')}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            return (done.stderr or done.stdout).strip()[:300]
        got = json.loads((folder / "o.json").read_text())
    for key, value in zip(outputs, expected):
        value, one = np.asarray(value), got[key]
        flat = value.ravel().tolist()
        if one["shape"] != list(value.shape):
            return f"{key}: {one['shape']} for {list(value.shape)}"
        ours = [float(x) if isinstance(x, str) and value.dtype.kind == "f" else x for x in one["data"]]
        good = np.allclose(flat, ours, rtol=1e-3, atol=1e-4) if value.dtype.kind == "f" else flat == ours
        if not good:
            return f"{key}: {str(ours)[:120]} for {str(flat)[:120]}"
    return None


def main():
    global random
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", nargs="?")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    ort.set_default_logger_severity(4)
    for group in (gpu_only, gpu_layouts, transformers, window_caches, sparse_attention, experts, small, generation, encoder_decoders, attention_lstm, tokens, packed_sequences, texts, sentencepiece):
        group()
    if not arguments.program:
        kept = {f"test_{name}" for name, *_, domain, _ in cases if domain == CONTRIB and onnxruntime_extensions is None}
        for folder in FOLDER.glob("test_*"):
            if folder.name not in kept:
                shutil.rmtree(folder)
    failed = skipped = 0
    for name, op, inputs, outputs, expected, constants, domain, attributes in cases:
        if not name.startswith(arguments.only):
            continue
        if domain == CONTRIB and onnxruntime_extensions is None:
            skipped += 1
            continue
        model, feeds = build(op, inputs, outputs, constants, domain, attributes)
        expected = expected or theirs(model, feeds, domain)
        if not arguments.program:
            write(name, model, feeds, outputs, expected)
            continue
        wrong = agrees(arguments.program, model, feeds, outputs, expected)
        if wrong:
            failed += 1
            print(f"{name}: {wrong}")
    print(f"{len(cases)} cases, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
