"""The cases that make_cases.py writes: a model, its inputs, and what it must give."""
from dataclasses import dataclass

import ml_dtypes
import numpy as np
from onnx import TensorProto, helper

F, I = np.float32, np.int64
random = np.random.default_rng(7)


@dataclass
class Case:
    name: str
    text: str
    inputs: list
    outputs: list


CASES = []


def case(name, signature, body, inputs, outputs, opset=21, extra='', functions=''):
    """`signature` is "(float[N] x) => (float[N] y)"; `extra` further opset imports."""
    text = f'<ir_version: {14 if opset >= 28 else 10}, opset_import: ["" : {opset}{extra}]>\n{name.split("/")[1]} {signature} {{\n{body}\n}}\n{functions}'
    CASES.append(Case(name, text, inputs, outputs))


def normal(*shape):
    return random.standard_normal(shape).astype(F)


def packed(data_type, values, raw):
    """A tensor of a type that NumPy lacks: `raw` are its packed bytes."""
    return helper.make_tensor('', data_type, [len(values)], bytes(raw), raw=True)


# --- types: every storage format by a cast --------------------------------------------------------------------------------
x = np.array([0, -0.0, 1, -1.5, 3.14159, 448, 1000, -70000, 1e-3, 6e-8, np.inf, -np.inf, np.nan], F)
for word, dtype in {'float16': np.float16, 'bfloat16': ml_dtypes.bfloat16, 'double': np.float64}.items():
    with np.errstate(over='ignore'):
        y = x.astype(dtype)
    case(f'types/cast_float_to_{word}', f'(float[N] x) => ({word}[N] y)', f'y = Cast<to = {TensorProto.DataType.Value(word.upper())}>(x)', [x], [y])
    case(f'types/cast_{word}_to_float', f'({word}[N] x) => (float[N] y)', 'y = Cast<to = 1>(x)', [y], [y.astype(F)])

finite = np.array([0, 1, -1.5, 3.14159, 100, 1000, 1e-3, 0.0625, -448], F)
for word, dtype in {'float8e4m3fn': ml_dtypes.float8_e4m3fn, 'float8e5m2': ml_dtypes.float8_e5m2, 'float8e4m3fnuz': ml_dtypes.float8_e4m3fnuz,
                    'float8e5m2fnuz': ml_dtypes.float8_e5m2fnuz}.items():
    limit = F(ml_dtypes.finfo(dtype).max)
    y = np.clip(finite, -limit, limit).astype(dtype)  # Cast saturates
    number = TensorProto.DataType.Value(word.upper())
    case(f'types/cast_float_to_{word}', f'(float[N] x) => ({word}[N] y)', f'y = Cast<to = {number}>(x)', [finite],
         [helper.make_tensor('', number, [len(y)], y.tobytes(), raw=True)])

case('types/cast_int4_to_float', '(int4[5] x) => (float[5] y)', 'y = Cast<to = 1>(x)',
     [packed(TensorProto.INT4, range(5), [0x81, 0x7f, 0x03])], [np.array([1, -8, -1, 7, 3], F)])
case('types/cast_float_to_uint4', '(float[3] x) => (uint4[3] y)', 'y = Cast<to = 21>(x)',
     [np.array([1, 14.9, 7.2], F)], [packed(TensorProto.UINT4, range(3), [0xe1, 0x07])])
case('types/cast_float4_to_float', '(float4e2m1[4] x) => (float[4] y)', 'y = Cast<to = 1>(x)',
     [packed(TensorProto.FLOAT4E2M1, range(4), [0x71, 0x9a])], [np.array([0.5, 6, -1, -0.5], F)], opset=23)
F6_TO_FLOAT = np.array([7.5, -1.125, 0, 1, -0.125], F), [0x5f, 0x0a, 0x20, 0x21]
case('types/cast_float6e2m3_to_float', '(float6e2m3[5] x) => (float[5] y)', 'y = Cast<to = 1>(x)',
     [packed(TensorProto.FLOAT6E2M3, range(5), F6_TO_FLOAT[1])], [F6_TO_FLOAT[0]], opset=28)
case('types/cast_float_to_float6e3m2_saturates', '(float[6] x) => (float6e3m2[6] y)', 'y = Cast<to = 28>(x)',
     [np.array([1, 27, -1e9, 0.03125, 0.05, -np.inf], F)],
     [helper.make_tensor('', TensorProto.FLOAT6E3M2, [6], [1, 28, -28, 0, 0.0625, -28])], opset=28)
