#!/usr/bin/env bash
# Remakes tests/golden/expected with Python Inseq. Arguments: names of cases; none: all of them. The default model
# must have been fetched (./dev setup). tools/reference_python.sh says which Python is used.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../reference_python.sh"
exec "$python" "$here/generate.py" "$@"
