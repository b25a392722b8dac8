#!/usr/bin/env bash
# The bash completion, as bash would call it: `completion_test.sh OOMLAB`. First with a stand-in for the program, whose answers are known, then
# with the program itself, every command of which has to answer.
set -u
oomlab=$1
scratch=$(mktemp -d) || exit 1
trap 'rm -rf "$scratch"' EXIT
cd "$scratch" || exit 1
failures=0

# shellcheck source=/dev/null
. <("$oomlab" completion bash) || exit 1

cat >stand_in <<'EOF'
#!/bin/sh
[ "$OOMLAB_COMPLETE" = 1 ] || exit 1
case "$*" in
  "") printf 'run\truns\t\nreport\trenders\t\n--help\thelps\t\n' ;;
  "stress"*) printf 'anon\tfills\t\ntmpfs\tfills\t\n--format\t\ttext json\n--memory-max\tlimits\tSIZE\n--output\twrites\tFILE\n-o\twrites\tFILE\n--help\thelps\t\n' ;;
  *) printf -- '--help\thelps\t\n' ;;
esac
EOF
chmod +x stand_in
touch "post mortem.json" post.html

# expect WANTED WORD...: the replies, joined by commas, with the cursor in the last word.
expect() {
  local wanted=$1 got
  shift
  COMP_WORDS=("$@")
  COMP_CWORD=$(($# - 1))
  COMPREPLY=()
  _oomlab
  got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd, -)
  if [ "$got" != "$wanted" ]; then
    echo "completing '$*': expected '$wanted', got '$got'"
    failures=$((failures + 1))
  fi
}

expect "report,run" ./stand_in ""
expect "report,run" ./stand_in r
expect "--help" ./stand_in -
expect "anon,tmpfs" ./stand_in stress ""
expect "anon" ./stand_in stress a
expect "--format,--help,--memory-max,--output" ./stand_in stress --
expect "json,text" ./stand_in stress anon --format ""
expect "json" ./stand_in stress anon --format = j
expect "json,text" ./stand_in stress anon --format =
expect "" ./stand_in stress anon --memory-max 6
expect "post mortem.json,post.html" ./stand_in stress -o post
expect "post mortem.json" ./stand_in stress --output = "post m"
expect "" ./stand_in report post
expect "" ./stand_in run -- no-such-command-at-all
expect "" ./stand_in run -- ls --format ""
expect "" ./no_such_program ""

expect "doctor" "$oomlab" doct
expect "json,text" "$oomlab" doctor --format ""
expect "bash,fish,zsh" "$oomlab" completion ""

while IFS=$'\t' read -r command _; do
  case $command in -*) continue ;; esac
  answer=$(OOMLAB_COMPLETE=1 "$oomlab" "$command" </dev/null) || {
    echo "oomlab $command: fails when asked for completions"
    failures=$((failures + 1))
  }
  grep -q '^--help' <<<"$answer" || {
    echo "oomlab $command: does not answer completions"
    failures=$((failures + 1))
  }
done < <(OOMLAB_COMPLETE=1 "$oomlab")

if command -v shellcheck >/dev/null; then
  "$oomlab" completion bash | shellcheck -s bash - || failures=$((failures + 1))
fi
for shell in zsh fish; do
  if command -v "$shell" >/dev/null; then
    "$oomlab" completion "$shell" >script
    "$shell" -n script || failures=$((failures + 1))
  fi
done
[ "$failures" -eq 0 ]