case('quantize/to_float6_by_blocks', '(float[2,4] x, float[2,2] s) => (float6e2m3[2,4] q, float[2,4] y)',
     'q = QuantizeLinear<axis = 1, block_size = 2, output_dtype = 27>(x, s)\ny = DequantizeLinear<axis = 1, block_size = 2>(q, s)',
     [np.array([[1, 2, 3, 4], [-5, 60, 0.2, 0]], F), np.array([[1, 2], [4, 0.5]], F)],
     [helper.make_tensor('', TensorProto.FLOAT6E2M3, [2, 4], [1, 2, 1.5, 2, -1.25, 7.5, 0.375, 0]),
      np.array([[1, 2, 3, 4], [-5, 30, 0.1875, 0]], F)], opset=28)
case('optional/of_float6', '(float6e3m2[3] x) => (float6e3m2[3] y)', 'o = Optional(x)\ny = OptionalGetElement(o)',
     [packed(TensorProto.FLOAT6E3M2, range(3), [0xdf, 0xcf, 0x00])], [packed(TensorProto.FLOAT6E3M2, range(3), [0xdf, 0xcf, 0x00])], opset=28)
case('types/cast_string_to_float', '(string[N] x) => (float[N] y)', 'y = Cast<to = 1>(x)',
     [np.array(['1.5', '-2e3', 'INF', 'NaN'], object)], [np.array([1.5, -2000, np.inf, np.nan], F)])
case('types/cast_float_to_int64_truncates', '(float[N] x) => (int64[N] y)', 'y = Cast<to = 7>(x)', [np.array([1.9, -1.9, 2.5, 1e15], F)],
     [np.array([1.9, -1.9, 2.5, 1e15], F).astype(I)])
case('types/complex_constant', '() => (complex64[2] y)', 'y = Constant<value = complex64[2] {1, 2, 3, -4}>()', [], [np.array([1 + 2j, 3 - 4j], np.complex64)])

# --- elementwise ----------------------------------------------------------------------------------------------------------
a, b = normal(2, 1, 4), normal(3, 1)
case('elementwise/add_broadcasts_both', '(float[2,1,4] a, float[3,1] b) => (float[2,3,4] y)', 'y = Add(a, b)', [a, b], [a + b])
a, b = np.array([7, -7, 7, -7], I), np.array([3, 3, -3, -3], I)
case('elementwise/div_int64_truncates', '(int64[4] a, int64[4] b) => (int64[4] y)', 'y = Div(a, b)', [a, b], [np.array([2, -2, -2, 2], I)])
case('elementwise/mod_int64_as_divisor', '(int64[4] a, int64[4] b) => (int64[4] y)', 'y = Mod(a, b)', [a, b], [np.array([1, 2, -2, -1], I)])
case('elementwise/fmod_as_dividend', '(int64[4] a, int64[4] b) => (int64[4] y)', 'y = Mod<fmod = 1>(a, b)', [a, b], [np.array([1, -1, 1, -1], I)])
case('elementwise/pow_of_mixed_types', '(float[3] a, int64[3] b) => (float[3] y)', 'y = Pow(a, b)', [np.array([2, 3, 4], F), np.array([3, 2, -1], I)], [np.array([8, 9, 0.25], F)])
case('elementwise/shift_uint8', '(uint8[3] a, uint8[3] b) => (uint8[3] y)', 'y = BitShift<direction = "LEFT">(a, b)',
     [np.array([1, 255, 8], np.uint8), np.array([7, 1, 0], np.uint8)], [np.array([128, 254, 8], np.uint8)])
c, a, b = np.array([[True], [False]]), normal(1, 3), normal(2, 3)
case('elementwise/where_broadcasts', '(bool[2,1] c, float[1,3] a, float[2,3] b) => (float[2,3] y)', 'y = Where(c, a, b)', [c, a, b], [np.where(c, a, b)])
case('elementwise/round_half_to_even', '(float[N] x) => (float[N] y)', 'y = Round(x)', [np.array([0.5, 1.5, 2.5, -0.5, -1.5, 2.51], F)], [np.array([0, 2, 2, -0.0, -2, 3], F)])
case('elementwise/max_of_three_float16', '(float16[2] a, float16[1] b, float16[2] c) => (float16[2] y)', 'y = Max(a, b, c)',
     [np.array([1, 5], np.float16), np.array([3], np.float16), np.array([2, 9], np.float16)], [np.array([3, 9], np.float16)])
