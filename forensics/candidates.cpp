#include "forensics/candidates.h"

#include <algorithm>
#include <array>
#include <bit>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace forensics {
namespace {

// Words to be found, where in them the three bytes stand that are rarest in logs, and in which of eight buckets they
// are searched. The buckets are chosen (by trying, over logs and English text) so that the bytes of one seldom mix with
// another's: then all but a few of the places that look like a needle are one.
struct Needle {
  std::string_view words;
  std::size_t print;
  unsigned bucket;
};

constexpr Needle kNeedles[] = {
    {"oom-kill", 2, 6},  // "x invoked oom-killer: ", "oom-kill:constraint="
    {"oom_reaper: ", 2, 5},
    {"ut of memory", 4, 4},  // "Out of memory: ", "Memory cgroup out of memory: ", a panic's reason
    {"Kill process ", 0, 0},
    {"Killed process ", 0, 0},
    {"Kill '", 0, 0},  // lmkd
    {"Killing '", 0, 0},
    {"OOM", 0, 2},               // "Manual OOM execution", "OOM victim 1 ...", "OOM request ignored"
    {"Linux version ", 0, 0},    // names the kernel of the reports after it
    {"page allocation ", 0, 1},  // failures and stalls
    {"dump_header", 3, 5},       // a stack whose first lines are lost
    {"callbacks suppressed", 2, 6},
    {"Memory cgroup ", 0, 0},
    {"Mem-Info", 0, 0},
    {"Mem-info", 0, 0},
    {"active_anon:", 6, 1},
    {"Task in /", 0, 7},
    {"Tasks in /", 0, 7},
    {"Tasks state (", 0, 7},
    {"total_vm", 4, 5},
    {"(MPOL_BIND)", 1, 5},  // "No available memory (MPOL_BIND): "
    {"in cpuset: ", 4, 2},
    {"deadlocked on mem", 3, 7},
    {"nding SIG", 6, 4},      // earlyoom, nohang
    {"oomd", 1, 3},           // systemd-oomd and oomd
    {"lowmem", 2, 0},         // Android's, in the kernel
    {"MESSAGE\" : [", 4, 2},  // journald's way to write what is no text
    {"MESSAGE\":[", 4, 2},
};
constexpr std::size_t kPrint = 3;

// For each of the three bytes: the buckets that it may belong to, by the byte, and by its two halves.
struct Tables {
  std::array<std::array<std::uint8_t, 256>, kPrint> by_byte{};
  std::array<std::array<std::uint8_t, 16>, kPrint> by_low{}, by_high{};
};

constexpr Tables make_tables() {
  Tables tables;
  for (const auto& needle : kNeedles) {
    const auto bit = static_cast<std::uint8_t>(1U << needle.bucket);
    for (std::size_t i = 0; i < kPrint; ++i) {
      const auto byte = static_cast<unsigned char>(needle.words[needle.print + i]);
      tables.by_byte[i][byte] |= bit;
      tables.by_low[i][byte & 15U] |= bit;
      tables.by_high[i][byte >> 4U] |= bit;
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

// Where a needle begins whose three bytes stand at `at`; npos when it is another's chance likeness.
std::size_t confirm(std::string_view text, std::size_t at, std::uint8_t buckets) {
  for (const auto& needle : kNeedles) {
    if ((unsigned{buckets} >> needle.bucket & 1U) != 0 && at >= needle.print &&
        text.substr(at - needle.print).starts_with(needle.words)) {
      return at - needle.print;
    }
  }
  return std::string_view::npos;
}

std::uint8_t buckets_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  return kTables.by_byte[0][byte(0)] & kTables.by_byte[1][byte(1)] & kTables.by_byte[2][byte(2)];
}

std::size_t find_plainly(std::string_view text, std::size_t from) {
  for (std::size_t at = from; at + kPrint <= text.size(); ++at) {
    if (const auto buckets = buckets_at(text, at); buckets != 0) {
      if (const auto found = confirm(text, at, buckets); found != std::string_view::npos) {
        return found;
      }
    }
  }
  return std::string_view::npos;
}

#if defined(__x86_64__)
bool has_avx2() {
  static const bool has = __builtin_cpu_supports("avx2") != 0;
  return has;
}

__attribute__((target("avx2"))) __m256i table(const std::array<std::uint8_t, 16>& half) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(half.data())));
}

