#include "cli/redact_options.h"

#include <sys/random.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"

namespace cli {
namespace {

constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kLargestKey = std::size_t{1} << 16;

base::Result<std::string> made_key() {
  std::string key(kKeyBytes, '\0');
  if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size())) {
    return base::system_error("getrandom");
  }
  return key;
}

base::Result<std::string> given_key(const std::string& key) {
  if (!key.starts_with("@")) {
    return key;
  }
  auto content = base::read_all(key.substr(1), kLargestKey);
  if (!content) {
    auto error = std::move(content).error().context("--redact-key");
    error.kind = base::ErrorKind::usage;
    return std::unexpected(std::move(error));
  }
  while (content->ends_with('\n')) {
    content->pop_back();
  }
  return content;
}

}  // namespace

void RedactOptions::bind(Options& table) {
  table.group("Sharing a report");
  table.flag("redact", redact_,
             "put pseudonyms in place of the names of hosts, processes and cgroups, everywhere in the report");
  table.text(
      "redact-key", key_, "KEY|@FILE",
      "the same pseudonyms in every report that is made with this key; with --redact alone they differ each time");
}

base::Result<std::optional<forensics::Redactor>> RedactOptions::open() const {
  if (!given()) {
    return std::nullopt;
  }
  TRY_ASSIGN(auto key, key_ ? given_key(*key_) : made_key());
  if (key.empty()) {
    return base::fail(base::ErrorKind::usage, "--redact-key: the key is empty, anybody could undo the pseudonyms");
  }
  return forensics::Redactor(std::move(key));
}

}  // namespace cli
