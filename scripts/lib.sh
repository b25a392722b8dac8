# shellcheck shell=bash
# What the scripts share; sourced after `cd` to the root of the tree. No `set -e`: each step's failure is handled where it happens.
set -uo pipefail

say() { printf '%s\n' "${0##*/}: $*"; }

die() {
  printf '%s\n' "${0##*/}: $*" >&2
  exit 1
}

# Whether that compiler is a g++ of at least 12 (std::expected, the rest of C++23 that is used).
new_enough() {
  local version
  version=$("$1" -dumpversion 2>/dev/null) || return 1
  [ "${version%%.*}" -ge 12 ]
}

# Exports CXX: the user's own, else the first g++ that is new enough.
choose_compiler() {
  local candidate
  [ -n "${CXX:-}" ] && return 0
  for candidate in g++ g++-14 g++-13 g++-12; do
    if new_enough "$candidate"; then
      export CXX=$candidate
      return 0
    fi
  done
  say "no g++ of version 12 or newer: apt-get install g++-12 (Ubuntu 22.04), or set CXX" >&2
  return 1
}

# build PRESET [TARGET...]: configures once, then builds what has changed.
build() {
  local preset=$1
  shift
  if [ ! -f "build/$preset/build.ninja" ]; then
    local options=()
    if command -v ccache >/dev/null && [ -z "${CCACHE_DISABLE:-}" ]; then
      options+=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON)
    fi
    [ "$preset" = release ] && options+=(-DOOMLAB_WERROR=OFF)  # what runs on users' machines must build with compilers yet unknown
    cmake --preset "$preset" "${options[@]}" || return 1
  fi
  ninja -C "build/$preset" "$@"
}

# fetch_kernel BINARY NAME: into the user's cache, unless it is there. Where the machine's own sources have none, from OOMLAB_MIRROR (a Debian mirror), if set.
fetch_kernel() {
  [[ $("$1" vm kernels 2>/dev/null) == *"$2."* ]] && return 0
  "$1" vm fetch "$2" && return 0
  [ -n "${OOMLAB_MIRROR:-}" ] && "$1" vm fetch "$2" --mirror "$OOMLAB_MIRROR"
}
