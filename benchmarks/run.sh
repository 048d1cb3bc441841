#!/usr/bin/env bash
# Builds the benchmarks and prints the table of run.py, beside Python Inseq (tools/reference_python.sh says which).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=$here/../build
. "$here/../tools/reference_python.sh"
cmake -S "$here/.." -B "$build" -DINSEQ_BUILD_BENCHMARKS=ON >/dev/null
ninja -C "$build" bench_attribute bench_beams >&2
exec "$python" "$here/run.py" "$build" "$python" "$@"
