"""Hints of differential.py for operators with subgraphs, and for recurrent forms of attention and convolution."""
import numpy as np
from onnx import TensorProto, helper

from differential_hints import Case, I, hint

FLOAT = TensorProto.FLOAT


def info(name, shape=None, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def body(nodes, inputs, outputs, name='body'):
    return helper.make_graph([helper.make_node(*n[:3], **(n[3] if len(n) > 3 else {})) for n in nodes], name, inputs, outputs)


@hint('If')
def if_(d):
    value = helper.make_tensor('v', FLOAT, [2, 3], [d.real(-1, 1) for _ in range(6)])
    other = helper.make_tensor('w', FLOAT, [3], [d.real(-1, 1) for _ in range(3)])
    constant = lambda t, name: [('Constant', [], [name + '_0'], {'value': t}), ('Neg', [name + '_0'], [name])]  # noqa: E731
    branches = {'then_branch': body(constant(value, 'a'), [], [info('a')], 'then'), 'else_branch': body(constant(other, 'b'), [], [info('b')], 'else')}
    return Case([np.array(d.chance(0.5)) if d.chance(0.7) else np.array([d.chance(0.5)])], branches)


@hint('Loop')
def loop(d):
    """Doubles a state, collects it, and stops when asked to or when its sum is large."""
    shape = d.shape(0, 2, empty=0.1)
    limit = helper.make_tensor('l', FLOAT, [], [d.real(1, 30)])
    nodes = [('Add', ['s', 's'], ['t']), ('Cast', ['i'], ['f'], {'to': FLOAT}), ('Add', ['t', 'f'], ['u']), ('Identity', ['s'], ['seen']),
             ('Constant', [], ['limit'], {'value': limit}), ('Less', ['f', 'limit'], ['go'])]
    graph = body(nodes, [info('i', [], TensorProto.INT64), info('c', [], TensorProto.BOOL), info('s')],
                 [info('go', None, TensorProto.BOOL), info('u'), info('seen')])
    trips = np.array(d.int(0, 5), I) if d.chance(0.8) else None
    condition = np.array(d.chance(0.85)) if trips is None or d.chance(0.7) else None
    return Case([trips, condition, d.array(np.float32, shape, 'unit')], {'body': graph}, 2)


@hint('Scan')
def scan(d):
    """One or two sequences along drawn axes and directions; a state and two collected outputs."""
    old = d.schema.since_version == 8
    length, width, rows = d.int(1, 5), d.int(1, 4), d.int(1, 3)
    count = d.int(1, 2)
    attributes = {'num_scan_inputs': count}
    element = [rows, width]
    nodes = [('Add', ['s', 'x0'], ['t']), ('Mul', ['s', f'x{count - 1}'], ['p']), ('Neg', ['t'], ['q'])]
    attributes['body'] = body(nodes, [info('s', element)] + [info(f'x{k}', element) for k in range(count)], [info('t', element), info('p', element), info('q', element)])
    batch = [d.int(1, 3)] if old else []
    inputs = [d.array(np.float32, batch + element)]
    if old:
        d.maybe(attributes, 'directions', d.ints(count, 0, 1))
        lengths = np.array(d.ints(batch[0], 1, length), I) if d.chance(0.5) else None
        inputs = [lengths] + inputs + [d.array(np.float32, batch + [length] + element) for _ in range(count)]
        return Case(inputs, attributes, 3)
    d.maybe(attributes, 'scan_input_directions', d.ints(count, 0, 1))
    d.maybe(attributes, 'scan_output_directions', d.ints(2, 0, 1))
    axes = d.ints(count, 0, 2) if d.chance(0.6) else [0] * count
    if any(axes) or d.chance(0.3):
        attributes['scan_input_axes'] = [a - 3 if d.opset >= 11 and d.chance(0.3) else a for a in axes]
    d.maybe(attributes, 'scan_output_axes', [d.int(-3 if d.opset >= 11 else 0, 2) for _ in range(2)])
    for axis in axes:
        shape = list(element)
        shape.insert(axis, length)
        inputs.append(d.array(np.float32, shape))
    return Case(inputs, attributes, 3)


@hint('CausalConvWithState')
def causal_conv(d):
    batch, channels, length, kernel = d.int(1, 2), d.int(1, 4), d.int(1, 6), d.int(1, 4)
    d.special = False
    inputs = [d.tensor(0, [batch, channels, length]), d.tensor(0, [channels, 1, kernel]), d.tensor(0, [channels]) if d.chance(0.5) else None,
              d.tensor(0, [batch, channels, kernel - 1]) if d.chance(0.5) else None]
    return Case(inputs, d.maybe({}, 'activation', d.pick(['none', 'silu', 'swish'])), 2, atol=1e-3)


@hint('LinearAttention')
def linear_attention(d):
    rule = d.pick(['linear', 'gated', 'delta', 'gated_delta'])
    batch, length, kv_heads, key, value = d.int(1, 2), d.int(1, 4), d.int(1, 2), d.int(1, 4), d.int(1, 4)
    q_heads = kv_heads * d.int(1, 2)
    d.special = False
    dtype = d.floats(0)
    unit = lambda *shape: d.array(dtype, shape, 'unit')  # noqa: E731
    state = unit(batch, kv_heads, key, value) if d.chance(0.5) else None
    decay = unit(batch, length, kv_heads * (key if d.chance(0.5) else 1)) if 'gated' in rule else None
    beta = np.abs(unit(batch, length, kv_heads)) if 'delta' in rule else None
    attributes = {'q_num_heads': q_heads, 'kv_num_heads': kv_heads, 'update_rule': rule}
    d.maybe(attributes, 'scale', d.real(0.2, 1), 0.4)
    if state is not None and len(d.schema.type_constraints) > 1:
        d.types[d.schema.type_constraints[1].type_param_str] = d.types[d.formal(0).type_str]
    return Case([unit(batch, length, q_heads * key), unit(batch, length, kv_heads * key), unit(batch, length, kv_heads * value), state, decay, beta], attributes, 2,
                atol=1e-3)
