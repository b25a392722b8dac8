#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"
#include "forensics/analysis.h"
#include "forensics/renderer.h"
#include "forensics/rule.h"
#include "stress/workload.h"

namespace cli::commands {
namespace {

int run_list(const Invocation& invocation);

}  // namespace

constinit extern const Command list{
    .summary = "what there is: workloads, diagnosis rules, output formats",
    .usage = "[NAME]",
    .details =
        "Without NAME: everything, in groups. With the name of a group (workloads, rules, formats) that group; with "
        "the name of one thing\n"
        "(anon, anon-growth) all there is to say about it.",
    .run = run_list,
};

namespace {

// One line of a group, and what `oomlab list NAME` adds to it.
struct Entry {
  std::string_view name, summary;
  std::string details;
};

struct Group {
  std::string_view name, title;
  std::vector<Entry> (*entries)();
};

std::vector<Entry> rules() {
  std::vector<Entry> entries;
  for (const auto& rule : forensics::all_rules()) {
    // The example shows what the finding says.
    std::string details;
    auto example = rule->example();
    forensics::explain(example.incident, example.run ? &*example.run : nullptr);
    if (const auto finding = rule->apply(example.incident, example.run ? &*example.run : nullptr)) {
      details = fmt::format("An example of its finding:\n\n  {}\n", finding->title);
      for (const auto& evidence : finding->evidence) {
        details += fmt::format("    seen:   {}\n", evidence);
      }
      for (const auto& advice : finding->advice) {
        details += fmt::format("    advice: {}\n", advice);
      }
    }
    entries.push_back({rule.name, rule->summary, std::move(details)});
  }
  return entries;
}

std::vector<Entry> formats() {
  std::vector<Entry> entries;
  for (const auto& renderer : forensics::all_renderers()) {
    entries.push_back({renderer.name, renderer->summary,
                       fmt::format("Chosen by --format {} or by -o with a name that ends in {}.\n", renderer.name,
                                   fmt::join(renderer->endings, " or "))});
  }
  return entries;
}

std::vector<Entry> workloads() {
  std::vector<Entry> entries;
  for (const auto& workload : stress::all_workloads()) {
    std::string details =
        fmt::format("Dominates at the kill: {}\nSource: {}\n\nOptions:\n", workload->counter, workload->source);
    for (const auto& parameter : workload->parameters) {
      details +=
          fmt::format("  --{:<10} {}{}\n", parameter.name, parameter.help,
                      parameter.default_value.empty() ? "" : fmt::format(" (default {})", parameter.default_value));
    }
    details += fmt::format("\nExample:\n  oomlab stress {} --memory-max 64M\n", workload.name);
    entries.push_back({workload.name, workload->summary, std::move(details)});
  }
  return entries;
}

constexpr std::array<Group, 3> kGroups = {{
    {"workloads", "workloads", workloads},
    {"rules", "diagnosis rules", rules},
    {"formats", "output formats", formats},
}};

std::string group_text(const Group& group) {
  std::string out = fmt::format("{}:\n", group.title);
  for (const auto& entry : group.entries()) {
    out += fmt::format("  {:<28} {}\n", entry.name, entry.summary);
  }
  return out;
}

std::string everything() {
  std::string out;
  for (const auto& group : kGroups) {
    out += (out.empty() ? "" : "\n") + group_text(group);
  }
  return out;
}

// A group, or one thing in full; empty when there is nothing of that name. '_' counts as '-'.
std::string named(std::string name) {
  std::ranges::replace(name, '_', '-');
  std::string out;
  for (const auto& group : kGroups) {
    if (group.name == name) {
      return group_text(group);
    }
    for (const auto& entry : group.entries()) {
      if (entry.name == name) {
        out += fmt::format("{} ({}): {}\n", entry.name, group.title, entry.summary);
        out += entry.details.empty() ? "" : "\n" + entry.details;
      }
    }
  }
  return out;
}

int run_list(const Invocation& invocation) {
  Options options;
  const auto parsed = options.parse(invocation.name, list, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (parsed->words.size() > 1 || !parsed->after_dashes.empty()) {
    return report({.kind = base::ErrorKind::usage,
                   .message = "list: one name at most",
                   .remedy = "oomlab list shows all of them"});
  }
  if (parsed->words.empty()) {
    return print(everything());
  }
  const auto text = named(parsed->words.front());
  if (text.empty()) {
    return report(
        {.kind = base::ErrorKind::usage,
         .message = fmt::format("list: there is nothing named '{}'", base::escape_terminal(parsed->words.front())),
         .remedy = "oomlab list shows all names"});
  }
  return print(text);
}

}  // namespace
}  // namespace cli::commands
