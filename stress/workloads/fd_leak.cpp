// Pipes that nobody reads: their pages are the kernel's, charged, and in no process's RSS.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/fd.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/resources.h"

namespace stress::workloads {
namespace {

class PipePool : public Pool {
 public:
  PipePool() { raise_limit(RLIMIT_NOFILE, 1ULL << 20); }
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }
  [[nodiscard]] bool is_exact() const override { return false; }  // the pipe itself costs, too

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    const std::vector<char> page(page_size(), 'p');
    for (auto left = bytes / page.size(); left > 0; --left) {
      while (pipes_.empty() || ::write(pipes_.back().write.get(), page.data(), page.size()) < 0) {
        if (!pipes_.empty() && errno != EAGAIN && errno != EINTR) {
          return base::system_error("write to a pipe");
        }
        TRY(open_another());
      }
      ++pipes_.back().pages;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    std::vector<char> page(page_size());
    for (auto left = bytes / page.size(); left > 0; --left) {
      if (::read(pipes_.back().read.get(), page.data(), page.size()) < 0) {
        return base::system_error("read from a pipe");
      }
      if (--pipes_.back().pages == 0) {
        pipes_.pop_back();
      }
    }
    return {};
  }

 private:
  struct Pipe {
    base::Fd read, write;
    std::uint64_t pages = 0;
  };
  base::Result<> open_another() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
      return base::system_error("pipe2");
    }
    pipes_.push_back({base::Fd(ends[0]), base::Fd(ends[1])});
    return {};
  }
  std::vector<Pipe> pipes_;
};

base::Result<> run_fd_leak(Context& context) {
  PipePool pool;
  return drive(context, pool, "kernel");
}

}  // namespace

extern const Workload fd_leak;
constinit const Workload fd_leak{
    .summary = "opens pipes and leaves data in them",
    .group = Group::misbehaviour,
    .counter = "kernel",
    .kind = "pipe",
    .seen = "kernel grows by pages that are neither slab nor stacks nor page tables; no process's RSS explains it",
    .needs = "Linux 5.18, whose memory.stat has `kernel`",
    .source = "pipe(7); an ordinary user gets 64 MiB of it (fs.pipe-user-pages-soft), then pipes of one page",
    .example = "oomlab stress fd-leak --memory-max 64M",
    .parameters = kGrowth,
    .run = run_fd_leak,
};

}  // namespace stress::workloads