case('elementwise/empty', '(float[0,3] a, float[3] b) => (float[0,3] y)', 'y = Mul(a, b)', [np.zeros((0, 3), F), normal(3)], [np.zeros((0, 3), F)])
x = normal(17)
case('elementwise/gelu_as_a_function', '(float[17] x) => (float[17] y)', 'y = Gelu<approximate = "tanh">(x)', [x],
     [(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))).astype(F)])

# --- reductions -----------------------------------------------------------------------------------------------------------
x = normal(2, 3, 4)
case('reduce/sum_axes_as_input', '(float[2,3,4] x, int64[2] axes) => (float[3] y)', 'y = ReduceSum<keepdims = 0>(x, axes)', [x, np.array([0, -1], I)], [x.sum((0, 2))])
case('reduce/sum_of_nothing_is_the_input', '(float[2,3,4] x, int64[0] axes) => (float[2,3,4] y)', 'y = ReduceSum<noop_with_empty_axes = 1>(x, axes)', [x, np.zeros(0, I)], [x])
case('reduce/logsumexp_is_stable', '(float[1,3] x) => (float[1,1] y)', 'axes = Constant<value_ints = [1]>()\ny = ReduceLogSumExp(x, axes)', [np.array([[1000, 1000, 1000]], F)],
     [np.array([[1000 + np.log(3)]], F)])
case('reduce/max_of_empty', '(float[0,2] x) => (float[2] y)', 'axes = Constant<value_ints = [0]>()\ny = ReduceMax<keepdims = 0>(x, axes)', [np.zeros((0, 2), F)], [np.full(2, -np.inf, F)])
case('reduce/argmax_last_index', '(float[2,3] x) => (int64[2,1] y)', 'y = ArgMax<axis = 1, select_last_index = 1>(x)', [np.array([[1, 5, 5], [2, 2, 0]], F)], [np.array([[2], [1]], I)])
case('reduce/cumsum_reverse_exclusive', '(float[4] x, int64 axis) => (float[4] y)', 'y = CumSum<reverse = 1, exclusive = 1>(x, axis)', [np.array([1, 2, 3, 4], F), np.array(0, I)], [np.array([9, 7, 4, 0], F)])
case('reduce/topk_smallest', '(float[2,4] x, int64[1] k) => (float[2,2] values, int64[2,2] indices)', 'values, indices = TopK<largest = 0>(x, k)',
     [np.array([[4, 1, 3, 1], [0, -1, 5, 2]], F), np.array([2], I)], [np.array([[1, 1], [-1, 0]], F), np.array([[1, 3], [1, 0]], I)])

# --- movement -------------------------------------------------------------------------------------------------------------
x = normal(2, 3, 4)
case('movement/transpose', '(float[2,3,4] x) => (float[4,2,3] y)', 'y = Transpose<perm = [2, 0, 1]>(x)', [x], [x.transpose(2, 0, 1)])
case('movement/slice_backwards', '(float[2,3,4] x, int64[2] s, int64[2] e, int64[2] a, int64[2] d) => (float[2,2,4] y)', 'y = Slice(x, s, e, a, d)',
     [x, np.array([-1, 10], I), np.array([-100, 0], I), np.array([2, 1], I), np.array([-1, -1], I)], [x[:, 2:0:-1, ::-1]])
case('movement/gather_negative', '(float[2,3,4] x, int64[2,1] i) => (float[2,2,1,4] y)', 'y = Gather<axis = 1>(x, i)', [x, np.array([[-1], [0]], I)], [x[:, [[-1], [0]]]])
case('movement/scatternd_adds', '(float[3,2] x, int64[3,1] i, float[3,2] u) => (float[3,2] y)', 'y = ScatterND<reduction = "add">(x, i, u)',
     [np.zeros((3, 2), F), np.array([[1], [1], [0]], I), np.ones((3, 2), F)], [np.array([[1, 1], [2, 2], [0, 0]], F)])
