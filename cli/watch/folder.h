#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forensics/document.h"
#include "forensics/renderer.h"

namespace cli::watch {

// Where a watch keeps its post-mortems: one file per kill and format, and its state.
class Folder {
 public:
  // Makes the folder if it is not there. formats: names of renderers.
  static base::Result<Folder> open(const std::filesystem::path& path, const std::vector<std::string>& formats);

  // Writes the kill's files, all or none, unless a file of that key is there already: then false. The key is the same
  // for the same kill whoever tells of it; `who` only makes the name readable.
  base::Result<bool> write(const std::string& key, std::string_view who, const forensics::Postmortem& document);
  // The first file of the kill written last.
  [[nodiscard]] const std::string& last_name() const { return last_name_; }

  // "" when there is none yet.
  [[nodiscard]] base::Result<std::string> read_state() const;
  base::Result<> write_state(std::string_view text) const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  Folder(std::filesystem::path path, std::vector<const base::Descriptor<forensics::Renderer>*> renderers)
      : path_(std::move(path)), renderers_(std::move(renderers)) {}
  [[nodiscard]] bool has(const std::string& key) const;

  std::filesystem::path path_;
  std::vector<const base::Descriptor<forensics::Renderer>*> renderers_;
  std::string last_name_;
};

// The kill's key, "kill-3f0a1b2c-000001234": of the boot and the first record of its report.
std::string key_of_record(std::string_view boot_id, std::uint64_t sequence);
// Of a kill that is in no log: of the boot, the cgroup's inode, and the number of kills counted there (or below it).
std::string key_of_count(std::string_view boot_id, std::uint64_t cgroup_id, bool below, std::uint64_t kills);
// "web-1", safe in a file's name: letters, digits, '.', '_' and '-', at most 60 bytes; "" stays empty.
std::string safe_name(std::string_view text);

}  // namespace cli::watch
