"""Hints of differential.py for windows, matrices, recurrence, quantization, losses, signals, texts and sequences."""
import numpy as np

from differential_draw import NoCase, WORDS, is_float, numpy_type
from differential_hints import Case, I, hint, index_array


# --- convolution and pooling ----------------------------------------------------------------------------------------------
def window(d, rank, size=None, dilated=True):
    """Attributes of a window over `rank` dims and the least input that it fits into."""
    kernel = size or d.ints(rank, 1, 3)
    attributes = {}
    d.maybe(attributes, 'strides', d.ints(rank, 1, 3))
    if dilated:
        d.maybe(attributes, 'dilations', d.ints(rank, 1, 2), 0.4)
    reach = [(k - 1) * s + 1 for k, s in zip(kernel, attributes.get('dilations', [1] * rank))]
    padding = d.pick(['none', 'pads', 'SAME_UPPER', 'SAME_LOWER', 'VALID', 'NOTSET'])
    if padding == 'pads':
        attributes['pads'] = [d.int(0, max(k - 1, 0)) for k in kernel] + [d.int(0, max(k - 1, 0)) for k in kernel]
    elif padding != 'none':
        attributes['auto_pad'] = padding
        if padding.startswith('SAME') and d.chance(0.9):
            attributes.pop('dilations', None)
    return kernel, attributes, [d.int(r, r + 5) for r in reach]