case('movement/pad_reflect', '(float[1,4] x, int64[4] p) => (float[1,7] y)', 'y = Pad<mode = "reflect">(x, p)', [np.array([[1, 2, 3, 4]], F), np.array([0, 2, 0, 1], I)], [np.array([[3, 2, 1, 2, 3, 4, 3]], F)])
case('movement/concat_strings', '(string[2] a, string[1] b) => (string[3] y)', 'y = Concat<axis = 0>(a, b)', [np.array(['x', ''], object), np.array(['ü'], object)], [np.array(['x', '', 'ü'], object)])
case('movement/reshape_by_shape_arithmetic', '(float[N,3,4] x) => (float[M,6] y)', 's = Shape<end = 1>(x)\ntwo = Constant<value_ints = [2]>()\nn = Mul(s, two)\nsix = Constant<value_ints = [6]>()\n'
     'to = Concat<axis = 0>(n, six)\ny = Reshape(x, to)', [x], [x.reshape(4, 6)])
case('movement/nonzero_of_unknown_size', '(float[2,3] x) => (int64[2,K] y)', 'y = NonZero(x)', [np.array([[0, 1, 0], [2, 0, 3]], F)], [np.array([[0, 1, 1], [1, 0, 2]], I)])
case('movement/unique_sorted', '(int64[6] x) => (int64[K] y, int64[K] first, int64[6] back, int64[K] counts)', 'y, first, back, counts = Unique(x)', [np.array([3, 1, 3, 2, 1, 3], I)],
     [np.array([1, 2, 3], I), np.array([1, 3, 0], I), np.array([2, 0, 2, 1, 0, 2], I), np.array([2, 1, 3], I)])

# --- linear algebra and networks --------------------------------------------------------------------------------------------
a, b = normal(2, 1, 3, 5), normal(4, 5, 7)
case('nn/matmul_broadcasts_batches', '(float[2,1,3,5] a, float[4,5,7] b) => (float[2,4,3,7] y)', 'y = MatMul(a, b)', [a, b], [a @ b])
a, b, c = normal(5, 3), normal(7, 5), normal(7)
case('nn/gemm_transposed', '(float[5,3] a, float[7,5] b, float[7] c) => (float[3,7] y)', 'y = Gemm<transA = 1, transB = 1, alpha = 0.5, beta = 2.0>(a, b, c)', [a, b, c], [0.5 * (a.T @ b.T) + 2 * c])
a, b = normal(2, 3, 4), normal(2, 4, 5)
case('nn/einsum_contracts', '(float[2,3,4] a, float[2,4,5] b) => (float[3,5] y)', 'y = Einsum<equation = "bij,bjk->ik">(a, b)', [a, b], [np.einsum('bij,bjk->ik', a, b)])


def conv2d(x, w, stride, dilation, pad, group):
    x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    n, c, h, _ = x.shape
    m, cg, k, _ = w.shape
    side = (h - dilation * (k - 1) - 1) // stride + 1
    y = np.zeros((n, m, side, side))
    for o in range(m):
        first = o // (m // group) * cg
        for i in range(side):
            for j in range(side):
                rows = slice(i * stride, i * stride + dilation * k, dilation)
                columns = slice(j * stride, j * stride + dilation * k, dilation)
                y[:, o, i, j] = (x[:, first:first + cg, rows, columns] * w[o]).sum((1, 2, 3))
    return y.astype(F)


x, w = normal(2, 4, 9, 9), normal(6, 2, 3, 3)
case('nn/conv_groups_strides_dilations', '(float[2,4,9,9] x, float[6,2,3,3] w) => (float[2,6,H,W] y)', 'y = Conv<group = 2, strides = [2, 2], dilations = [2, 2], pads = [1, 1, 1, 1]>(x, w)', [x, w], [conv2d(x, w, 2, 2, 1, 2)])
x, w = normal(1, 5, 7, 7), normal(5, 1, 3, 3)
case('nn/conv_depthwise_same', '(float[1,5,7,7] x, float[5,1,3,3] w) => (float[1,5,7,7] y)', 'y = Conv<group = 5, auto_pad = "SAME_UPPER">(x, w)', [x, w], [conv2d(x, w, 1, 1, 1, 5)])
x, w = normal(1, 1, 4), normal(1, 1, 3)
y = np.zeros((1, 1, 9), F)
for i in range(4):
    y[0, 0, 2 * i:2 * i + 3] += x[0, 0, i] * w[0, 0]
