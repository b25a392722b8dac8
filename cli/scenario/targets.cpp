#include "cli/scenario/targets.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/report.h"
#include "cli/scenario/results.h"

namespace cli::scenario {

namespace {

std::string format_of(const std::string& path, std::string_view format) {
  constexpr std::pair<std::string_view, std::string_view> kEndings[] = {
      {".json", "json"}, {".xml", "junit"}, {".txt", "text"}};
  if (path == "-") {
    return std::string(format.empty() ? "text" : format);
  }
  for (const auto& [ending, by_ending] : kEndings) {
    if (path.size() > ending.size() && path.ends_with(ending)) {
      return std::string(by_ending);
    }
  }
  return {};
}

}  // namespace

base::Result<std::vector<Target>> check_targets(const std::vector<std::string>& outputs, std::string_view format) {
  std::vector<Target> targets;
  for (const auto& path : outputs) {
    Target target{.path = path, .format = format_of(path, format)};
    if (target.format.empty()) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("-o: the ending of '{}' picks no format; accepted: .json .xml .txt",
                                    base::escape_terminal(path)));
    }
    if (path != "-") {
      const auto pending = base::PendingFile::create(path);  // now, so that a run is not lost to a mistyped folder
      if (!pending) {
        return base::fail(base::ErrorKind::usage, fmt::format("-o: {}", pending.error().message));
      }
    }
    targets.push_back(std::move(target));
  }
  if (!format.empty() && std::ranges::find(targets, "-", &Target::path) == targets.end()) {
    targets.push_back({.path = "-", .format = std::string(format)});
  }
  return targets;
}

int write_results(const std::vector<Judgement>& judgements, const std::vector<Target>& targets, bool all) {
  for (const auto& target : targets) {
    const auto text = target.format == "json"    ? to_json(judgements)
                      : target.format == "junit" ? to_junit(judgements)
                                                 : to_table(judgements, all);
    if (target.path == "-") {
      if (const int status = print(text); status != 0) {
        return status;
      }
    } else if (auto written = base::write_file_atomic(target.path, text); !written) {
      (void)report(std::move(written).error().context("-o"));
      return kExitOwnFailure;
    }
  }
  return 0;
}

}  // namespace cli::scenario
