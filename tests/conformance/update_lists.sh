#!/bin/sh
# update_lists.sh PROGRAM [SHARED]: writes the lists of failing cases anew, after kernels were added.
set -eu
program=$(realpath "$1")
cd "$(dirname "$0")"
shared=${2:-${SARDONYX_SHARED:-../../../shared}}

update() { # FOLDER LIST
  [ -d "$1" ] || { echo "$2: kept, $1 is not there"; return; }
  {
    echo '# Cases that fail today, as `sardonyx conformance` names them. Written by update_lists.sh.'
    "$program" conformance "$1" --color never | sed -n 's/^failed \([^:]*\):.*/\1/p'
  } >"$2"
  echo "$2: $(grep -vc '^#' "$2") failing"
}

update cases failing.txt
update "$shared/conformance/onnx-1.22.0" failing-1.22.0.txt
update "$shared/conformance/onnx-1.23.2" failing-1.23.2.txt