case('nn/conv_transpose_1d', '(float[1,1,4] x, float[1,1,3] w) => (float[1,1,9] y)', 'y = ConvTranspose<strides = [2]>(x, w)', [x, w], [y])
x = np.arange(1, 26, dtype=F).reshape(1, 1, 5, 5)
case('nn/max_pool_ceil', '(float[1,1,5,5] x) => (float[1,1,3,3] y)', 'y = MaxPool<kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1>(x)', [x], [np.array([[[[7, 9, 10], [17, 19, 20], [22, 24, 25]]]], F)])
case('nn/average_pool_counts_pads', '(float[1,1,2,2] x) => (float[1,1,2,2] y)', 'y = AveragePool<kernel_shape = [2, 2], pads = [1, 1, 0, 0], count_include_pad = 1>(x)', [np.array([[[[4, 8], [12, 16]]]], F)],
     [np.array([[[[1, 3], [4, 10]]]], F)])
x = normal(2, 5) * 50
e = np.exp(x - x.max(1, keepdims=True))
case('nn/softmax', '(float[2,5] x) => (float[2,5] y)', 'y = Softmax<axis = 1>(x)', [x], [e / e.sum(1, keepdims=True)])
x, s, b = normal(2, 3, 8), normal(8), normal(8)
mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
case('nn/layer_normalization', '(float[2,3,8] x, float[8] s, float[8] b) => (float[2,3,8] y)', 'y = LayerNormalization(x, s, b)', [x, s, b], [((x - mean) / np.sqrt(var + 1e-5) * s + b).astype(F)])
x, s, b, m, v = normal(2, 3, 4), normal(3), normal(3), normal(3), abs(normal(3))
wide = [t[None, :, None] for t in (s, b, m, v)]
case('nn/batch_normalization', '(float[2,3,4] x, float[3] s, float[3] b, float[3] m, float[3] v) => (float[2,3,4] y)', 'y = BatchNormalization(x, s, b, m, v)', [x, s, b, m, v],
     [(wide[0] * (x - wide[2]) / np.sqrt(wide[3] + 1e-5) + wide[1]).astype(F)])
q, k, v = normal(1, 2, 3, 4), normal(1, 2, 5, 4), normal(1, 2, 5, 4)
e = np.exp(q @ k.transpose(0, 1, 3, 2) / 2)
case('nn/attention', '(float[1,2,3,4] q, float[1,2,5,4] k, float[1,2,5,4] v) => (float[1,2,3,4] y)', 'y = Attention(q, k, v)', [q, k, v], [(e / e.sum(-1, keepdims=True) @ v).astype(F)], opset=23)
x = np.array([[[[1, 2], [3, 4]]]], F)
case('nn/resize_nearest', '(float[1,1,2,2] x, float[4] scales) => (float[1,1,4,4] y)', 'y = Resize<mode = "nearest">(x, , scales)', [x, np.array([1, 1, 2, 2], F)], [x.repeat(2, 2).repeat(2, 3)])


def gru(x, w, r):
    sigmoid = lambda t: 1 / (1 + np.exp(-t))  # noqa: E731
    hidden = r.shape[2]
    h = np.zeros((x.shape[1], hidden), F)
    steps = []
    wz, wr, wh = w[0].reshape(3, hidden, -1)
    rz, rr, rh = r[0].reshape(3, hidden, -1)
    for step in x:
        z = sigmoid(step @ wz.T + h @ rz.T)
        reset = sigmoid(step @ wr.T + h @ rr.T)
        h = (1 - z) * np.tanh(step @ wh.T + (reset * h) @ rh.T) + z * h
        steps.append(h)
    return np.stack(steps)[:, None].astype(F), h[None].astype(F)


x, w, r = normal(3, 2, 4), normal(1, 15, 4), normal(1, 15, 5)
case('nn/gru', '(float[3,2,4] x, float[1,15,4] w, float[1,15,5] r) => (float[3,1,2,5] y, float[1,2,5] h)', 'y, h = GRU<hidden_size = 5>(x, w, r)', [x, w, r], list(gru(x, w, r)))

# --- quantization ---------------------------------------------------------------------------------------------------------
x, s, z = np.array([[-10, 0.5, 1.5], [0, 2.5, 1000]], F), np.array([1, 2], F), np.array([0, -10], np.int8)
case('quantize/linear_per_axis', '(float[2,3] x, float[2] s, int8[2] z) => (int8[2,3] y)', 'y = QuantizeLinear<axis = 0>(x, s, z)', [x, s, z],
     [np.clip(np.rint(x / s[:, None]) + z[:, None], -128, 127).astype(np.int8)])
