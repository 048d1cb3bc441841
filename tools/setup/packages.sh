# shellcheck shell=bash
# System packages: what the build needs and the Debian/Ubuntu package that brings it. Whatever is there
# already, from anywhere, is left as it is.

min_gcc=12
min_rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' rust/Cargo.toml)

# <what shows that it is there> <its package>
requirements() {
  cat <<'END'
command:cmake:3.22         cmake
command:ninja:1.10         ninja-build
command:ccache:4.0         ccache
command:python3:3.8        python3
pip                        python3-pip
header:nlohmann/json.hpp   nlohmann-json3-dev
header:gtest/gtest.h       libgtest-dev
header:curl/curl.h         libcurl4-openssl-dev
header:openssl/evp.h       libssl-dev
header:zlib.h              zlib1g-dev
header:sentencepiece_processor.h  libsentencepiece-dev
file:/etc/ssl/certs/ca-certificates.crt  ca-certificates
END
}

is_there() {
  local kind name minimum
  IFS=: read -r kind name minimum <<<"$1"
  case $kind in
    command) at_least "$(version_of "$name")" "$minimum" ;;
    header) compgen -G "/usr/include/$name" || compgen -G "/usr/local/include/$name" ||
      compgen -G "/usr/include/*-linux-gnu*/$name" ;;
    file) [ -e "$name" ] ;;
    pip) [ -n "$(python_with_pip)" ] ;;
  esac >/dev/null
}

# The interpreter to call pip with. Looks without importing pip, which takes half a second.
python_with_pip() {
  local python
  for python in python3 /usr/bin/python3; do
    if has "$python" && "$python" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("pip"))'; then
      echo "$python"
      return
    fi
  done
}

# The C++ compiler: $CXX, else g++ when it is new enough, else the newest g++-<number>.
find_compiler() {
  local compiler
  if [ -n "${CXX:-}" ]; then
    echo "$CXX"
    return
  fi
  for compiler in g++ $(compgen -c g++- | grep -E '^g\+\+-[0-9]+$' | sort -Vru); do
    if has "$compiler" && at_least "$("$compiler" -dumpfullversion)" "$min_gcc"; then
      echo "$compiler"
      return
    fi
  done
}

# The paths of a usable pair of cargo and rustc: on the path, rustup's, or Ubuntu's /usr/bin/cargo-1.85.
find_rust() {
  local cargo rustc
  for cargo in "$(command -v cargo)" "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" $(compgen -G '/usr/bin/cargo-[0-9]*' | sort -Vr); do
    rustc=$(dirname "$cargo")/rustc${cargo##*/cargo}
    if at_least "$(version_of "$cargo")" "$min_rust" && at_least "$(version_of "$rustc")" "$min_rust"; then
      echo "$cargo $rustc"
      return
    fi
  done
}

# Puts the chosen compilers where CMake and cargo look for them.
use_tools() {
  local cargo rustc
  mkdir -p "$cache/tools/bin"
  case $PATH in "$cache/tools/bin":*) ;; *) PATH=$cache/tools/bin:$PATH ;; esac
  read -r cargo rustc <<<"$(find_rust)"
  if [ -n "$cargo" ] && [ "$cargo" != "$(command -v cargo)" ]; then
    ln -sf "$cargo" "$cache/tools/bin/cargo"
    ln -sf "$rustc" "$cache/tools/bin/rustc"
  fi
  CXX=$(find_compiler)
  export PATH CXX
}

# The version that apt-get would install, without its epoch, or nothing.
candidate() { apt-cache policy "$1" 2>/dev/null | sed -nE '/\(none\)/d; s/^ *Candidate: ([0-9]+:)?//p'; }

# The package of a new enough g++ in this distribution.
compiler_package() {
  local package
  for package in g++ g++-12 g++-13 g++-14; do
    if at_least "$(candidate "$package")" "$min_gcc"; then
      echo "$package"
      return
    fi
  done
  fail "needs g++ $min_gcc or newer, and this distribution has none; set CXX to a C++20 compiler"
}

