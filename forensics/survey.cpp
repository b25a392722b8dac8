#include "forensics/survey.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/parallel.h"
#include "forensics/candidates.h"

namespace forensics {
namespace {

constexpr std::uint64_t kWorthIt = std::uint64_t{8} << 20;
constexpr std::size_t kLongestCandidate = 64;  // bytes; a candidate may reach into the next range

// pread(2) until the buffer is full or the file ends; what was read. An error ends it, too: the reader will meet it.
std::size_t read_at(int fd, std::span<char> into, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto got = ::pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (got == 0 || errno != EINTR) {
      break;
    }
  }
  return done;
}

// gzip, xz, zstd, a byte-order mark of UTF-16: see the decoders.
bool is_plain(std::string_view start) {
  constexpr std::array<std::string_view, 5> kMagic = {"\x1f\x8b",
                                                      "\xfd"
                                                      "7zXZ",
                                                      "\x28\xb5\x2f\xfd", "\xff\xfe", "\xfe\xff"};
  return std::ranges::none_of(kMagic, [&](std::string_view magic) { return start.starts_with(magic); });
}

}  // namespace

std::unique_ptr<SurveyedFile> SurveyedFile::open(int fd, unsigned threads) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) < kWorthIt ||
      ::lseek(fd, 0, SEEK_CUR) != 0) {
    return nullptr;
  }
  std::array<char, 8> start{};
  const auto got = read_at(fd, start, 0);
  if (!is_plain({start.data(), got})) {
    return nullptr;
  }
  auto file = std::make_unique<SurveyedFile>(fd, static_cast<std::uint64_t>(status.st_size), threads);
  return file->threads_.empty() ? nullptr : std::move(file);
}

SurveyedFile::SurveyedFile(int fd, std::uint64_t size, unsigned threads)
    : fd_(fd), ranges_(size / kRange), batch_done_(ranges_.size() / kBatch + 1) {
  while (threads_.size() < std::max(threads, 1U) && base::start_thread(threads_, [this] { work(); })) {
  }
}

SurveyedFile::~SurveyedFile() {
  stop_ = true;  // the threads are joined by their destructors
}

SurveyedFile::Range SurveyedFile::look_at(std::uint64_t index, std::span<char> buffer) const {
  const auto got = read_at(fd_, buffer, index * kRange);
  Range range{.whole = got >= kRange};
  const std::string_view text(buffer.data(), std::min<std::size_t>(got, kRange));
  const auto newline = text.rfind('\n');
  range.newlines = static_cast<std::uint32_t>(count_newlines(text));
  range.last_line = newline == std::string_view::npos ? 0 : static_cast<std::uint32_t>(newline + 1);
  for (std::size_t from = 0; from < text.size();) {
    const auto found = find_candidate(std::string_view(buffer.data(), got).substr(from));
    if (found == std::string_view::npos || from + found >= text.size()) {
      break;
    }
    if (from + found >= range.last_line) {
      range.late_candidate = true;
      break;
    }
    range.candidate = true;
    from = range.last_line;  // what is left to be known is the part behind it
  }
  return range;
}

void SurveyedFile::work() {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kRange + kLongestCandidate);
  while (!stop_) {
    const auto batch = next_batch_.fetch_add(1);
    const auto first = batch * kBatch;
    if (first >= ranges_.size()) {
      return;
    }
    for (auto i = first; i < std::min(first + kBatch, ranges_.size()) && !stop_; ++i) {
      ranges_[i] = look_at(i, {buffer.get(), kRange + kLongestCandidate});
    }
    const std::scoped_lock lock(mutex_);
    batch_done_[batch] = true;
    done_.notify_all();
  }
}

const SurveyedFile::Range& SurveyedFile::range(std::uint64_t index) {
  static const Range none;
  if (index >= ranges_.size()) {
    return none;
  }
  std::unique_lock lock(mutex_);
  done_.wait(lock, [&] { return batch_done_[index / kBatch]; });
  return ranges_[index];
}

base::Result<std::size_t> SurveyedFile::read(std::span<char> into) {
  const auto most = std::min<std::uint64_t>(into.size(), kRange - offset_ % kRange);
  while (true) {
    const auto got = ::pread(fd_, into.data(), most, static_cast<off_t>(offset_));
    if (got >= 0) {
      offset_ += static_cast<std::uint64_t>(got);
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      return base::system_error("read");
    }
  }
}

}  // namespace forensics
