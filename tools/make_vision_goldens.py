#!/usr/bin/env python3
"""Writes src/vision/testdata from pictures that this script draws: files in every format, what Pillow decodes from them,
and what Pillow's resize makes of one.

For development only (needs Pillow and numpy); the files are committed. decode.txt lists: file, file with the expected
pixels, and the largest difference allowed.
"""
import io
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

HERE = pathlib.Path(__file__).resolve().parent.parent / "src/vision/testdata"
CASES = []


def picture(width, height):
    """Ramps, a disc, a hard edge and some noise, so that every error of place or color shows."""
    y, x = np.mgrid[0:height, 0:width]
    red = x * 255 // max(1, width - 1)
    green = y * 255 // max(1, height - 1)
    blue = np.where((x - width / 3) ** 2 + (y - height / 2) ** 2 < (height / 3) ** 2, 230, 20)
    noise = np.random.RandomState(7).randint(0, 25, (height, width))
    rgb = np.stack([red, green, blue], axis=-1) + noise[..., None] * np.array([1, 0, -1])
    rgb[:, -width // 5 :] = 255 - rgb[:, -width // 5 :]
    return Image.fromarray(np.clip(rgb, 0, 255).astype(np.uint8))


def case(name, content, expected, tolerance=0):
    """`expected` is a picture, saved once for all cases that share it, or None: what Pillow reads from `content`."""
    (HERE / name).write_bytes(content)
    if expected is None:
        expected = ImageOps.exif_transpose(Image.open(io.BytesIO(content))).convert("RGB")
    pixels = expected.convert("RGB")
    wanted = "expected_%08x.png" % zlib.crc32(pixels.tobytes() + bytes(str(pixels.size), "ascii"))
    pixels.save(HERE / wanted)
    CASES.append("%s %s %d" % (name, wanted, tolerance))


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def png_16(rgb):
    """A 16-bit RGB file, which Pillow cannot write: the low byte is the complement of the high one."""
    height, width, _ = rgb.shape
    samples = np.stack([rgb, 255 - rgb], axis=-1).reshape(height, -1)
    rows = b"".join(b"\0" + row.tobytes() for row in samples)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bmp(width, height, bits, compression, palette, data, masks=b""):
    offset = 14 + 40 + len(masks) + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, len(palette) // 4, 0)
    return b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + masks + palette + data


def bmp_16(rgb, masks, shifts):
    """565 or 555, from the top down; the width must be even."""
    height, width, _ = rgb.shape
    bits = [bin(m).count("1") for m in masks]
    fields = [(rgb[..., c].astype(np.uint32) >> (8 - bits[c])) for c in range(3)]
    packed = sum(f << s for f, s in zip(fields, shifts)).astype("<u2")
    back = np.stack([(f * 255 + (2**b - 1) // 2) // (2**b - 1) for f, b in zip(fields, bits)], axis=-1).astype(np.uint8)
    plain = masks == (0x7C00, 0x3E0, 0x1F)
    content = bmp(width, -height, 16, 0 if plain else 3, b"", packed.tobytes(), b"" if plain else struct.pack("<III", *masks))
    return content, Image.fromarray(back)


def bmp_rle(indices, palette, bits):
    """Runs, literals, ends of lines and one move, bottom up. Indices are below 16."""
    height, width = indices.shape
    data = b""
    for y in range(height - 1, -1, -1):
        row = indices[y].tolist()
        if not any(row) and y > 0:  # a line of color 0 is skipped by a move
            data += bytes([0, 2, 0, 1])
            continue
        x = 0
        while x < width:
            run = 1
            while x + run < width and row[x + run] == row[x] and run < 200:
                run += 1
            if run == 1 and x + 3 <= width:
                literal = row[x : x + 3]
                body = bytes(literal) + b"\0" if bits == 8 else bytes([literal[0] << 4 | literal[1], literal[2] << 4])
                data += bytes([0, 3]) + body
                x += 3
            else:
                data += bytes([run, row[x] if bits == 8 else row[x] << 4 | row[x]])
                x += run
        data += b"\0\0"
    data += b"\0\1"
    colors = b"".join(bytes([b, g, r, 0]) for r, g, b in palette)
    return bmp(width, height, bits, 1 if bits == 8 else 2, colors, data)


def decode_cases():
    image = picture(30, 20)
    gray, few = image.convert("L"), image.quantize(13)
    alpha = image.copy()
    alpha.putalpha(gray)
    case("rgb.png", saved(image, "PNG"), image)
    case("gray.png", saved(gray, "PNG"), gray)
    case("palette.png", saved(few, "PNG"), few)
    case("palette_transparent.png", saved(few, "PNG", transparency=3), few)
    case("bilevel.png", saved(gray.convert("1"), "PNG"), gray.convert("1"))
    case("rgba.png", saved(alpha, "PNG"), image)
    case("gray_alpha.png", saved(alpha.convert("LA"), "PNG"), alpha.convert("LA").convert("L"))
    case("rgb16.png", png_16(np.asarray(image)), image)

    case("rgb_444.jpg", saved(image, "JPEG", quality=90, subsampling=0), None, 1)
    case("rgb_420.jpg", saved(image, "JPEG", quality=80), None, 1)
    case("progressive.jpg", saved(image, "JPEG", quality=80, progressive=True), None, 1)
    case("gray.jpg", saved(gray, "JPEG"), None, 1)
    case("cmyk.jpg", saved(image.convert("CMYK"), "JPEG", quality=95), None, 1)
    small = picture(12, 7)
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        case("orientation_%d.jpg" % orientation, saved(small, "JPEG", quality=95, exif=exif), None, 1)
    exif = Image.Exif()
    exif[0x0112] = 6
    case("orientation_6.png", saved(small, "PNG", exif=exif), None)
    case("orientation_6.webp", saved(small, "WEBP", lossless=True, exif=exif), None)

    case("lossless.webp", saved(image, "WEBP", lossless=True), image)
    case("lossy.webp", saved(image, "WEBP", quality=80), None, 1)
    case("alpha.webp", saved(alpha, "WEBP", lossless=True, exact=True), image)

    for name, pixels in ("rgb", image), ("gray", gray), ("alpha", alpha):
        case(name + ".jp2", saved(pixels, "JPEG2000", irreversible=False), gray if pixels is gray else image)
    case("tiles.j2k", saved(image, "JPEG2000", no_jp2=True, tile_size=(16, 8), irreversible=False), image)
    case("lossy.jp2", saved(image, "JPEG2000", irreversible=True, quality_mode="dB", quality_layers=[40]), None, 1)

    case("rgb.bmp", saved(image, "BMP"), image)
    case("gray.bmp", saved(gray, "BMP"), gray)
    case("palette.bmp", saved(few, "BMP"), few)
    case("bilevel.bmp", saved(gray.convert("1"), "BMP"), gray.convert("1"))
    case("rgba.bmp", saved(alpha, "BMP"), image)
    case("rgb555.bmp", *bmp_16(np.asarray(image), (0x7C00, 0x3E0, 0x1F), (10, 5, 0)))
    case("rgb565.bmp", *bmp_16(np.asarray(image), (0xF800, 0x7E0, 0x1F), (11, 5, 0)))
    indices = np.asarray(few).copy()
    indices[3:6, 4:25] = 5
    indices[8:10] = 0
    colors = np.array(few.getpalette()).reshape(-1, 3)[:16].tolist()
    colors += [[0, 0, 0]] * (16 - len(colors))
    runs = Image.fromarray(np.array(colors, dtype=np.uint8)[indices])
    case("rle8.bmp", bmp_rle(indices, colors, 8), runs)
    case("rle4.bmp", bmp_rle(indices, colors, 4), runs)

    rgb, bits = np.asarray(image), np.asarray(gray.convert("1"))
    text = " ".join(str(v) for v in rgb.reshape(-1))
    case("text.ppm", b"P3 # a comment\n30 20\n255\n" + text.encode(), image)
    case("text.pgm", b"P2\n30 20 255\n" + " ".join(str(v) for v in np.asarray(gray).reshape(-1)).encode(), gray)
    case("text.pbm", b"P1\n30 20\n" + "".join(str(int(not v)) for v in bits.reshape(-1)).encode(), gray.convert("1"))
    case("binary.ppm", saved(image, "PPM"), image)
    case("binary.pgm", saved(gray, "PPM"), gray)
    case("binary.pbm", saved(gray.convert("1"), "PPM"), gray.convert("1"))
    case("deep.ppm", b"P6 30 20 65535\n" + (rgb.astype(">u2") * 257).tobytes(), image)

    case("plain.tif", saved(image, "TIFF"), image)
    case("packbits.tif", saved(gray, "TIFF", compression="packbits"), gray)
    case("lzw.tif", saved(picture(90, 60), "TIFF", compression="tiff_lzw"), picture(90, 60))
    case("palette.tif", saved(few, "TIFF"), few)
    case("bilevel.tif", saved(gray.convert("1"), "TIFF"), gray.convert("1"))
    case("gray16.tif", saved(Image.fromarray(np.asarray(gray).astype(np.uint16) * 257), "TIFF"), gray)


def resize_cases():
    """resize.txt: filter, channels, width and height of each result; resize.png holds their bytes one after another."""
    source = picture(41, 31)
    source.save(HERE / "resize_source.png")
    filters = {"nearest": Image.NEAREST, "box": Image.BOX, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
    lines, data = [], b""
    for name, kind in filters.items():
        for image in (source, source.convert("L")):
            for size in ((20, 13), (41, 13), (20, 31), (60, 45), (5, 3), (1, 1)):
                data += image.resize(size, kind).tobytes()
                lines.append("%s %d %d %d" % (name, len(image.getbands()), *size))
    (HERE / "resize.txt").write_text("\n".join(lines) + "\n")
    width = 512
    data += bytes(-len(data) % width)
    Image.frombytes("L", (width, len(data) // width), data).save(HERE / "resize.png", optimize=True)


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    for old in HERE.iterdir():
        if old.name != "README.md":
            old.unlink()
    decode_cases()
    resize_cases()
    (HERE / "decode.txt").write_text("\n".join(CASES) + "\n")


if __name__ == "__main__":
    main()
