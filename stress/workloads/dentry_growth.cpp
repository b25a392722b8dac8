// Names. The kernel remembers each name that was looked up, also those that do not exist: programs that probe for files
// (certificate stores, package managers) fill a limit with them, reclaimable yet always there.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/escape.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/namespaces.h"
#include "stress/scratch_file.h"

namespace stress::workloads {
namespace {

constexpr std::size_t kNameLength = 200;  // too long to be kept in the dentry itself, so each costs more

constexpr std::array kOwn{
    Parameter{"names", ParameterKind::choice, "missing",
              "look up names that are not there, or make empty files on a private tmpfs (then counted as slab)",
              "missing|files"},
};
constexpr auto kParameters = join(kGrowth, kOwn, kFolder);

class NamePool : public Pool {
 public:
  enum class Names { missing, files };
  NamePool(base::Fd folder, Names names, std::uint64_t seed) : folder_(std::move(folder)), names_(names), seed_(seed) {}
  [[nodiscard]] std::uint64_t unit() const override { return names_ == Names::missing ? 448 : 1024; }
  [[nodiscard]] bool is_exact() const override { return false; }
  [[nodiscard]] bool is_reclaimable() const override { return names_ == Names::missing; }
  [[nodiscard]] bool can_shrink() const override { return names_ == Names::files; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left, ++count_) {
      TRY(names_ == Names::missing ? look_up(name(count_)) : make(name(count_)));
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      if (::unlinkat(folder_.get(), name(--count_).c_str(), 0) != 0) {
        return base::system_error("unlink");
      }
    }
    return {};
  }

 private:
  [[nodiscard]] std::string name(std::uint64_t number) const {
    return fmt::format("oomlab-{:x}-{:0>{}}", seed_, number, kNameLength);
  }
  [[nodiscard]] base::Result<> look_up(const std::string& name) const {
    struct stat found{};
    if (::fstatat(folder_.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0 && errno != ENOENT) {
      return base::system_error("looking up a name");
    }
    return {};
  }
  [[nodiscard]] base::Result<> make(const std::string& name) const {
    const base::Fd file(::openat(folder_.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    return file ? base::Result<>{} : base::system_error("making a file");
  }

  base::Fd folder_;
  Names names_;
  std::uint64_t seed_, count_ = 0;
};

base::Result<> probe_dentry_growth(const Context& context) {
  if (context.parameters.text("names") == "files") {
    return {};
  }
  TRY(disk_folder(context.parameters));
  return {};
}

base::Result<> run_dentry_growth(Context& context) {
  const bool files = context.parameters.text("names") == "files";
  std::string folder = "/tmp";
  if (files) {
    // On a tmpfs of our own, which is gone with us.
    TRY(enter_private_mounts());
    TRY(mount_private_tmpfs(folder));
  } else {
    TRY_ASSIGN(folder, disk_folder(context.parameters));
  }
  base::Fd opened(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!opened) {
    return base::system_error(base::escape_terminal(folder));
  }
  NamePool pool(std::move(opened), files ? NamePool::Names::files : NamePool::Names::missing,
                context.parameters.count("seed"));
  // An inode of a tmpfs is not reclaimable, its dentry is.
  return drive(context, pool, files ? "slab" : "slab_reclaimable");
}

}  // namespace

extern const Workload dentry_growth;
constinit const Workload dentry_growth{
    .summary = "looks up names that do not exist, or makes empty files: dentries",
    .group = Group::misbehaviour,
    .counter = "slab_reclaimable",
    .kind = "dentry",
    .seen = "slab_reclaimable grows to the limit, where reclaim takes names back: nobody is killed for missing ones",
    .needs =
        "for missing names: a file system on a disk, as a tmpfs remembers none; the micro-VM brings one (--guest-disk)",
    .needed = kNeedsDisk,
    .source = "kernel selftests cgroup/test_kmem.c; moby#37722, kubernetes/dns#621",
    .example = "oomlab stress dentry-growth --memory-max 64M --size 32M",
    .parameters = kParameters,
    .probe = probe_dentry_growth,
    .run = run_dentry_growth,
};

}  // namespace stress::workloads
