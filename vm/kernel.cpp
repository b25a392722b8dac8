#include "vm/kernel.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/escape.h"
#include "base/file.h"
#include "vm/cache.h"
#include "vm/image.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// The release of a bzImage (from its header) or of a vmlinux (from its banner).
base::Result<std::string> image_release(const fs::path& image) {
  TRY_ASSIGN(const base::Fd fd, base::open_for_reading(image));
  std::string head(std::size_t{64} << 10, '\0');
  const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
  if (got < 0) {
    return base::system_error(base::escape_terminal(image.native()));
  }
  head.resize(static_cast<std::size_t>(got));
  if (!head.starts_with("\x7f"
                        "ELF")) {
    auto release = bzimage_release(head);
    if (!release) {
      return std::unexpected(std::move(release).error().context(base::escape_terminal(image.native())));
    }
    return release;
  }
  TRY_ASSIGN(const std::string elf, base::read_all(image));
  constexpr std::string_view kBanner = "Linux version ";
  for (auto at = elf.find(kBanner); at != std::string::npos; at = elf.find(kBanner, at + 1)) {
    const auto text = std::string_view(elf).substr(at + kBanner.size(), 128);
    if (!text.empty() && is_digit(text[0])) {
      return std::string(text.substr(0, text.find_first_of(std::string_view(" \0", 2))));
    }
  }
  return base::fail(base::ErrorKind::parse,
                    fmt::format("{}: an ELF file, but not a Linux kernel", base::escape_terminal(image.native())));
}

fs::path modules_of(const fs::path& image, const std::string& release) {
  const fs::path beside = image.parent_path();
  std::error_code error;
  for (const auto& folder : {beside / "modules", beside / "lib/modules" / release, beside / "../lib/modules" / release,
                             beside / "../usr/lib/modules" / release, fs::path("/lib/modules") / release}) {
    if (fs::is_directory(folder, error)) {
      return folder.lexically_normal();
    }
  }
  return beside.filename() == release ? beside : fs::path{};  // /usr/lib/modules/RELEASE/vmlinuz
}

std::optional<Kernel> running_kernel() {
  utsname name{};
  if (::uname(&name) != 0) {
    return std::nullopt;
  }
  const std::string release = name.release;
  for (const auto& image : {fs::path("/boot/vmlinuz-" + release), fs::path("/lib/modules") / release / "vmlinuz"}) {
    if (::access(image.c_str(), R_OK) == 0) {
      return Kernel{
          .release = release, .image = image, .modules = modules_of(image, release), .source = Kernel::Source::running};
    }
  }
  return std::nullopt;
}

std::unexpected<base::Error> no_kernel(const std::string& message, const std::vector<Kernel>& there,
                                       std::string_view fetch) {
  std::vector<std::string> names;
  names.reserve(there.size());
  for (const auto& kernel : there) {
    names.push_back(kernel.release);
  }
  return base::fail(base::ErrorKind::unsupported,
                    names.empty() ? message : fmt::format("{}; there are: {}", message, fmt::join(names, ", ")),
                    fmt::format("oomlab vm fetch {}", fetch));
}

// The digits at the front, without leading zeros.
std::string_view take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of('0'), text.size()));
  const auto end = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto digits = text.substr(0, end);
  text.remove_prefix(end);
  return digits;
}

int compare_numbers(std::string_view left, std::string_view right) {
  return left.size() != right.size() ? (left.size() < right.size() ? -1 : 1) : left.compare(right);
}

}  // namespace

std::string_view source_name(Kernel::Source source) {
  switch (source) {
    case Kernel::Source::cache:
      return "cache";
    case Kernel::Source::file:
      return "file";
    case Kernel::Source::running:
      break;
  }
  return "running";
}

bool names_release(std::string_view name, std::string_view release) {
  if (name.empty() || !is_digit(name.front()) || !release.starts_with(name)) {
    return false;
  }
  return release.size() == name.size() || !is_digit(name.back()) || !is_digit(release[name.size()]);
}

int compare_releases(std::string_view left, std::string_view right) {
  while (!left.empty() && !right.empty()) {
    if (is_digit(left[0]) && is_digit(right[0])) {
      const auto a = take_number(left), b = take_number(right);
      if (const int order = compare_numbers(a, b); order != 0) {
        return order;
      }
      continue;
    }
    if (left[0] != right[0]) {
      return left[0] < right[0] ? -1 : 1;
    }
    left.remove_prefix(1);
    right.remove_prefix(1);
  }
  return left.empty() ? (right.empty() ? 0 : -1) : 1;
}

std::vector<Kernel> list_kernels() {
  std::vector<Kernel> kernels;
  std::error_code error;
  for (fs::directory_iterator it(cache_folder() / "kernels", error), end; !error && it != end; it.increment(error)) {
    const std::string release = it->path().filename();
    std::error_code ignored;
    if (!release.starts_with('.') && fs::exists(it->path() / "image", ignored)) {
      kernels.push_back({.release = release,
                         .image = it->path() / "image",
                         .modules = it->path() / "modules",
                         .source = Kernel::Source::cache});
    }
  }
  std::ranges::sort(kernels,
                    [](const Kernel& a, const Kernel& b) { return compare_releases(a.release, b.release) > 0; });
  if (auto running = running_kernel()) {
    kernels.push_back(std::move(*running));
  }
  return kernels;
}

base::Result<Kernel> kernel_at(const fs::path& image) {
  const auto absolute = fs::absolute(image).lexically_normal();
  TRY_ASSIGN(const std::string release, image_release(absolute));
  return Kernel{
      .release = release, .image = absolute, .modules = modules_of(absolute, release), .source = Kernel::Source::file};
}

base::Result<Kernel> find_kernel(const std::optional<std::string>& name) {
  if (name && name->find('/') != std::string::npos) {
    return kernel_at(*name);
  }
  const auto kernels = list_kernels();
  if (!name) {
    return kernels.empty() ? base::Result<Kernel>(no_kernel("no kernel to boot the guest with", kernels, "6.12"))
                           : kernels.front();
  }
  if (*name == "running") {
    const bool there = !kernels.empty() && kernels.back().source == Kernel::Source::running;
    return there
               ? kernels.back()
               : base::Result<Kernel>(no_kernel("the running kernel's image cannot be read in /boot", kernels, "6.12"));
  }
  for (const auto& kernel : kernels) {
    if (names_release(*name, kernel.release)) {
      return kernel;
    }
  }
  const auto shown = base::escape_terminal(*name);
  return no_kernel(fmt::format("no kernel '{}' here", shown), kernels,
                   is_digit(name->empty() ? ' ' : name->front()) ? shown : "6.12");
}

}  // namespace vm
