#!/usr/bin/env python3
"""Writes src/import/pytorch/signatures/*.txt, one file a namespace, from a list of PyTorch's operator signatures.

    make_torch_signatures.py aten_schemas.txt

The list has one signature a line in PyTorch's own notation, `aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) ->
Tensor`, as torch._C._jit_get_all_schemas() prints them. Left out is what no exported program of an inference model calls: overloads that write
to an `out` argument, derivatives, optimizers' operators and those of other devices, but for what torch decomposes an LSTM to.
"""
import collections
import pathlib
import re
import sys

HEADER = """# Signatures of PyTorch's operators in {0}:: (torch 2.15).
# Made by tools/make_torch_signatures.py; change that, not this.
"""


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = pathlib.Path(__file__).resolve().parent.parent / "src/import/pytorch/signatures"
    spaces = collections.defaultdict(list)
    for line in pathlib.Path(sys.argv[1]).read_text().splitlines():
        match = re.fullmatch(r"(\w+)::([\w.]+)\((.*)\) -> (.*)", line)
        if not match:
            sys.exit("not a signature: " + line)
        space, name, parameters, returns = match.groups()
        if "!" in parameters and "out" in name.partition(".")[2]:
            continue
        if re.search(r"backward|^_foreach_|^_fused_|cudnn|miopen|^_amp_|mkldnn(?!_rnn_layer$)", name):
            continue
        spaces[space].append(f"{name}({parameters}) -> {returns}")
    folder.mkdir(parents=True, exist_ok=True)
    for space, rows in spaces.items():
        (folder / f"{space}.txt").write_text(HEADER.format(space) + "\n".join(sorted(set(rows))) + "\n")


if __name__ == "__main__":
    main()
