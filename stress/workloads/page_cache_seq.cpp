// One pass through a file that is larger than the limit. The cache fills the limit and gives way: no kill.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/process_memory.h"
#include "stress/scratch_file.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"advice", ParameterKind::flag, "no", "say POSIX_FADV_DONTNEED of what was read, as a good copier does"},
};
constexpr auto kParameters = join(with_default(kGrowth, "size", "128M"), kOwn, kFolder);

// The pages of a file that were read, from its begin on.
class ReadPool : public Pool {
 public:
  ReadPool(base::Fd file, std::uint64_t length, bool advise)
      : file_(std::move(file)), length_(length), advise_(advise), buffer_(std::size_t{256} << 10) {}
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }
  [[nodiscard]] bool is_reclaimable() const override { return true; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    auto place = held();
    const auto end = std::min(place + bytes, length_);
    while (place < end) {
      const auto wanted = std::min<std::uint64_t>(buffer_.size(), end - place);
      const ssize_t got = ::pread(file_.get(), buffer_.data(), wanted, static_cast<off_t>(place));
      if (got <= 0) {
        return base::system_error("read");
      }
      if (advise_) {
        (void)::posix_fadvise(file_.get(), static_cast<off_t>(place), got, POSIX_FADV_DONTNEED);  // only advice
      }
      place += static_cast<std::uint64_t>(got);
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    (void)::posix_fadvise(file_.get(), static_cast<off_t>(held() - bytes), static_cast<off_t>(bytes),
                          POSIX_FADV_DONTNEED);
    return {};
  }

 private:
  base::Fd file_;
  std::uint64_t length_;
  bool advise_;
  std::vector<char> buffer_;
};

base::Result<> run_page_cache_seq(Context& context) {
  const auto size = context.parameters.size("size");
  // A little more than has to be read: drive() may correct.
  const auto length = round_up(size + size / 32, page_size()) + (1ULL << 20);
  TRY_ASSIGN(auto file, create_scratch_file(context.parameters, length));
  (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_RANDOM);  // no reading ahead beyond what is asked for
  note_counters(context, "before", {"file", "inactive_file", "active_file"});
  ReadPool pool(std::move(file), length, context.parameters.flag("advice"));
  TRY(drive(context, pool, "file"));
  note_counters(context, "read", {"file", "inactive_file", "active_file"});
  return {};
}

}  // namespace

extern const Workload page_cache_seq;
constinit const Workload page_cache_seq{
    .summary = "reads a file once from begin to end, with or without saying that it is not needed any more",
    .group = Group::misbehaviour,
    .counter = "file",
    .kind = "cache",
    .seen = "file (inactive_file) fills the limit and nobody is killed; with --advice yes it stays flat",
    .needs = kDiskWords,
    .needed = kNeedsDisk,
    .source = "posix_fadvise(2); kubernetes#43916 and its kin: is page cache counted?",
    .example = "oomlab stress page-cache-seq --memory-max 64M --advice yes",
    .parameters = kParameters,
    .probe = probe_disk,
    .run = run_page_cache_seq,
};

}  // namespace stress::workloads
