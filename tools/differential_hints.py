"""How differential.py draws a case of each operator: hints[NAME](draw) gives inputs and attributes."""
from dataclasses import dataclass, field

import numpy as np

from differential_draw import NoCase, TYPES, is_float, is_integer, numpy_type

I = np.int64


@dataclass
class Case:
    inputs: list                   # arrays, lists of arrays (sequences), None where omitted
    attributes: dict = field(default_factory=dict)
    outputs: int = 1
    rtol: float = None             # else by the types
    atol: float = None
    inexact: int = 0               # integers may differ by so many


hints = {}


def hint(*names):
    def register(function):
        for name in names:
            hints[name] = function
        return function
    return register


# --- element by element ---------------------------------------------------------------------------------------------------
RANGES = {'Acos': (-1, 1), 'Asin': (-1, 1), 'Acosh': (1, 9), 'Atanh': (-0.98, 0.98), 'Log': (0.01, 9), 'Sqrt': (0, 9), 'Exp': (-5, 5),
          'Reciprocal': 'positive', 'Tan': (-1.4, 1.4), 'Sinh': (-4, 4), 'Cosh': (-4, 4), 'Sin': (-7, 7), 'Cos': (-7, 7)}


@hint('Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Cos', 'Cosh', 'Elu', 'Celu', 'Erf', 'Exp', 'Floor', 'HardSigmoid', 'HardSwish', 'Identity',
      'IsNaN', 'LeakyRelu', 'Log', 'Mish', 'Neg', 'Not', 'Reciprocal', 'Relu', 'Round', 'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softplus',
      'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh', 'ThresholdedRelu', 'BitwiseNot', 'Shape', 'Size')
def unary(d):
    kind = 'any' if d.special else RANGES.get(d.schema.name, 'any')
    attributes = d.reals()
    x = d.tensor(0, d.shape(), kind)
    if d.schema.name == 'Shape':
        d.maybe(attributes, 'start', d.int(-5, 5), 0.5)
        d.maybe(attributes, 'end', d.int(-5, 5), 0.5)
    return Case([x], attributes)


@hint('IsInf')
def is_inf(d):
    d.special = True
    attributes = {name: d.int(0, 1) for name in ('detect_negative', 'detect_positive') if d.chance(0.5)}
    return Case([d.tensor(0, d.shape())], attributes)


@hint('Gelu')
def gelu(d):
    return Case([d.tensor(0, d.shape())], d.maybe({}, 'approximate', d.pick(['none', 'tanh'])))


def two_shapes(d, unidirectional=False):
    shape = d.shape()
    a, b = (shape, d.broadcast(shape)) if unidirectional or d.chance(0.5) else (d.broadcast(shape), d.broadcast(shape, False))
    return (a, b) if unidirectional or d.chance(0.5) else (b, a)