case('quantize/dequantize_blocks_of_int4', '(int4[4] x, float[2] s) => (float[4] y)', 'y = DequantizeLinear<axis = 0, block_size = 2>(x, s)',
     [packed(TensorProto.INT4, range(4), [0x21, 0xf8]), np.array([0.5, 10], F)], [np.array([0.5, 1, -80, -10], F)])
a, b = random.integers(0, 256, (3, 5), np.uint8), random.integers(-128, 128, (5, 4), np.int8)
case('quantize/matmul_integer', '(uint8[3,5] a, int8[5,4] b, uint8 za) => (int32[3,4] y)', 'y = MatMulInteger(a, b, za)', [a, b, np.array(128, np.uint8)], [((a.astype(np.int32) - 128) @ b.astype(np.int32)).astype(np.int32)])
case('quantize/dynamic', '(float[3] x) => (uint8[3] y, float s, uint8 z)', 'y, s, z = DynamicQuantizeLinear(x)', [np.array([-1, 0, 4.1], F)], [np.array([0, 50, 255], np.uint8), np.array(5.1 / 255, F), np.array(50, np.uint8)])

# --- control flow -----------------------------------------------------------------------------------------------------------
x = normal(3)
for taken in (True, False):
    case(f'control/if_{str(taken).lower()}_sees_outer_values', '(bool c, float[3] x) => (float[3] y)',
         'two = Add(x, x)\ny = If(c)<then_branch = then() => (float[3] t) { t = Mul(two, x) }, else_branch = other() => (float[3] e) { e = Neg(two) }>', [np.array(taken), x], [2 * x * x if taken else -2 * x])
case('control/loop_collects', '(int64 n, float[2] x) => (float[2] last, float[K,2] all)',
     'yes = Constant<value = bool {1}>()\nlast, all = Loop(n, yes, x)<body = step(int64 i, bool more, float[2] v) => (bool go, float[2] w, float[2] seen) '
     '{ go = Identity(more) f = Cast<to = 1>(i) w = Add(v, f) seen = Mul(v, v) }>', [np.array(4, I), np.array([1, 2], F)],
     [np.array([7, 8], F), np.array([[1, 4], [1, 4], [4, 9], [16, 25]], F)])
case('control/loop_of_none', '(float[2] x) => (float[2] last, float[K] all)',
     'no = Constant<value = bool {0}>()\nlast, all = Loop(, no, x)<body = step(int64 i, bool more, float[2] v) => (bool go, float[2] w, float seen) '
     '{ go = Identity(more) w = Add(v, v) seen = ReduceSum<keepdims = 0>(v) }>', [np.array([1, 2], F)], [np.array([1, 2], F), np.zeros(0, F)])
case('control/scan_of_slices_that_are_no_whole_bytes', '(uint4[3,3] x) => (uint4[3,3] y)',
     'y = Scan<num_scan_inputs = 1, scan_output_directions = [1], body = step(uint4[3] v) => (uint4[3] o) { o = Identity(v) }>(x)',
     [helper.make_tensor('', TensorProto.UINT4, [3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9])],
     [helper.make_tensor('', TensorProto.UINT4, [3, 3], [7, 8, 9, 4, 5, 6, 1, 2, 3])], opset=25)
case('control/scan_running_sum', '(float[2] start, float[4,2] x) => (float[2] total, float[4,2] sums)',
     'total, sums = Scan<num_scan_inputs = 1, body = step(float[2] s, float[2] v) => (float[2] t, float[2] o) { t = Add(s, v) o = Identity(t) }>(start, x)',
     [np.zeros(2, F), np.arange(8, dtype=F).reshape(4, 2)], [np.array([12, 16], F), np.arange(8, dtype=F).reshape(4, 2).cumsum(0)])
x = normal(2)
case('control/local_functions_with_attributes', '(float[2] x) => (float[2] y)', 'y = local.Twice<by = 3.0>(x)', [x], [(x * 3 * 3).astype(F)], extra=', "local" : 1',
     functions='<domain: "local", opset_import: ["" : 21, "local" : 1]>\nTwice<by: float>(a) => (b) { m = local.Scaled<by: float = @by>(a) b = local.Scaled<by: float = @by>(m) }\n'
     '<domain: "local", opset_import: ["" : 21]>\nScaled<by: float>(a) => (b) { f = Constant<value_float: float = @by>() b = Mul(a, f) }')

