#!/bin/sh
# Runs every fuzz target of a build for some seconds each, over its seeds. Stops at the first finding, which is left in the
# build folder. usage: fuzz/run.sh [BUILD [SECONDS [RUNS]]]
# With RUNS each stops after so many inputs, which are the same every time: for continuous integration.
set -eu
build=${1:-build/fuzz}
seconds=${2:-30}
runs=${3:+-runs=$3 -seed=1}
here=$(cd "$(dirname "$0")" && pwd)
for source in "$here"/*_fuzz.cc; do
  name=$(basename "$source" .cc)
  seeds=$here/corpus/${name%_fuzz}
  found=$build/fuzz/found/$name
  [ -z "$runs" ] || rm -rf "$found"  # what earlier runs found would change the inputs
  mkdir -p "$found"
  echo "== $name, ${seconds}s"
  # What is found goes to the first folder; the seeds are only read.
  "$build/fuzz/$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 $runs \
    -artifact_prefix="$found-" "$found" $([ -d "$seeds" ] && echo "$seeds") >"$found.log" 2>&1 || { tail -40 "$found.log"; exit 1; }
  grep -E 'number_of_executed_units|average_exec_per_sec' "$found.log"
done
