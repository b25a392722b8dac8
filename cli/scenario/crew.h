#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/exit_status.h"
#include "base/file.h"
#include "base/result.h"
#include "cgroup/spawn.h"
#include "cli/scenario/judgement.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// One scenario on one kernel.
struct Job {
  const Scenario* scenario = nullptr;
  std::optional<std::string> kernel;  // of the micro-VM; nothing: its default, or the host
};

struct CrewOptions {
  bool on_host = false;
  bool cold = false;
  unsigned jobs = 1;      // at once
  bool progress = false;  // a line on stderr
};

// Runs each job in a process of its own (the hidden command `conduct`), some at once, and judges what it found.
class Crew {
 public:
  Crew(const std::vector<Job>& jobs, const CrewOptions& options, base::ScratchDir folder, base::EventLoop loop);
  static base::Result<Crew> create(const std::vector<Job>& jobs, const CrewOptions& options);

  // Once. A job that could not be run is a judgement that says why; an error is one of ours. After Ctrl-C or SIGTERM
  // nothing new is begun, and what runs is ended.
  base::Result<std::vector<Judgement>> run();
  [[nodiscard]] bool interrupted() const { return signals_ > 0; }

 private:
  struct Worker {
    cgroup::Spawned child;
    bool running = false;
    std::optional<Judgement> judgement;
  };
  base::Result<> start_next();
  base::Result<> start(std::size_t index);
  void collect(std::size_t index);
  void on_signal();
  void show();
  [[nodiscard]] std::filesystem::path file_of(std::size_t index, const char* ending) const;
  [[nodiscard]] std::string last_words(std::size_t index) const;
  [[nodiscard]] std::optional<std::string> whose_failure(std::size_t index, const Findings& findings) const;
  [[nodiscard]] std::string why_failed(std::size_t index, const base::ExitStatus& status) const;

  const std::vector<Job>& jobs_;
  CrewOptions options_;
  base::ScratchDir folder_;
  base::EventLoop loop_;
  std::vector<Worker> workers_;
  std::size_t next_ = 0, running_ = 0, done_ = 0, unmet_ = 0;
  unsigned signals_ = 0;
};

}  // namespace cli::scenario
