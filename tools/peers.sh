#!/bin/sh
# tools/peers.sh [FOLDER]
# Brings the engines that `sardonyx bench --peer` compares with: a Python environment in FOLDER (default build/peers) with ONNX Runtime's and
# OpenVINO's packages, whose libraries are all that is used of it. Prints what to set so that they are found.
set -eu
folder=${1:-build/peers}
if [ ! -x "$folder/bin/pip" ]; then
  python3 -m venv "$folder" 2>/dev/null || { echo "python3 with venv is needed: apt install python3-venv" >&2; exit 1; }
fi
"$folder/bin/pip" install --quiet --disable-pip-version-check 'onnxruntime~=1.31' 'openvino>=2026' >&2
packages=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
onnxruntime=$(ls "$packages"/onnxruntime/capi/libonnxruntime.so.* | head -1)
openvino=$(ls "$packages"/openvino/libs/libopenvino_c.so.* | head -1)
echo "export SARDONYX_ONNXRUNTIME=$onnxruntime"
echo "export SARDONYX_OPENVINO=$openvino"
