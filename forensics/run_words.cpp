#include "forensics/run_words.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/exit_status.h"
#include "forensics/words.h"

namespace forensics {
namespace {

using base::human_duration;
using base::human_size;

std::string name_of(const Run& run) {
  if (run.workload) {
    return "workload " + run.workload->name;
  }
  return run.command && !run.command->empty() ? run.command->front() : "the command";
}

std::uint64_t lines_read(const Postmortem& document) {
  std::uint64_t lines = 0;
  for (const auto& input : document.inputs) {
    lines += input.lines;
  }
  return lines;
}

std::string_view story_words(std::string_view code) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"crash_loop", "Crash loop"},
      {"storm", "Storm"},
      {"leak_over_kills", "Leak that outlives the kills"},
      {"kills_freed_nothing", "Kills that freed nothing"},
      {"no_victim_loop", "Out of memory with nobody to kill"},
      {"host_pressure", "One shortage of the machine"},
      {"repeated", "One story"}};
  const auto* found = std::ranges::find(kWords, code, &std::pair<std::string_view, std::string_view>::first);
  return found == std::end(kWords) ? code : found->second;
}

}  // namespace

std::string command_words(const Run& run) {
  std::string words;
  if (run.workload) {
    words = "workload " + run.workload->name;
    for (const auto& [name, value] : run.workload->parameters) {
      words += fmt::format(" --{} {}", name, value);
    }
  } else if (run.command) {
    for (const auto& word : *run.command) {
      words += (words.empty() ? "" : " ") + base::quote_shell(word);
    }
  }
  return words;
}

std::string backend_words(const Run& run) {
  const auto kernel = run.kernel ? ", Linux " + *run.kernel : "";
  if (!run.vm) {
    return run.backend + kernel;
  }
  return fmt::format("micro-VM ({}, {}){}", run.vm->accelerator,
                     run.vm->boot == "snapshot" ? "from a snapshot" : "cold boot", kernel);
}

std::string limits_words(const RunLimits& limits) {
  std::string words;
  const auto add = [&](std::string_view name, Count value, bool size) {
    if (value) {
      words +=
          fmt::format("{}{} {}", words.empty() ? "" : ", ", name, size ? human_size(*value) : std::to_string(*value));
    }
  };
  add("memory.max", limits.memory_max_bytes, true);
  add("memory.high", limits.memory_high_bytes, true);
  add("memory.min", limits.memory_min_bytes, true);
  add("memory.low", limits.memory_low_bytes, true);
  add("memory.swap.max", limits.memory_swap_max_bytes, true);
  add("memory.zswap.max", limits.zswap_max_bytes, true);
  add("pids.max", limits.pids_max, false);
  if (limits.oom_group.value_or(false)) {
    words += words.empty() ? "memory.oom.group" : ", memory.oom.group";
  }
  return words.empty() ? "none" : words;
}

std::string events_words(const cgroup::MemoryEvents& events) {
  std::string words;
  const auto add = [&](std::string_view name, Count value) {
    if (value.value_or(0) > 0) {
      words += fmt::format("{}{} {}", words.empty() ? "" : ", ", name, *value);
    }
  };
  add("low", events.low);
  add("high", events.high);
  add("max", events.max);
  add("oom", events.oom);
  add("oom_kill", events.oom_kill);
  add("oom_group_kill", events.oom_group_kill);
  return words.empty() ? "none" : words;
}

std::string outcome_words(const Run& run) {
  const auto& outcome = run.outcome;
  std::string words = outcome.verdict;
  if (outcome.exit_code) {
    words += fmt::format(", exit status {}", *outcome.exit_code);
  }
  if (outcome.signal) {
    words += fmt::format(", {}", base::signal_name(*outcome.signal));
  }
  if (outcome.oom_kills.value_or(0) > 0) {
    words += fmt::format(", {} killed", counted(*outcome.oom_kills, "process"));
  }
  std::string evidence;
  for (const auto& source : outcome.evidence) {
    evidence += (evidence.empty() ? "" : ", ") + source;
  }
  if (!evidence.empty()) {
    words += fmt::format(" (seen in {})", evidence);
  }
  return words + ", after " + human_duration(run.duration_s);
}

std::string expectation_words(const Expectation& expectation) {
  return fmt::format("{}: {}{}", expectation.expect, expectation.met ? "met" : "NOT met",
                     expectation.reason.empty() ? "" : ", " + expectation.reason);
}