// "Teddy" (Hyperscan's): the buckets of 32 positions at once, by looking up both halves of each byte in a register.
__attribute__((target("avx2"))) std::size_t find_by_avx2(std::string_view text) {
  const __m256i low0 = table(kTables.by_low[0]), high0 = table(kTables.by_high[0]);
  const __m256i low1 = table(kTables.by_low[1]), high1 = table(kTables.by_high[1]);
  const __m256i low2 = table(kTables.by_low[2]), high2 = table(kTables.by_high[2]);
  const __m256i half = _mm256_set1_epi8(15);
  const auto buckets = [&](const char* bytes, __m256i low, __m256i high) __attribute__((target("avx2"))) {
    const __m256i data = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
    return _mm256_and_si256(_mm256_shuffle_epi8(low, _mm256_and_si256(data, half)),
                            _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(data, 4), half)));
  };
  constexpr std::size_t kStep = 32;
  std::size_t at = 0;
  for (; at + kStep + kPrint - 1 <= text.size(); at += kStep) {
    const char* const bytes = text.data() + at;
    const __m256i found =
        _mm256_and_si256(buckets(bytes, low0, high0),
                         _mm256_and_si256(buckets(bytes + 1, low1, high1), buckets(bytes + 2, low2, high2)));
    if (_mm256_testz_si256(found, found) != 0) [[likely]] {
      continue;
    }
    auto positions =
        ~static_cast<std::uint32_t>(_mm256_movemask_epi8(_mm256_cmpeq_epi8(found, _mm256_setzero_si256())));
    for (; positions != 0; positions &= positions - 1) {
      const auto position = at + static_cast<std::size_t>(std::countr_zero(positions));
      // The halves let more through than the bytes.
      if (const auto exact = buckets_at(text, position); exact != 0) {
        if (const auto begin = confirm(text, position, exact); begin != std::string_view::npos) {
          return begin;
        }
      }
    }
  }
  return find_plainly(text, at);
}

__attribute__((target("avx2"))) std::uint64_t count_by_avx2(std::string_view text) {
  constexpr std::size_t kStep = 32;
  constexpr std::size_t kMostSteps = 255;  // of a byte's counter
  const __m256i newline = _mm256_set1_epi8('\n');
  std::uint64_t count = 0;
  while (text.size() >= kStep) {
    const auto steps = std::min(text.size() / kStep, kMostSteps);
    __m256i counters = _mm256_setzero_si256();
    for (std::size_t i = 0; i < steps; ++i) {
      const __m256i data = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + i * kStep));
      counters = _mm256_sub_epi8(counters, _mm256_cmpeq_epi8(data, newline));
    }
    const __m256i sums = _mm256_sad_epu8(counters, _mm256_setzero_si256());
    std::array<std::uint64_t, 4> parts{};
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(parts.data()), sums);
    count += parts[0] + parts[1] + parts[2] + parts[3];
    text.remove_prefix(steps * kStep);
  }
  return count + static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}
#endif

}  // namespace

std::size_t find_candidate_plainly(std::string_view text) {
  return find_plainly(text, 0);
}

std::size_t find_candidate(std::string_view text) {
#if defined(__x86_64__)
  if (has_avx2()) {
    return find_by_avx2(text);
  }
#endif
  return find_candidate_plainly(text);
}

std::uint64_t count_newlines(std::string_view text) {
#if defined(__x86_64__)
  if (has_avx2()) {
    return count_by_avx2(text);
  }
#endif
  return static_cast<std::uint64_t>(std::ranges::count(text, '\n'));
}

}  // namespace forensics
