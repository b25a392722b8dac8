// Kernel objects that only their owner's end gives back.
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <functional>
#include <vector>

#include <fmt/format.h>

#include "stress/descriptor_pool.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/resources.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"object", ParameterKind::choice, "datagram",
              "what to make many of; datagram: to local sockets that nobody reads",
              "datagram|eventfd|epoll|timer|inotify|mapping"},
};
constexpr auto kParameters = join(kGrowth, kOwn);

base::Result<base::Fd> make_eventfd() {
  base::Fd made(::eventfd(0, EFD_CLOEXEC));
  return made ? base::Result<base::Fd>(std::move(made)) : base::system_error("eventfd");
}

// Watches of one thing by many watchers, where one watcher may watch a thing only once: row by row, each row a new
// watcher of the same things.
class WatchPool : public Pool {
 public:
  using NewWatcher = std::function<base::Result<base::Fd>()>;
  using NewThing = std::function<base::Result<base::Fd>()>;
  using Watch = std::function<base::Result<>(int watcher, int thing)>;
  WatchPool(NewWatcher new_watcher, NewThing new_thing, Watch watch, std::size_t per_watcher)
      : new_watcher_(std::move(new_watcher)),
        new_thing_(std::move(new_thing)),
        watch_(std::move(watch)),
        per_watcher_(per_watcher) {
    raise_limit(RLIMIT_NOFILE, 1ULL << 20);
  }
  [[nodiscard]] std::uint64_t unit() const override { return 192 * per_watcher_; }
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    while (things_.size() < per_watcher_) {
      TRY_ASSIGN(auto thing, new_thing_());
      things_.push_back(std::move(thing));
    }
    for (auto left = bytes / unit(); left > 0; --left) {
      TRY_ASSIGN(auto watcher, new_watcher_());
      for (const auto& thing : things_) {
        TRY(watch_(watcher.get(), thing.get()));
      }
      watchers_.push_back(std::move(watcher));
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    watchers_.resize(watchers_.size() - bytes / unit());
    return {};
  }

 private:
  NewWatcher new_watcher_;
  NewThing new_thing_;
  Watch watch_;
  std::size_t per_watcher_;
  std::vector<base::Fd> things_, watchers_;
};

base::Result<> limit_reached(const char* what, const char* remedy) {
  auto error = base::system_error(what);
  if (error.error().sys_errno == ENOSPC || error.error().sys_errno == EMFILE || error.error().sys_errno == EAGAIN) {
    error.error().kind = base::ErrorKind::unsupported;
    error.error().remedy = remedy;
  }
  return error;
}

base::Result<> fill_epoll(const Context& context) {
  const auto new_watcher = []() -> base::Result<base::Fd> {
    base::Fd made(::epoll_create1(EPOLL_CLOEXEC));
    return made ? base::Result<base::Fd>(std::move(made)) : base::system_error("epoll_create1");
  };
  const auto watch = [](int watcher, int thing) -> base::Result<> {
    epoll_event event{};
    if (::epoll_ctl(watcher, EPOLL_CTL_ADD, thing, &event) != 0) {
      return limit_reached("epoll_ctl", "sysctl fs.epoll.max_user_watches");
    }
    return {};
  };
  WatchPool pool(new_watcher, make_eventfd, watch, 64);
  return drive(context, pool, "slab_unreclaimable");
}

base::Result<> fill_inotify(const Context& context) {
  const auto new_watcher = []() -> base::Result<base::Fd> {
    base::Fd made(::inotify_init1(IN_CLOEXEC));
    if (!made) {
      return std::unexpected(limit_reached("inotify_init1", "sysctl fs.inotify.max_user_instances").error());
    }
    return made;
  };
  const auto new_thing = []() -> base::Result<base::Fd> {
    base::Fd made(::memfd_create("oomlab-watched", MFD_CLOEXEC));
    return made ? base::Result<base::Fd>(std::move(made)) : base::system_error("memfd_create");
  };
  const auto watch = [](int watcher, int thing) -> base::Result<> {
    if (::inotify_add_watch(watcher, fmt::format("/proc/self/fd/{}", thing).c_str(), IN_MODIFY) < 0) {
      return limit_reached("inotify_add_watch", "sysctl fs.inotify.max_user_watches");
    }
    return {};
  };
  WatchPool pool(new_watcher, new_thing, watch, 128);
  return drive(context, pool, "slab_unreclaimable");
}

