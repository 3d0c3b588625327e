"""Spoils a case of differential.py: what a careless exporter or a hostile file would do to a node."""
import numpy as np

EXTREMES = [0, -1, 1, -2, 3, 17, 1000, 2**31 - 1, -2**31, 2**31, 2**40, 2**62, 2**63 - 1, -2**63]
REALS = [0.0, -1.0, 1e30, -1e30, 1e-30, float('inf'), float('-inf'), float('nan')]


def spoil_attribute(d, attributes):
    name = d.pick(sorted(attributes))
    value = attributes[name]
    if isinstance(value, bool) or isinstance(value, int):
        attributes[name] = d.pick(EXTREMES)
    elif isinstance(value, float):
        attributes[name] = d.pick(REALS)
    elif isinstance(value, str):
        attributes[name] = d.pick(['', 'bogus', value.upper(), value + 'x', 'i' * 60])
    elif isinstance(value, list) and value:
        spoiled = list(value)
        what = d.int(0, 3)
        if what == 0:
            spoiled.append(spoiled[-1])
        elif what == 1 and len(spoiled) > 1:
            spoiled.pop()
        elif isinstance(spoiled[0], int):
            spoiled[d.int(0, len(spoiled) - 1)] = d.pick(EXTREMES)
        elif isinstance(spoiled[0], float):
            spoiled[d.int(0, len(spoiled) - 1)] = d.pick(REALS)
        attributes[name] = spoiled


def spoil_input(d, inputs):
    places = [k for k, value in enumerate(inputs) if isinstance(value, np.ndarray)]
    if not places:
        return
    k = d.pick(places)
    value = inputs[k]
    what = d.int(0, 6)
    if what == 0 and value.size and value.dtype.kind in 'iu':
        low, high = np.iinfo(value.dtype).min, np.iinfo(value.dtype).max
        value = value.copy()
        value.reshape(-1)[d.int(0, value.size - 1)] = d.pick([n for n in EXTREMES if low <= n <= high])
    elif what == 0 and value.size and value.dtype.kind == 'f':
        value = value.copy()
        value.reshape(-1)[d.int(0, value.size - 1)] = d.pick(REALS)
    elif what == 1:
        value = value[None]
    elif what == 2 and value.ndim:
        value = value[..., :0] if d.chance(0.5) else value[0]
    elif what == 3 and value.ndim:
        value = np.concatenate([value, value], d.int(0, value.ndim - 1))
    elif what == 4:
        value = value.reshape(-1)
    elif what == 5:
        value = value.astype(d.pick([np.float32, np.int64, np.int32, np.uint8, bool])) if value.dtype.kind in 'iufb' else value
    elif what == 6:
        inputs[k] = None
        return
    inputs[k] = value


def spoil(d, case):
    """One to three faults, in place."""
    for _ in range(d.int(1, 3)):
        what = d.int(0, 9)
        if what < 4 and case.attributes:
            spoil_attribute(d, case.attributes)
        elif what < 9 or len(case.inputs) < 2:
            spoil_input(d, case.inputs)
        else:
            a, b = d.int(0, len(case.inputs) - 1), d.int(0, len(case.inputs) - 1)
            case.inputs[a], case.inputs[b] = case.inputs[b], case.inputs[a]
