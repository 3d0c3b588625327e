#!/bin/sh
# tools/bench.sh PROGRAM [FLAG...]
# Measures the models of a manifest beside ONNX Runtime and OpenVINO, and keeps table, figures and plot in bench/results. The manifest is
# $SARDONYX_BENCH, else $SARDONYX_SHARED/bench/manifest.json; flags go to `sardonyx bench`.
set -eu
program=$1
shift
manifest=${SARDONYX_BENCH:-${SARDONYX_SHARED:-../shared}/bench/manifest.json}
if [ ! -f "$manifest" ]; then
  echo "No manifest $manifest: name one by SARDONYX_BENCH (docs/bench.md says what stands in it)." >&2
  exit 2
fi
eval "$(sh "$(dirname "$0")/peers.sh")"
mkdir -p bench/results
result=bench/results/$(date +%Y-%m-%d)
"$program" bench --suite "$manifest" --threads 1,2 --peer onnxruntime --peer openvino --duration 3s --save "$result.json" --plot "$result.svg" "$@" |
  tee "$result.txt"