# --- sequences and optionals ------------------------------------------------------------------------------------------------
a, b = normal(2), normal(3)
case('sequence/construct_insert_at', '(float[2] a, float[3] b) => (float[N] y, int64 n)',
     's = SequenceConstruct(a, b)\nzero = Constant<value_int = 0>()\nt = SequenceInsert(s, b, zero)\nminus = Constant<value_int = -2>()\ny = SequenceAt(t, minus)\nn = SequenceLength(t)', [a, b], [a, np.array(3, I)])
case('sequence/in_and_out', '(seq(float[N]) s) => (seq(float[N]) t)', 'zero = Constant<value_int = 0>()\nt = SequenceErase(s, zero)', [[a, b, a]], [[b, a]])
x = normal(4, 2)
case('sequence/split_and_concat', '(float[4,2] x) => (float[2,4] y)', 'two = Constant<value_int = 2>()\ns = SplitToSequence<axis = 0>(x, two)\ny = ConcatFromSequence<axis = 1>(s)',
     [x], [np.concatenate([x[:2], x[2:]], 1)])
case('optional/has_and_get', '(float[2] x) => (bool has, float[2] y)', 'o = Optional(x)\nhas = OptionalHasElement(o)\ny = OptionalGetElement(o)', [a], [np.array(True), a])

# --- strings and machine learning ---------------------------------------------------------------------------------------------
case('strings/concat_broadcasts', '(string[2] a, string[1] b) => (string[2] y)', 'y = StringConcat(a, b)', [np.array(['a', 'ä'], object), np.array(['-z'], object)], [np.array(['a-z', 'ä-z'], object)])
case('strings/regex_full_match', '(string[3] x) => (bool[3] y)', r'y = RegexFullMatch<pattern = "[a-z]+@[a-z]+[.]org">(x)', [np.array(['me@here.org', 'me@here.org!', ''], object)], [np.array([True, False, False])])
case('strings/split', '(string[2] x) => (string[2,K] y, int64[2] n)', 'y, n = StringSplit<delimiter = ",">(x)', [np.array(['a,b,c', 'd'], object)], [np.array([['a', 'b', 'c'], ['d', '', '']], object), np.array([3, 1], I)])
case('strings/normalizer', '(string[3] x) => (string[2] y)', 'y = StringNormalizer<case_change_action = "UPPER", is_case_sensitive = 0, stopwords = ["the"]>(x)', [np.array(['The', 'cat', 'sat'], object)], [np.array(['CAT', 'SAT'], object)])
ML = ', "ai.onnx.ml" : 3'
case('ml/scaler', '(float[2,2] x) => (float[2,2] y)', 'y = ai.onnx.ml.Scaler<offset = [1.0, 2.0], scale = [2.0, 0.5]>(x)', [np.array([[1, 2], [3, 4]], F)], [np.array([[0, 0], [4, 1]], F)], extra=ML)
case('ml/label_encoder', '(string[3] x) => (int64[3] y)', 'y = ai.onnx.ml.LabelEncoder<keys_strings = ["a", "b"], values_int64s = [10, 20], default_int64 = -1>(x)', [np.array(['b', 'c', 'a'], object)], [np.array([20, -1, 10], I)], extra=ML)
case('ml/linear_regressor', '(float[2,2] x) => (float[2,1] y)', 'y = ai.onnx.ml.LinearRegressor<coefficients = [2.0, -1.0], intercepts = [0.5]>(x)', [np.array([[1, 2], [3, 4]], F)], [np.array([[0.5], [2.5]], F)], extra=ML)
case('ml/tree_ensemble_regressor', '(float[3,1] x) => (float[3,1] y)',
     'y = ai.onnx.ml.TreeEnsembleRegressor<nodes_treeids = [0, 0, 0], nodes_nodeids = [0, 1, 2], nodes_featureids = [0, 0, 0], nodes_values = [1.5, 0.0, 0.0], nodes_modes = ["BRANCH_LEQ", "LEAF", "LEAF"], '
     'nodes_truenodeids = [1, 0, 0], nodes_falsenodeids = [2, 0, 0], target_treeids = [0, 0], target_nodeids = [1, 2], target_ids = [0, 0], target_weights = [-3.0, 4.0], n_targets = 1>(x)',
     [np.array([[1.5], [2], [-7]], F)], [np.array([[-3], [4], [-3]], F)], extra=ML)

