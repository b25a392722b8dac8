// Shared memory by name: System V segments, or a POSIX file in /dev/shm. Both outlive their maker as a rule, so both
// lose their names before anything is in them.
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/namespaces.h"
#include "stress/populate.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"api", ParameterKind::choice, "sysv", "System V segments (shmget), or a POSIX one (shm_open)",
              "sysv|posix"},
};
constexpr auto kParameters = join(kFileGrowth, kOwn);

// Attached segments. Each is marked for removal as soon as it is attached, so it goes with us.
class SegmentPool : public Pool {
 public:
  explicit SegmentPool(const Parameters& parameters) : content_(parameters) {}
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool(SegmentPool&&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;
  SegmentPool& operator=(SegmentPool&&) = delete;
  ~SegmentPool() override {
    for (const auto& segment : segments_) {
      (void)::shmdt(segment.begin);  // cannot fail for what is attached
    }
  }
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    while (bytes > 0) {
      if (segments_.empty() || used_ == segments_.back().length) {
        TRY(attach());
      }
      const auto& segment = segments_.back();
      const auto part = std::min(bytes, segment.length - used_);
      TRY(populate(segment.begin + used_, part));
      if (!content_.is_zero()) {
        content_.fill({segment.begin + used_, part}, held(), Content::Target::fresh);
      }
      used_ += part;
      bytes -= part;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    while (bytes > 0) {
      const auto& segment = segments_.back();
      const auto part = std::min(bytes, used_);
      used_ -= part;
      bytes -= part;
      if (::madvise(segment.begin + used_, part, MADV_REMOVE) != 0) {
        return base::system_error("madvise(MADV_REMOVE)");
      }
      if (used_ == 0) {
        (void)::shmdt(segment.begin);
        segments_.pop_back();
        used_ = segments_.empty() ? 0 : segments_.back().length;
      }
    }
    return {};
  }

 private:
  struct Segment {
    std::byte* begin;
    std::uint64_t length;
  };
  base::Result<> attach() {
    constexpr std::uint64_t kLength = 64ULL << 20;
    const int id = ::shmget(IPC_PRIVATE, kLength, IPC_CREAT | SHM_NORESERVE | 0600);
    if (id < 0) {
      return base::system_error("shmget");
    }
    void* attached = ::shmat(id, nullptr, 0);
    const bool none = reinterpret_cast<std::intptr_t>(attached) == -1;  // (void*)-1 is how shmat(2) fails
    const auto failed = none ? base::system_error("shmat") : base::Result<>{};
    if (::shmctl(id, IPC_RMID, nullptr) != 0) {
      return base::system_error("shmctl(IPC_RMID)");
    }
    TRY(failed);
    (void)::madvise(attached, kLength, MADV_NOHUGEPAGE);
    segments_.push_back({static_cast<std::byte*>(attached), kLength});
    used_ = 0;
    return {};
  }

  Content content_;
  std::vector<Segment> segments_;
  std::uint64_t used_ = 0;  // of the last segment
};

base::Result<> run_posix(const Context& context) {
  const auto name = fmt::format("/oomlab-{}", ::getpid());
  base::Fd file(::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    auto error = base::system_error("shm_open");
    error.error().kind = base::ErrorKind::unsupported;
    error.error().remedy = "mount a tmpfs at /dev/shm, or --api sysv";
    return error;
  }
  (void)::shm_unlink(name.c_str());
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::memory);
  return drive(context, pool, "shmem");
}

base::Result<> run_shm_fill(Context& context) {
  if (context.parameters.text("api") == "posix") {
    return run_posix(context);
  }
  // Were we killed between making a segment and marking it, the empty segment would stay: not in a namespace of ours.
  (void)enter_private_ipc();  // where that is forbidden, those two calls are the risk
  SegmentPool pool(context.parameters);
  return drive(context, pool, "shmem");
}

}  // namespace

extern const Workload shm_fill;
constinit const Workload shm_fill{
    .summary = "fills System V or POSIX shared memory",
    .group = Group::misbehaviour,
    .counter = "shmem",
    .seen = "shmem fills the limit; with sysv it is in the victim's shmem-rss, with posix in no RSS",
    .needs = "for --api posix: a /dev/shm",
    .source = "shmget(2), shm_overview(7); shared buffers of databases, /dev/shm of containers",
    .example = "oomlab stress shm-fill --memory-max 64M --api posix",
    .parameters = kParameters,
    .run = run_shm_fill,
};

}  // namespace stress::workloads
