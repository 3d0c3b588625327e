"""Trains the digits classifier and writes everything of this folder that is not a script. Repeatable: fixed seeds.

    python examples/digits/train.py      needs numpy, scikit-learn, pillow and onnx; takes two minutes

Data: the 1797 handwritten digits that scikit-learn bundles (sklearn.datasets.load_digits), from E. Alpaydin and C. Kaynak,
"Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998, licence CC BY 4.0. The last 297 of them,
by other hands than the first, are never trained on: the sample pictures and the accuracy come from these.
"""
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits

import network

FOLDER = Path(__file__).parent
HELD_OUT = 297
EPOCHS = 60
BATCH = 50


def picture(digit, side):
    """An 8x8 digit (values 0 to 16), enlarged to white on black with a margin as wide as a stroke."""
    image = Image.fromarray(np.uint8(np.minimum(digit * 16, 255)))
    inner = side * 20 // 28
    enlarged = image.resize((inner, inner), Image.Resampling.BICUBIC)
    canvas = Image.new('L', (side, side))
    canvas.paste(enlarged, ((side - inner) // 2, (side - inner) // 2))
    return canvas


def varied(image, random):
    """The picture turned, sheared, resized and moved a little, in another contrast, and half of the time as ink on paper."""
    angle = np.radians(random.uniform(-15, 15))
    zoom = 1 / random.uniform(0.75, 1.35, 2)
    shear = random.uniform(-0.2, 0.2)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    matrix = turn @ np.array([[1, shear], [0, 1]]) @ np.diag(zoom)
    center = network.SIDE / 2
    shift = center - matrix @ [center, center] + random.uniform(-2.5, 2.5, 2)
    coefficients = (*matrix[0], shift[0], *matrix[1], shift[1])
    moved = np.asarray(image.transform(image.size, Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR), np.float32) / 255
    moved = moved ** random.uniform(0.5, 1.6) * random.uniform(0.6, 1) + random.normal(0, 0.03, moved.shape)
    if random.random() < 0.5:
        moved = random.uniform(0.8, 1) - moved
    return np.clip(moved, 0, 1).astype(np.float32)


def train(images, labels):
    random = np.random.default_rng(1)
    weights = network.initial_weights(random)
    adam = network.Adam(weights)
    targets = np.eye(10, dtype=np.float32)[labels] * 0.95 + 0.005  # label smoothing: no certainty beyond the data
    for epoch in range(EPOCHS):
        rate = 2e-3 * 0.5 * (1 + np.cos(np.pi * epoch / EPOCHS))
        losses = []
        for batch in np.array_split(random.permutation(len(images)), len(images) // BATCH):
            x = np.stack([varied(images[i], random) for i in batch])[:, None]
            loss, g = network.gradients(weights, x, targets[batch])
            adam.step(weights, g, rate)
            losses.append(loss)
        print(f'epoch {epoch + 1}/{EPOCHS} loss {np.mean(losses):.4f}', flush=True)
    return weights


def as_input(image):
    """What digits.sardonyx.yml declares: grey, 28x28, 0 to 1."""
    small = image.resize((network.SIDE, network.SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small, np.float32)[None] / np.float32(255)


def write_model(weights, accuracy):
    node = helper.make_node
    pool = dict(kernel_shape=[2, 2], strides=[2, 2])
    nodes = [
        node('Conv', ['image', 'conv1.weight', 'conv1.bias'], ['conv1'], 'conv1', kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node('Relu', ['conv1'], ['relu1'], 'relu1'),
        node('MaxPool', ['relu1'], ['pool1'], 'pool1', **pool),
        node('Conv', ['pool1', 'conv2.weight', 'conv2.bias'], ['conv2'], 'conv2', kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        node('Relu', ['conv2'], ['relu2'], 'relu2'),
        node('MaxPool', ['relu2'], ['pool2'], 'pool2', **pool),
        node('Flatten', ['pool2'], ['flat'], 'flatten'),
        node('Gemm', ['flat', 'fc1.weight', 'fc1.bias'], ['fc1'], 'fc1', transB=1),
        node('Relu', ['fc1'], ['relu3'], 'relu3'),
        node('Gemm', ['relu3', 'fc2.weight', 'fc2.bias'], ['logits'], 'fc2', transB=1),
        node('Softmax', ['logits'], ['probabilities'], 'softmax', axis=-1),
    ]
    side = network.SIDE
    graph = helper.make_graph(
        nodes, 'digits',
        [helper.make_tensor_value_info('image', TensorProto.FLOAT, ['batch', 1, side, side], 'grey, 0 to 1; light on dark or dark on light')],
        [helper.make_tensor_value_info('probabilities', TensorProto.FLOAT, ['batch', 10], 'of the digits 0 to 9')],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    model = helper.make_model(graph, producer_name='sardonyx examples', ir_version=8, opset_imports=[helper.make_opsetid('', 18)])
    model.doc_string = 'Tells handwritten digits apart. Made by examples/digits/train.py.'
    helper.set_model_props(model, {
        'task': 'image classification',
        'labels': ','.join('0123456789'),
        'accuracy': f'{accuracy:.4f} on {HELD_OUT} held-out digits',
        'data': 'Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI, CC BY 4.0',
        'license': 'Apache-2.0',
    })
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, FOLDER / 'digits.onnx')


def main():
    (FOLDER / 'samples').mkdir(exist_ok=True)
    digits = load_digits()
    held_out = range(len(digits.images) - HELD_OUT, len(digits.images))
    weights = train([picture(d, network.SIDE) for d in digits.images[:-HELD_OUT]], digits.target[:-HELD_OUT])

    x = np.stack([as_input(picture(digits.images[i], network.SIDE)) for i in held_out])
    light, _ = network.forward(weights, x)
    dark, _ = network.forward(weights, 1 - x)
    truth = digits.target[-HELD_OUT:]
    accuracy = (light.argmax(1) == truth).mean()
    print(f'accuracy on held-out digits: {accuracy:.4f} light on dark, {(dark.argmax(1) == truth).mean():.4f} dark on light')
    write_model(weights, accuracy)

    # The first held-out picture of each digit, and two more as ink on paper.
    for digit in range(10):
        first, second = [i for i in held_out if digits.target[i] == digit][:2]
        picture(digits.images[first], 112).save(FOLDER / f'samples/{digit}.png', optimize=True)
        if digit == 7:  # as examples/classify_digit.cc reads it
            picture(digits.images[first], network.SIDE).save(FOLDER / f'samples/{digit}.pgm')
        if digit in (4, 7):
            paper = picture(digits.images[second], 112).point(lambda v: 245 - v * 220 // 255)
            paper.save(FOLDER / f'samples/{digit}-on-paper.png', optimize=True)
    (FOLDER / 'labels.txt').write_text(''.join(f'{digit}\n' for digit in range(10)))
    np.savez_compressed(FOLDER / 'inputs_0.npz', image=x[:16])
    np.savez_compressed(FOLDER / 'outputs_0.npz', probabilities=light[:16])


if __name__ == '__main__':
    main()
