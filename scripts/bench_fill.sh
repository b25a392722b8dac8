# shellcheck shell=bash
# The part of scripts/bench about filling memory: the engine against a bare loop of MADV_POPULATE_WRITE and against stress-ng.
# shellcheck disable=SC2154 # oomlab and bench are set there

# What to do less of, on a busy or a small machine: rounds, MiB on this machine, kernels of guests (may be none).
rounds_fill=${OOMLAB_BENCH_FILLS:-7}
most_mib=${OOMLAB_BENCH_FILL_MIB:-2048}
kernels=${OOMLAB_BENCH_FILL_KERNELS-6.1 6.12}
guest_size=$((384 << 20))

# Never more than a quarter of what is free on this machine.
fill_size() {
  local quarter most=$((most_mib << 20))
  quarter=$(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) * 256))
  printf '%s\n' $((quarter < most ? quarter >> 21 << 21 : most))
}

# The contenders of one row as words of fill_bench: ours, the loop and, with one thread, stress-ng.
contenders() {
  local workload=$1 pages=$2 threads=$3 size=$4
  printf '%s\n' "$oomlab" stress "$workload" --no-limit --quiet --size "$size" --hold forever --timeout 5m --threads "$threads" \
    --vs "$bench/fill_loop" "$size" "$pages" "$threads"
  if [ "$threads" = 1 ] && command -v stress-ng >/dev/null; then
    printf '%s\n' --vs stress-ng --vm 1 --vm-bytes "$size" --vm-keep --vm-method write64 --oomable
  fi
}

# "RATE RATIO RATE_CPU RATIO_CPU" of each contender, a line each, to one row.
fill_row() {
  local what=$1 where=$2 threads=$3 bar=$4
  awk -v what="$what" -v where="$where" -v bar="$bar" -v threads="$threads" '
    NF != 4 { exit 1 }
    NR == 1 { ours = $1 " GiB/s (" $3 ")" }
    NR > 1 { cell[NR] = $1 " (" $3 "): **" $2 " x** (" $4 " x)" }
    END { printf "| %s | %s | %s | %s | %s | %s |\n", what, where, ours, cell[2], 3 in cell ? cell[3] : (threads == 1 ? "not installed" : ""), bar }'
}

# The guest has its memory for the first time; each round a fresh guest for each contender.
cold_lines() {
  local kernel=$1 words=() part=() round all=()
  shift
  for ((round = 0; round < rounds_fill; ++round)); do
    all=()
    part=()
    for word in "$@" --vs; do
      if [ "$word" = --vs ]; then
        all+=("$("$oomlab" vm exec --kernel "$kernel" --memory 1536M -- "$bench/fill_bench" cold "$guest_size" 1 "${part[@]}" | cut -d' ' -f1,3)")
        part=()
      else
        part+=("$word")
      fi
    done
    words+=("${all[*]}")
  done
  printf '%s\n' "${words[@]}" | python3 -c '
import statistics, sys
rounds = [list(map(float, line.split())) for line in sys.stdin]
for i in range(0, len(rounds[0]), 2):
    print(*(f"{statistics.median(of):.2f}" for j in (i, i + 1) for of in ([r[j] for r in rounds], [r[j % 2] / r[j] for r in rounds])))'
}

# shellcheck disable=SC2016 # the backticks are Markdown
part_fill() {
  local size kernel workload pages threads bar words
  size=$(fill_size)
  printf '`stress anon` and `stress anon-thp` against a loop of MADV_POPULATE_WRITE in chunks of 2 MiB (`tests/bench/fill_loop.cpp`) with the same pages and threads,\n'
  printf 'and `stress-ng --vm 1 --vm-keep --vm-method write64`'
  if command -v stress-ng >/dev/null; then
    printf ' (%s)' "$(stress-ng --version | cut -d, -f2 | sed 's/^ *//; s/ (.*//')"
  else
    say 'without stress-ng there is nothing to hold the fill against: apt-get install stress-ng' >&2
    printf ', which was not installed (`apt-get install stress-ng`)'
  fi
  printf ': %s MiB on this machine without a limit, %s MiB in a guest of 1.5 GiB with one CPU.\n' $((size >> 20)) $((guest_size >> 20))
  printf 'GiB/s between 5 %% and 95 %% of the size as seen from outside, medians of %s rounds in turn; **ratios** are ours to theirs in the same round. In brackets the\n' "$rounds_fill"
  printf 'same by the time on a processor, which other work on the machine moves less. Warm: the memory was in use just before; cold: for the first time in a fresh guest.\n\n'
  printf '| pages, threads | where | oomlab | bare loop | stress-ng | bars |\n| --- | --- | --- | --- | --- | --- |\n'
  for row in 'anon small 1 4' 'anon-thp huge 1 THP' 'anon small 2 4' 'anon-thp huge 2 THP'; do
    read -r workload pages threads kind <<<"$row"
    bar='0.95 x of the loop'
    [ "$threads" = 1 ] && bar+=", $([ "$kind" = THP ] && echo 4 || echo 1.4) x stress-ng"
    what="$([ "$kind" = THP ] && echo THP || echo '4 KiB'), $threads"
    mapfile -t words < <(contenders "$workload" "$pages" "$threads" "$size")
    "$bench/fill_bench" warm "$size" "$rounds_fill" "${words[@]}" | fill_row "$what" 'this machine, warm' "$threads" "$bar" || die 'the fill of this machine failed'
    [ "$threads" = 1 ] || continue
    mapfile -t words < <(contenders "$workload" "$pages" "$threads" "$guest_size")
    for kernel in $kernels; do
      "$oomlab" vm exec --kernel "$kernel" --memory 1536M -- "$bench/fill_bench" warm "$guest_size" "$rounds_fill" "${words[@]}" |
        fill_row "$what" "guest, $kernel, warm" 1 "$bar" || die "the fill of a guest with $kernel failed"
      cold_lines "$kernel" "${words[@]}" | fill_row "$what" "guest, $kernel, cold" 1 '' || die "the fill of a fresh guest with $kernel failed"
    done
  done
}
