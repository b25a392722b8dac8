#include "vm/snapshot.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <system_error>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/file.h"
#include "vm/cache.h"

namespace vm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

fs::path folder_of(const std::string& key) {
  return cache_folder() / "snapshots" / key;
}

std::optional<Snapshot> read_snapshot(const std::string& key) {
  const auto text = base::read_all(folder_of(key) / "info.json");
  const auto json = text ? Json::parse(*text, nullptr, false) : Json{};
  std::error_code error;
  if (!json.is_object() || !fs::exists(folder_of(key) / "state", error)) {
    return std::nullopt;
  }
  const auto word = [&](const char* name) {
    const auto at = json.find(name);
    return at != json.end() && at->is_string() ? at->get<std::string>() : std::string();
  };
  const auto memory = json.find("memory_bytes");
  return Snapshot{
      .key = key,
      .state = folder_of(key) / "state",
      .info = {.kernel = word("kernel"),
               .initramfs = word("initramfs"),
               .memory_bytes = memory != json.end() && memory->is_number_unsigned() ? memory->get<std::uint64_t>() : 0,
               .accelerator = word("accelerator")}};
}

// Newer ones of the same program push older ones out; archives too, once they are an hour old (a younger one may be
// about to be booted).
void prune() {
  constexpr std::size_t kKept = 6;
  constexpr auto kYoung = std::chrono::hours(1);
  const auto snapshots = list_snapshots();
  std::set<std::string> needed;
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    if (i < kKept) {
      needed.insert(snapshots[i].info.initramfs + ".cpio");
    } else {
      remove_snapshot(snapshots[i].key);
    }
  }
  std::error_code error;
  for (fs::directory_iterator it(cache_folder() / "initramfs", error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    const auto written = fs::last_write_time(it->path(), ignored);
    if (!ignored && !needed.contains(it->path().filename()) && fs::file_time_type::clock::now() - written > kYoung) {
      fs::remove(it->path(), ignored);
    }
  }
}

}  // namespace

std::string snapshot_key(std::string_view qemu_identity, const std::vector<std::string>& arguments,
                         std::string_view kernel_stamp, std::string_view initramfs_identity,
                         std::string_view processor) {
  std::string text = "1\n";  // counts up when what is kept changes its shape
  for (const auto part : {qemu_identity, kernel_stamp, initramfs_identity, processor}) {
    text += fmt::format("{} {}\n", part.size(), part);
  }
  for (const auto& argument : arguments) {
    text += fmt::format("{} {}\n", argument.size(), argument);
  }
  return cache_key(text);
}

std::string host_processor() {
  const auto text = base::read_all("/proc/cpuinfo").value_or("");
  std::string out;
  for (const auto* field : {"model name", "microcode", "flags"}) {
    const auto at = text.find(field);
    out += at == std::string::npos ? "" : text.substr(at, text.find('\n', at) - at) + "\n";
  }
  return out;
}

std::optional<Snapshot> find_snapshot(const std::string& key) {
  auto snapshot = read_snapshot(key);
  if (snapshot) {
    (void)::utimensat(AT_FDCWD, (folder_of(key) / "info.json").c_str(), nullptr, 0);  // only the pruning looks at it
  }
  return snapshot;
}

base::Result<> keep_snapshot(const std::string& key, const SnapshotInfo& info,
                             const std::function<base::Result<>(const fs::path&)>& save) {
  TRY_ASSIGN(const auto folder, make_cache_folder("snapshots"));
  const fs::path unfinished = folder / ".unfinished";  // what a killed maker left is written over
  std::error_code error;
  fs::remove_all(unfinished, error);
  if (::mkdir(unfinished.c_str(), 0700) != 0) {
    return base::system_error(base::escape_terminal(unfinished.native()));
  }
  const auto work = [&]() -> base::Result<> {
    TRY(save(unfinished / "state"));
    if (fs::file_size(unfinished / "state", error) == 0 || error) {
      return base::fail(base::ErrorKind::syscall, "the guest's state was not written");
    }
    const Json json{{"kernel", info.kernel},
                    {"initramfs", info.initramfs},
                    {"memory_bytes", info.memory_bytes},
                    {"accelerator", info.accelerator}};
    TRY(base::write_file_atomic(unfinished / "info.json", json.dump() + "\n", 0600));
    remove_snapshot(key);
    fs::rename(unfinished, folder_of(key), error);
    return error ? base::system_error("rename", error.value()) : base::Result<>{};
  };
  auto done = work();
  fs::remove_all(unfinished, error);
  prune();
  return done;
}

std::vector<Snapshot> list_snapshots() {
  std::vector<std::pair<fs::file_time_type, Snapshot>> found;
  std::error_code error;
  for (fs::directory_iterator it(cache_folder() / "snapshots", error), end; !error && it != end; it.increment(error)) {
    const std::string key = it->path().filename();
    if (auto snapshot = key.starts_with('.') ? std::nullopt : read_snapshot(key)) {
      std::error_code ignored;
      found.emplace_back(fs::last_write_time(it->path() / "info.json", ignored), std::move(*snapshot));
    }
  }
  std::ranges::sort(found, [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<Snapshot> snapshots;
  snapshots.reserve(found.size());
  for (auto& [time, snapshot] : found) {
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

void remove_snapshot(const std::string& key) {
  std::error_code ignored;  // one that is half gone is not found again: info.json goes first
  fs::remove(folder_of(key) / "info.json", ignored);
  fs::remove_all(folder_of(key), ignored);
}

}  // namespace vm
