#include "cli/selection_options.h"

#include <ctime>

namespace cli {
namespace {

// Reads /etc/localtime at its first call: not in a sandbox.
forensics::Moment local_now() {
  const auto now = std::time(nullptr);
  std::tm local{};
  if (::localtime_r(&now, &local) == nullptr) {
    return {.clock_s = now, .ahead_s = 0};
  }
  return {.clock_s = now + local.tm_gmtoff, .ahead_s = local.tm_gmtoff};
}

}  // namespace

void SelectionOptions::bind(Options& table) {
  now = local_now();
  const auto moment = [this](std::optional<forensics::Moment>& target) {
    return [this, &target](std::string_view text) -> base::Result<> {
      TRY_ASSIGN(target, forensics::parse_moment(text, now));
      return {};
    };
  };
  table.group("Which incidents");
  table.value(
      "since", 0, "TIME",
      "only what happened then or later: 2025-11-21, '2025-11-21 14:22[:56]', RFC 3339, 14:22 (today), 2h (ago), "
      "yesterday; without a zone as the log's clock shows",
      moment(selection.since));
  table.value("until", 0, "TIME", "only what happened then or before; a date alone is its midnight",
              moment(selection.until));
  table.value(
      "host", 0, "NAME", "only of this host; may be given more than once",
      [this](std::string_view name) -> base::Result<> {
        if (name.empty()) {
          return base::fail(base::ErrorKind::usage, "the name is empty");
        }
        selection.hosts.emplace_back(name);
        return {};
      },
      true);
}

base::Result<> SelectionOptions::check() const {
  if (selection.since && selection.until && forensics::is_before(*selection.until, *selection.since)) {
    return base::fail(base::ErrorKind::usage, "--until is before --since: no incident can be in between");
  }
  return {};
}

}  // namespace cli
