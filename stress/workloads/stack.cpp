// A deep stack. What lies below the stack pointer is handed out when it is touched, as far as the limit of the stack
// goes (getrlimit(2)); the kernel leaves room for that limit when a program starts, so with a small one we start again.
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/file.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::uint64_t kRoom = 16ULL << 20;  // for the frames above, and arguments and environment
constexpr std::uint64_t kEndlessSize = 1ULL << 40;

class StackPool : public Pool {
 public:
  StackPool() {
    const auto here = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
    low_ = reinterpret_cast<std::byte*>(here / page_size() * page_size());  // NOLINT(performance-no-int-to-ptr)
  }
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    auto* const begin = low_ - bytes;
    // The frames of whoever is called from here lie in this range, too: a page is read and written as it is.
    volatile auto* const lowest = reinterpret_cast<volatile std::byte*>(begin);
    *lowest = *lowest;
    TRY(populate(begin, bytes));
    low_ = begin;
    return {};
  }
  // The stack stays grown; only what is in it goes. Nobody's frames are that deep.
  base::Result<> remove(std::uint64_t bytes) override {
    if (::madvise(low_, bytes, MADV_DONTNEED) != 0) {
      return base::system_error("madvise(MADV_DONTNEED)");
    }
    low_ += bytes;
    return {};
  }

 private:
  std::byte* low_;
};

// The same program with the same words, now with that limit of the stack.
base::Error start_again() {
  const auto text = base::read_all("/proc/self/cmdline");
  if (!text) {
    return text.error();
  }
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text->size(); at = text->find('\0', at) + 1) {
    words.emplace_back(text->c_str() + at);
  }
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  (void)::execv("/proc/self/exe", arguments.data());
  return base::system_error("/proc/self/exe").error();
}

base::Result<> make_room(std::uint64_t size) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_STACK, &limit) != 0) {
    return base::system_error("getrlimit");
  }
  const auto wanted = (size == 0 ? kEndlessSize : size) + kRoom;
  if (limit.rlim_cur >= std::min(wanted, limit.rlim_max)) {
    if (limit.rlim_cur < wanted && size != 0) {
      return base::fail(base::ErrorKind::permission,
                        fmt::format("the limit of the stack is {}", base::human_size(limit.rlim_cur)),
                        "raise its hard limit (ulimit -H -s), or as root");
    }
    return {};
  }
  limit.rlim_cur = std::min(wanted, limit.rlim_max);
  if (::setrlimit(RLIMIT_STACK, &limit) != 0) {
    return base::system_error("setrlimit");
  }
  return std::unexpected(start_again());
}

base::Result<> run_stack(Context& context) {
  TRY(make_room(context.parameters.has("size") ? context.parameters.size("size") : 0));
  note_memory(context, "start", {"VmStk", "VmRSS"});
  StackPool pool;
  TRY(drive(context, pool, "anon"));
  note_memory(context, "end", {"VmStk", "VmRSS"});
  return {};
}

}  // namespace

extern const Workload stack;
constinit const Workload stack{
    .summary = "fills the stack of the main thread, as deep recursion does",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "VmStk and anon rise together; VmStk stays when it is given back",
    .source = "getrlimit(2) RLIMIT_STACK; expand_stack() in mm/mmap.c",
    .example = "oomlab stress stack --memory-max 64M",
    .parameters = kGrowth,
    .run = run_stack,
};

}  // namespace stress::workloads
