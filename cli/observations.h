#pragma once

#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "forensics/document.h"
#include "stress/workload.h"

// How a workload's observations get from the child to who started it: lines "STEP<TAB>NAME<TAB>VALUE<TAB>UNIT" through
// a pipe.
namespace cli {

// The child's end: writes a line for each, allocating nothing. What cannot be written is lost.
stress::Observe observe_to(int fd);

// The parent's end.
class Observations {
 public:
  // Makes the pipe.
  static base::Result<Observations> create();
  // For the child; close_child_end() once it has it.
  [[nodiscard]] int child_fd() const { return child_end_.get(); }
  void close_child_end() { child_end_.reset(); }
  // Readable (EPOLLIN) when there is something to drain(), EPOLLHUP after the child's end is closed.
  [[nodiscard]] int fd() const { return our_end_.get(); }

  // Takes what has come. Lines of another shape are ignored; beyond a bound new observations are, too.
  void drain();
  // In the order of their first coming; a later one of the same step and name has replaced the earlier.
  [[nodiscard]] const std::vector<forensics::Observation>& all() const { return all_; }

 private:
  Observations(base::Fd our_end, base::Fd child_end) : our_end_(std::move(our_end)), child_end_(std::move(child_end)) {}
  void take(std::string_view line);
  base::Fd our_end_, child_end_;
  std::string pending_;
  std::vector<forensics::Observation> all_;
};

}  // namespace cli
