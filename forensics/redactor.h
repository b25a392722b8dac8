#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace forensics {

// Puts pseudonyms in place of names: the same for the same name and key, and not to be undone without the key
// (HMAC-SHA-256). What stands around a name stays, so that a redacted document still says what happened: "docker-" and
// ".scope" around a container's id, "system.slice" and other groups that every machine has.
class Redactor {
 public:
  explicit Redactor(std::string key) : key_(std::move(key)) {}

  // Each keeps the name in mind for text() and words().
  std::string host(std::string_view name);
  std::string comm(std::string_view name);
  std::string cgroup(std::string_view path);
  // An id of a container or pod, or what stands for one.
  std::string id(std::string_view id);
  // A path of a file: folders and names that are usual for logs stay.
  std::string file(std::string_view path);

  // A word that lines may have, though it is not of the kernel's lines: a release.
  void allow(std::string_view word) { allowed_.emplace(word); }

  // A line of a log: the names in mind are replaced, and every word that the kernel does not use is.
  [[nodiscard]] std::string line(std::string_view text) const;
  // A sentence of ours: only the names in mind are replaced, and of these not those of processes, which are English
  // words as often as not.
  [[nodiscard]] std::string sentence(std::string_view text) const;

 private:
  struct Known {
    std::string name, pseudonym;
    bool process = false;
  };

  [[nodiscard]] std::string hash(std::string_view name, std::size_t digits) const;
  [[nodiscard]] std::string word(std::string_view text) const;
  [[nodiscard]] const Known* known_at(std::string_view text, std::size_t at, bool processes) const;
  [[nodiscard]] std::string component(std::string_view name) const;
  void keep_in_mind(std::string_view name, std::string_view pseudonym, bool process);

  std::string key_;
  std::map<std::string, std::string, std::less<>> seen_;  // names in mind
  std::set<std::string, std::less<>> allowed_;
  std::array<std::vector<Known>, 256> known_;  // by first byte, longest first
};

}  // namespace forensics
