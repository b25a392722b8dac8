// The experiments' side. Nothing here may allocate but what is the experiment: no strings, no streams.
#include "stress/heap_lab.h"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <memory>

#include "stress/heap_figures.h"
#include "stress/heap_record.h"
#include "stress/process_memory.h"

namespace __gnu_cxx {
// Of libstdc++: gives back the memory that it keeps for exceptions without memory, 72,704 bytes of the heap.
void __freeres();  // NOLINT(bugprone-reserved-identifier,readability-identifier-naming): its name
}  // namespace __gnu_cxx

namespace stress {
namespace {

constexpr std::string_view kWord = "heap-lab";
constexpr std::size_t kMost = 1 << 16;  // allocations of one experiment

// "NAME=VALUE" words, looked up in place.
class Words {
 public:
  explicit Words(std::span<char* const> words) : words_(words) {}
  [[nodiscard]] std::uint64_t number(std::string_view name, std::uint64_t otherwise = 0) const {
    for (const std::string_view word : words_) {
      if (word.starts_with(name) && word.size() > name.size() && word[name.size()] == '=') {
        std::uint64_t value = 0;
        const auto text = word.substr(name.size() + 1);
        (void)std::from_chars(text.data(), text.data() + text.size(), value);  // our own words
        return value;
      }
    }
    return otherwise;
  }

 private:
  std::span<char* const> words_;
};

class Teller {
 public:
  explicit Teller(int fd) : fd_(fd) {}
  void tell(std::string_view step, std::string_view name, std::uint64_t value, std::string_view unit) const {
    HeapRecord record;
    const auto copy = [](auto& target, std::string_view text) { text.copy(target.data(), target.size() - 1); };
    copy(record.step, step);
    copy(record.name, name);
    copy(record.unit, unit);
    record.value = static_cast<double>(value);
    (void)!::write(fd_, &record, sizeof record);  // who started us may be gone
  }
  void tell_heap(std::string_view step) const {
    const auto heap = heap_figures();
    tell(step, "arena", heap.arena, "bytes");
    tell(step, "in use", heap.in_use, "bytes");
    tell(step, "free", heap.free, "bytes");
    tell(step, "VmRSS", status_bytes("VmRSS").value_or(0), "bytes");
    tell(step, "free chunks", heap.free_chunks, "");
    tell(step, "mapped chunks", heap.mapped_chunks, "");
    tell(step, "mapped", heap.mapped, "bytes");
    tell(step, "heap", heap_mapping_bytes(), "bytes");
  }

 private:
  int fd_;
};

// Brings the free part at the heap's end to that size, so that what follows does not depend on what came before.
void level_top(std::size_t size) {
  constexpr std::size_t kHead = 16;
  while (heap_figures().top > size + 2 * kHead) {
    void* pad = std::malloc(heap_figures().top - size - kHead);  // kept on purpose
    if (pad == nullptr) {
      return;
    }
  }
}

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): the experiment's own pointers, not on its heap
std::array<void*, kMost> blocks{};

void allocate(std::size_t count, std::size_t size) {
  for (std::size_t i = 0; i < count; ++i) {
    blocks[i] = std::malloc(size);
    if (blocks[i] != nullptr) {
      std::memset(blocks[i], 1, size);
    }
  }
}

// Frees those of which `which` says so, in order.
template <typename Which>
void release(std::size_t count, Which which) {
  for (std::size_t i = 0; i < count; ++i) {
    if (blocks[i] != nullptr && which(i)) {
      std::free(blocks[i]);
      blocks[i] = nullptr;
    }
  }
}

void wait_ms(std::uint64_t milliseconds) {
  const timespec time{.tv_sec = static_cast<time_t>(milliseconds / 1000),
                      .tv_nsec = static_cast<long>(milliseconds % 1000 * 1'000'000)};
  (void)::nanosleep(&time, nullptr);  // shorter is as good
}

// Many small blocks; all freed in order, or of every five four first.
int small_blocks(const Words& words, const Teller& teller) {
  const auto count = std::min<std::uint64_t>(words.number("count"), kMost);
  const auto size = words.number("size");
  const auto hold = words.number("hold-ms");
  level_top(words.number("top"));
  teller.tell_heap("start");
  allocate(count, size);
  teller.tell_heap("allocated");
  wait_ms(hold);
  if (words.number("partial") != 0) {
    release(count, [](std::size_t i) { return i % 5 != 4; });
    teller.tell_heap("4 of 5 freed");
    wait_ms(hold);
  }
  release(count, [](std::size_t) { return true; });
  teller.tell_heap("all freed");
  wait_ms(hold);
  return 0;
}

// The same number of blocks below and above the threshold of a mapping each.
int two_sizes(const Words& words, const Teller& teller) {
  const auto count = std::min<std::uint64_t>(words.number("count"), kMost);
  teller.tell_heap("start");
  allocate(count, words.number("small"));
  teller.tell_heap("small allocated");
  release(count, [](std::size_t) { return true; });
  teller.tell_heap("small freed");
  allocate(count, words.number("large"));
  teller.tell_heap("large allocated");
  release(count, [](std::size_t) { return true; });
  teller.tell_heap("large freed");
  return 0;
}

// Freeing a mapped block raises the threshold to its size: the next of that size comes from the heap.
int moving_threshold(const Words& words, const Teller& teller) {
  const auto rounds = words.number("rounds");
  const auto small = words.number("small");
  const auto large = words.number("large");
  teller.tell_heap("start");
  for (std::uint64_t round = 1; round <= rounds; ++round) {
    std::array<char, 16> step{"round "};
    (void)std::to_chars(step.data() + 6, step.data() + step.size() - 1, round);
    blocks[0] = std::malloc(large);
    blocks[1] = std::malloc(small);
    blocks[2] = std::malloc(large);
    for (int i = 0; i < 3; ++i) {
      if (blocks[static_cast<std::size_t>(i)] != nullptr) {
        std::memset(blocks[static_cast<std::size_t>(i)], 1, i == 1 ? small : large);
      }
    }
    teller.tell_heap(step.data());
    release(3, [](std::size_t) { return true; });
  }
  teller.tell_heap("end");
  return 0;
}

struct Experiment {
  std::string_view name;
  int (*run)(const Words&, const Teller&);
};
constexpr std::array kExperiments{Experiment{"small-blocks", small_blocks}, Experiment{"two-sizes", two_sizes},
                                  Experiment{"moving-threshold", moving_threshold}};

}  // namespace

bool is_heap_lab(std::span<char* const> arguments) {
  return arguments.size() > 2 && arguments[1] == kWord;
}

int heap_lab(std::span<char* const> arguments) {
  __gnu_cxx::__freeres();
  const Words words(arguments.subspan(3));
  if (const auto threshold = words.number("mmap-threshold"); threshold != 0) {
    (void)::mallopt(M_MMAP_THRESHOLD, static_cast<int>(threshold));  // what it refuses shows in the figures
  }
  const Teller teller(static_cast<int>(words.number("report")));
  for (const auto& experiment : kExperiments) {
    if (experiment.name == arguments[2]) {
      return experiment.run(words, teller);
    }
  }
  return 2;
}

}  // namespace stress
