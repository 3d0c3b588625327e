#!/usr/bin/env python3
"""Writes src/formats/testdata: small files made by NumPy's and Python's own writers, which the tests of src/formats read.

For development only (needs numpy and ml_dtypes); the files are committed.
"""
import bz2
import gzip
import io
import lzma
import pathlib
import tarfile

import ml_dtypes
import numpy as np

HERE = pathlib.Path(__file__).resolve().parent.parent / "src/formats/testdata"


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version, allow_pickle=True)
    return out.getvalue()


def write(name, content):
    (HERE / name).write_bytes(content)


def add(tar, name, content):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    tar.addfile(info, io.BytesIO(content))


def arrays():
    """Each holds 0, 1, 2... of shape [2, 3] unless its name says otherwise."""
    count = np.arange(6).reshape(2, 3)
    for code in "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split():
        yield code, (count % 2 if code == "b1" else count).astype(code)
    for code in "i2 f4 f8 c8 U3".split():
        yield "big_" + code, count.astype(">" + code)
    yield "fortran_i4", np.asfortranarray(count.astype("i4"))
    yield "fortran_big_f8", np.asfortranarray(np.arange(24).reshape(2, 3, 4).astype(">f8"))
    yield "U", np.array([["", "a", "h\u00e9"], ["\u65e5\u672c", "\U0001f600", "a b"]])
    yield "S", np.array([[b"", b"a", b"\xff\xfe"], [b"abc", b"a\0b", b"x"]])
    yield "scalar", np.array(7, dtype="i8")
    yield "empty", np.zeros((2, 0, 3), dtype="f4")
    yield "bfloat16", count.astype(ml_dtypes.bfloat16)
    yield "float8e4m3fn", count.astype(ml_dtypes.float8_e4m3fn)
    yield "int4", (count - 3).astype(ml_dtypes.int4)


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    named = dict(arrays())
    np.savez(HERE / "stored.npz", **named)
    np.savez_compressed(HERE / "deflated.npz", **named)
    write("version2.npy", npy(named["i4"], (2, 0)))
    write("version3.npy", npy(named["i4"], (3, 0)))
    write("object.npy", npy(np.array([{}, None], dtype=object)))
    write("structured.npy", npy(np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])))
    write("datetime.npy", npy(np.zeros(2, dtype="M8[s]")))
    write("text.gz", gzip.compress(b"content", mtime=0))
    write("text.xz", lzma.compress(b"content"))
    write("text.bz2", bz2.compress(b"content"))
    write("text.zst", bytes.fromhex("28b52ffd2007390000") + b"content")  # RFC 8878: one frame, one raw block
    for name, style in (("pax", tarfile.PAX_FORMAT), ("gnu", tarfile.GNU_FORMAT), ("ustar", tarfile.USTAR_FORMAT)):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w:xz", format=style) as tar:
            add(tar, "model.onnx", b"content")
            add(tar, "h\u00e9/" + "n" * 90, b"long")
            if style != tarfile.USTAR_FORMAT:
                add(tar, "d/" + "n" * 300, b"longer")
        write(name + ".tar.xz", out.getvalue())


if __name__ == "__main__":
    main()
