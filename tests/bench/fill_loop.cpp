// The bare loop that the fill engine is held against: MADV_POPULATE_WRITE in chunks of 2 MiB, nothing else.
//
// usage: fill_loop BYTES small|huge THREADS
// Fills, then waits to be killed.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace {

constexpr std::uint64_t kChunk = 2ULL << 20;

void populate(char* begin, std::uint64_t length) {
  for (std::uint64_t at = 0; at < length; at += kChunk) {
    if (::madvise(begin + at, kChunk, MADV_POPULATE_WRITE) != 0) {
      std::perror("madvise");
      std::exit(1);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    return 2;
  }
  const auto threads = std::strtoull(argv[3], nullptr, 10);
  const auto part = std::strtoull(argv[1], nullptr, 10) / threads / kChunk * kChunk;
  const bool huge = std::string_view(argv[2]) == "huge";
  void* mapped = ::mmap(nullptr, part * threads + kChunk, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    std::perror("mmap");
    return 1;
  }
  auto* begin = static_cast<char*>(mapped) + (kChunk - reinterpret_cast<std::uintptr_t>(mapped) % kChunk) % kChunk;
  (void)::madvise(begin, part * threads, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  std::vector<std::thread> others;
  for (std::uint64_t i = 1; i < threads; ++i) {
    others.emplace_back(populate, begin + i * part, part);
  }
  populate(begin, part);
  for (auto& other : others) {
    other.join();
  }
  ::pause();
  return 0;
}
