#include "vm/fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <ranges>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/scanner.h"
#include "vm/apt.h"
#include "vm/cache.h"
#include "vm/child.h"
#include "vm/console.h"
#include "vm/image.h"
#include "vm/modules.h"
#include "vm/qemu.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

// Kernels that suit a virtual machine, best first; Ubuntu's keep their modules in a package of their own.
struct Flavour {
  std::string_view ending;
  bool modules_apart;
};
constexpr Flavour kFlavours[] = {{"-cloud-amd64", false}, {"-kvm", true}, {"-generic", true}};

const Flavour* flavour_of(std::string_view release) {
  const auto* found = std::ranges::find_if(kFlavours, [&](const Flavour& f) { return release.ends_with(f.ending); });
  return found == std::end(kFlavours) ? nullptr : found;
}

void say(const FetchOptions& options, const std::string& words) {
  if (options.say) {
    options.say(words);
  }
}

// A folder in the cache (on the same file system as what it becomes), removed with all it holds.
class WorkFolder {
 public:
  static base::Result<WorkFolder> create() {
    TRY_ASSIGN(const auto parent, make_cache_folder("kernels"));
    std::string pattern = parent / ".fetch-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
      return base::system_error(base::escape_terminal(pattern));
    }
    return WorkFolder(pattern);
  }
  WorkFolder(WorkFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(WorkFolder&&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    std::error_code ignored;
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }
  [[nodiscard]] const fs::path& path() const { return path_; }

 private:
  explicit WorkFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

std::optional<fs::path> find_image(const fs::path& tree) {
  std::error_code error;
  for (const auto* folder : {"boot", "lib/modules", "usr/lib/modules"}) {
    for (fs::directory_iterator it(tree / folder, error), end; !error && it != end; it.increment(error)) {
      if (it->path().filename().native().starts_with("vmlinuz-")) {
        return it->path();
      }
      std::error_code ignored;
      if (fs::exists(it->path() / "vmlinuz", ignored)) {
        return it->path() / "vmlinuz";
      }
    }
    error.clear();
  }
  return std::nullopt;
}

// Moves what the guest needs from an unpacked package to kernels/RELEASE, as one step.
base::Result<Kernel> keep_kernel(const fs::path& tree, const fs::path& work, const std::string& package_words) {
  const auto image = find_image(tree);
  if (!image) {
    return base::fail(base::ErrorKind::unsupported, "no kernel image (vmlinuz) in the package");
  }
  TRY_ASSIGN(const Kernel unpacked, kernel_at(*image));
  const fs::path made = work / "kernel";
  std::error_code error;
  fs::create_directories(made / "modules", error);
  std::map<std::string, fs::path> files;
  for (const auto* folder : {"lib/modules", "usr/lib/modules"}) {
    files.merge(find_modules(tree / folder / unpacked.release));
  }
  TRY_ASSIGN(const auto modules, resolve_modules(files, {std::begin(kGuestModules), std::end(kGuestModules)}));
  for (const auto& module : modules) {
    TRY(base::write_file_atomic(made / "modules" / (module.name + ".ko"), module.bytes));
  }
  for (const auto& config : {tree / "boot" / ("config-" + unpacked.release), image->parent_path() / "config"}) {
    if (fs::exists(config, error)) {
      fs::rename(config, made / "config", error);
    }
  }
  TRY(base::write_file_atomic(made / "package", package_words));
  fs::rename(*image, made / "image", error);
  const fs::path place = cache_folder() / "kernels" / unpacked.release;
  if (!error) {
    fs::remove_all(place, error);
    fs::rename(made, place, error);
  }
  if (error) {
    return base::system_error(base::escape_terminal(place.native()), error.value());
  }
  return Kernel{.release = unpacked.release,
                .image = place / "image",
                .modules = place / "modules",
                .source = Kernel::Source::cache};
}

base::Result<> check_steady(const std::string& release) {
  const auto qemu = find_qemu();
  if (qemu && !runs_steadily(release, qemu->version)) {
    return base::fail(base::ErrorKind::unsupported,
                      fmt::format("kernel {} fails now and then under QEMU {}", release, qemu->version),
                      "use a QEMU from 10.0 on, or another kernel (oomlab vm fetch 6.1)");
  }
  return {};
}

// Downloads the packages of one release and keeps the kernel.
base::Result<Kernel> fetch_release(const Apt& apt, const std::string& release, const FetchOptions& options) {
  TRY_ASSIGN(const WorkFolder work, WorkFolder::create());
  std::vector<std::string> packages{fmt::format("{}{}", kImagePackagePrefix, release)};
  if (flavour_of(release)->modules_apart) {
    packages.push_back("linux-modules-" + release);
  }
  say(options, fmt::format("downloading {}", fmt::join(packages, " and ")));
  TRY(apt.download(packages, work.path()));
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(work.path(), error), end; !error && it != end; it.increment(error)) {
    files.push_back(it->path());
  }
  return adopt_packages(files, options);
}

// "6.12" of "6.12.117+deb12-cloud-amd64"; empty when a third number does not follow: meta packages are named so
// ("6.12-cloud-amd64").
std::string series_of(std::string_view release) {
  base::Scanner in(release);
  const auto major = in.number<unsigned>();
  const bool dot = in.literal(".");
  const auto minor = in.number<unsigned>();
  if (!major || !dot || !minor || !in.literal(".") || !in.number<unsigned>()) {
    return {};
  }
  return fmt::format("{}.{}", *major, *minor);
}

