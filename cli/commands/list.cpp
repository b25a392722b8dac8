#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"
#include "cli/wrap.h"
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
  std::string_view subgroup;  // its title, where the group has several
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

std::string_view title_of(stress::Group group) {
  switch (group) {
    case stress::Group::process:
      return "what a process's own memory does";
    case stress::Group::misbehaviour:
      return "why RSS stays high, or a limit fills with nothing in RSS";
    case stress::Group::kernel:
      return "kinds of memory to fill, and what cgroups do with them";
  }
  return "";
}

std::string parameter_lines(const stress::Workload& workload) {
  std::string lines;
  for (const auto& parameter : workload.parameters) {
    std::string help(parameter.help);
    help += parameter.words.empty() ? "" : fmt::format(": {}", parameter.words);
    help += parameter.default_value.empty() ? "" : fmt::format(" (default {})", parameter.default_value);
    lines += fmt::format("  --{:<16} {}\n", parameter.name, wrap(help, 21, columns(STDOUT_FILENO)));
  }
  return lines;
}

std::vector<Entry> workloads() {
  std::vector<Entry> entries;
  for (const auto& workload : stress::all_workloads()) {
    const std::pair<std::string_view, std::string_view> rows[] = {{"Drives", workload->counter},
                                                                  {"Seen", workload->seen},
                                                                  {"Needs", workload->needs},
                                                                  {"Source", workload->source}};
    std::string details;
    for (const auto& [title, text] : rows) {
      details += text.empty() ? "" : fmt::format("{:<8} {}\n", title, wrap(text, 9, columns(STDOUT_FILENO)));
    }
    details += fmt::format("\nOptions, beside those of every run:\n{}", parameter_lines(*workload.value));
    details += fmt::format("\nExample:\n  {}\n", workload->example);
    entries.push_back({workload.name, workload->summary, std::move(details), title_of(workload->group)});
  }
  std::ranges::stable_sort(entries, {}, [](const Entry& entry) {
    return std::ranges::find(stress::all_workloads(), entry.name, &base::Descriptor<stress::Workload>::name)
        ->value->group;
  });
  return entries;
}

constexpr std::array<Group, 3> kGroups = {{
    {"workloads", "workloads", workloads},
    {"rules", "diagnosis rules", rules},
    {"formats", "output formats", formats},
}};

std::string group_text(const Group& group) {
  std::string out = fmt::format("{}:\n", group.title);
  std::string_view subgroup;
  for (const auto& entry : group.entries()) {
    if (entry.subgroup != subgroup) {
      subgroup = entry.subgroup;
      out += fmt::format(" {}:\n", subgroup);
    }
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
