#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "forensics/byte_source.h"

namespace forensics {

// A large plain file that threads look through ahead of its reader: which ranges hold no candidate (see
// find_candidate), and how many lines they have. Reading is by pread(2), so the descriptor's own position stays.
class SurveyedFile final : public ByteSource {
 public:
  static constexpr std::uint64_t kRange = std::uint64_t{256} << 10;

  // What is known of the bytes from i * kRange on, kRange of them.
  struct Range {
    bool whole = false;           // false: the file ended in it, or could not be read
    bool candidate = false;       // one begins before its last newline, or on a line that it has the end of
    bool late_candidate = false;  // one begins behind its last newline
    std::uint32_t newlines = 0;
    std::uint32_t last_line = 0;  // offset behind its last newline; 0 without one
  };

  // The descriptor must outlive it. Nothing when the file is too small to be worth it, is no regular file, begins like
  // something that is not plain text (compressed, UTF-16), or when there is no thread to be had.
  static std::unique_ptr<SurveyedFile> open(int fd, unsigned threads);
  SurveyedFile(int fd, std::uint64_t size, unsigned threads);
  SurveyedFile(const SurveyedFile&) = delete;
  SurveyedFile(SurveyedFile&&) = delete;
  SurveyedFile& operator=(const SurveyedFile&) = delete;
  SurveyedFile& operator=(SurveyedFile&&) = delete;
  ~SurveyedFile() override;

  // Up to the next multiple of kRange.
  base::Result<std::size_t> read(std::span<char> into) override;
  [[nodiscard]] std::uint64_t offset() const { return offset_; }
  void seek(std::uint64_t offset) { offset_ = offset; }

  // Waits until it is known; not whole when the file had no such range at the start.
  const Range& range(std::uint64_t index);

 private:
  static constexpr std::size_t kBatch = 16;  // ranges that a thread takes at once
  void work();
  [[nodiscard]] Range look_at(std::uint64_t index, std::span<char> buffer) const;

  int fd_;
  std::uint64_t offset_ = 0;
  std::vector<Range> ranges_;
  std::atomic<std::size_t> next_batch_ = 0;
  std::mutex mutex_;
  std::condition_variable done_;
  std::vector<bool> batch_done_;  // under the mutex
  std::atomic<bool> stop_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace forensics
