#include "cli/scenario/crew.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/supervisor.h"

namespace cli::scenario {
namespace {

constexpr std::size_t kWordsOfFailure = 2000;

}  // namespace

Crew::Crew(const std::vector<Job>& jobs, const CrewOptions& options, base::ScratchDir folder, base::EventLoop loop)
    : jobs_(jobs), options_(options), folder_(std::move(folder)), loop_(std::move(loop)), workers_(jobs.size()) {}

base::Result<Crew> Crew::create(const std::vector<Job>& jobs, const CrewOptions& options) {
  TRY_ASSIGN(auto folder, base::ScratchDir::create("oomlab-scenario"));
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  return Crew(jobs, options, std::move(folder), std::move(loop));
}

std::filesystem::path Crew::file_of(std::size_t index, const char* ending) const {
  return folder_.path() / fmt::format("{}{}", index, ending);
}

base::Result<> Crew::start(std::size_t index) {
  const auto& job = jobs_[index];
  cgroup::SpawnRequest request{
      .argv = {"/proc/self/exe", "conduct", fmt::format("--scenario={}", job.scenario->definition),
               fmt::format("--output={}", file_of(index, ".json").native()),
               options_.on_host ? "--backend=host" : "--backend=vm"},
      .environment = command_environment(),
      .new_process_group = true};  // a terminal's Ctrl-C is for us, who pass it on
  if (job.kernel) {
    request.argv.push_back(fmt::format("--kernel={}", *job.kernel));
  }
  if (options_.cold) {
    request.argv.emplace_back("--cold");
  }
  const base::Fd nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const base::Fd words(::open(file_of(index, ".err").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!nothing || !words) {
    return base::system_error("the worker's standard streams");
  }
  request.stdin_fd = nothing.get();
  request.stdout_fd = words.get();
  request.stderr_fd = words.get();
  auto& worker = workers_[index];
  TRY_ASSIGN(worker.child, cgroup::spawn(request, nullptr));
  worker.running = true;
  ++running_;
  return loop_.watch(worker.child.pidfd.get(), EPOLLIN, [this, index](auto) { collect(index); });
}

base::Result<> Crew::start_next() {
  while (signals_ == 0 && running_ < options_.jobs && next_ < jobs_.size()) {
    TRY(start(next_++));
  }
  if (running_ == 0) {
    loop_.stop();
  }
  show();
  return {};
}

// The end of what a worker, and the tasks in its guest, said on standard error.
std::string Crew::last_words(std::size_t index) const {
  auto words = base::read_all(file_of(index, ".err"), std::size_t{1} << 22).value_or("");
  if (words.size() > kWordsOfFailure) {
    words = "... " + words.substr(words.size() - kWordsOfFailure);
  }
  std::ranges::replace(words, '\n', ' ');
  return words;
}

// The first task that ended by itself with another status than 0, where that may be why an expectation is not met.
std::optional<std::string> Crew::whose_failure(std::size_t index, const Findings& findings) const {
  const auto task = std::ranges::find_if(
      findings.tasks, [](const TaskFinding& each) { return each.end == "exited" && each.exit_code.value_or(0) != 0; });
  if (task == findings.tasks.end()) {
    return std::nullopt;
  }
  const auto words = last_words(index);
  return fmt::format("{} ended with exit {}{}{}", task->name, *task->exit_code, words.empty() ? "" : ": ", words);
}

// What the worker said, or how it ended when it said nothing.
std::string Crew::why_failed(std::size_t index, const base::ExitStatus& status) const {
  const auto words = last_words(index);
  return fmt::format("its process ended {}{}{}",
                     status.signal ? fmt::format("by {}", base::signal_name(*status.signal))
                                   : fmt::format("with exit {}", status.shell_code()),
                     words.empty() ? "" : ": ", words);
}

void Crew::collect(std::size_t index) {
  auto& worker = workers_[index];
  loop_.unwatch(worker.child.pidfd.get());
  const auto status = cgroup::wait(worker.child).value_or(base::ExitStatus{});
  worker.child.pidfd.reset();
  worker.running = false;
  --running_;
  ++done_;
  const auto text = base::read_all(file_of(index, ".json"));
  auto findings = text ? findings_from_json(*text) : std::unexpected(text.error());
  if (!findings) {
    findings =
        Findings{.scenario = jobs_[index].scenario->name, .verdict = "error", .reason = why_failed(index, status)};
  }
  worker.judgement = judge(*jobs_[index].scenario, *std::move(findings), jobs_[index].kernel.value_or(""));
  if (worker.judgement->outcome() == "not_met" && !worker.judgement->findings.reason) {
    worker.judgement->findings.reason = whose_failure(index, worker.judgement->findings);
  }
  unmet_ += worker.judgement->outcome() == "met" || worker.judgement->outcome() == "skipped" ? 0U : 1U;
  if (auto started = start_next(); !started) {
    worker.judgement->findings.reason = started.error().message;  // a machine that can start no process
    loop_.stop();
  }
}

// Once: they may clean up. Twice: they may not.
void Crew::on_signal() {
  ++signals_;
  for (const auto& worker : workers_) {
    if (worker.running) {
      (void)::kill(worker.child.pid, signals_ == 1 ? SIGTERM : SIGKILL);  // not reaped yet, so it is that process
    }
  }
  if (running_ == 0) {
    loop_.stop();
  }
}

void Crew::show() {
  if (!options_.progress) {
    return;
  }
  std::string names;
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    if (workers_[i].running) {
      names += fmt::format("{}{}{}", names.empty() ? " " : ", ", jobs_[i].scenario->name,
                           jobs_[i].kernel ? fmt::format(" on {}", base::escape_terminal(*jobs_[i].kernel)) : "");
    }
  }
  const auto line = running_ == 0 ? std::string("\r\x1b[K")
                                  : fmt::format("\r\x1b[K[{}/{}]{}{}", done_, jobs_.size(), names,
                                                unmet_ == 0 ? "" : fmt::format("  ({} not met)", unmet_));
  (void)base::write_all(STDERR_FILENO, line);  // only a display
}

base::Result<std::vector<Judgement>> Crew::run() {
  TRY_ASSIGN(const auto signals, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  TRY(loop_.watch(signals.get(), EPOLLIN, [this, &signals](auto) {
    while (base::read_signal(signals.get())) {
      on_signal();
    }
  }));
  TRY(start_next());
  if (running_ > 0) {
    TRY(loop_.run());
  }
  std::vector<Judgement> all;
  for (auto& worker : workers_) {
    if (worker.judgement) {
      all.push_back(*std::move(worker.judgement));
    }
  }
  return all;
}

}  // namespace cli::scenario
