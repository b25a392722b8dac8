// Who starts the experiments, listens to them and counts.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <map>

#include <fmt/format.h>

#include "stress/child.h"
#include "stress/heap_lab.h"
#include "stress/heap_record.h"
#include "stress/intercept.h"

namespace stress {
namespace {

constexpr std::array<const char*, 4> kCounted{"brk", "mmap", "munmap", "mremap"};

std::string_view text_of(const auto& field) {
  return {field.data(), ::strnlen(field.data(), field.size())};
}

// Attributes the calls to the step that is told of next. A write is asked about like the calls, so what was counted
// when it comes lies before it.
class Listener {
 public:
  Listener(const Context& context, int pipe_fd) : context_(context), pipe_fd_(pipe_fd) {}

  Answer decide(const Call& call) {
    if (call.name == "write") {
      if (!counting_.empty()) {
        before_write_ = std::exchange(counting_, {});
      }
    } else {
      ++counting_[std::string(call.name)];
    }
    return {};
  }

  void read_records() {
    HeapRecord record;
    while (::read(pipe_fd_, &record, sizeof record) == static_cast<ssize_t>(sizeof record)) {
      const auto step = text_of(record.step);
      if (step != step_) {
        step_ = step;
        note_calls();
      }
      context_.note(step, text_of(record.name), record.value, text_of(record.unit));
    }
  }

 private:
  // Not those up to the first step: they started the program.
  void note_calls() {
    if (std::exchange(is_first_, false)) {
      before_write_.clear();
      return;
    }
    for (const auto* name : kCounted) {
      context_.note(step_, name, static_cast<double>(before_write_[name]), "calls");
    }
    before_write_.clear();
  }

  const Context& context_;
  int pipe_fd_;
  std::map<std::string, std::uint64_t> counting_, before_write_;
  std::string step_;
  bool is_first_ = true;
};

int execute(std::string_view experiment, const std::vector<std::string>& words, int report_fd) {
  (void)::fcntl(report_fd, F_SETFD, 0);  // ours in this process only
  std::vector<std::string> all{"oomlab", "heap-lab", std::string(experiment), fmt::format("report={}", report_fd)};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  arguments.reserve(all.size() + 1);
  for (auto& word : all) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  (void)::execv("/proc/self/exe", arguments.data());
  return 127;
}

}  // namespace

base::Result<> run_heap_lab(const Context& context, std::string_view experiment,
                            const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  const base::Fd ours(ends[0]);
  base::Fd theirs(ends[1]);
  (void)::fcntl(ours.get(), F_SETFL, O_NONBLOCK);
  std::vector<std::string> asked(kCounted.begin(), kCounted.end());
  asked.emplace_back("write");
  TRY_ASSIGN(auto lab, Intercepted::start(asked, [&] { return execute(experiment, words, theirs.get()); }));
  theirs.reset();
  Listener listener(context, ours.get());
  TRY_ASSIGN(const auto status, lab.serve([&](const Call& call) { return listener.decide(call); }, ours.get(),
                                          [&] { listener.read_records(); }));
  listener.read_records();
  end_like(status);
  if (status.exit_code != 0) {
    return base::fail(base::ErrorKind::syscall,
                      fmt::format("the experiment ended with exit {}", status.exit_code.value_or(-1)));
  }
  return {};
}

}  // namespace stress