# The packages of the distribution's newest Rust: cargo and rustc, cargo-web (Debian 12) or cargo-1.85 (Ubuntu).
rust_packages() {
  local name version best='' best_version=$min_rust
  for name in $(apt-cache search --names-only '^cargo(-web|-[0-9.]+)?$' | cut -d ' ' -f 1); do
    version=$(candidate "$name")
    if at_least "$version" "$best_version"; then best=$name best_version=$version; fi
  done
  [ -n "$best" ] || fail "needs Rust $min_rust or newer (cargo and rustc), and this distribution has none; install it with rustup"
  echo "$best rustc${best#cargo}"
}

is_root() { [ "$(id -u)" = 0 ]; }
may_install() { is_root || has sudo; }

# apt_get <its arguments>: as root or through sudo; waits while another package manager is at work.
apt_get() {
  local as_root=()
  is_root || as_root=(sudo)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 -qq "$@"
}

# install_packages <package>...
install_packages() {
  local package
  may_install || fail "these packages are missing, and installing them needs root or sudo. Run as root:
  apt-get update && apt-get install -y --no-install-recommends $*"
  for package in "$@"; do
    [ -n "$(candidate "$package")" ] || fail "package $package is needed, and this distribution's archive does not have it"
  done
  quietly "installing packages" apt_get install -y --no-install-recommends "$@"
}

update_package_lists() {
  if may_install; then
    say "packages: reading the distribution's lists"
    quietly "apt-get update" apt_get update
  elif ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
    fail "packages are missing and the distribution's lists are empty. Run as root: apt-get update; then ./dev setup again"
  fi
}

# Programs that this distribution has too old a version of come as Python packages, for ./dev alone.
# pip_tool <program> <requirement> <its path inside the package>
pip_tool() {
  local folder=$cache/tools/$1
  if [ ! -x "$folder/$3" ]; then
    say "$1: installing the Python package $2"
    quietly "installing $2" "$(python_with_pip)" -m pip install --upgrade --no-deps --target "$folder" "$2"
  fi
  ln -sf "$folder/$3" "$cache/tools/bin/$1"
}

# The packages of what is not there.
missing_packages() {
  local sign package
  while read -r sign package; do
    is_there "$sign" || echo "$package"
  done < <(requirements)
}

setup_packages() {
  use_tools
  local missing wanted
  missing=$(missing_packages | xargs)
  if [ -z "$missing" ] && [ -n "$CXX" ] && [ -n "$(find_rust)" ]; then
    say "packages: all there ($CXX $(version_of "$CXX"), cargo $(version_of cargo), cmake $(version_of cmake))"
    return
  fi
  has apt-get || fail "missing (Debian's names of packages): $missing$([ -n "$CXX" ] || echo " g++>=$min_gcc")$(
    [ -n "$(find_rust)" ] || echo " cargo>=$min_rust rustc>=$min_rust"). There is no apt-get here: install them your way"
  update_package_lists
  [ -n "$CXX" ] || missing="$missing $(compiler_package)"
  [ -n "$(find_rust)" ] || missing="$missing $(rust_packages)"
  read -ra wanted <<<"$missing"
  say "packages: installing ${wanted[*]}"
  install_packages "${wanted[@]}"
  is_there command:cmake:3.22 || pip_tool cmake 'cmake==3.31.*' cmake/data/bin/cmake
  is_there command:ninja:1.10 || pip_tool ninja 'ninja==1.13.*' ninja/data/bin/ninja
  use_tools
  missing=$(missing_packages | xargs)
  [ -z "$missing" ] || fail "installed, but still not there or too old: $missing"
  [ -n "$CXX" ] || fail "installed, but there is still no g++ $min_gcc or newer"
  [ -n "$(find_rust)" ] || fail "installed, but there is still no cargo and rustc $min_rust or newer"
}