// Timers that never run.
class TimerPool : public Pool {
 public:
  TimerPool() { raise_limit(RLIMIT_SIGPENDING, 1ULL << 22); }
  [[nodiscard]] std::uint64_t unit() const override { return 448; }
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      sigevent event{};
      event.sigev_notify = SIGEV_NONE;
      int timer = 0;
      if (::syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer) != 0) {
        return limit_reached("timer_create", "ulimit -i unlimited");
      }
      timers_.push_back(timer);
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      (void)::syscall(SYS_timer_delete, timers_.back());  // cannot fail for one of ours
      timers_.pop_back();
    }
    return {};
  }

 private:
  std::vector<int> timers_;
};

// Mappings of one page, every second with other rights, so that none can be joined with its neighbour.
class MappingPool : public Pool {
 public:
  [[nodiscard]] std::uint64_t unit() const override { return 512; }  // two of 256: one with rights, one without
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      if (next_ == end_) {
        constexpr std::uint64_t kExtent = 256ULL << 20;
        void* mapped = ::mmap(nullptr, kExtent, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapped == MAP_FAILED) {
          return base::system_error("mmap");
        }
        next_ = static_cast<std::byte*>(mapped);
        end_ = next_ + kExtent;
      }
      if (::mprotect(next_, page_size(), PROT_READ) != 0) {
        return base::system_error("mprotect").error().sys_errno == ENOMEM
                   ? base::fail(base::ErrorKind::unsupported, "no more mappings are allowed", "sysctl vm.max_map_count")
                   : base::system_error("mprotect");
      }
      parts_.push_back(next_);
      next_ += 2 * page_size();
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      if (::mprotect(parts_.back(), page_size(), PROT_NONE) != 0) {
        return base::system_error("mprotect");
      }
      parts_.pop_back();
    }
    next_ = parts_.empty() ? next_ : parts_.back() + 2 * page_size();
    return {};
  }

 private:
  std::byte* next_ = nullptr;
  std::byte* end_ = nullptr;
  std::vector<std::byte*> parts_;
};

// Datagrams that wait in local sockets. Their data come from the general caches, so each is nearly all slab.
class DatagramPool : public Pool {
 public:
  DatagramPool() : datagram_(kLength, 'd') { raise_limit(RLIMIT_NOFILE, 1ULL << 20); }
  [[nodiscard]] std::uint64_t unit() const override { return 4096 + 256; }  // data and head
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      while (pairs_.empty() || ::send(pairs_.back().sender.get(), datagram_.data(), kLength, MSG_DONTWAIT) < 0) {
        if (!pairs_.empty() && errno != EAGAIN && errno != EINTR) {
          return base::system_error("send");
        }
        std::array<int, 2> ends{};
        if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
          return base::system_error("socketpair");
        }
        pairs_.push_back({base::Fd(ends[0]), base::Fd(ends[1])});
      }
      ++pairs_.back().waiting;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      if (::recv(pairs_.back().receiver.get(), datagram_.data(), kLength, MSG_DONTWAIT) < 0) {
        return base::system_error("recv");
      }
      if (--pairs_.back().waiting == 0) {
        pairs_.pop_back();
      }
    }
    return {};
  }

 private:
  static constexpr std::size_t kLength = 3500;  // with the kernel's own at its end just below 4 KiB
  struct Pair {
    base::Fd sender, receiver;
    std::uint64_t waiting = 0;
  };
  std::vector<char> datagram_;
  std::vector<Pair> pairs_;
};

base::Result<> run_slab(Context& context) {
  const auto object = context.parameters.text("object");
  if (object == "epoll") {
    return fill_epoll(context);
  }
  if (object == "inotify") {
    return fill_inotify(context);
  }
  if (object == "timer") {
    TimerPool pool;
    return drive(context, pool, "slab_unreclaimable");
  }
  if (object == "mapping") {
    MappingPool pool;
    return drive(context, pool, "slab_unreclaimable");
  }
  if (object == "eventfd") {
    DescriptorPool pool(320, make_eventfd);
    return drive(context, pool, "slab_unreclaimable");
  }
  DatagramPool pool;
  return drive(context, pool, "slab_unreclaimable");
}

}  // namespace

extern const Workload slab;
constinit const Workload slab{
    .summary = "makes kernel objects that cannot be reclaimed: datagrams, event descriptors, watches, timers, mappings",
    .group = Group::kernel,
    .counter = "slab_unreclaimable",
    .kind = "slab",
    .seen = "slab_unreclaimable follows the fill and no process's RSS does",
    .needs =
        "limits that allow so many objects: open files, pending signals, watches, mappings; the message names which",
    .source =
        "kernel caches with SLAB_ACCOUNT: filp, eventpoll_epi, posix_timers_cache, inotify_inode_mark, vm_area_struct",
    .example = "oomlab stress slab --memory-max 64M --object timer --size 8M",
    .parameters = kParameters,
    .run = run_slab,
};

}  // namespace stress::workloads