@hint('Add', 'Sub', 'Mul', 'And', 'Or', 'Xor', 'Equal', 'Greater', 'Less', 'GreaterOrEqual', 'LessOrEqual', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor')
def binary(d):
    a, b = two_shapes(d)
    return Case([d.tensor(0, a), d.tensor(1, b)])


@hint('Div')
def div(d):
    a, b = two_shapes(d)
    kind = 'any' if is_float(d.dtype(0)) else 'nonzero'
    divisor = d.tensor(1, b, kind)
    if kind == 'nonzero' and np.dtype(divisor.dtype).kind == 'i' and d.chance(0.5):
        divisor = -divisor
    return Case([d.tensor(0, a), divisor])


@hint('Mod')
def mod(d):
    a, b = two_shapes(d)
    fmod = 1 if is_float(d.dtype(0)) else d.int(0, 1)
    x, y = d.tensor(0, a), d.tensor(1, b, 'positive' if is_integer(d.dtype(0)) else 'any')
    if np.dtype(y.dtype).kind == 'i' and d.chance(0.5):
        y = -y
    return Case([x, y], {'fmod': fmod} if fmod or d.chance(0.3) else {})


@hint('Pow')
def power(d):
    a, b = two_shapes(d)
    x = d.tensor(0, a, 'positive' if d.chance(0.7) else 'any')
    y = d.tensor(1, b, (0, 3) if is_integer(d.dtype(0)) or is_integer(d.dtype(1)) else 'any')
    return Case([x, y])


@hint('BitShift')
def bit_shift(d):
    a, b = two_shapes(d)
    bits = np.iinfo(d.dtype(0)).bits
    return Case([d.tensor(0, a, 'full'), d.tensor(1, b, (0, bits - 1))], {'direction': d.pick(['LEFT', 'RIGHT'])})


@hint('PRelu')
def prelu(d):
    a, b = two_shapes(d, unidirectional=True)
    return Case([d.tensor(0, a), d.tensor(1, b)])


@hint('Max', 'Min', 'Mean', 'Sum')
def variadic(d):
    shape = d.shape()
    count = d.int(1, 4)
    if d.opset < 8:
        return Case([d.tensor(0, shape) for _ in range(count)])
    return Case([d.tensor(0, d.broadcast(shape)) for _ in range(count)])


@hint('Where')
def where(d):
    shape = d.shape()
    return Case([d.array(bool, d.broadcast(shape)), d.tensor(1, d.broadcast(shape)), d.tensor(2, d.broadcast(shape))])


@hint('Clip')
def clip(d):
    x = d.tensor(0, d.shape())
    if d.schema.since_version < 11:
        attributes = {}
        d.maybe(attributes, 'min', d.real(-2, 0))
        d.maybe(attributes, 'max', d.real(0, 2))
        return Case([x], attributes)
    low, high = d.tensor(0, [], (0, 4)), d.tensor(0, [], (2, 6))
    return Case([x, low if d.chance(0.7) else None, high if d.chance(0.7) else None])


@hint('SwiGLU')
def swiglu(d):
    shape = d.shape(1, 3)
    return Case([d.tensor(0, shape), d.tensor(0, shape)] if len(d.schema.inputs) > 1 else [d.tensor(0, shape[:-1] + [2 * shape[-1]])], d.reals())


@hint('Cast')
def cast(d):
    source = d.type_string(0)
    target = d.type_of('T2')
    if 'complex' in source + target:
        raise NoCase
    x = d.array(numpy_type(source), d.shape(0, 3))
    if x.dtype.kind == 'O':
        if target == 'tensor(string)':
            raise NoCase
        x = np.array([d.pick(['1', '-2', '3.5', '1e2', '0', ' 7'] if is_float(numpy_type(target)) else ['1', '22', '0']) for _ in range(x.size)], object).reshape(x.shape)
    elif is_float(x.dtype) and not is_float(numpy_type(target)):
        x = np.clip(np.nan_to_num(x.astype(np.float64)), 0, 100).astype(x.dtype)
    attributes = {'to': TYPES[target]}
    return Case([x], d.maybe(attributes, 'saturate', d.int(0, 1), 0.3))


@hint('CastLike')
def cast_like(d):
    case = cast(d)
    d.maybe(case.attributes, 'saturate', 1, 0)
    like = d.array(numpy_type(d.types['T2']), [1])
    attributes = {k: v for k, v in case.attributes.items() if k != 'to'}
    return Case(case.inputs + [like], attributes)


@hint('BitCast')
def bit_cast(d):
    source, target = d.dtype(0), None
    same = [t for t in sorted(TYPES) if t != 'tensor(string)' and 'complex' not in t and numpy_type(t).itemsize == source.itemsize and source.name[-2:] != 't4']
    target = d.pick(same)
    return Case([d.tensor(0, d.shape(1, 3))], {'to': TYPES[target]})


@hint('Dropout')
def dropout(d):
    x = d.tensor(0, d.shape())
    if d.schema.since_version >= 12:
        ratio = d.tensor(1, [], (0, 0.9)) if d.chance(0.5) else None
        return Case([x, ratio], {}, outputs=d.int(1, 2))
    return Case([x], d.reals(0, 0.9), outputs=1)


# --- reductions and along an axis -----------------------------------------------------------------------------------------
@hint('ReduceL1', 'ReduceL2', 'ReduceLogSum', 'ReduceLogSumExp', 'ReduceMax', 'ReduceMean', 'ReduceMin', 'ReduceProd', 'ReduceSum', 'ReduceSumSquare')
def reduce(d):
    shape = d.shape(0 if d.chance(0.1) else 1, 4, empty=0.01)
    x = d.tensor(0, shape, 'positive' if 'Log' in d.schema.name else 'any')
    attributes = d.maybe({}, 'keepdims', d.int(0, 1))
    axes = d.axes(len(shape), negative=d.opset >= 11) if shape and d.chance(0.7) else None
    if not d.attribute('axes'):
        if axes is None and d.chance(0.3):
            axes = []
        d.maybe(attributes, 'noop_with_empty_axes', d.int(0, 1))
        return Case([x, None if axes is None else np.array(axes, I)], attributes)
    if axes is not None:
        attributes['axes'] = axes
    return Case([x], attributes)


@hint('ArgMax', 'ArgMin')
def arg(d):
    shape = d.shape(1, 4, empty=0)
    attributes = {}
    d.maybe(attributes, 'axis', d.axis(len(shape), d.opset >= 11))
    d.maybe(attributes, 'keepdims', d.int(0, 1))
    d.maybe(attributes, 'select_last_index', d.int(0, 1))
    d.special = False
    x = d.tensor(0, shape, (-3, 3))
    return Case([np.round(x.astype(np.float64)).astype(x.dtype) if is_float(x.dtype) else x], attributes)


@hint('CumSum', 'CumProd')
def cumulative(d):
    shape = d.shape(1, 4)
    attributes = d.maybe({}, 'exclusive', d.int(0, 1))
    d.maybe(attributes, 'reverse', d.int(0, 1))
    axis = np.array(d.axis(len(shape)), d.pick([np.int32, I]))
    return Case([d.tensor(0, shape), axis if d.chance(0.8) else axis.reshape(1)], attributes)


@hint('TopK')
def top_k(d):
    shape = d.shape(1, 4, empty=0)
    axis = d.axis(len(shape), d.opset >= 11)
    k = d.int(0 if d.chance(0.1) else 1, shape[axis])
    attributes = {'axis': axis} if d.chance(0.8) or shape[-1] < k else {}
    if not attributes:
        k = d.int(1, shape[-1])
    d.maybe(attributes, 'largest', d.int(0, 1))
    d.special = False
    x = d.tensor(0, shape)
    if is_integer(x.dtype):
        x = x.reshape(-1)[d.rng.permutation(x.size)].reshape(shape)
    if d.attribute('k'):
        return Case([x], {**attributes, 'k': k}, outputs=2)
    return Case([x, np.array([k], I)], attributes, outputs=2)


@hint('Softmax', 'LogSoftmax', 'Hardmax')
def softmax(d):
    shape = d.shape(1, 4)
    x = d.tensor(0, shape)
    return Case([x], d.maybe({}, 'axis', d.axis(len(shape), d.opset >= 11)))


# --- normalization --------------------------------------------------------------------------------------------------------
@hint('BatchNormalization')
def batch_normalization(d):
    shape = d.shape(2, 5)
    c = shape[1]
    d.special = False
    attributes = {}
    d.maybe(attributes, 'epsilon', d.real(1e-5, 1e-2))
    d.maybe(attributes, 'momentum', d.real(0.1, 0.9))
    inputs = [d.tensor(0, shape)] + [d.tensor(i, [c], 'positive' if i == 4 else 'any') for i in range(1, 5)]
    outputs = 1
    if d.attribute('training_mode') and d.chance(0.3) and 0 not in shape:
        attributes['training_mode'], outputs = 1, 3
    return Case(inputs, attributes, outputs)


@hint('InstanceNormalization')
def instance_normalization(d):
    shape = d.shape(3, 5, empty=0.01)
    d.special = False
    return Case([d.tensor(0, shape), d.tensor(1, [shape[1]]), d.tensor(2, [shape[1]])], d.maybe({}, 'epsilon', d.real(1e-5, 1e-2)), rtol=2e-3, atol=1e-3)


@hint('LayerNormalization', 'RMSNormalization')
def layer_normalization(d):
    shape = d.shape(1, 4, empty=0.01)
    axis = d.axis(len(shape))
    attributes = {'axis': axis}
    d.special = False
    d.maybe(attributes, 'epsilon', d.real(1e-5, 1e-2))
    x = d.tensor(0, shape)
    inner = shape[axis:] if axis < 0 else shape[axis:]
    inputs = [x, d.tensor(1, inner)]
    if d.schema.name == 'LayerNormalization':
        if d.chance(0.6):
            inputs.append(d.tensor(2, inner))
        return Case(inputs, attributes, d.pick([1, 1, 2, 3]), atol=1e-3)
    return Case(inputs, attributes, atol=1e-3)


@hint('GroupNormalization')
def group_normalization(d):
    groups = d.int(1, 3)
    shape = d.shape(3, 4, empty=0)
    shape[1] = groups * d.int(1, 3)
    d.special = False
    n = groups if d.schema.since_version == 18 else shape[1]
    return Case([d.tensor(0, shape), d.tensor(1, [n]), d.tensor(2, [n])], d.maybe({'num_groups': groups}, 'epsilon', d.real(1e-5, 1e-2)), atol=1e-3)


@hint('LRN')
def lrn(d):
    shape = d.shape(4, 4) if d.chance(0.8) else d.shape(3, 5)
    return Case([d.tensor(0, shape)], {**d.reals(0.1, 1.0), 'size': d.pick([1, 2, 3, 5])})


@hint('LpNormalization')
def lp_normalization(d):
    shape = d.shape(1, 4)
    return Case([d.tensor(0, shape)], d.maybe(d.maybe({}, 'axis', d.axis(len(shape))), 'p', d.int(1, 2)))


@hint('MeanVarianceNormalization')
def mean_variance_normalization(d):
    d.special = False
    shape = d.shape(4, 4, empty=0)
    return Case([d.tensor(0, shape)], d.maybe({}, 'axes', sorted(d.axes(4, negative=False))), atol=1e-2)


# --- movement -------------------------------------------------------------------------------------------------------------
@hint('Concat')
def concat(d):
    shape = d.shape(1, 4)
    axis = d.axis(len(shape), d.opset >= 11)
    parts = [list(shape) for _ in range(d.int(1, 4))]
    for part in parts:
        part[axis] = d.size(0.1)
    return Case([d.tensor(0, part) for part in parts], {'axis': axis})


@hint('Split')
def split(d):
    shape = d.shape(1, 4, empty=0)
    axis = d.axis(len(shape), d.opset >= 11)
    attributes = {'axis': axis}
    count = d.int(1, 3)
    if d.chance(0.6):
        sizes = d.ints(count, 0 if d.chance(0.2) else 1, 3)
        shape[axis] = sum(sizes)
        x = d.tensor(0, shape)
        if d.attribute('split'):
            return Case([x], {**attributes, 'split': sizes}, count)
        return Case([x, np.array(sizes, I)], attributes, count)
    if d.attribute('num_outputs'):
        attributes['num_outputs'] = count
        shape[axis] = max(shape[axis], count)
        if -(-shape[axis] // count) * (count - 1) > shape[axis]:
            raise NoCase
    else:
        shape[axis] = count * d.int(1, 3)
    return Case([d.tensor(0, shape)], attributes, count)


@hint('Slice')
def slices(d):
    shape = d.shape(1, 4)
    axes = d.axes(len(shape), negative=d.opset >= 10)
    starts, ends = [], []
    for axis in axes:
        n = shape[axis]
        starts.append(d.pick([0, d.int(-n - 2, n + 2), d.int(-n, n), -2**31 if d.opset >= 10 else 0]))
        ends.append(d.pick([n, d.int(-n - 2, n + 2), d.int(-n, n), 2**31 - 1, 2**63 - 1]))
    x = d.tensor(0, shape)
    if d.attribute('starts'):
        return Case([x], {'starts': starts, 'ends': [min(e, 2**31 - 1) for e in ends], 'axes': axes})
    to = d.pick([np.int32, I])
    narrow = lambda values: np.array([max(min(v, np.iinfo(to).max), np.iinfo(to).min) for v in values], to)  # noqa: E731
    inputs = [x, narrow(starts), narrow(ends), np.array(axes, to)]
    if d.chance(0.7):
        inputs.append(np.array([d.pick([1, 1, 2, 3, -1, -2]) for _ in axes], to))
    elif axes == list(range(len(axes))) and d.chance(0.5):
        inputs[3] = None
    return Case(inputs)


def index_array(d, shape, size, dtype=None, negative=True):
    if size == 0 and 0 not in shape:
        raise NoCase
    return d.rng.integers(-size if negative and d.opset >= 11 else 0, max(size, 1), shape).astype(dtype or d.pick([np.int32, I]))


@hint('Gather')
def gather(d):
    shape = d.shape(1, 4)
    axis = d.axis(len(shape), d.opset >= 11)
    return Case([d.tensor(0, shape), index_array(d, d.shape(0, 2), shape[axis])], d.maybe({}, 'axis', axis, 1.0))


@hint('GatherElements')
def gather_elements(d):
    shape = d.shape(1, 4, empty=0.01)
    axis = d.axis(len(shape))
    indices = [d.int(0 if d.chance(0.05) else 1, n) if n else 0 for n in shape]
    indices[axis] = d.int(1, 4)
    return Case([d.tensor(0, shape), index_array(d, indices, shape[axis])], {'axis': axis})


@hint('GatherND')
def gather_nd(d):
    shape = d.shape(1, 4, empty=0)
    batch = d.int(0, len(shape) - 1) if d.attribute('batch_dims') and d.chance(0.4) else 0
    depth = d.int(1, len(shape) - batch)
    middle = d.shape(0, 2) if batch else d.shape(1, 2)
    if batch and not middle and d.chance(0.5):
        middle = [2]
    full = shape[:batch] + middle
    columns = [index_array(d, full, shape[batch + k], I) for k in range(depth)]
    return Case([d.tensor(0, shape), np.stack(columns, -1)], d.maybe({}, 'batch_dims', batch, 1.0 if batch else 0.3))


def distinct(d, shape, size, axis):
    """Indices that do not repeat along an axis."""
    rows = int(np.prod(shape, dtype=I)) // max(shape[axis], 1)
    table = np.stack([d.rng.permutation(size)[: shape[axis]] for _ in range(max(rows, 1))])
    moved = [n for k, n in enumerate(shape) if k != axis % len(shape)]
    return np.moveaxis(table[:rows].reshape(moved + [shape[axis]]), -1, axis).astype(I)


@hint('Scatter', 'ScatterElements')
def scatter(d):
    shape = d.shape(1, 4, empty=0)
    axis = d.axis(len(shape), d.opset >= 11)
    attributes = {'axis': axis}
    indices = [d.int(1, n) for n in shape]
    table = distinct(d, indices, shape[axis], axis)
    if d.attribute('reduction') and d.chance(0.6):
        attributes['reduction'] = d.pick(['none', 'add', 'mul'] + (['max', 'min'] if d.opset >= 18 else []))
        if attributes['reduction'] != 'none':
            d.plain(0)
            table = index_array(d, indices, shape[axis], I)
    if d.opset >= 11 and d.chance(0.3):
        table = np.where(table >= 0, table - shape[axis], table)
    return Case([d.tensor(0, shape), table.astype(d.pick([np.int32, I])), d.tensor(0, indices)], attributes)


@hint('ScatterND')
def scatter_nd(d):
    shape = d.shape(1, 4, empty=0)
    depth = d.int(1, len(shape))
    attributes = {}
    rows = d.int(1, 4)
    total = int(np.prod(shape[:depth]))
    flat = d.rng.permutation(total)[:rows]
    if d.attribute('reduction') and d.chance(0.6):
        attributes['reduction'] = d.pick(['none', 'add', 'mul'] + (['max', 'min'] if d.opset >= 18 else []))
        if attributes['reduction'] != 'none':
            d.plain(0)
            flat = d.rng.integers(0, total, rows)
    indices = np.stack(np.unravel_index(flat, shape[:depth]), -1).astype(I)
    if d.chance(0.2):
        indices = indices - np.array(shape[:depth], I)
    return Case([d.tensor(0, shape), indices, d.tensor(0, [len(indices)] + shape[depth:])], attributes)


@hint('Transpose')
def transpose(d):
    shape = d.shape(0, 5)
    return Case([d.tensor(0, shape)], d.maybe({}, 'perm', [int(i) for i in d.rng.permutation(len(shape))], 0.8 if shape else 0))


@hint('Reshape')
def reshape(d):
    shape = d.shape(0, 4)
    x = d.tensor(0, shape)
    target, rest = [], x.size
    for k in range(d.int(0, 3)):
        divisors = [n for n in range(1, rest + 1) if rest % n == 0] or [1]
        n = d.pick(divisors)
        target.append(n)
        rest //= max(n, 1)
    if x.size:
        target.append(rest)
        for k in range(len(target)):
            if k < len(shape) and shape[k] == target[k] and d.chance(0.3):
                target[k] = 0
        if d.chance(0.5):
            target[d.int(0, len(target) - 1)] = -1
        if d.attribute('allowzero') and 0 not in target and d.chance(0.3):
            return Case([x, np.array(target, I)], {'allowzero': 1})
    elif d.attribute('allowzero'):
        return Case([x, np.array([0, 3], I)], {'allowzero': 1})
    else:
        raise NoCase
    return Case([x, np.array(target, I)])


def axes_case(d, x, axes):
    if d.attribute('axes'):
        return Case([x], {'axes': axes})
    return Case([x, np.array(axes, I)])


@hint('Squeeze')
def squeeze(d):
    shape = d.shape(0, 4)
    ones = [k for k, n in enumerate(shape) if n == 1]
    x = d.tensor(0, shape)
    if not ones or d.chance(0.3):
        return Case([x])
    chosen = [int(k) - (len(shape) if d.opset >= 11 and d.chance(0.3) else 0) for k in d.rng.permutation(ones)[: d.int(1, len(ones))]]
    return axes_case(d, x, chosen)


@hint('Unsqueeze')
def unsqueeze(d):
    shape = d.shape(0, 3)
    added = d.int(1, 2)
    rank = len(shape) + added
    axes = [int(k) - (rank if d.opset >= 11 and d.chance(0.3) else 0) for k in d.rng.permutation(rank)[:added]]
    return axes_case(d, d.tensor(0, shape), axes)


@hint('Flatten')
def flatten(d):
    shape = d.shape(1, 4)
    return Case([d.tensor(0, shape)], d.maybe({}, 'axis', d.int(-len(shape) if d.opset >= 11 else 0, len(shape)), 0.8))


@hint('Expand')
def expand(d):
    shape = d.shape(0, 4)
    return Case([d.tensor(0, d.broadcast(shape)), np.array(d.broadcast(shape) if d.chance(0.3) else shape, I)])


@hint('Tile')
def tile(d):
    shape = d.shape(0 if d.chance(0.1) else 1, 3)
    return Case([d.tensor(0, shape), np.array([d.int(0 if d.chance(0.1) else 1, 3) for _ in shape], I)])


@hint('Pad')
def pad(d):
    shape = d.shape(1, 4, empty=0.01)
    mode = d.pick(['constant', 'constant', 'reflect', 'edge'] + (['wrap'] if d.opset >= 19 else []))
    limit = lambda n: 3 if mode in ('constant', 'edge') else min(n - 1 if mode == 'reflect' else n, 3)  # noqa: E731
    if mode != 'constant' and 0 in shape:
        raise NoCase
    axes = d.axes(len(shape)) if len(d.schema.inputs) > 3 and d.chance(0.4) else list(range(len(shape)))
    pads = [d.int(0, limit(shape[a])) for a in axes + axes]
    if d.chance(0.2):
        k = d.int(0, len(axes) - 1)
        pads[k] = -d.int(0, max(shape[axes[k]] - 1, 0))
    attributes = d.maybe({}, 'mode', mode, 1.0)
    if d.attribute('pads'):
        return Case([d.tensor(0, shape)], d.maybe({**attributes, 'pads': pads}, 'value', d.real(-1, 1)))
    inputs = [d.tensor(0, shape), np.array(pads, I), d.tensor(0, []) if mode == 'constant' and d.chance(0.6) else None]
    return Case(inputs + ([np.array(axes, d.pick([np.int32, I]))] if axes != list(range(len(shape))) else []), attributes)


@hint('DepthToSpace', 'SpaceToDepth')
def depth_to_space(d):
    b = d.int(1, 3)
    n, c, h, w = d.size(), d.int(1, 3), d.int(1, 3), d.int(1, 3)
    if d.schema.name == 'DepthToSpace':
        return Case([d.tensor(0, [n, c * b * b, h, w])], d.maybe({'blocksize': b}, 'mode', d.pick(['DCR', 'CRD'])))
    return Case([d.tensor(0, [n, c, h * b, w * b])], d.maybe({'blocksize': b}, 'mode', d.pick(['DCR', 'CRD'])))


@hint('ReverseSequence')
def reverse_sequence(d):
    shape = d.shape(2, 4, empty=0)
    batch = d.int(0, 1)
    lengths = np.array(d.ints(shape[batch], 1, shape[1 - batch]), I)
    return Case([d.tensor(0, shape), lengths], {'batch_axis': batch, 'time_axis': 1 - batch})


@hint('Compress')
def compress(d):
    shape = d.shape(1, 4)
    if d.chance(0.3):
        return Case([d.tensor(0, shape), d.array(bool, [d.int(0, int(np.prod(shape)))])])
    axis = d.axis(len(shape), d.opset >= 11)
    return Case([d.tensor(0, shape), d.array(bool, [d.int(0, shape[axis])])], {'axis': axis})


@hint('OneHot')
def one_hot(d):
    for i in range(2):
        d.restrict(i, 'int64', 'int32', 'float32')
    indices = d.tensor(0, d.shape(0, 3), (-6 if d.opset >= 11 else 0, 6))
    if is_float(indices.dtype):
        indices = np.round(indices)
    depth = np.array(d.int(1, 5)).astype(d.dtype(1))
    return Case([indices, depth if d.chance(0.5) else depth.reshape(1), d.tensor(2, [2])], d.maybe({}, 'axis', d.int(-indices.ndim - 1, indices.ndim)))


@hint('NonZero')
def non_zero(d):
    d.special = False
    x = d.tensor(0, d.shape(1, 4), (-1, 1))
    return Case([np.round(x.astype(np.float64)).astype(x.dtype) if is_float(x.dtype) else x])


@hint('Trilu')
def trilu(d):
    return Case([d.tensor(0, d.shape(2, 4)), np.array(d.int(-5, 5), I) if d.chance(0.7) else None], d.maybe({}, 'upper', d.int(0, 1)))


@hint('Unique')
def unique(d):
    d.special = False
    shape = d.shape(1, 3, empty=0)
    x = d.tensor(0, shape, (0, 2))
    x = np.round(x.astype(np.float64)).astype(x.dtype) if is_float(x.dtype) else x
    return Case([x], d.maybe(d.maybe({}, 'sorted', d.int(0, 1)), 'axis', d.axis(len(shape)), 0.5), d.int(1, 4))


@hint('EyeLike')
def eye_like(d):
    attributes = d.maybe({}, 'k', d.int(-3, 3))
    d.maybe(attributes, 'dtype', d.pick([1, 7, 9, 10, 11]))
    return Case([d.tensor(0, d.shape(2, 2))], attributes)


@hint('ConstantOfShape')
def constant_of_shape(d):
    from onnx import numpy_helper
    kind = d.type_of(d.schema.outputs[0].type_str)
    attributes = {'value': numpy_helper.from_array(d.array(numpy_type(kind), [1]))} if d.chance(0.8) else {}
    return Case([np.array(d.shape(0, 3), I)], attributes)


@hint('Range')
def range_(d):
    dtype = d.dtype(0)
    start, step = d.int(-5, 5), d.pick([1, 2, 3, -1, -2, 0.5, -0.25])
    if is_integer(dtype):
        step = int(step) or 1
    limit = start + step * d.real(0, 9)
    return Case([np.array(start).astype(dtype), np.array(limit).astype(dtype), np.array(step).astype(dtype)])


@hint('CenterCropPad')
def center_crop_pad(d):
    shape = d.shape(1, 4, empty=0)
    axes = d.axes(len(shape)) if d.chance(0.6) else None
    target = np.array([d.int(1, 8) for _ in (axes or shape)], d.pick([np.int32, I]))
    return Case([d.tensor(0, shape), target], {} if axes is None else {'axes': axes})


@hint('TensorScatter')
def tensor_scatter(d):
    shape = d.shape(3, 4, empty=0)
    axis = d.int(1, len(shape) - 1)
    mode = d.pick(['linear', 'circular'])
    update = list(shape)
    update[axis] = d.int(1, shape[axis])
    high = shape[axis] - (update[axis] if mode == 'linear' else 1)
    indices = np.array(d.ints(shape[0], 0, high), I) if d.chance(0.8) else None
    return Case([d.tensor(0, shape), d.tensor(0, update), indices], {'axis': axis - (len(shape) if d.chance(0.5) else 0), 'mode': mode})
