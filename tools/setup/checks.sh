# shellcheck shell=bash
# Formatting, linting and the direction of includes.

cpp_files() { git ls-files --cached --others --exclude-standard -- '*.h' '*.cpp' | sort -u; }

# llvm_tool <clang-format or clang-tidy>: prints the program of LLVM 19, installing it when it is not there.
llvm_tool() {
  local tool=$1 found
  for found in "$tool-19" "$tool"; do
    case $(version_of "$found") in 19.*) echo "$found" && return ;; esac
  done
  {
    if has apt-get && may_install && update_package_lists && [ -n "$(candidate "$tool-19")" ]; then
      say "packages: installing $tool-19"
      install_packages "$tool-19"
    else
      pip_tool "$tool" "$tool==19.*" "${tool//-/_}/data/bin/$tool"
    fi
  } >&2
  has "$tool-19" && echo "$tool-19" || echo "$tool"
}

format() {
  use_tools
  local tool
  tool=$(llvm_tool clang-format)
  say "format: $tool"
  cpp_files | xargs -r "$tool" -i
}

check_format() {
  local tool
  tool=$(llvm_tool clang-format)
  say "check: format"
  cpp_files | xargs -r "$tool" --dry-run -Werror || fail "some files are not formatted; ./dev format does it"
}

check_layers() {
  say "check: layers"
  python3 tools/check_layers.py
}

# The sources changed since the main branch was left, or by the last commit when on it, and those not committed.
changed_sources() {
  local base=''
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=HEAD~1; fi
  {
    git diff --name-only --diff-filter=d "$base" 2>/dev/null
    git ls-files --others --exclude-standard
  } | grep -E '^(src|cli|tests)/.*\.cpp$' | sort -u
}

lint() {
  local tool files
  tool=$(llvm_tool clang-tidy)
  files=$(if [ $# -gt 0 ]; then printf '%s\n' "$@"; else changed_sources || true; fi)
  if [ -z "$files" ]; then
    say "lint: no source was changed"
    return
  fi
  build release
  say "lint: $tool over $(wc -l <<<"$files") files"
  # Without OpenMP, whose header of GCC's clang cannot read.
  xargs -P "$(jobs)" -n 1 "$tool" -p build --quiet --warnings-as-errors='*' --extra-arg=-fno-openmp <<<"$files"
}
