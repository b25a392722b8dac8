#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/result.h"

namespace stress {

// The system's page size in bytes.
std::uint64_t page_size();

// bytes rounded up to a multiple of unit.
constexpr std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

// Makes the kernel hand out every page of the range now, writable: MADV_POPULATE_WRITE (Linux 5.14, madvise(2)), else a
// write to each page. In a range of huge pages every small page is asked for, too: touching one byte of each would
// leave a range sparse at the limit, where the kernel falls back to single small pages, and nobody would be killed.
base::Result<> populate(void* begin, std::uint64_t length);

// Several threads that do one thing to the chunks of a range.
class Crew {
 public:
  // Called for one chunk: its place in the range and its length.
  using Work = std::function<base::Result<>(std::uint64_t offset, std::uint64_t length)>;

  explicit Crew(std::uint64_t threads);  // this thread included
  Crew(const Crew&) = delete;
  Crew(Crew&&) = delete;
  Crew& operator=(const Crew&) = delete;
  Crew& operator=(Crew&&) = delete;
  ~Crew();

  // Shares out [0, length) in chunks and waits for all; the first error ends it.
  base::Result<> work(std::uint64_t length, std::uint64_t chunk, const Work& work);

 private:
  struct State;
  std::unique_ptr<State> state_;  // nothing when there is only this thread
};

}  // namespace stress
