# shellcheck shell=bash
# The part of scripts/bench about the recorder: its cost, and how soon a post-mortem is there.
# shellcheck disable=SC2154 # oomlab and bench are set there

# shellcheck disable=SC2016 # the backticks are Markdown
part_recorder() {
  local kernel lines cpu loop hz rss median highest rounds
  printf 'In guests. The bars are of a host; where the machine is emulated, everything in the kernel and in oomlab takes several times as long as there:\n'
  printf 'the bare loop takes %s %% of a processor on this machine itself.\n\n' "$("$bench/wake_loop" /proc/loadavg 3)"
  printf '| what | kernel | measured | bar |\n| --- | --- | --- | --- |\n'
  for kernel in 6.1 6.12; do
    lines=$("$oomlab" vm exec --kernel "$kernel" -- /usr/bin/python3 -ESsB "$PWD/tests/bench/recorder_bench.py" "$oomlab" "$bench/wake_loop") || die "the recorder could not be measured on $kernel"
    read -r _ cpu _ loop _ hz _ rss <<<"$(grep '^cpu ' <<<"$lines")"
    read -r _ median highest _ rounds <<<"$(grep '^kill ' <<<"$lines")"
    printf '| recorder at 1 kHz, against a bare loop that wakes as often and reads `memory.current`: processor time | %s | %s %% of one, %s samples a second, against %s %% | under 2 %% |\n' \
      "$kernel" "$cpu" "$hz" "$loop"
    printf '| its process (RSS at most) | %s | %s MiB | under 8 MiB |\n' "$kernel" "$(awk -v kib="$rss" 'BEGIN { printf "%.1f", kib / 1024 }')"
    printf '| from the kernel'"'"'s line of a kill to the post-mortem, written | %s | %s ms, at most %s ms (median and highest of %s) | under 50 ms |\n' "$kernel" "$median" "$highest" "$rounds"
  done
}