std::string run_sentence(const Run& run) {
  const auto& outcome = run.outcome;
  const auto name = name_of(run);
  const auto time = human_duration(run.duration_s);
  std::string peak;
  if (run.memory.peak_bytes) {
    peak = fmt::format("; its memory peaked at {}", human_size(*run.memory.peak_bytes));
    if (run.limits.memory_max_bytes) {
      const auto share = static_cast<double>(*run.memory.peak_bytes) /
                         static_cast<double>(std::max<std::uint64_t>(*run.limits.memory_max_bytes, 1));
      peak += fmt::format(" of {} ({:.0f} %)", human_size(*run.limits.memory_max_bytes), share * 100);
    }
  }
  const auto signal = base::signal_name(outcome.signal.value_or(0));
  const auto reason = outcome.reason ? ": " + *outcome.reason : "";
  if (outcome.verdict == "completed") {
    return fmt::format("{} completed with exit status 0 after {}{}", name, time, peak);
  }
  if (outcome.verdict == "failed") {
    return fmt::format("{} failed by itself with exit status {} after {}, not by an OOM kill{}{}", name,
                       outcome.exit_code.value_or(1), time, reason, peak);
  }
  if (outcome.verdict == "signaled") {
    return fmt::format("{} was ended by {} after {}, which was not an OOM kill{}{}", name, signal, time, reason, peak);
  }
  if (outcome.verdict == "oom_killed") {
    return fmt::format("{} was hit by the OOM killer after {}{}{}", name, time, reason, peak);
  }
  if (outcome.verdict == "thrashing") {
    return fmt::format("{} hung at its limit without progress and was ended by oomlab after {}{}{}", name, time, reason,
                       peak);
  }
  if (outcome.verdict == "timed_out") {
    return fmt::format("{} was still running when its time was over and was ended by oomlab after {}{}{}", name, time,
                       reason, peak);
  }
  if (outcome.verdict == "interrupted") {
    return fmt::format("the run of {} was interrupted after {}{}{}", name, time, reason, peak);
  }
  if (outcome.verdict == "not_started") {
    return fmt::format("{} did not start{}", name, reason);
  }
  return fmt::format("{}: {} after {}{}{}", name, outcome.verdict, time, reason, peak);  // a later version's word
}

std::string nothing_found_sentence(const Postmortem& document) {
  std::string seen;
  std::map<std::string, std::size_t> carriers;
  for (const auto& input : document.inputs) {
    ++carriers[input.carrier.value_or("nothing that looks like a log")];
  }
  for (const auto& [carrier, count] : carriers) {
    seen +=
        fmt::format("{}{}{}", seen.empty() ? "" : ", ", carrier, count > 1 ? fmt::format(" in {} inputs", count) : "");
  }
  return fmt::format("No OOM kill found in {}{}; what was seen: {}.", counted(lines_read(document), "line"),
                     document.inputs.size() > 1 ? fmt::format(" of {}", counted(document.inputs.size(), "input")) : "",
                     seen.empty() ? "no input" : seen);
}

// Who died how often.
std::string overview_sentence(const Postmortem& document) {
  constexpr std::size_t kNamed = 6;
  std::uint64_t kills = 0;
  std::map<std::string, std::uint64_t> by_name;
  for (const auto& incident : document.incidents) {
    for (const auto& victim : incident.victims) {
      ++kills;
      ++by_name[victim.comm.value_or("?")];
    }
  }
  std::vector<std::pair<std::string, std::uint64_t>> names(by_name.begin(), by_name.end());
  std::ranges::stable_sort(names, std::greater{}, &std::pair<std::string, std::uint64_t>::second);
  std::string who;
  for (std::size_t i = 0; i < names.size() && i < kNamed; ++i) {
    who += fmt::format("{}{}{}", i == 0 ? ": " : ", ", names[i].first,
                       names[i].second > 1 ? fmt::format(" × {}", names[i].second) : "");
  }
  return fmt::format("{} in {}, {} killed{}{}.", counted(document.incidents.size(), "incident"),
                     counted(lines_read(document), "line"), counted(kills, "process"), who,
                     names.size() > kNamed ? ", …" : "");
}

std::vector<std::string> story_sentences(const Postmortem& document) {
  constexpr std::size_t kNamed = 8;
  std::vector<std::string> sentences;
  for (const auto& episode : document.episodes) {
    const auto& indices = episode.incidents;
    std::string which;
    for (std::size_t i = 0; i < indices.size() && i < kNamed; ++i) {
      which += fmt::format("{}{}", which.empty() ? "" : ", ", indices[i] + 1);
    }
    sentences.push_back(fmt::format("{} (incident{} {}{}): {}.", story_words(episode.code),
                                    indices.size() == 1 ? "" : "s", which, indices.size() > kNamed ? ", …" : "",
                                    episode.words));
  }
  return sentences;
}

std::vector<std::string> reconciliation_sentences(const Postmortem& document) {
  std::vector<std::string> sentences;
  for (const auto& one : document.reconciliation) {
    if (one.code != "equal" || !document.run) {
      sentences.push_back(sentence(one.words));
    }
  }
  return sentences;
}

std::string warning_words(const Postmortem& document, const Warning& warning) {
  std::string where;
  if (warning.input && *warning.input < document.inputs.size()) {
    where = fmt::format("{}{}: ", document.inputs[*warning.input].name,
                        warning.line ? fmt::format(":{}", *warning.line) : "");
  }
  return where + (warning.message.empty() ? warning.code : warning.message);
}

}  // namespace forensics
