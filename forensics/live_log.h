#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "forensics/document.h"

namespace forensics {

// What a running kernel's log told, with the records it was read from.
struct LoggedIncident {
  Incident incident;  // as read: not explained; log.first_line and last_line count the lines of `records`
  std::uint64_t first_sequence = 0, last_sequence = 0;  // of /dev/kmsg
  std::string records;     // as /dev/kmsg gave them, from first to last; what others logged meanwhile is among them
  std::uint64_t lost = 0;  // records that were overwritten before they were read, since the last incident
};

// A kernel log as it comes: records of /dev/kmsg in, incidents out. Keeps the records of reports that are not finished,
// and at most 4 MiB of them.
class LiveLog {
 public:
  using Sink = std::function<void(LoggedIncident&&)>;
  explicit LiveLog(Sink sink);
  LiveLog(const LiveLog&) = delete;
  LiveLog(LiveLog&&) = delete;
  LiveLog& operator=(const LiveLog&) = delete;
  LiveLog& operator=(LiveLog&&) = delete;
  ~LiveLog();

  // One record as a read of /dev/kmsg gives it: "prio,seq,usec,flags;text\n" and its " KEY=value" lines. Anything else
  // is passed over.
  void add(std::string_view record);
  // Nothing has come for a while: hands over what has its outcome.
  void pause();
  // No more will come: hands over what there is.
  void finish();

  // From which record on another reader must read so that it misses nothing that was not handed over here; nothing
  // before the first record.
  [[nodiscard]] std::optional<std::uint64_t> resume_at() const { return resume_at_; }
  // Whether a report is open that has not ended yet.
  [[nodiscard]] bool is_inside_report() const;
  [[nodiscard]] std::uint64_t records() const { return line_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  struct Kept {
    std::uint64_t line = 0, sequence = 0;
    std::string text;
  };
  struct Parser;  // demux and assembler
  bool hand_over(Incident&& incident);
  void settle();

  Sink sink_;
  std::unique_ptr<Parser> parser_;
  std::deque<Kept> kept_;
  std::size_t kept_bytes_ = 0;
  std::uint64_t line_ = 0, bytes_ = 0, lost_ = 0;
  std::optional<std::uint64_t> last_sequence_, resume_at_;
};

}  // namespace forensics
