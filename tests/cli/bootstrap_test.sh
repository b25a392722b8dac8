#!/usr/bin/env bash
# scripts/bootstrap against a stand-in for dpkg and apt, which notes how it is called: `bootstrap_test.sh ROOT`.
set -u
root=$1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
mkdir "$scratch/bin"
export SCRATCH=$scratch OS_RELEASE=$scratch/os-release
PATH=$scratch/bin:$PATH

stand_in() {
  { echo '#!/bin/sh' && cat; } >"$scratch/bin/$1"
  chmod +x "$scratch/bin/$1"
}
stand_in dpkg-query <<'EOF'
sed 's/$/ ii /' "$SCRATCH/installed"
EOF
stand_in apt-cache <<'EOF'
shift
for package; do
  if grep -qxF "$package" "$SCRATCH/offered"; then
    printf '%s:\n  Installed: (none)\n  Candidate: 4:12.2.0-3\n  Version table:\n     4:12.2.0-3 500\n' "$package"
  elif [ "$package" != cmake ]; then # one that apt knows by name only; of cmake it knows nothing
    printf '%s:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n' "$package"
  fi
done
seq 100000 # more than a pipe holds: a reader that leaves early would kill the writer
EOF
stand_in apt-get <<'EOF'
echo "$*" >>"$SCRATCH/calls"
case "$*" in
  *update*) [ ! -f "$SCRATCH/offered-later" ] || cp "$SCRATCH/offered-later" "$SCRATCH/offered" ;;
esac
EOF
stand_in id <<'EOF'
echo "${UID_STAND_IN:-0}"
EOF
stand_in sudo <<'EOF'
echo sudo >>"$SCRATCH/calls"
exec "$@"
EOF

# machine OS VERSION: nothing installed, everything offered.
machine() {
  printf 'ID=%s\nVERSION_ID="%s"\n' "$1" "$2" >"$OS_RELEASE"
  rm -f "$scratch"/{calls,offered-later}
  : >"$scratch/installed"
  printf '%s\n' g++ g++-12 cmake ninja-build pkg-config libfmt-dev libseccomp-dev libboost-program-options-dev nlohmann-json3-dev libgtest-dev \
    libgmock-dev libbenchmark-dev zlib1g-dev liblzma-dev libzstd-dev qemu-system-x86 zstd xz-utils ca-certificates dpkg \
    debian-archive-keyring clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev shellcheck python3 python3-jsonschema chromium mmdebstrap e2fsprogs docker-compose >"$scratch/offered"
}

# expect WHAT STATUS PATTERN: of the last run's output and apt's calls.
run() {
  output=$("$root/scripts/bootstrap" "$@" 2>&1 </dev/null)
  status=$?
  calls=$(cat "$scratch/calls" 2>/dev/null)
}
check() {
  local what=$1
  shift
  "$@" || {
    printf '%s\n  status %s\n  output: %s\n  calls: %s\n' "not so: $what" "$status" "$output" "$calls"
    failures=$((failures + 1))
  }
}
says() { [[ $output == *"$1"* ]]; }
called() { [[ $calls == *"$1"* ]]; }
never_called() { [ -z "$calls" ]; }
exits() { [ "$status" -eq "$1" ]; }

machine debian 12
run build
check "a bare Debian 12 is given g++" called "install -q=2 -y --no-install-recommends g++ cmake ninja-build"
check "lists that offer everything are not read again" test "${calls/update/}" = "$calls"
check "it says what it installs" says "bootstrap: build: installing g++ cmake"
check "it ends well" exits 0

machine ubuntu 22.04
run build
check "Ubuntu 22.04 is given g++-12" called "--no-install-recommends g++-12 cmake"

machine debian 12
cp "$scratch/offered" "$scratch/installed"
run
check "a machine that has everything is left alone" never_called
check "it says so" says "bootstrap: lint: all there"
check "it ends well" exits 0

machine debian 12
grep -vx cmake "$scratch/offered" >"$scratch/installed"
run build
check "only what is missing is installed" called "--no-install-recommends cmake"
check "and nothing else" test "$(wc -l <<<"$calls")" -eq 1

machine debian 12
mv "$scratch/offered" "$scratch/offered-later"
: >"$scratch/offered"
run test
check "without package lists they are read once" test "$(grep -c update <<<"$calls")" -eq 1
check "and then it is installed" called "--no-install-recommends python3 python3-jsonschema"

machine ubuntu 24.04
run test
check "Ubuntu, whose Chromium is a snap, is given none" test "${calls/chromium/}" = "$calls"

machine ubuntu 22.04
grep -v 19 "$scratch/offered" >"$scratch/offered-later"
cp "$scratch/offered-later" "$scratch/offered"
run lint
check "without clang 19 the rest of lint is installed" called "--no-install-recommends shellcheck"
check "it says what is skipped" says "ubuntu 22.04 does not offer clang-19 clang-tidy-19 clang-format-19 libclang-rt-19-dev; skipped: clang-tidy"
check "and goes on" exits 0

machine debian 11
grep -v cmake "$scratch/offered" >"$scratch/offered-later"
cp "$scratch/offered-later" "$scratch/offered"
run build
check "without what the build needs it fails" exits 1
check "and says what is needed" says "needed: g++ 12 or newer, CMake 3.22"

machine debian 12
export UID_STAND_IN=1000
run test
check "an ordinary user goes through sudo" called sudo
unset UID_STAND_IN

run nonsense
check "an unknown group is refused" says "'nonsense' is not one of: build, vm, lint, test, docker"
check "with a status" exits 1
[ "$failures" -eq 0 ]
