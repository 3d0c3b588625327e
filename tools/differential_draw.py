"""Random choices for one case of differential.py: types from an operator's schema, shapes, values."""
import ml_dtypes
import numpy as np
from onnx import TensorProto, defs, helper

TYPES = {f'tensor({name.lower()})': number for name, number in TensorProto.DataType.items() if number}
WORDS = ['', 'a', 'b', 'cat', 'Cat', 'dog', 'the', 'über', 'x,y', ' 1', '-2.5', 'naïve', 'a b c', '日本']
LIMITS = {'int4': (-8, 7), 'uint4': (0, 15), 'int2': (-2, 1), 'uint2': (0, 3)}


class NoCase(Exception):
    """The hint cannot make a case of what was drawn; another is drawn."""


def numpy_type(type_string):
    return np.dtype(helper.tensor_dtype_to_np_dtype(TYPES[type_string]))


def is_float(dtype):
    return np.dtype(dtype).kind == 'f' or np.dtype(dtype).name.startswith(('float', 'bfloat'))


def is_integer(dtype):
    return np.dtype(dtype).kind in 'iu' or np.dtype(dtype).name in LIMITS


class Draw:
    """What a hint draws from. `i` is the number of an input of the schema, whose type is drawn once a type variable."""

    def __init__(self, schema, opset, seed):
        self.schema, self.opset = schema, opset
        self.rng = np.random.default_rng(seed)
        self.types = {}
        self.special = self.chance(0.08)  # NaN, infinities, zeros and extremes among the values

    # --- choices
    def chance(self, p):
        return bool(self.rng.random() < p)

    def pick(self, options):
        return options[int(self.rng.integers(len(options)))]

    def int(self, low, high):
        return int(self.rng.integers(low, high + 1))

    def real(self, low, high):
        return float(np.float32(self.rng.uniform(low, high)))

    def ints(self, count, low, high):
        return [self.int(low, high) for _ in range(count)]

    # --- types
    def type_of(self, variable):
        if variable.startswith(('tensor(', 'seq(', 'optional(', 'map(')):
            return variable
        if variable not in self.types:
            allowed = next(sorted(c.allowed_type_strs) for c in self.schema.type_constraints if c.type_param_str == variable)
            self.types[variable] = self.pick(allowed)
        return self.types[variable]

    def formal(self, i):
        inputs = self.schema.inputs
        return inputs[min(i, len(inputs) - 1)]

    def type_string(self, i):
        return self.type_of(self.formal(i).type_str)

    def dtype(self, i):
        kind = self.type_string(i)
        if kind not in TYPES:
            raise NoCase
        return numpy_type(kind)

    def restrict(self, i, *names):
        """Draws the type of input i among those named (as numpy has them) that the schema lists."""
        variable = self.formal(i).type_str
        allowed = [c.allowed_type_strs for c in self.schema.type_constraints if c.type_param_str == variable]
        allowed = [t for t in sorted(allowed[0]) if t in TYPES and numpy_type(t).name in names] if allowed else []
        if allowed:
            self.types[variable] = self.pick(allowed)
        return self.dtype(i)

    def plain(self, i):
        """As restrict, among numbers that have arithmetic in every peer."""
        return self.restrict(i, 'float32', 'float64', 'float16', 'int32', 'int64', 'uint8', 'int8', 'uint32', 'uint64', 'int16', 'uint16')

    def floats(self, i):
        return self.restrict(i, 'float32', 'float32', 'float64', 'float16')

    # --- shapes
    def size(self, empty=0.03):
        if self.chance(empty):
            return 0
        return self.pick([1, 1, 2, 3, 4, 5, 7]) if self.chance(0.95) else self.pick([16, 17, 33])

    def shape(self, low=0, high=4, empty=0.03):
        return [self.size(empty) for _ in range(self.int(low, high))]

    def broadcast(self, shape, drop=True):
        """A shape that broadcasts to `shape`."""
        result = [1 if self.chance(0.2) else n for n in shape]
        return result[self.int(0, len(result)):] if drop and self.chance(0.4) else result

    def axis(self, rank, negative=True):
        if rank == 0:
            raise NoCase
        return self.int(-rank if negative else 0, rank - 1)

    def axes(self, rank, low=1, negative=True):
        """Different axes, at least `low`, some counted from the end."""
        if rank < low:
            raise NoCase
        chosen = self.rng.permutation(rank)[: self.int(low, rank)]
        return [int(a) - (rank if negative and self.chance(0.3) else 0) for a in chosen]

    # --- values
    def array(self, dtype, shape, kind='any'):
        """kind: any, unit (-1..1), positive, nonzero, words; or a pair of bounds, both included for integers."""
        dtype, shape = np.dtype(dtype), tuple(shape)
        if dtype.kind in 'OUT':
            return np.array([self.pick(WORDS) for _ in range(int(np.prod(shape, dtype=np.int64)))], object).reshape(shape)
        if dtype == bool:
            return self.rng.random(shape) < 0.5
        if dtype.kind == 'c':
            return (self.rng.standard_normal(shape) + 1j * self.rng.standard_normal(shape)).astype(dtype)
        if is_integer(dtype):
            return self.integers(dtype, shape, kind)
        if isinstance(kind, tuple):
            x = self.rng.uniform(kind[0], kind[1], shape)
        elif kind == 'unit':
            x = self.rng.uniform(-1, 1, shape)
        elif kind == 'positive':
            x = self.rng.uniform(0.1, 3, shape)
        else:
            x = self.rng.standard_normal(shape) * 2
        x = np.asarray(x)
        if kind == 'any' and self.special and x.size:
            flat = x.reshape(-1)
            for _ in range(self.int(1, 4)):
                flat[self.int(0, x.size - 1)] = self.pick([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e30, -1e-30, 0.5, 1.5, 2.5])
        if dtype.name == 'float8_e8m0fnu':
            x = np.abs(x) + 0.01
        with np.errstate(all='ignore'):
            return x.astype(dtype)

    def integers(self, dtype, shape, kind):
        low, high = LIMITS.get(dtype.name) or (np.iinfo(dtype).min, np.iinfo(dtype).max)
        small = (max(low, -10), min(high, 10))
        if isinstance(kind, tuple):
            small = (max(low, int(kind[0])), min(high, int(kind[1])))
        elif kind in ('positive', 'nonzero'):
            small = (1, min(high, 10))
        elif kind == 'full' or (kind == 'any' and self.special):
            small = (low, high)
        x = self.rng.integers(small[0], small[1], shape, np.uint64 if dtype == np.uint64 else np.int64, endpoint=True)
        return np.asarray(x).astype(dtype)

    def tensor(self, i, shape, kind='any'):
        return self.array(self.dtype(i), shape, kind)

    # --- attributes
    def attribute(self, name):
        return name in self.schema.attributes

    def maybe(self, attributes, name, value, p=0.6):
        """Sets an attribute that this version of the operator has, sometimes."""
        if self.attribute(name) and self.chance(p):
            attributes[name] = value() if callable(value) else value
        return attributes

    def reals(self, low=0.1, high=2.0):
        """Every float attribute of the schema, each sometimes."""
        attributes = {}
        for name, a in self.schema.attributes.items():
            if a.type == defs.OpSchema.AttrType.FLOAT:
                self.maybe(attributes, name, self.real(low, high))
        return attributes