std::unexpected<base::Error> none_packaged(const std::string& name, const std::vector<std::string>& packages,
                                           const FetchOptions& options) {
  std::map<std::string, std::string> newest;  // of each series: 6.12 -> 6.12.117+deb12-cloud-amd64
  for (const auto& package : packages) {
    if (const auto release = packaged_release(package)) {
      auto& kept = newest[series_of(*release)];
      if (kept.empty() || compare_releases(*release, kept) > 0) {
        kept = *release;
      }
    }
  }
  const auto values = std::views::values(newest);
  std::vector<std::string> releases(values.begin(), values.end());
  std::ranges::sort(releases, [](const auto& a, const auto& b) { return compare_releases(a, b) > 0; });
  const auto where = options.mirror ? "that mirror" : "this machine's apt sources";
  return base::fail(
      base::ErrorKind::unsupported,
      releases.empty() ? fmt::format("no kernel '{}' in {}", base::escape_terminal(name), where)
                       : fmt::format("no kernel '{}' in {}; there are: {}", base::escape_terminal(name), where,
                                     fmt::join(releases, ", ")),
      options.mirror
          ? "name other suites with --suite"
          : fmt::format(
                "oomlab vm fetch {} --mirror URL (of a Debian mirror, ending in /debian), or --package FILE.deb",
                base::escape_terminal(name)));
}

// Tries the releases in their order, three at most: an index may be newer or older than its files.
base::Result<Kernel> fetch_first(const Apt& apt, const std::vector<std::string>& releases,
                                 const FetchOptions& options) {
  constexpr std::size_t kTries = 3;
  base::Result<Kernel> result = base::fail(base::ErrorKind::unsupported, "no kernel");
  for (std::size_t i = 0; i < std::min(releases.size(), kTries); ++i) {
    result = fetch_release(apt, releases[i], options);
    if (result) {
      break;
    }
  }
  return result;
}

}  // namespace

std::optional<std::string> packaged_release(std::string_view package) {
  if (!package.starts_with(kImagePackagePrefix)) {
    return std::nullopt;
  }
  package.remove_prefix(kImagePackagePrefix.size());
  if (series_of(package).empty() || flavour_of(package) == nullptr) {
    return std::nullopt;
  }
  return std::string(package);
}

std::vector<std::string> choose_releases(const std::vector<std::string>& packages, std::string_view name) {
  std::vector<std::string> releases;
  for (const auto& package : packages) {
    if (auto release = packaged_release(package); release && names_release(name, *release)) {
      releases.push_back(std::move(*release));
    }
  }
  std::ranges::sort(releases, [](const auto& a, const auto& b) {
    const auto *left = flavour_of(a), *right = flavour_of(b);
    return left != right ? left < right : compare_releases(a, b) > 0;
  });
  return releases;
}

bool runs_steadily(std::string_view release, std::string_view qemu_version) {
  const auto number_after = [](std::string_view text, std::size_t at) {
    unsigned number = 0;
    (void)std::from_chars(text.data() + at, text.data() + text.size(), number);  // 0 when there is none
    return number;
  };
  constexpr std::string_view kDebian = "+deb";
  const auto at = release.find(kDebian);
  const unsigned debian = at == std::string_view::npos ? 0 : number_after(release, at + kDebian.size());
  return debian < 13 || number_after(qemu_version, 0) >= 10;
}

base::Result<Kernel> adopt_packages(const std::vector<fs::path>& packages, const FetchOptions& options) {
  TRY_ASSIGN(const WorkFolder work, WorkFolder::create());
  const fs::path tree = work.path() / "tree";
  std::string words;
  for (const auto& package : packages) {
    say(options, fmt::format("unpacking {}", package.filename().native()));
    TRY_ASSIGN(const auto unpacked, run_program({"dpkg-deb", "-x", package.native(), tree.native()}));
    if (unpacked.status.exit_code != 0) {
      return base::fail(base::ErrorKind::syscall, fmt::format("dpkg-deb: {}", last_lines(unpacked.err, 3)));
    }
    TRY_ASSIGN(const auto fields,
               run_program({"dpkg-deb", "-W", "--showformat=${Package} ${Version}\n", package.native()}));
    words += fields.out;
  }
  auto kernel = keep_kernel(tree, work.path(), words);
  if (kernel) {
    say(options, fmt::format("kept {}", kernel->release));
  }
  return kernel;
}

base::Result<Kernel> fetch_kernel(const std::string& name, const FetchOptions& options) {
  TRY_ASSIGN(Apt apt, Apt::create(options.mirror, options.suites));
  const auto qemu = find_qemu();
  const std::string qemu_version = qemu ? qemu->version : "0";
  std::vector<std::string> packages;
  const auto candidates = [&]() -> base::Result<std::vector<std::string>> {
    TRY_ASSIGN(packages, apt.image_packages());
    auto releases = choose_releases(packages, name);
    if (std::ranges::find(releases, name) != releases.end()) {
      TRY(check_steady(name));
    }
    std::erase_if(releases, [&](const auto& release) { return !runs_steadily(release, qemu_version); });
    return releases;
  };
  if (!options.mirror) {  // what `apt-get update` of the machine left may do
    TRY_ASSIGN(const auto releases, candidates());
    if (!releases.empty()) {
      if (auto kernel = fetch_release(apt, releases.front(), options)) {
        return kernel;
      }
    }
  }
  say(options, "updating a private package list");
  const auto updated = apt.update();
  TRY_ASSIGN(const auto releases, candidates());
  if (releases.empty()) {  // one dead source of many is no reason to stop, unless there is nothing else
    return updated ? base::Result<Kernel>(none_packaged(name, packages, options)) : std::unexpected(updated.error());
  }
  return fetch_first(apt, releases, options);
}

}  // namespace vm
