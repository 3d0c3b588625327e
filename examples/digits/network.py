"""A small convolutional network in plain NumPy: forward, backward, Adam.

Two 3x3 convolutions with ReLU and 2x2 max-pooling, a hidden layer, ten classes. Arrays are NCHW, as in ONNX.
"""
import numpy as np

CHANNELS = (1, 8, 16)
SIDE = 28  # of the input; each pooling halves it
HIDDEN = 32
CLASSES = 10


def initial_weights(random):
    def he(*shape):  # He et al. 2015: keeps the variance of activations through ReLU
        return (random.standard_normal(shape) * np.sqrt(2 / np.prod(shape[1:]))).astype(np.float32)

    flat = CHANNELS[2] * (SIDE // 4) ** 2
    return {
        'conv1.weight': he(CHANNELS[1], CHANNELS[0], 3, 3), 'conv1.bias': np.zeros(CHANNELS[1], np.float32),
        'conv2.weight': he(CHANNELS[2], CHANNELS[1], 3, 3), 'conv2.bias': np.zeros(CHANNELS[2], np.float32),
        'fc1.weight': he(HIDDEN, flat), 'fc1.bias': np.zeros(HIDDEN, np.float32),
        'fc2.weight': he(CLASSES, HIDDEN), 'fc2.bias': np.zeros(CLASSES, np.float32),
    }


def patches(x):
    """The 3x3 neighbourhoods of every pixel of [N, C, H, W], zero beyond the border, as [N * H * W, C * 9]."""
    n, c, h, w = x.shape
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * h * w, c * 9)


def convolve(x, weight, bias):
    n, _, h, w = x.shape
    columns = patches(x)
    y = columns @ weight.reshape(len(weight), -1).T + bias
    return y.reshape(n, h, w, -1).transpose(0, 3, 1, 2), columns


def convolve_backward(dy, columns, weight):
    rows = dy.transpose(0, 2, 3, 1).reshape(-1, len(weight))
    dweight = (rows.T @ columns).reshape(weight.shape)
    flipped = weight[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
    dx, _ = convolve(dy, flipped, 0)
    return dx, dweight, rows.sum(0)


def pool(x):
    """2x2 maximum, and the mask of the winners (shared where several are equal)."""
    n, c, h, w = x.shape
    blocks = x.reshape(n, c, h // 2, 2, w // 2, 2)
    y = blocks.max((3, 5))
    mask = blocks == y[:, :, :, None, :, None]
    return y, mask / mask.sum((3, 5), keepdims=True)


def pool_backward(dy, mask):
    blocks = mask * dy[:, :, :, None, :, None]
    n, c, h, _, w, _ = blocks.shape
    return blocks.reshape(n, c, 2 * h, 2 * w).astype(np.float32)


def forward(weights, x):
    """Probabilities [N, 10] of images [N, 1, 28, 28], and what the backward step needs."""
    c1, columns1 = convolve(x, weights['conv1.weight'], weights['conv1.bias'])
    p1, mask1 = pool(np.maximum(c1, 0))
    c2, columns2 = convolve(p1, weights['conv2.weight'], weights['conv2.bias'])
    p2, mask2 = pool(np.maximum(c2, 0))
    flat = p2.reshape(len(x), -1)
    hidden = np.maximum(flat @ weights['fc1.weight'].T + weights['fc1.bias'], 0)
    logits = hidden @ weights['fc2.weight'].T + weights['fc2.bias']
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True), (c1, columns1, mask1, c2, columns2, mask2, p2, flat, hidden)


def gradients(weights, x, targets):
    """Of the mean cross-entropy against `targets` [N, 10]; returns (loss, gradients)."""
    probabilities, (c1, columns1, mask1, c2, columns2, mask2, p2, flat, hidden) = forward(weights, x)
    loss = -(targets * np.log(probabilities + 1e-9)).sum(1).mean()
    dlogits = (probabilities - targets) / len(x)
    g = {'fc2.weight': dlogits.T @ hidden, 'fc2.bias': dlogits.sum(0)}
    dhidden = (dlogits @ weights['fc2.weight']) * (hidden > 0)
    g['fc1.weight'], g['fc1.bias'] = dhidden.T @ flat, dhidden.sum(0)
    dp2 = (dhidden @ weights['fc1.weight']).reshape(p2.shape)
    dc2 = pool_backward(dp2, mask2) * (c2 > 0)
    dp1, g['conv2.weight'], g['conv2.bias'] = convolve_backward(dc2, columns2, weights['conv2.weight'])
    dc1 = pool_backward(dp1, mask1) * (c1 > 0)
    _, g['conv1.weight'], g['conv1.bias'] = convolve_backward(dc1, columns1, weights['conv1.weight'])
    return loss, g


class Adam:
    def __init__(self, weights):
        self.mean = {k: np.zeros_like(v) for k, v in weights.items()}
        self.square = {k: np.zeros_like(v) for k, v in weights.items()}
        self.steps = 0

    def step(self, weights, g, rate):
        self.steps += 1
        for k in weights:
            self.mean[k] += 0.1 * (g[k] - self.mean[k])
            self.square[k] += 0.001 * (g[k] ** 2 - self.square[k])
            mean = self.mean[k] / (1 - 0.9 ** self.steps)
            square = self.square[k] / (1 - 0.999 ** self.steps)
            weights[k] -= (rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
