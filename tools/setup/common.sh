# shellcheck shell=bash
# Helpers of ./dev and of the set-up steps. Sourced with the repository's root as working directory.

cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/inseq

if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi

# One line per step.
say() { printf '%s\n' "$bold==>$plain $*"; }

fail() {
  echo "dev: $*" >&2
  exit 1
}

# quietly <what it does> <command>...: the output goes to a log, whose end is shown when the command fails.
quietly() {
  local log=$cache/log/${1//[^a-zA-Z0-9.]/-}.log what=$1
  shift
  mkdir -p "$cache/log"
  "$@" >"$log" 2>&1 9>&- || {
    tail -n 20 "$log" >&2
    fail "$what failed: what it printed is in $log"
  }
}

has() { command -v "$1" >/dev/null 2>&1; }

# at_least <version> <minimum>
at_least() { [ -n "$1" ] && [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

# The first dotted number that a program prints for --version, or nothing.
version_of() {
  { "$@" --version 2>/dev/null || true; } | grep -Eo '[0-9]+(\.[0-9]+)+' | head -n 1
}

# Compiler jobs: one a core, and no more than one for each 1.5 GB of memory (a file that sees LibTorch needs that).
jobs() {
  local cores megabytes
  cores=$(nproc)
  megabytes=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)
  echo $((megabytes / 1500 < 1 ? 1 : megabytes / 1500 < cores ? megabytes / 1500 : cores))
}
