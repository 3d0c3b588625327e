#!/usr/bin/env python3
"""Runs models of other projects on their own pictures, sounds and tables, and says in one line each whether the answer makes sense.

    tools/real_models.py PROGRAM SHARED [NAME...]

PROGRAM is the sardonyx program; SHARED is the folder that holds models/; NAME picks tasks by the start of their name. For
development only (needs numpy and Pillow; one pickle also SciPy). Everything but the models themselves happens here: decoding
of boxes, of text, of sound. Exits with 1 if a verdict is bad.
"""
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import warnings
import wave

import numpy as np
from PIL import Image

PROGRAM, MODELS = "", pathlib.Path()
ANIMALS = "bird cat dog horse sheep cow elephant bear zebra giraffe".split()  # COCO's classes 14 to 23
ROWS = 10


def run(model, **inputs):
    """The outputs of one run of the program, by name in the graph's order."""
    with tempfile.TemporaryDirectory() as folder:
        np.savez(folder + "/x.npz", **inputs)
        command = [PROGRAM, "run", str(MODELS / model), "--input", folder + "/x.npz", "--output", folder + "/o.npz"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        if done.returncode != 0:
            raise RuntimeError(f"{model}: exit {done.returncode}: {(done.stderr or done.stdout).strip()[:300]}")
        with np.load(folder + "/o.npz", allow_pickle=False) as outputs:
            return {name: outputs[name] for name in outputs.files}


def one(model, **inputs):
    return next(iter(run(model, **inputs).values()))


def sound(name):
    with wave.open(str(MODELS / name)) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / 32768, file.getframerate()


def chw(picture, mean=0.0, scale=1.0):
    return ((np.asarray(picture, np.float32) - mean) * scale).transpose(2, 0, 1)[None].astype(np.float32)


def keep_best(boxes, scores, overlap):
    """Greedy non-maximum suppression of corner boxes: indices, best first."""
    order, kept = np.argsort(-scores), []
    area = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low, high = np.maximum(boxes[best, :2], boxes[order, :2]), np.minimum(boxes[best, 2:], boxes[order, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        order = order[shared / (area[best] + area[order] - shared) < overlap]
    return kept


# --- Faces: two heads a prior, four strides.


def face_priors():
    priors = []
    for stride, sizes in ((8, (10, 16, 24)), (16, (32, 48)), (32, (64, 96)), (64, (128, 192, 256))):
        rows, columns = -(-240 // stride), -(-320 // stride)
        for row in range(rows):
            for column in range(columns):
                priors += [((column + 0.5) * stride / 320, (row + 0.5) * stride / 240, s / 320, s / 240) for s in sizes]
    return np.clip(np.array(priors, np.float32), 0, 1)


def count_faces(model, picture):
    outputs = run(f"ultraface/{model}.onnx", input=chw(picture.resize((320, 240), Image.BILINEAR), 127, 1 / 128))
    scores, boxes = outputs["scores"][0, :, 1], outputs["boxes"][0]
    if "without" in model or "simplified" in model:  # These leave the boxes as offsets from their priors.
        prior = face_priors()
        center, size = boxes[:, :2] * 0.1 * prior[:, 2:] + prior[:, :2], np.exp(boxes[:, 2:] * 0.2) * prior[:, 2:]
        boxes = np.concatenate([center - size / 2, center + size / 2], axis=1)
    likely = scores > 0.7
    return len(keep_best(boxes[likely], scores[likely], 0.3))


def faces():
    photos = ["1.jpg", "10.jpg", "test_input.jpg"]
    names = ["version-slim-320", "version-RFB-320", "version-RFB-320_simplified", "version-RFB-320_without_postprocessing"]
    pictures = [Image.open(MODELS / "ultraface" / photo).convert("RGB") for photo in photos]
    counts = {name: [count_faces(name, picture) for picture in pictures] for name in names}
    for name, found in counts.items():
        good = min(found) > 0 and ("slim" in name or found == counts["version-RFB-320"])
        yield good, f"{name}: faces " + ", ".join(f"{photo} {count}" for photo, count in zip(photos, found))


# --- Text: a map of text pixels, boxes around its components, a classifier of letters over each box.


def components(mask):
    """Labels of 4-connected components: each pixel takes the largest number among its neighbours until none changes."""
    labels = np.where(mask, np.arange(1, mask.size + 1).reshape(mask.shape), 0)
    while True:
        grown = np.pad(labels, 1)
        grown = np.maximum.reduce([labels, grown[2:, 1:-1], grown[:-2, 1:-1], grown[1:-1, 2:], grown[1:-1, :-2]])
        grown = np.where(mask, grown, 0)
        if np.array_equal(grown, labels):
            return labels
        labels = grown


def text_lines(picture):
    """Pictures of the lines of text in reading order, levelled, and grown as far as the detector shrank them."""
    scale = max(1.0, 736 / min(picture.size))  # As the detector was trained: the shorter side is not below 736.
    picture = picture.resize([round(side * scale / 32) * 32 for side in picture.size], Image.BICUBIC)
    mean, deviation = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
    heat = one("paddleocr/en_PP-OCRv3_det_infer.onnx", x=chw(np.asarray(picture)[..., ::-1], mean, 1 / deviation))[0, 0]
    heat = heat[::2, ::2]  # Half as fine is fine enough, and four times as fast.
    labels = components(heat > 0.3)
    lines = []
    for label in np.unique(labels[labels > 0]):
        rows, columns = np.nonzero(labels == label)
        if len(rows) < 20 or heat[rows, columns].mean() < 0.6:
            continue
        slope = np.polyfit(columns, rows, 1)[0] if np.ptp(columns) > 2 * np.ptp(rows) else 0.0
        level = rows - slope * (columns - columns.min())
        left, right, top, bottom = columns.min() * 2, columns.max() * 2 + 2, level.min() * 2, level.max() * 2 + 2
        grow = (right - left) * (bottom - top) * 1.5 / (2 * (right - left + bottom - top))
        size = int(right - left + 2 * grow), int(bottom - top + 2 * grow)
        shear = (1, 0, left - grow, slope, 1, top - grow - slope * grow)  # From a place in the line to one in the picture.
        lines.append((top, left, picture.transform(size, Image.AFFINE, shear, Image.BICUBIC)))
    return [line for _, _, line in sorted(lines, key=lambda item: item[:2])]


def read_line(picture, letters):
    width = max(32, round(32 * picture.width / picture.height))
    pixels = np.asarray(picture.resize((width, 32), Image.BILINEAR))[..., ::-1]
    likely = one("paddleocr/en_number_mobile_v2.0_rec_infer.onnx", x=chw(pixels, 127.5, 1 / 127.5))[0]
    best = likely.argmax(axis=1)
    kept = (best != 0) & (best != np.concatenate([[0], best[:-1]]))  # Class 0 is CTC's blank; repeats collapse.
    confidence = likely.max(axis=1)[kept].mean() if kept.any() else 0.0
    return "".join(letters[i - 1] for i in best[kept]), confidence


def ocr():
    letters = (MODELS / "paddleocr/en_dict.txt").read_text(encoding="utf-8").split("\n")[:95] + [" "]
    picture = Image.open(MODELS / "paddleocr/sample.jpg").convert("RGB")
    lines = [read_line(line, letters) for line in text_lines(picture)]
    lines = [line for line in lines if line[1] > 0.5]  # An emblem or Japanese text read as English is no text.
    text = " | ".join(line for line, _ in lines)
    confidence = float(np.mean([c for _, c in lines])) if lines else 0.0
    yield bool(lines) and confidence > 0.8, f"paddleocr: {len(lines)} lines, confidence {confidence:.3f}: {text}"


# --- Objects: one anchor a cell of three grids.


def yolox():
    picture = Image.open(MODELS / "images/dog.jpg").convert("RGB")
    ratio = min(416 / picture.width, 416 / picture.height)
    canvas = np.full((416, 416, 3), 114, np.uint8)
    small = np.asarray(picture.resize((int(picture.width * ratio), int(picture.height * ratio)), Image.BILINEAR))
    canvas[: small.shape[0], : small.shape[1]] = small[..., ::-1]
    raw = one("yolox-nano/yolox_nano.onnx", images=chw(canvas))[0]
    cells = [(x, y, s) for s in (8, 16, 32) for y in range(416 // s) for x in range(416 // s)]
    grid = np.array(cells, np.float32)
    center, size = (raw[:, :2] + grid[:, :2]) * grid[:, 2:], np.exp(raw[:, 2:4]) * grid[:, 2:]
    boxes = np.concatenate([center - size / 2, center + size / 2], axis=1) / ratio
    scores, classes = (raw[:, 4:5] * raw[:, 5:]).max(axis=1), raw[:, 5:].argmax(axis=1)
    found = []
    for kind in np.unique(classes[scores > 0.3]):
        chosen = np.nonzero((scores > 0.3) & (classes == kind))[0]
        found += [(scores[i], kind, boxes[i]) for i in chosen[keep_best(boxes[chosen], scores[chosen], 0.45)]]
    found.sort(key=lambda item: -item[0])
    found = [(score, ANIMALS[kind - 14] if 14 <= kind < 24 else f"class {kind}", box) for score, kind, box in found[:4]]
    text = ", ".join(f"{name} {score:.3f} at {box.round().astype(int).tolist()}" for score, name, box in found)
    good = bool(found) and found[0][1] in ANIMALS  # The dog is white and woolly; this small net takes it for a sheep everywhere.
    yield good, f"yolox-nano on dog.jpg: {text or 'nothing'}"


# --- Sound.


def speech():
    """Twenty pieces of the recording as one batch, so that three seconds of chunks cover a minute."""
    samples, _ = sound("silero-vad-2024/test.wav")
    pieces = samples[: len(samples) // 20 * 20].reshape(20, -1)
    state, context = np.zeros((2, 20, 128), np.float32), np.zeros((20, 64), np.float32)
    likely = []
    for start in range(0, pieces.shape[1] - 511, 512):
        chunk = np.concatenate([context, pieces[:, start : start + 512]], axis=1)
        outputs = run("silero-vad-2024/silero_vad.onnx", input=chunk, state=state, sr=np.array(16000, np.int64))
        state, context = outputs["stateN"], chunk[:, -64:]
        likely.append(outputs["output"][:, 0])
    likely = np.array(likely).T  # piece, chunk
    speaking = likely.ravel() > 0.5
    segments = int(speaking[0]) + np.count_nonzero(speaking[1:] & ~speaking[:-1])
    loud = np.array([np.square(pieces[:, i * 512 : i * 512 + 512]).mean(axis=1) for i in range(likely.shape[1])]).T.ravel()
    ratio = loud[speaking].mean() / max(loud[~speaking].mean(), 1e-12) if 0 < speaking.mean() < 1 else 0.0
    text = f"silero-vad: speech {speaking.mean():.1%} of {len(speaking)} chunks, {segments} segments"
    yield ratio > 3, f"{text}, mean {likely.mean():.4f}, {ratio:.0f} times louder than the rest"


def denoise(noisy, blocks):
    """DTLN: a mask over the spectrum, then one over learned features; 512 samples every 128, overlap-added."""
    first = second = np.zeros((1, 2, 128, 2), np.float32)
    out = np.zeros(len(noisy), np.float32)
    for start in range(0, blocks * 128, 128):
        spectrum = np.fft.rfft(noisy[start : start + 512])
        magnitude = np.abs(spectrum).astype(np.float32).reshape(1, 1, -1)
        mask, first = run("dtln/model_1.onnx", input_2=magnitude, input_3=first).values()
        guess = np.fft.irfft(spectrum * mask.ravel()).astype(np.float32).reshape(1, 1, -1)
        block, second = run("dtln/model_2.onnx", input_4=guess, input_5=second).values()
        out[start : start + 512] += block.ravel()
    return out


def dtln():
    clean, _ = sound("silero-vad-2024/test.wav")
    seconds = 1.5
    length = int(seconds * 16000)
    loudest = int(np.argmax([np.square(clean[i : i + length]).mean() for i in range(0, len(clean) - length, 8000)])) * 8000
    clean = clean[loudest : loudest + length]
    noise = np.random.RandomState(1).randn(length).astype(np.float32) * np.sqrt(np.square(clean).mean()) * 0.5
    result = denoise(clean + noise, (length - 512) // 128)
    inside = slice(length // 4, length - 1024)  # The first blocks have no history.

    def distance(x):
        return 10 * np.log10(np.square(clean[inside]).sum() / np.square(x[inside] - clean[inside]).sum())

    before, after = distance(clean + noise), distance(result)
    energy = [float(np.square(x[inside]).mean()) for x in (clean + noise, result, clean)]
    text = "energy noisy {:.5f}, denoised {:.5f}, clean {:.5f}".format(*energy)
    yield after > before + 3, f"dtln: {text}; signal to noise {before:.1f} -> {after:.1f} dB"


def basic_pitch():
    samples, rate = sound("basic-pitch/vocadito_10.wav")
    length = len(samples) * 22050 // rate
    samples = np.fft.irfft(np.fft.rfft(samples)[: length // 2 + 1], length) * (length / len(samples))
    window, overlap = 43844, 30 * 256
    padded = np.concatenate([np.zeros(overlap // 2), samples, np.zeros(window)]).astype(np.float32)
    hop = window - overlap
    starts = range(0, length + overlap // 2, hop)
    batch = np.stack([padded[start : start + window] for start in starts])[..., None]
    outputs = run("basic-pitch/nmp.onnx", **{"serving_default_input_2:0": batch})
    expected = np.load(MODELS / "basic-pitch/model_output.npz", allow_pickle=True)["arr_0"].item()
    worst = {}
    for name, suffix in (("note", "1"), ("onset", "2"), ("contour", "0")):
        found = outputs["StatefulPartitionedCall:" + suffix][:, 15:-15]
        found = found.reshape(-1, found.shape[-1])[: int(length / hop * 142)]
        same = found.shape == expected[name].shape
        worst[name] = np.abs(found - expected[name]) if same else np.array([np.inf])
    text = ", ".join(f"{name} max {d.max():.4f} mean {d.mean():.6f}" for name, d in worst.items())
    yield all(d.mean() < 0.01 for d in worst.values()), f"basic-pitch: distance from its own output: {text}"


# --- Tables.


def agree(found, expected):
    if found.size != expected.size:
        return f"shape {list(found.shape)} instead of {list(expected.shape)}"
    if found.dtype.kind in "USO" or expected.dtype.kind in "USO":
        good = np.array_equal(found.ravel().astype(str), expected.ravel().astype(str))
    else:
        good = np.allclose(found.ravel(), expected.ravel(), rtol=1e-3, atol=1e-4)
    return "" if good else f"{found.ravel()[:4]} instead of {expected.ravel()[:4]}"


def sklearn_case(name):
    folder = MODELS / "sklearn"
    data, expected = (pickle.loads((folder / f"{name}.{kind}.pkl").read_bytes()) for kind in ("data", "expected"))
    width = 1 if "Binarizer" in name else -1  # That model declares one column, and gets two: each value becomes a row.
    columns = data if isinstance(data, dict) else {"input": data}
    inputs = {key: np.asarray(value).reshape(len(value) if width < 0 else -1, width) for key, value in columns.items()}
    wanted = expected if isinstance(expected, list) else [expected]
    if name.endswith("PF") or "NoProb" in name:
        wanted = wanted[:1]  # The label only: scikit-learn's decision function has other columns than ONNX's scores.
    wanted = [np.asarray(want.toarray() if hasattr(want, "toarray") else want) for want in wanted]
    try:
        outputs = list(run(f"sklearn/{name}.model.onnx", **inputs).values())
    except RuntimeError:  # Most of these models declare a batch of one: their first rows then, one by one.
        rows = min([ROWS] + [len(value) for value in inputs.values()])
        each = [run(f"sklearn/{name}.model.onnx", **{k: v[i : i + 1] for k, v in inputs.items()}).values() for i in range(rows)]
        outputs = [np.concatenate([np.atleast_1d(value) for value in values]) for values in zip(*each)]
        wanted = [want.reshape(len(next(iter(inputs.values()))), -1)[:rows] for want in wanted]
    return "; ".join(filter(None, (agree(found, want) for found, want in zip(outputs, wanted))))


def sklearn():
    names = sorted(path.name.removesuffix(".data.pkl") for path in (MODELS / "sklearn").glob("*.data.pkl"))
    problems = {}
    for name in names:
        try:
            problem = sklearn_case(name)
        except (RuntimeError, ImportError) as error:
            problem = str(error)
        if problem:
            problems[name] = problem
    yield not problems, f"sklearn: {len(names) - len(problems)} of {len(names)} match"
    for name, problem in problems.items():
        yield False, f"  {name}: {problem}"


def main():
    global PROGRAM, MODELS
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    PROGRAM, MODELS, wanted = os.path.abspath(sys.argv[1]), pathlib.Path(sys.argv[2]) / "models", sys.argv[3:]
    warnings.filterwarnings("ignore", category=DeprecationWarning)  # Old pickles name old places.
    bad = 0
    for task in (faces, ocr, yolox, sklearn, basic_pitch, speech, dtln):
        if wanted and not any(task.__name__.startswith(name) for name in wanted):
            continue
        try:
            for good, text in task():
                bad += not good
                print("good" if good else "BAD ", text, flush=True)
        except Exception as error:  # One broken task must not hide the others.
            bad += 1
            print("BAD ", f"{task.__name__}: {type(error).__name__}: {error}", flush=True)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
