#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/experiment.h"
#include "cli/options.h"
#include "cli/vm_backend.h"

namespace cli {

// What `run` and `stress` have in common: the limits, what is expected, where it runs, where the post-mortem goes.
struct RunOptions {
  Experiment experiment;
  std::string expect;  // "", "oom" or "fit"
  std::optional<std::uint64_t> max_peak_bytes;
  std::string backend = "auto";
  GuestOptions guest;
  std::vector<std::string> outputs;
  std::optional<std::string> format;
  bool quiet = false;
  std::optional<std::string> like;                   // a container, or what docker inspect printed of one
  std::vector<std::string> like_notes;               // what of it could not be taken over
  bool no_limit = false;                             // of stress: no cgroup at all
  std::optional<std::uint64_t> workload_size_bytes;  // its --size

  enum class MayBeBare { no, yes };  // whether "none" is a backend, too
  void bind(Options& options, MayBeBare bare = MayBeBare::no);
  // Fills in what follows from what was given (swap 0 with a memory limit, fit with a peak) and refuses what cannot be
  // together.
  base::Result<> settle();

 private:
  bool oom_group_ = false;
  std::optional<std::int64_t> oom_score_adj_;
  std::optional<std::chrono::nanoseconds> sample_;

  void bind_limits(Options& options);
  void bind_conditions(Options& options);
  void bind_expectation(Options& options);
  void bind_place(Options& options, MayBeBare bare);
  void bind_output(Options& options);
  base::Result<> take_like();
  base::Result<> settle_place();
  [[nodiscard]] base::Result<> check() const;
};

// Runs it and reports: the document to the outputs, the verdict to stderr (`run`) or the text report to stdout
// (`stress`). Returns the exit status.
enum class TextTo { standard_error, standard_output };
struct Invocation;
int perform(const Invocation& invocation, RunOptions& options, TextTo text_to);

}  // namespace cli
