#!/usr/bin/env python3
"""Writes src/import/pytorch/signatures/*.txt, one file a namespace, from a list of PyTorch's operator signatures.

    make_torch_signatures.py aten_schemas.txt

The list has one signature a line in PyTorch's own notation, `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) ->
Tensor`, as torch._C._jit_get_all_schemas() prints them. An overload that is another one, but for arguments that it writes its results to,
becomes a line `add.out = add.Tensor out`. Left out is what no exported program of an inference model calls: other overloads that write to
an `out` argument, derivatives that PyTorch decomposes, optimizers' operators and those of other devices, but for what torch
decomposes an LSTM to.
"""
import collections
import pathlib
import re
import sys

HEADER = """# Signatures of PyTorch's operators in {0}:: (torch 2.15).
# Made by tools/make_torch_signatures.py; change that, not this.
"""
DERIVATIVES = {"_adaptive_avg_pool2d_backward", "avg_pool2d_backward", "convolution_backward", "embedding_dense_backward", "hardtanh_backward",
               "max_pool2d_with_indices_backward", "native_group_norm_backward", "native_layer_norm_backward"}


def split_parameters(parameters):
    """The parameters, which commas separate that stand in no bracket, and those that are written to."""
    parts = [part.strip() for part in re.split(r",(?![^\[(]*[\])])", parameters) if part.strip() not in ("", "*")]
    written = [part for part in parts if "!" in part]
    return tuple(part for part in parts if "!" not in part), [part.split()[-1] for part in written]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(__file__).resolve().parent.parent / "src/import/pytorch/signatures"
    spaces = collections.defaultdict(list)
    pure, writing = {}, []  # (space, name, parameters) -> overload, and what writes to arguments after those
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        match = re.fullmatch(r"(\w+)::([\w.]+)\((.*)\) -> (.*)", line)
        if not match:
            sys.exit("not a signature: " + line)
        space, name, parameters, returns = match.groups()
        base = name.partition(".")[0]
        if name not in DERIVATIVES and re.search(r"backward|^_foreach_|^_fused_|cudnn|miopen|^_amp_|mkldnn(?!_rnn_layer$)", name):
            continue
        plain, written = split_parameters(parameters)
        if "!" in parameters and "!" not in parameters.partition("*,")[0]:
            writing.append((space, base, name, plain, written))
        if "!" in parameters and "out" in name.partition(".")[2]:
            continue
        if "!" not in parameters:
            pure[space, base, plain] = name
        spaces[space].append(f"{name}({parameters}) -> {returns}")
    for space, base, name, plain, written in writing:
        if (space, base, plain) in pure:
            spaces[space] = [row for row in spaces[space] if not row.startswith(name + "(")]
            spaces[space].append(f"{name} = {pure[space, base, plain]} {' '.join(written)}")
    folder.mkdir(parents=True, exist_ok=True)
    for space, rows in spaces.items():
        (folder / f"{space}.txt").write_text(HEADER.format(space) + "\n".join(sorted(set(rows))) + "\n")


if __name__ == "__main__":
    main()