# --- older opsets -----------------------------------------------------------------------------------------------------------
x, b = normal(2, 3, 2), normal(3)
case('opsets/add_1_broadcasts_by_axis', '(float[2,3,2] x, float[3] b) => (float[2,3,2] y)', 'y = Add<broadcast = 1, axis = 1>(x, b)', [x, b], [x + b[:, None]], opset=6)
x = normal(2, 3)
e = np.exp(x.reshape(1, -1) - x.max())
case('opsets/softmax_1_flattens', '(float[1,2,3] x) => (float[1,2,3] y)', 'y = Softmax(x)', [x[None]], [(e / e.sum()).reshape(1, 2, 3)], opset=12)
case('opsets/unsqueeze_1_by_attribute', '(float[2,3] x) => (float[1,2,3,1] y)', 'y = Unsqueeze<axes = [0, 3]>(x)', [x], [x[None, :, :, None]], opset=11)
case('opsets/clip_6_by_attribute', '(float[2,3] x) => (float[2,3] y)', 'y = Clip<min = -0.5, max = 0.5>(x)', [x], [x.clip(-0.5, 0.5)], opset=6)

# --- training ---------------------------------------------------------------------------------------------------------------
TRAINING = ', "ai.onnx.preview.training" : 1'
x, w, t = normal(4, 3), normal(3, 2), normal(4, 2)
case('training/gradient_of_squared_error', '(float[4,3] x, float[3,2] w, float[4,2] t) => (float[3,2] dw)',
     'p = MatMul(x, w)\ne = Sub(p, t)\ns = Mul(e, e)\nloss = ReduceMean<keepdims = 0>(s)\n'
     'dw = ai.onnx.preview.training.Gradient<xs = ["w"], zs = ["x", "t"], y = "loss">(w, x, t)', [x, w, t], [(2 / 8 * x.T @ (x @ w - t)).astype(F)], extra=TRAINING)
case('training/gradient_of_gradient', '(float x) => (float dx, float dxx)',
     's = Mul(x, x)\nc = Mul(s, x)\ndx = ai.onnx.preview.training.Gradient<xs = ["x"], y = "c">(x)\n'
     'dxx = ai.onnx.preview.training.Gradient<xs = ["x"], y = "dx">(x)', [np.array(2, F)], [np.array(12, F), np.array(12, F)], extra=TRAINING)
x = normal(3, 2)
case('training/gradient_through_scan', '(float[2] a, float[3,2] x) => (float[2] da, float[3,2] dx)',
     'last, seen = Scan<num_scan_inputs = 1, body = step(float[2] s, float[2] v) => (float[2] n, float[2] o) { n = Mul(s, v) o = Identity(n) }>(a, x)\n'
     'y = ReduceSum<keepdims = 0>(last)\nda, dx = ai.onnx.preview.training.Gradient<xs = ["a", "x"], y = "y">(a, x)',
     [np.array([2, 3], F), x], [x.prod(0), (np.array([2, 3], F) * x.prod(0) / x).astype(F)], extra=TRAINING)

# --- rare shapes and types ----------------------------------------------------------------------------------------------------
x = np.arange(2 * 3 * 2 * 3, dtype=F).reshape(1, 1, 2, 3, 2, 3)
case('nn/conv_over_four_axes', '(float[1,1,2,3,2,3] x, float[1,1,2,2,1,3] w) => (float[1,1,1,2,2,1] y)', 'y = Conv(x, w)', [x, np.ones((1, 1, 2, 2, 1, 3), F)],
     [np.array([x[0, 0, :, d:d + 2, h].sum() for d in range(2) for h in range(2)], F).reshape(1, 1, 1, 2, 2, 1)])
x = (np.arange(10) * 10).astype(np.complex64)
y = np.fft.ifft(x)
case('types/dft_of_complex_keeps_its_precision', '(float[1,10,2] x, int64 axis) => (float[1,10,2] y)', 'y = DFT<inverse = 1>(x, , axis)',
     [x.view(F).reshape(1, 10, 2), np.array(1, I)], [y.view(F).reshape(1, 10, 2)])
x = np.array([[0.25, -1.5, 3, 0, 0.5, 2]], ml_dtypes.bfloat16)
e = np.exp(x - x.max())
case('types/softmax_bfloat16_rounds_each_step', '(bfloat16[1,6] x) => (bfloat16[1,6] y)', 'y = Softmax(x)', [x], [e / e.sum()])
