#include "cli/watch/folder.h"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/output.h"

namespace cli::watch {
namespace {

namespace fs = std::filesystem;

constexpr const char* kState = "watch-state.json";
constexpr std::size_t kLongestName = 60;
constexpr std::size_t kBootPart = 8;

std::string boot_part(std::string_view boot_id) {
  auto part = safe_name(boot_id.substr(0, kBootPart));
  return part.empty() ? "noboot" : part;
}

}  // namespace

std::string safe_name(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, kLongestName)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                       c == '-' || (c == '.' && !out.empty());
    out += plain ? c : '_';
  }
  return out;
}

std::string key_of_record(std::string_view boot_id, std::uint64_t sequence) {
  return fmt::format("kill-{}-{:09}", boot_part(boot_id), sequence);
}

std::string key_of_count(std::string_view boot_id, std::uint64_t cgroup_id, bool below, std::uint64_t kills) {
  return fmt::format("kill-{}-{}{}-{}", boot_part(boot_id), below ? "below" : "group", cgroup_id, kills);
}

base::Result<Folder> Folder::open(const fs::path& path, const std::vector<std::string>& formats) {
  std::vector<const base::Descriptor<forensics::Renderer>*> renderers;
  const auto table = forensics::all_renderers();
  for (const auto& name : formats) {
    const auto* found = base::find_descriptor(table, name);
    if (found == nullptr || (*found)->endings.empty()) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("--format: '{}' is not one of: {}", base::escape_terminal(name),
                                    fmt::join(format_names(), ", ")));
    }
    renderers.push_back(found);
  }
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("--into: {}: {}", base::escape_terminal(path.native()), error.message()));
  }
  return Folder(path, std::move(renderers));
}

bool Folder::has(const std::string& key) const {
  std::error_code error;
  for (fs::directory_iterator it(path_, error), end; !error && it != end; it.increment(error)) {
    const auto name = it->path().filename().native();
    if (name.starts_with(key) && name.size() > key.size() && (name[key.size()] == '-' || name[key.size()] == '.')) {
      return true;
    }
  }
  return false;
}

base::Result<bool> Folder::write(const std::string& key, std::string_view who, const forensics::Postmortem& document) {
  if (has(key)) {
    return false;
  }
  const auto stem = who.empty() ? key : fmt::format("{}-{}", key, safe_name(who));
  std::error_code error;
  fs::create_directories(path_, error);  // somebody may have removed it; what fails is said by the writing
  std::vector<std::string> names;
  for (const auto* renderer : renderers_) {
    names.push_back(stem + std::string((*renderer)->endings.front()));
    if (auto written = base::write_file_atomic(path_ / names.back(), (*renderer)->render(document, {})); !written) {
      for (const auto& name : names) {
        fs::remove(path_ / name, error);  // a half would pass for the whole
      }
      return std::unexpected(std::move(written).error());
    }
  }
  last_name_ = names.empty() ? "" : names.front();
  return true;
}

base::Result<std::string> Folder::read_state() const {
  auto text = base::read_all(path_ / kState);
  if (!text && text.error().sys_errno == ENOENT) {
    return std::string();
  }
  return text;
}

base::Result<> Folder::write_state(std::string_view text) const {
  return base::write_file_atomic(path_ / kState, text);
}

}  // namespace cli::watch
