#include "cli/reading_bar.h"

#include <unistd.h>

#include <algorithm>
#include <string>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"

namespace cli {
namespace {

constexpr std::uint64_t kWorthIt = 100'000'000;
constexpr std::chrono::milliseconds kInterval{100};
constexpr std::uint64_t kCells = 24;

}  // namespace

ReadingBar::ReadingBar(std::optional<std::uint64_t> total)
    : total_(total), shown_(::isatty(STDERR_FILENO) == 1 && (!total || *total > kWorthIt)) {}

void ReadingBar::update(std::uint64_t bytes) {
  const auto now = Clock::now();
  if (!shown_ || now - last_ < kInterval || (!total_ && bytes < kWorthIt)) {
    return;
  }
  last_ = now;
  drawn_ = true;
  std::string bar;
  if (total_ && bytes <= *total_) {  // of compressed ones more comes out than goes in
    const auto cells = std::min(kCells, bytes * kCells / *total_);
    bar = fmt::format(" [{:#<{}}{:.<{}}] of {}", "", cells, "", kCells - cells, base::human_size(*total_));
  }
  const double passed = std::chrono::duration<double>(now - start_).count();
  (void)base::write_all(
      STDERR_FILENO,
      fmt::format("\r\x1b[K{}{}  {}/s", base::human_size(bytes), bar,
                  base::human_size(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(passed, 0.001)))));
}

void ReadingBar::clear() const {
  if (drawn_) {
    (void)base::write_all(STDERR_FILENO, "\r\x1b[K");  // only a display
  }
}

}  // namespace cli
