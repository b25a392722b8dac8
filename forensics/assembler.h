#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/braid.h"
#include "forensics/record.h"
#include "forensics/report.h"
#include "forensics/userspace_kills.h"

namespace forensics {

// Records of one input to incidents: the only part of the parser that has a memory. One report is open per printk
// caller (or one, where the log does not say the caller). A report ends with what begins another, some time after its
// kill, at a new boot or at the end. Finished incidents wait a little, so that the reaper's late line finds its victim
// and a storm of equal reports without victim folds into one.
class Assembler {
 public:
  using Sink = std::function<bool(Incident&&)>;  // false: no more are wanted
  Assembler(std::size_t input, Sink sink, std::vector<Warning>& warnings);

  // One record; `length` is that of its line as it stood in the log, `ended` false for a last line that may be cut.
  void add(const Record& record, std::uint64_t line, std::size_t length, bool ended = true);
  void finish();
  // Nothing has come for a while: hands over what has its outcome.
  void pause();
  [[nodiscard]] bool stopped() const { return stopped_; }
  // Whether no report is open: lines that cannot begin one then change nothing.
  [[nodiscard]] bool is_idle() const;

 private:
  struct Slot {
    std::string key;  // host and caller
    std::unique_ptr<Report> open, suspended;
    std::unique_ptr<Report> older;  // began before `open`, whose lines are mixed with its own
    Braid braid;
    Report* fed = nullptr;  // the one of these that took the last line
    std::optional<double> monotonic_s;
    std::optional<std::int64_t> wall_s;
    std::string incomplete;  // a line that the kernel builds in pieces, whose rest may come as a record of its own
    std::string last_text;   // for a line that was broken in two
    std::string two_lines;   // for one that was broken in three: the first two, when they are nothing yet
    std::size_t last_length = 0;
    std::uint64_t last_number = 0;
    bool last_taken = false;
    char last_piece = 0;
    std::uint64_t foreign = 0, suppressed = 0;

    // The rest of the incomplete line, if the message can be that: its report then has it.
    bool continues(std::string_view message, std::uint64_t line);
  };

  // A line that was broken in two, what it began with, and what it is as one.
  struct Joined {
    std::string begun, whole;
    OomLine what;
  };

  Slot& slot_of(const Record& record);
  void watch_year(const WallTime& time, std::uint64_t line);
  void watch_time(const Record& record, Slot& slot, std::uint64_t line);
  void close_settled(std::uint64_t line);
  void add_message(const Record& record, std::string_view message, std::uint64_t line, std::size_t length, bool ended);
  void pass_empty(const Record& record, std::uint64_t line);
  void add_whole(Slot& slot, const std::optional<OomLine>& what, const Record& record, std::string_view text,
                 std::uint64_t line);
  void add_each_line(const Record& record, std::string_view message, std::uint64_t line, bool ended);
  bool add_remark(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  void add_line(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  void add_foreign(Slot& slot, bool recognized, std::string_view message, std::uint64_t line);
  void open_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  bool add_braided(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  bool braid(Slot& slot, const Record& record);
  void split_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  void next_report(Slot& slot, const OomLine& what, const Record& record, std::uint64_t line);
  bool is_continuation(char piece, const Slot& slot, bool recognized);
  static bool is_soft_break(const Slot& slot, const Record& record, std::string_view message);
  bool join(Slot& slot, const Record& record, std::string_view message, std::uint64_t line, bool ended);
  void take_joined(Slot& slot, const Record& record, Joined joint, std::uint64_t line);
  bool add_userspace(const Record& record, std::string_view whole, std::uint64_t line);
  void mark_reaped(const lines::Reaped& reaped, std::string_view text, std::uint64_t line);
  void mark_boot(const lines::Boot& boot, const std::string& host);
  void close(Slot& slot);
  void close_all();
  void hand_over(Incident incident);
  void release(std::size_t keep);

  std::size_t input_;
  Sink sink_;
  std::vector<Warning>& warnings_;
  std::vector<std::unique_ptr<Slot>> slots_;
  Slot* last_slot_ = nullptr;
  struct Empty {  // a line that is a prefix alone
    std::uint64_t line = 0;
    std::optional<double> monotonic_s;
    std::optional<WallTime> wall;
  };
  Empty empty_;
  std::deque<Incident> waiting_;
  std::string boot_;
  std::optional<double> now_;
  std::map<std::string, std::string> releases_;  // of the kernel, by host
  UserspaceKills userspace_;
  std::uint64_t settled_ = 0;
  int month_ = 0;              // of the last time without a year
  bool later_pieces_ = false;  // /dev/kmsg of 3.5 to 4.9
  bool manual_ = false, stopped_ = false;
};

}  // namespace forensics
