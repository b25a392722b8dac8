// Threads that only wait: each has a stack in the kernel, beside its task structure, and two pages of its own.
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "stress/drive.h"
#include "stress/growth.h"

namespace stress::workloads {
namespace {

constexpr std::uint64_t kKernelStack = 16 << 10;  // THREAD_SIZE of x86-64 and arm64
constexpr std::size_t kUserStack = 16 << 10;      // the least that glibc takes

struct Member {
  pthread_t thread{};
  std::atomic<int> over{0};  // an int, which a futex is: waking one wakes no other
};

void* wait_for_the_end(void* argument) {
  static_cast<Member*>(argument)->over.wait(0);
  return nullptr;
}

class ThreadPool : public Pool {
 public:
  ThreadPool() {
    (void)::pthread_attr_init(&attributes_);  // cannot fail on Linux
    (void)::pthread_attr_setstacksize(&attributes_, kUserStack);
    (void)::pthread_attr_setguardsize(&attributes_, 0);
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool(ThreadPool&&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ThreadPool& operator=(ThreadPool&&) = delete;
  ~ThreadPool() override {
    end(members_.size());
    (void)::pthread_attr_destroy(&attributes_);
  }
  [[nodiscard]] std::uint64_t unit() const override { return kKernelStack; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / kKernelStack; left > 0; --left) {
      auto member = std::make_unique<Member>();
      const int error = ::pthread_create(&member->thread, &attributes_, wait_for_the_end, member.get());
      if (error == EAGAIN) {
        return base::fail(base::ErrorKind::unsupported,
                          fmt::format("thread {}: no more are allowed", members_.size() + 1),
                          "raise pids.max (--pids-max), kernel.threads-max, or ulimit -u");
      }
      if (error != 0) {
        return base::system_error(fmt::format("thread {}", members_.size() + 1), error);
      }
      members_.push_back(std::move(member));
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    end(bytes / kKernelStack);
    return {};
  }

 private:
  void end(std::size_t count) {
    for (; count > 0; --count) {
      auto& member = *members_.back();
      member.over.store(1);
      member.over.notify_one();
      (void)::pthread_join(member.thread, nullptr);  // it waits for nothing else
      members_.pop_back();
    }
  }

  pthread_attr_t attributes_{};
  std::vector<std::unique_ptr<Member>> members_;
};

base::Result<> run_threads(Context& context) {
  ThreadPool pool;
  return drive(context, pool, "kernel_stack");
}

}  // namespace

extern const Workload threads;
constinit const Workload threads{
    .summary = "starts threads that wait: stacks in the kernel",
    .group = Group::kernel,
    .counter = "kernel_stack",
    .kind = "kstack",
    .seen = "kernel_stack is 16 KiB for each thread, more than their anon; slab_unreclaimable follows",
    .source = "kernel selftests cgroup/test_kmem.c, kernel stacks; THREAD_SIZE",
    .example = "oomlab stress threads --memory-max 64M --size 16M",
    .parameters = kGrowth,
    .run = run_threads,
};

}  // namespace stress::workloads
