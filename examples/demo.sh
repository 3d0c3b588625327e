#!/bin/sh
# examples/demo.sh PROGRAM: the main job on the models of this folder. `make demo` runs it.
set -eu
program=$(realpath "$1")
cd "$(dirname "$0")/.."

bold='' dim='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') dim=$(printf '\033[2m') plain=$(printf '\033[0m'); fi

say() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
show() {
  printf '%s$ sardonyx %s%s\n' "$dim" "$*" "$plain"
  "$program" "$@"
}

digits=examples/digits
wine=examples/wine

say 'The machine, and what Sardonyx makes of it'
show env

say 'A convolutional network that tells handwritten digits apart: what is in it, and is it valid ONNX?'
show inspect $digits/digits.onnx
show check $digits/digits.onnx $wine/wine.onnx

say 'A picture in, the five best classes out'
show run $digits/digits.onnx --input $digits/samples/7.png --top 5

say 'Ink on paper works as well; the sidecar digits.sardonyx.yml says how pictures become tensors'
show run $digits/digits.onnx --input $digits/samples/4-on-paper.png --top 3

say 'A table in: twelve wines, two of them with a measurement missing; a random forest names their cultivar'
show run $wine/wine.onnx --input $wine/inputs_0.npz

say 'Are these the numbers that the models were trained to give?'
show validate $digits/digits.onnx --inputs $digits/inputs_0.npz --against $digits/outputs_0.npz
show validate $wine/wine.onnx --inputs $wine/inputs_0.npz --against $wine/outputs_0.npz
