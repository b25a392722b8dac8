#include "vm/apt.h"

#include <unistd.h>

#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "base/scanner.h"
#include "vm/cache.h"
#include "vm/child.h"
#include "vm/console.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianKeyring = "/usr/share/keyrings/debian-archive-keyring.gpg";

}  // namespace

base::Result<Apt> Apt::create(const std::optional<std::string>& mirror, const std::vector<std::string>& suites) {
  TRY_ASSIGN(auto folder, make_cache_folder(mirror ? "apt-mirror" : "apt"));
  Apt apt(std::move(folder));
  std::error_code error;
  for (const auto* part : {"state/lists/partial", "cache/archives/partial"}) {
    fs::create_directories(apt.folder_ / part, error);
  }
  apt.settings_.push_back(fmt::format("-oDir::Cache={}/cache", apt.folder_.native()));
  if (mirror) {
    if (::access(kDebianKeyring, R_OK) != 0) {
      return base::fail(base::ErrorKind::unsupported,
                        fmt::format("{} is missing: the packages cannot be verified", kDebianKeyring),
                        "apt-get install debian-archive-keyring");
    }
    TRY(base::write_file_atomic(apt.folder_ / "sources.list", mirror_sources(*mirror, suites)));
    apt.settings_.push_back(fmt::format("-oDir::Etc::sourcelist={}/sources.list", apt.folder_.native()));
    apt.settings_.emplace_back("-oDir::Etc::sourceparts=-");
    apt.settings_.push_back(fmt::format("-oDir::State={}/state", apt.folder_.native()));
  }
  return apt;
}

std::vector<std::string> Apt::command(const fs::path& working_folder, std::string_view program) const {
  std::vector<std::string> words{"env", "-C", working_folder.native(), "LC_ALL=C", std::string(program)};
  words.insert(words.end(), settings_.begin(), settings_.end());
  return words;
}

base::Result<> Apt::update() {
  settings_.push_back(fmt::format("-oDir::State={}/state", folder_.native()));
  auto words = command(folder_, "apt-get");
  words.insert(words.end(), {"-q", "update"});
  TRY_ASSIGN(const auto output, run_program(std::move(words)));
  if (output.status.exit_code != 0) {
    return base::fail(base::ErrorKind::syscall, fmt::format("apt-get update: {}", last_lines(output.err, 3)));
  }
  return {};
}

base::Result<std::vector<std::string>> Apt::image_packages() const {
  auto words = command(folder_, "apt-cache");
  words.insert(words.end(), {"pkgnames", std::string(kImagePackagePrefix)});
  TRY_ASSIGN(const auto output, run_program(std::move(words)));
  std::vector<std::string> names;
  base::Scanner lines(output.out);
  while (const auto line = lines.until("\n")) {
    names.emplace_back(*line);
  }
  return names;
}

base::Result<> Apt::download(const std::vector<std::string>& packages, const fs::path& folder) const {
  auto words = command(folder, "apt-get");
  words.insert(words.end(), {"-q", "download"});
  words.insert(words.end(), packages.begin(), packages.end());
  TRY_ASSIGN(const auto output, run_program(std::move(words)));
  if (output.status.exit_code != 0) {
    return base::fail(base::ErrorKind::syscall,
                      fmt::format("apt-get download {}: {}", fmt::join(packages, " "), last_lines(output.err, 3)));
  }
  return {};
}

std::string mirror_sources(std::string_view mirror, const std::vector<std::string>& suites) {
  constexpr std::string_view kSecurity = "-security";
  while (mirror.ends_with('/')) {
    mirror.remove_suffix(1);
  }
  std::string lines;
  for (const auto& suite : suites.empty() ? std::vector<std::string>{"bookworm", "bookworm-security"} : suites) {
    lines += fmt::format("deb [signed-by={}] {}{} {} main\n", kDebianKeyring, mirror,
                         std::string_view(suite).ends_with(kSecurity) ? kSecurity : std::string_view{}, suite);
  }
  return lines;
}

}  // namespace vm
