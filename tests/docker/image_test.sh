#!/usr/bin/env bash
# compose/build-image without Docker: `image_test.sh ROOT DYNAMIC_OOMLAB STATIC_OOMLAB`.
set -u
root=$1 dynamic=$2 static=$3
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
failures=0
check() {
  local what=$1
  shift
  "$@" || {
    printf 'not so: %s\n%s\n' "$what" "$said"
    failures=$((failures + 1))
  }
}
build_image() {
  said=$("$root/compose/build-image" "$@" 2>&1)
  status=$?
}

build_image --binary "$static" --tar "$scratch/image.tar"
check "a static binary makes an image" test "$status" -eq 0
check "of less than 10 MB" test "$(stat -c %s "$scratch/image.tar")" -lt 10000000
check "with the binary and /tmp alone" test "$(tar -tf "$scratch/image.tar" | tr '\n' ' ')" = "oomlab tmp/ "
mkdir "$scratch/root" && tar -xf "$scratch/image.tar" -C "$scratch/root"
check "that runs" test "$("$scratch/root/oomlab" --version)" = "$("$dynamic" --version)"
build_image --binary "$static" --tar "$scratch/again.tar"
check "the same one again" cmp -s "$scratch/image.tar" "$scratch/again.tar"

build_image --binary "$dynamic" --tar "$scratch/no.tar"
check "a dynamic binary is refused" test "$status" -ne 0
check "with the reason" test "${said/is linked dynamically/}" != "$said"
check "and nothing is written" test ! -e "$scratch/no.tar"

cp "$static" "$scratch/large" && truncate -s 12M "$scratch/large"
build_image --binary "$scratch/large" --tar "$scratch/no.tar"
check "an image of more than 10 MB is refused" test "$status" -ne 0

cat >"$scratch/docker" <<EOF
#!/bin/sh
echo "\$*" >>"$scratch/calls"
cat "\$4" >"$scratch/imported"
EOF
chmod +x "$scratch/docker"
said=$(DOCKER=$scratch/docker "$root/compose/build-image" --binary "$static" --tag mine 2>&1)
check "Docker is asked to import it" grep -q '^import --change ENTRYPOINT \["/oomlab"\] .*image.tar mine$' "$scratch/calls"
check "the same tar" cmp -s "$scratch/imported" "$scratch/image.tar"
said=$(DOCKER=no-such-docker "$root/compose/build-image" --binary "$static" 2>&1)
check "without Docker it says what to do" test "${said/--tar FILE/}" != "$said"
[ "$failures" -eq 0 ]