@hint('Conv', 'ConvTranspose')
def conv(d):
    rank, group = d.pick([1, 2, 2, 3]), d.pick([1, 1, 2, 3])
    kernel, attributes, space = window(d, rank)
    d.special = False
    transposed = d.schema.name == 'ConvTranspose'
    c, m = group * d.int(1, 3), group * d.int(1, 3)
    if group > 1:
        attributes['group'] = group
    d.maybe(attributes, 'kernel_shape', kernel, 0.5)
    w = [c, m // group] if transposed else [m, c // group]
    if transposed:
        strides = attributes.get('strides', [1] * rank)
        d.maybe(attributes, 'output_padding', [d.int(0, s - 1) for s in strides], 0.3)
        if d.chance(0.15) and 'auto_pad' not in attributes and 'output_padding' not in attributes:
            attributes.pop('pads', None)
            dilations = attributes.get('dilations', [1] * rank)
            natural = [s * (n - 1) + (k - 1) * e + 1 for s, n, k, e in zip(strides, space, kernel, dilations)]
            attributes['output_shape'] = [max(1, n - d.int(0, min(2, k - 1))) for n, k in zip(natural, kernel)]
            if d.chance(0.5):
                attributes['auto_pad'] = d.pick(['SAME_UPPER', 'SAME_LOWER'])
    inputs = [d.tensor(0, [d.size(0.02)] + [c] + space), d.tensor(0, w + kernel)]
    return Case(inputs + ([d.tensor(0, [m])] if d.chance(0.5) else []), attributes, atol=1e-4)


@hint('ConvInteger')
def conv_integer(d):
    rank, group = d.pick([1, 2, 2, 3]), d.pick([1, 1, 2])
    kernel, attributes, space = window(d, rank)
    c, m = group * d.int(1, 3), group * d.int(1, 3)
    if group > 1:
        attributes['group'] = group
    inputs = [d.tensor(0, [d.int(1, 2), c] + space, 'full'), d.tensor(1, [m, c // group] + kernel, 'full')]
    if d.chance(0.6):
        inputs.append(d.tensor(0, [], 'full'))
        if d.chance(0.6):
            inputs.append(d.tensor(1, [] if d.chance(0.6) else [m], 'full'))
    return Case(inputs, attributes)


@hint('QLinearConv')
def qlinear_conv(d):
    rank, group = d.pick([1, 2, 2, 3]), d.pick([1, 1, 2])
    kernel, attributes, space = window(d, rank)
    c, m = group * d.int(1, 3), group * d.int(1, 3)
    if group > 1:
        attributes['group'] = group
    channel = [m] if d.chance(0.4) else []
    scale = lambda shape: d.array(np.float32, shape, (0.01, 0.1))  # noqa: E731
    x, w, y = d.dtype(0), d.dtype(3), d.dtype(7)
    inputs = [d.array(x, [d.int(1, 2), c] + space, 'full'), scale([]), d.array(x, [], 'full'), d.array(w, [m, c // group] + kernel, 'full'), scale(channel),
              np.zeros(channel, w) if w == np.int8 else d.array(w, channel, 'full'), scale([]) * np.float32(8), d.array(y, [], 'full')]
    if d.chance(0.5):
        inputs.append(d.array(np.int32, [m], (-300, 300)))
    return Case(inputs, attributes, inexact=1)


@hint('MaxPool', 'AveragePool', 'LpPool')
def pool(d):
    rank = d.pick([1, 2, 2, 3])
    kernel, attributes, space = window(d, rank, dilated='dilations' in d.schema.attributes)
    d.special = False
    attributes['kernel_shape'] = kernel
    d.maybe(attributes, 'ceil_mode', d.int(0, 1))
    d.maybe(attributes, 'count_include_pad', d.int(0, 1))
    d.maybe(attributes, 'p', d.int(1, 3))
    outputs = 1
    if d.schema.name == 'MaxPool' and d.opset >= 8 and d.chance(0.4):
        outputs = 2
        d.maybe(attributes, 'storage_order', d.int(0, 1), 0.4)
    return Case([d.tensor(0, [d.size(0.02), d.int(1, 3)] + space)], attributes, outputs, atol=1e-4)


@hint('GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool')
def global_pool(d):
    return Case([d.tensor(0, d.shape(3, 5, empty=0))], d.maybe({}, 'p', d.int(1, 3)))


@hint('MaxUnpool')
def max_unpool(d):
    k = d.ints(2, 1, 3)
    h, w = d.ints(2, 1, 4)
    d.special = False
    strides = k if d.chance(0.7) else d.ints(2, 1, 3)
    out = [(h - 1) * strides[0] + k[0], (w - 1) * strides[1] + k[1]]
    n, c = d.int(1, 2), d.int(1, 2)
    total = n * c * out[0] * out[1]
    indices = d.rng.permutation(total)[: n * c * h * w].reshape(n, c, h, w).astype(I)
    attributes = {'kernel_shape': k, 'strides': strides}
    return Case([d.tensor(0, [n, c, h, w]), indices] + ([np.array([n, c, out[0] + d.int(0, 1), out[1] + d.int(0, 1)], I)] if d.chance(0.3) else []), attributes)


@hint('MaxRoiPool')
def max_roi_pool(d):
    n, rois = d.int(1, 2), d.int(1, 3)
    boxes = np.concatenate([d.rng.integers(0, n, (rois, 1)), np.sort(d.rng.integers(0, 8, (rois, 2, 2)), 1).reshape(rois, 4)], 1)
    return Case([d.tensor(0, [n, 2, 8, 9]), boxes.astype(d.dtype(0))], d.maybe({'pooled_shape': d.ints(2, 1, 3)}, 'spatial_scale', d.pick([0.5, 1.0])))


@hint('RoiAlign')
def roi_align(d):
    n, rois = d.int(1, 2), d.int(1, 3)
    d.special = False
    boxes = np.sort(d.rng.uniform(0, 12, (rois, 2, 2)), 1).reshape(rois, 4).astype(d.dtype(0))
    attributes = {'output_height': d.int(1, 3), 'output_width': d.int(1, 3), 'sampling_ratio': d.int(0, 3), 'spatial_scale': d.real(0.5, 1)}
    d.maybe(attributes, 'mode', d.pick(['avg', 'avg', 'max']))
    d.maybe(attributes, 'coordinate_transformation_mode', d.pick(['half_pixel', 'output_half_pixel']))
    return Case([d.tensor(0, [n, 2, 8, 9]), boxes, d.rng.integers(0, n, rois).astype(I)], attributes, atol=1e-4)


@hint('Col2Im')
def col2im(d):
    rank = d.pick([1, 2, 2])
    block, image = d.ints(rank, 1, 3), d.ints(rank, 4, 7)
    attributes = d.maybe({}, 'strides', d.ints(rank, 1, 2))
    d.maybe(attributes, 'dilations', d.ints(rank, 1, 2), 0.3)
    d.maybe(attributes, 'pads', d.ints(2 * rank, 0, 1), 0.4)
    s, e, p = attributes.get('strides', [1] * rank), attributes.get('dilations', [1] * rank), attributes.get('pads', [0] * 2 * rank)
    length = np.prod([(image[k] + p[k] + p[k + rank] - (e[k] * (block[k] - 1) + 1)) // s[k] + 1 for k in range(rank)])
    return Case([d.tensor(0, [d.int(1, 2), d.int(1, 3) * int(np.prod(block)), int(length)]), np.array(image, I), np.array(block, I)], attributes)


@hint('DeformConv')
def deform_conv(d):
    kernel, attributes, space = window(d, 2)
    attributes.pop('auto_pad', None)
    d.special = False
    group, offset_group = d.pick([1, 1, 2]), d.pick([1, 1, 2])
    c, m = 2 * d.int(1, 2), 2 * d.int(1, 2)
    s, e, p = attributes.get('strides', [1, 1]), attributes.get('dilations', [1, 1]), attributes.get('pads', [0] * 4)
    out = [(space[k] + p[k] + p[k + 2] - (e[k] * (kernel[k] - 1) + 1)) // s[k] + 1 for k in range(2)]
    taps = offset_group * kernel[0] * kernel[1]
    attributes.update(group=group, offset_group=offset_group)
    inputs = [d.tensor(0, [1, c] + space), d.tensor(0, [m, c // group] + kernel), d.tensor(0, [1, 2 * taps] + out, 'unit')]
    inputs += [d.tensor(0, [m]) if d.chance(0.5) else None, d.tensor(0, [1, taps] + out) if d.chance(0.5) else None]
    return Case(inputs, attributes, atol=1e-4)


@hint('GridSample')
def grid_sample(d):
    rank = 3 if d.opset >= 20 and d.chance(0.3) else 2
    d.special = False
    modes = ['linear', 'nearest', 'cubic'] if d.opset >= 20 else ['bilinear', 'nearest', 'bicubic']
    mode = d.pick(modes[:2] if rank == 3 else modes)
    attributes = {'mode': mode, 'padding_mode': d.pick(['zeros', 'border', 'reflection']), 'align_corners': d.int(0, 1)}
    shape = [d.int(1, 2), d.int(1, 2)] + d.ints(rank, 2, 5)
    return Case([d.tensor(0, shape), d.tensor(1, [shape[0]] + d.ints(rank, 1, 4) + [rank], (-1.2, 1.2))], attributes, atol=1e-4)


@hint('AffineGrid')
def affine_grid(d):
    rank = d.int(2, 3)
    n = d.int(1, 2)
    return Case([d.tensor(0, [n, rank, rank + 1]), np.array([n, d.int(1, 2)] + d.ints(rank, 2, 5), I)], {'align_corners': d.int(0, 1)}, atol=1e-4)


@hint('Resize')
def resize(d):
    shape = [d.int(1, 2), d.int(1, 2)] + d.ints(2, 2, 6) if d.chance(0.8) else d.ints(d.int(1, 3), 2, 6)
    rank = len(shape)
    d.special = False
    d.floats(0)
    mode = d.pick(['nearest', 'linear'] + (['cubic'] if d.opset >= 11 else []))
    attributes = {'mode': mode}
    spatial = list(range(rank - 2, rank)) if rank == 4 else list(range(rank))
    scale = [d.pick([0.5, 0.6, 1.0, 1.5, 2.0, 2.5, 3.0]) if k in spatial else 1.0 for k in range(rank)]
    x = d.tensor(0, shape)
    if d.opset == 10:
        return Case([x, np.array(scale, np.float32)], attributes)
    transforms = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'tf_crop_and_resize']
    transforms += ['half_pixel_symmetric'] if d.opset >= 19 else []
    transforms += ['tf_half_pixel_for_nn'] if d.opset < 13 else []
    d.maybe(attributes, 'coordinate_transformation_mode', d.pick(transforms), 0.8)
    if mode == 'nearest':
        d.maybe(attributes, 'nearest_mode', d.pick(['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil']), 0.7)
    if mode == 'cubic':
        d.maybe(attributes, 'cubic_coeff_a', d.pick([-0.75, -0.5]), 0.5)
        d.maybe(attributes, 'exclude_outside', 1, 0.3)
    crop = attributes.get('coordinate_transformation_mode') == 'tf_crop_and_resize'
    if crop:
        d.maybe(attributes, 'extrapolation_value', d.real(-1, 1), 0.5)
    elif mode != 'nearest':
        d.maybe(attributes, 'antialias', 1, 0.3)
    axes = spatial if d.attribute('axes') and d.chance(0.3) else list(range(rank))
    if len(axes) < rank:
        attributes['axes'] = axes
    roi = np.array([d.real(0, 0.3) if a in spatial else 0 for a in axes] + [d.real(0.7, 1.2) if a in spatial else 1 for a in axes], np.float32)
    roi = roi if crop else (np.zeros(0, np.float32) if d.opset < 13 else None)
    if d.chance(0.5):
        return Case([x, roi, np.array([scale[a] for a in axes], np.float32)], attributes, atol=1e-3)
    sizes = np.array([max(1, int(shape[a] * scale[a])) for a in axes], I)
    if d.attribute('keep_aspect_ratio_policy') and d.chance(0.3):
        attributes['keep_aspect_ratio_policy'] = d.pick(['stretch', 'not_larger', 'not_smaller'])
        if attributes['keep_aspect_ratio_policy'] != 'stretch':
            attributes['axes'], sizes = spatial, np.array([d.int(1, 9) for _ in spatial], I)
            roi = np.array([0.1] * len(spatial) + [0.9] * len(spatial), np.float32) if crop else roi
    empty = np.zeros(0, np.float32) if d.opset < 13 else None
    return Case([x, roi, empty, sizes], attributes, atol=1e-3)


@hint('Upsample')
def upsample(d):
    shape = [d.int(1, 2), d.int(1, 2)] + d.ints(2, 2, 5)
    scales = [1.0, 1.0, d.pick([1.0, 1.5, 2.0, 3.0]), d.pick([1.0, 2.0, 2.5])]
    attributes = {'mode': d.pick(['nearest', 'linear'])}
    if d.attribute('scales'):
        return Case([d.tensor(0, shape)], {**attributes, 'scales': scales})
    return Case([d.tensor(0, shape), np.array(scales, np.float32)], attributes)


# --- matrices -------------------------------------------------------------------------------------------------------------
def matmul_shapes(d):
    batch = d.shape(0, 2)
    m, k, n = d.size(), d.size(), d.size()
    a, b = d.broadcast(batch) + [m, k], d.broadcast(batch) + [k, n]
    if d.chance(0.1):
        a = [k]
    if d.chance(0.1):
        b = [k]
    return a, b


@hint('MatMul')
def matmul(d):
    a, b = matmul_shapes(d)
    d.special = False
    return Case([d.tensor(0, a), d.tensor(0, b)], atol=1e-4)


@hint('MatMulInteger')
def matmul_integer(d):
    a, b = matmul_shapes(d)
    inputs = [d.tensor(0, a, 'full'), d.tensor(1, b, 'full')]
    if d.chance(0.6):
        inputs.append(d.tensor(0, [] if d.chance(0.6) or len(a) != 2 else [a[-2]], 'full'))
        if d.chance(0.6):
            inputs.append(d.tensor(1, [] if d.chance(0.6) or len(b) != 2 else [b[-1]], 'full'))
    return Case(inputs)


@hint('QLinearMatMul')
def qlinear_matmul(d):
    a, b = matmul_shapes(d)
    t = [numpy_type(d.type_string(k)) for k in (0, 3, 7)]
    real = numpy_type(d.type_string(1))
    scale = lambda: d.array(real, [], (0.01, 0.1))  # noqa: E731
    if any(x.name.startswith('float8') for x in t):
        raise NoCase
    return Case([d.array(t[0], a, 'full'), scale(), d.array(t[0], [], 'full'), d.array(t[1], b, 'full'), scale(), d.array(t[1], [], 'full'),
                 (scale() * 8).astype(real), d.array(t[2], [], 'full')], inexact=1)


@hint('Gemm')
def gemm(d):
    m, k, n = d.size(), d.size(), d.size()
    d.special = False
    attributes = d.maybe(d.maybe({}, 'transA', d.int(0, 1)), 'transB', d.int(0, 1))
    attributes.update({} if is_float(d.plain(0)) is False else {name: d.real(0.5, 2) for name in ('alpha', 'beta') if d.chance(0.4)})
    inputs = [d.tensor(0, [k, m] if attributes.get('transA') else [m, k]), d.tensor(0, [n, k] if attributes.get('transB') else [k, n])]
    if d.schema.since_version < 11 or d.chance(0.6):
        inputs.append(d.tensor(0, d.broadcast([m, n])))
    return Case(inputs, attributes, atol=1e-4)


EQUATIONS = ['ij,jk->ik', 'ij,jk', 'bij,bjk->bik', '...ij,...jk->...ik', 'ii->i', 'ii', 'ij->ji', 'ij->', 'ij->j', 'i,j->ij', 'ij,ij->i', 'ijk,kl->ijl',
             'b...d,b...d->b...', '...ii->...i', 'bhid,bhjd->bhij', 'ij,jk,kl->il', ' i j , j k -> i k ', '...,...->...', 'iij->ij', 'ba', 'abc,ca->b', '...a->a...']


@hint('Einsum')
def einsum(d):
    equation = d.pick(EQUATIONS)
    d.plain(0)
    d.special = False
    sizes = {}
    middle = d.shape(0, 2, empty=0)
    inputs = []
    for term in equation.split('->')[0].replace(' ', '').split(','):
        shape = []
        left = term.replace('...', '*')
        for letter in left:
            shape += d.broadcast(middle, False) if letter == '*' else [sizes.setdefault(letter, d.int(1, 4))]
        inputs.append(d.tensor(0, shape))
    return Case(inputs, {'equation': equation}, atol=1e-4)


@hint('Det')
def det(d):
    n = d.int(1, 5)
    d.special = False
    return Case([d.tensor(0, d.shape(0, 2) + [n, n])], atol=1e-3)


@hint('RotaryEmbedding')
def rotary(d):
    batch, heads, length, half = d.int(1, 2), d.int(1, 3), d.int(1, 4), d.int(1, 3)
    size = 2 * half * d.int(1, 2)
    attributes = d.maybe({}, 'interleaved', d.int(0, 1))
    if size > 2 * half:
        attributes['rotary_embedding_dim'] = 2 * half
    flat = d.chance(0.4)
    shape = [batch, length, heads * size] if flat else [batch, heads, length, size]
    if flat:
        attributes['num_heads'] = heads
    by_position = d.chance(0.6)
    table = [9, half] if by_position else [batch, length, half]
    inputs = [d.tensor(0, shape), d.tensor(0, table, 'unit'), d.tensor(0, table, 'unit')]
    return Case(inputs + ([d.rng.integers(0, 9, (batch, length)).astype(I)] if by_position else []), attributes)


@hint('Attention')
def attention(d):
    batch, kv_heads, q_length, k_length, size, v_size = d.int(1, 2), d.int(1, 2), d.int(1, 4), d.int(1, 5), d.int(1, 4), d.int(1, 4)
    heads = kv_heads * d.int(1, 2)
    dtype = d.floats(0)
    d.types[d.formal(2).type_str] = d.types[d.formal(0).type_str]
    d.special = False
    attributes = {}
    three = d.chance(0.4)
    past = d.int(1, 3) if not three and d.chance(0.3) else 0
    total = k_length + past
    for name, value in (('is_causal', d.int(0, 1)), ('scale', d.real(0.2, 1)), ('softcap', d.real(0.5, 3))):
        d.maybe(attributes, name, value, 0.4)
    if three:
        attributes.update(q_num_heads=heads, kv_num_heads=kv_heads)
    shaped = lambda n, l, s: [batch, l, n * s] if three else [batch, n, l, s]  # noqa: E731
    inputs = [d.array(dtype, shaped(heads, q_length, size)), d.array(dtype, shaped(kv_heads, k_length, size)), d.array(dtype, shaped(kv_heads, k_length, v_size))]
    mask = None
    if d.chance(0.5):
        mask = d.broadcast([batch, heads, q_length, total], False)[d.int(0, 2):]
        mask[-1], mask[-2] = total, mask[-2]
        mask = d.array(bool, mask) | (np.arange(total) == 0) if d.chance(0.5) else d.array(dtype, mask)
        if mask.dtype != bool:
            d.types['U'] = d.types[d.formal(0).type_str]
    inputs.append(mask)
    outputs = 1
    if past:
        inputs += [d.array(dtype, [batch, kv_heads, past, size]), d.array(dtype, [batch, kv_heads, past, v_size])]
        outputs = 3
    return Case(inputs, attributes, outputs, atol=1e-3)


# --- recurrence -----------------------------------------------------------------------------------------------------------
@hint('RNN', 'GRU', 'LSTM')
def recurrent(d):
    gates = {'RNN': 1, 'GRU': 3, 'LSTM': 4}[d.schema.name]
    length, batch, size, hidden = d.int(1, 4), d.int(1, 3), d.int(1, 4), d.int(1, 4)
    direction = d.pick(['forward', 'reverse', 'bidirectional'])
    ways = 2 if direction == 'bidirectional' else 1
    d.special = False
    attributes = {'hidden_size': hidden}
    d.maybe(attributes, 'direction', direction, 1 if direction != 'forward' else 0.4)
    major = d.attribute('layout') and d.chance(0.3)
    if major:
        attributes['layout'] = 1
    d.maybe(attributes, 'clip', d.real(0.2, 2), 0.2)
    d.maybe(attributes, 'linear_before_reset', d.int(0, 1))
    d.maybe(attributes, 'input_forget', 1, 0.15)
    if d.chance(0.3):
        names = ['Relu', 'Tanh', 'Sigmoid', 'Softsign', 'Softplus', 'HardSigmoid', 'LeakyRelu', 'Affine', 'Elu', 'ScaledTanh', 'ThresholdedRelu']
        attributes['activations'] = [d.pick(names[:7]) for _ in range(ways * max(1, gates - 1))]
    swap = lambda shape: [shape[1], shape[0]] + shape[2:] if major else shape  # noqa: E731
    t = lambda shape: d.tensor(0, shape, (-0.8, 0.8))  # noqa: E731
    inputs = [d.tensor(0, swap([length, batch, size])), t([ways, gates * hidden, size]), t([ways, gates * hidden, hidden])]
    inputs.append(t([ways, 2 * gates * hidden]) if d.chance(0.6) else None)
    inputs.append(np.array(d.ints(batch, 1, length), np.int32) if d.chance(0.4) else None)
    inputs.append(t(swap([ways, batch, hidden])) if d.chance(0.5) else None)
    if d.schema.name == 'LSTM':
        inputs.append(t(swap([ways, batch, hidden])) if d.chance(0.5) else None)
        inputs.append(t([ways, 3 * hidden]) if d.chance(0.3) else None)
    return Case(inputs, attributes, d.int(1, 3 if d.schema.name == 'LSTM' else 2), atol=1e-4)


# --- quantization ---------------------------------------------------------------------------------------------------------
def scales_of(d, shape, attributes):
    """The shape of a scale for x, with the attributes that say how it applies."""
    kinds = ['tensor'] + (['axis'] if d.opset >= 13 and shape else []) + (['blocked'] if d.attribute('block_size') and shape and 0 not in shape else [])
    kind = d.pick(kinds)
    if kind == 'tensor':
        return [] if d.chance(0.8) else [1]
    axis = d.axis(len(shape))
    d.maybe(attributes, 'axis', axis, 1.0)
    if kind == 'axis':
        return [shape[axis]]
    block = d.int(1, shape[axis])
    attributes['block_size'] = block
    result = list(shape)
    result[axis] = -(-shape[axis] // block)
    if -(-shape[axis] // result[axis]) != block and d.chance(0.9):
        raise NoCase
    return result


@hint('QuantizeLinear')
def quantize_linear(d):
    shape, attributes = d.shape(0, 3), {}
    scale = scales_of(d, shape, attributes)
    d.special = False
    x = d.tensor(0, shape, (-20, 20))
    kind = d.type_of(d.schema.outputs[0].type_str)
    zero = d.array(numpy_type(kind), scale, 'any') if 'float' not in kind else np.zeros(scale, numpy_type(kind))
    d.maybe(attributes, 'saturate', d.int(0, 1), 0.2)
    return Case([x, d.array(d.dtype(1), scale, 'positive') if 'e8m0' not in d.dtype(1).name else d.array(d.dtype(1), scale), zero if kind != 'tensor(uint8)' or d.chance(0.7) else None],
                attributes, inexact=1)


@hint('DequantizeLinear')
def dequantize_linear(d):
    shape, attributes = d.shape(0, 3), {}
    scale = scales_of(d, shape, attributes)
    d.special = False
    x = d.tensor(0, shape, 'full')
    zero = np.zeros(scale, x.dtype) if x.dtype == np.int32 or x.dtype.name.startswith('float') else d.array(x.dtype, scale)
    return Case([x, d.array(d.dtype(1), scale, 'positive'), zero if d.chance(0.7) else None], attributes)


@hint('DynamicQuantizeLinear')
def dynamic_quantize_linear(d):
    d.special = False
    return Case([d.tensor(0, d.shape(1, 3, empty=0))], outputs=3, inexact=1)


# --- losses, selection ----------------------------------------------------------------------------------------------------
@hint('NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss')
def loss(d):
    n, c, rest = d.int(1, 3), d.int(1, 4), d.shape(0, 2, empty=0)
    d.special = False
    attributes = d.maybe({}, 'reduction', d.pick(['none', 'mean', 'sum']))
    labels = d.rng.integers(0, c, [n] + rest).astype(d.dtype(1))
    if d.chance(0.3):
        attributes['ignore_index'] = ignored = d.pick([-1, 0, 5])
        labels.reshape(-1)[0] = ignored
        if d.chance(0.5):
            labels.reshape(-1)[-1] = 0
    inputs = [d.tensor(0, [n, c] + rest), labels] + ([d.tensor(0, [c], 'positive')] if d.chance(0.5) else [])
    return Case(inputs, attributes, d.int(1, 2) if d.schema.name.startswith('Soft') else 1, atol=1e-4)


@hint('NonMaxSuppression')
def non_max_suppression(d):
    batch, boxes, classes = d.int(1, 2), d.int(1, 8), d.int(1, 2)
    corners = np.sort(d.rng.uniform(0, 5, (batch, boxes, 2, 2)), 2).reshape(batch, boxes, 4).astype(np.float32)
    center = d.chance(0.3)
    if center:
        corners[..., 2:] = np.abs(corners[..., 2:]) + 0.5
    inputs = [corners, d.rng.random((batch, classes, boxes)).astype(np.float32), np.array([d.int(0 if d.chance(0.1) else 1, 5)], I)]
    inputs += [np.array([d.real(0.1, 0.8)], np.float32), np.array([d.real(0, 0.5)], np.float32)][: d.int(0, 2)]
    return Case(inputs, {'center_point_box': 1} if center else {})


# --- signals --------------------------------------------------------------------------------------------------------------
@hint('DFT')
def dft(d):
    shape = d.shape(1, 3, empty=0) + [d.pick([1, 2])]
    d.special = False
    axis = d.int(0, len(shape) - 2)
    attributes = {name: 1 for name in ('inverse', 'onesided') if d.chance(0.3)}
    if attributes.get('onesided') and (shape[-1] == 2 or 'inverse' in attributes):
        attributes.pop('onesided')
    length = np.array(d.int(1, 9), I) if d.chance(0.3) else None
    if d.attribute('axis'):
        return Case([d.tensor(0, shape), length], {**attributes, 'axis': axis}, atol=1e-4)
    return Case([d.tensor(0, shape), length, np.array(axis, I)], attributes, atol=1e-4)


@hint('STFT')
def stft(d):
    frame, step = d.int(2, 8), d.int(1, 4)
    signal = d.tensor(0, [d.int(1, 2), frame + d.int(0, 20), 1], 'unit')
    window = d.tensor(0, [frame], 'positive') if d.chance(0.6) else None
    return Case([signal, np.array(step, I), window, np.array(frame, I) if window is None or d.chance(0.5) else None], d.maybe({}, 'onesided', d.int(0, 1)), atol=1e-4)


@hint('BlackmanWindow', 'HammingWindow', 'HannWindow')
def signal_window(d):
    attributes = d.maybe({}, 'periodic', d.int(0, 1))
    d.maybe(attributes, 'output_datatype', d.pick([1, 10, 11]))
    return Case([np.array(d.int(1, 20), d.dtype(0))], attributes)


@hint('MelWeightMatrix')
def mel_weight_matrix(d):
    d.restrict(0, 'int32', 'int64')
    low = d.pick([0.0, 20.0, 100.0])
    return Case([np.array(d.int(2, 10), d.dtype(0)), np.array(d.pick([16, 32, 64]), d.dtype(0)), np.array(8192, d.dtype(0)),
                 np.array(low, np.float32).astype(d.dtype(3)), np.array(4096, np.float32).astype(d.dtype(3))])


# --- text -----------------------------------------------------------------------------------------------------------------
@hint('StringConcat')
def string_concat(d):
    shape = d.shape()
    return Case([d.array(object, d.broadcast(shape)), d.array(object, d.broadcast(shape))])


@hint('StringSplit')
def string_split(d):
    x = np.array([d.pick(WORDS + ['a  b ', ',,x', 'a, b,,c']) for _ in range(d.int(1, 5))], object)
    attributes = d.maybe({}, 'delimiter', d.pick([',', ' ', '', 'a']))
    return Case([x], d.maybe(attributes, 'maxsplit', d.int(0, 3), 0.4), 2)


@hint('RegexFullMatch')
def regex(d):
    return Case([d.array(object, d.shape(0, 2))], {'pattern': d.pick(['[a-z]+', '.*', 'c.t', '', '(cat|dog)', r'-?\d+(\.\d+)?', '[^a]*'])})


@hint('StringNormalizer')
def string_normalizer(d):
    shape = [d.int(1, 5)] if d.chance(0.6) else [1, d.int(1, 5)]
    attributes = d.maybe({}, 'case_change_action', d.pick(['LOWER', 'UPPER', 'NONE']))
    d.maybe(attributes, 'is_case_sensitive', d.int(0, 1))
    d.maybe(attributes, 'stopwords', ['cat', 'the', 'b'])
    words = [w for w in WORDS if w.isascii()]
    return Case([np.array([d.pick(words) for _ in range(shape[-1])], object).reshape(shape)], attributes)


@hint('TfIdfVectorizer')
def tf_idf(d):
    shape = [d.int(1, 8)] if d.chance(0.5) else [d.int(1, 3), d.int(1, 8)]
    one, two = [1, 2, 3], [1, 2, 2, 3, 3, 1]
    attributes = {'mode': d.pick(['TF', 'IDF', 'TFIDF']), 'min_gram_length': d.int(1, 2), 'max_gram_length': 2, 'max_skip_count': d.int(0, 3), 'ngram_counts': [0, 3],
                  'ngram_indexes': [int(i) for i in d.rng.permutation(6)]}
    d.maybe(attributes, 'weights', [d.real(0.5, 2) for _ in range(6)])
    if d.type_string(0) == 'tensor(string)':
        attributes['pool_strings'] = ['cat', 'dog', 'a'] + [['cat', 'dog', 'a'][k - 1] for k in two]
        return Case([np.array([d.pick(['cat', 'dog', 'a', 'x']) for _ in range(int(np.prod(shape)))], object).reshape(shape)], attributes)
    attributes['pool_int64s'] = one + two
    return Case([d.tensor(0, shape, (1, 4))], attributes)


# --- sequences ------------------------------------------------------------------------------------------------------------
def sequence(d, low=0, high=4):
    kind = d.type_string(0).removeprefix('seq(').removesuffix(')')
    shape = d.shape(0, 2)
    return [d.array(numpy_type(kind), shape if d.chance(0.5) else d.shape(0, 2)) for _ in range(d.int(low, high))], numpy_type(kind)


@hint('SequenceAt', 'SequenceErase', 'SequenceLength')
def sequence_at(d):
    values, _ = sequence(d, low=1)
    if d.schema.name == 'SequenceLength':
        return Case([values])
    position = np.array(d.int(-len(values), len(values) - 1), d.pick([np.int32, I]))
    return Case([values, position if d.schema.name == 'SequenceAt' or d.chance(0.7) else None])


@hint('SequenceInsert')
def sequence_insert(d):
    values, dtype = sequence(d, low=1)
    return Case([values, d.array(dtype, d.shape(0, 2)), np.array(d.int(-len(values), len(values)), I) if d.chance(0.7) else None])


@hint('SequenceConstruct')
def sequence_construct(d):
    return Case([d.tensor(0, d.shape(0, 2)) for _ in range(d.int(1, 3))])


@hint('ConcatFromSequence')
def concat_from_sequence(d):
    values, _ = sequence(d, low=1)
    shape = d.shape(1, 3)
    new = d.int(0, 1)
    axis = d.int(-len(shape) - new, len(shape) + new - 1)
    return Case([[d.array(v.dtype, shape) for v in values]], {'axis': axis, 'new_axis': new})


@hint('SplitToSequence')
def split_to_sequence(d):
    shape = d.shape(1, 3, empty=0)
    axis = d.axis(len(shape))
    attributes = d.maybe({'axis': axis}, 'keepdims', d.int(0, 1))
    to = d.pick([np.int32, I])
    split = d.pick([None, 'scalar', 'list'])
    if split == 'list':
        sizes = d.ints(d.int(1, 3), 1, 3)
        shape[axis] = sum(sizes)
        return Case([d.tensor(0, shape), np.array(sizes, to)], attributes)
    return Case([d.tensor(0, shape), np.array(d.int(1, 3), to) if split else None], attributes)
