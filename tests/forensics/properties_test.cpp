// What holds for every log: those that real kernels wrote for this project, and, where they are beside the source tree,
// those that were found elsewhere.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "forensics/demux.h"
#include "forensics/json.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using Json = nlohmann::ordered_json;
using testing::parse_text;
namespace fs = std::filesystem;

struct Log {
  fs::path path;
  std::string text;
  bool found = false;  // elsewhere, so mixed, cut and quoted as its poster left it
};

std::vector<Log> read_logs() {
  const char* const elsewhere = std::getenv("OOMLAB_CORPUS");
  const fs::path tree(OOMLAB_SOURCE_DIR);
  const fs::path found = elsewhere != nullptr ? fs::path(elsewhere) : tree / "../shared/corpus";
  std::vector<Log> logs;
  for (const auto& folder : {tree / "tests/fixtures/logs/6.1", tree / "tests/fixtures/logs/6.12", found}) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder, none)) {
      const auto ending = entry.path().extension();
      if (ending == ".log" || ending == ".kmsg" || ending == ".console") {
        auto text = base::read_all(entry.path());
        EXPECT_TRUE(text);
        logs.push_back({entry.path(), text.value_or(""), folder == found});
      }
    }
  }
  std::ranges::sort(logs, {}, &Log::path);
  return logs;
}

const std::vector<Log>& logs() {
  static const auto all = read_logs();
  return all;
}

Json incidents_of(const std::string& text) {
  return Json::parse(to_json(parse_text(text)))["incidents"];
}

// What was read, without what follows from it and without where it stands.
Json facts_of(Json incident) {
  for (const auto* derived : {"analysis", "verdict", "diagnosis", "log", "complete", "missing", "repeats", "time"}) {
    incident.erase(derived);
  }
  if (!incident["cgroup"].is_null()) {
    incident["cgroup"].erase("owner");
    incident["cgroup"].erase("hierarchy");  // concluded from lines that a part may lack
  }
  return incident;
}

// What an element of a list is told by.
Json key_of(const Json& element) {
  Json key = Json::array();
  for (const auto* name : {"pid", "node", "name", "size_bytes"}) {
    key.push_back(element.is_object() && element.contains(name) ? element[name] : Json());
  }
  return element.is_object() ? key : element;
}

// Whether everything that `part` states is stated by `whole`, too. The place of the first that is not.
std::string contradiction(const Json& part, const Json& whole, const std::string& place) {
  if (part.is_null()) {
    return {};
  }
  if (part.is_array()) {
    for (const auto& element : part) {
      const auto same =
          std::ranges::find_if(whole, [&](const auto& other) { return key_of(other) == key_of(element); });
      if (!whole.is_array() || same == whole.end()) {
        return place + ": " + element.dump();
      }
      if (auto found = contradiction(element, *same, place + "[]"); !found.empty()) {
        return found;
      }
    }
    return {};
  }
  if (part.is_object()) {
    for (const auto& [name, value] : part.items()) {
      if (auto found = contradiction(value, whole.is_object() && whole.contains(name) ? whole[name] : Json(),
                                     place + "." + name);
          !found.empty()) {
        return found;
      }
    }
    return {};
  }
  return part == whole ? std::string() : fmt::format("{}: {} is not {}", place, part.dump(), whole.dump());
}

// A part does not show how a report ends, or whose limit it was: what is concluded from these is another matter.
Json comparable(Json facts, const Json& whole) {
  for (const auto* concluded : {"kind", "scope", "manual"}) {
    facts[concluded] = whole[concluded];
  }
  for (auto& victim : facts["victims"]) {
    victim["role"] = nullptr;
    victim["reaped"] = nullptr;
  }
  facts["kernel"]["release"] = whole["kernel"]["release"];  // of the boot's first line, which a part may lack
  return facts;
}

// Every incident of a part is one of the whole, less what was cut away.
void expect_part_of(const Json& part, const Json& whole) {
  for (const auto& incident : part) {
    std::string nearest = "there is no incident";
    const bool one = std::ranges::any_of(whole, [&](const Json& other) {
      const auto facts = facts_of(other);
      auto found = contradiction(comparable(facts_of(incident), facts), facts, "");
      nearest = found.empty() ? nearest : found;
      return found.empty();
    });
    EXPECT_TRUE(one) << nearest;
  }
}

std::size_t after_newline(const std::string& text, std::size_t at) {
  return std::min(text.find('\n', at), text.size() - 1) + 1;
}

TEST(Properties, CutAtAnyByteAPartIsAPart) {
  constexpr std::size_t kCuts = 4;
  ASSERT_GT(logs().size(), 100U);
  for (std::size_t log = 0; log < logs().size(); ++log) {
    const auto& [path, text, found] = logs()[log];
    SCOPED_TRACE(path);
    const auto whole = incidents_of(text);
    if (std::ranges::any_of(whole, [](const Json& incident) { return incident["repeats"] > 1; })) {
      continue;  // of a storm the first alone is shown
    }
    for (std::size_t i = 1; i < kCuts && !text.empty(); ++i) {
      const auto at = text.size() * i / kCuts + (i * 31 + log * 7) % 97 % (text.size() / kCuts + 1);
      SCOPED_TRACE(at);
      expect_part_of(incidents_of(text.substr(0, at)), whole);
      // The kernel's buffer loses whole lines at its start.
      expect_part_of(incidents_of(text.substr(after_newline(text, at))), whole);
    }
  }
}

// The kernel's records of a log as lines of theirs.
struct Line {
  std::string text;
  double stamp = 0;
};

std::vector<Line> kernel_lines(const std::string& text) {
  std::vector<Line> lines;
  Demux demux(std::nullopt);
  Record record;
  const auto take = [&] {
    while (demux.next(record)) {
      for (auto rest = record.message; record.kernel && !rest.empty();) {
        const auto end = std::min(rest.find('\n'), rest.size());
        lines.push_back({std::string(rest.substr(0, end)), record.monotonic_s.value_or(0)});
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    demux.feed(std::string_view(text).substr(at, end - at));
    take();
    at = end + 1;
  }
  demux.finish();
  take();
  return lines;
}

// Of a log with one report on one CPU, whose lines another's can be mixed with.
bool is_one_report(const Log& log) {
  return !log.found && log.path.extension() == ".kmsg" && incidents_of(log.text).size() == 1 &&
         log.text.find("\\x0a (") == std::string::npos;
}

TEST(Properties, TwoReportsWithCallersComeBackWhole) {
  std::vector<const Log*> reports;
  for (const auto& log : logs()) {
    if (is_one_report(log)) {
      reports.push_back(&log);
    }
  }
  ASSERT_GT(reports.size(), 50U);
  const auto carried = [](const Line& line, int caller) {
    return fmt::format("[{:12.6f}][   T{}] {}\n", 100.0 + caller / 100.0, caller, line.text);
  };
  for (std::size_t i = 0; i < reports.size(); ++i) {
    const auto& one = *reports[i];
    const auto& other = *reports[(i * 7 + 13) % reports.size()];
    if (&one == &other) {
      continue;
    }
    SCOPED_TRACE(one.path.string() + " and " + other.path.string());
    const auto a = kernel_lines(one.text);
    const auto b = kernel_lines(other.text);
    std::string alone_a, alone_b, mixed;
    std::mt19937 random(static_cast<unsigned>(i));
    for (std::size_t m = 0, n = 0; m < a.size() || n < b.size();) {
      const bool first = n == b.size() || (m < a.size() && random() % 2 == 0);
      auto& alone = first ? alone_a : alone_b;
      const auto line = first ? carried(a[m++], 11) : carried(b[n++], 22);
      alone += line;
      mixed += line;
    }
    const auto both = incidents_of(mixed);
    ASSERT_EQ(both.size(), 2U);
    for (const auto& alone : {alone_a, alone_b}) {
      const auto expected = facts_of(incidents_of(alone).at(0));
      const auto first = facts_of(both[0]);
      EXPECT_TRUE(first == expected || facts_of(both[1]) == expected) << Json::diff(expected, first).dump(1);
    }
    if (::testing::Test::HasFailure()) {
      return;
    }
  }
}

std::string escaped_for_kmsg(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte >= 0x7f || c == '\\' ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return out;
}

struct Carried {
  const char* name;
  std::string (*line)(const Line&, std::size_t);
};

const Carried kCarriers[] = {
    {"dmesg", [](const Line& line, std::size_t) { return fmt::format("[{:12.6f}] {}\n", line.stamp, line.text); }},
    {"raw priority",
     [](const Line& line, std::size_t) { return fmt::format("<4>[{:12.6f}] {}\n", line.stamp, line.text); }},
    {"dmesg -T", [](const Line& line, std::size_t) { return "[Fri Nov 21 14:22:56 2025] " + line.text + "\n"; }},
    {"dmesg -x", [](const Line& line,
                    std::size_t) { return fmt::format("kern  :warn  : [{:12.6f}] {}\n", line.stamp, line.text); }},
    {"kmsg",
     [](const Line& line, std::size_t n) {
       return fmt::format("4,{},{:.0f},-;{}\n", n, line.stamp * 1e6, escaped_for_kmsg(line.text));
     }},
    {"syslog",
     [](const Line& line, std::size_t) {
       return fmt::format("Nov 21 14:22:56 node kernel: [{:12.6f}] {}\n", line.stamp, line.text);
     }},
    {"syslog without stamp",
     [](const Line& line, std::size_t) { return "Nov 21 14:22:56 node kernel: " + line.text + "\n"; }},
    {"syslog ISO",
     [](const Line& line, std::size_t) { return "2025-11-21T14:22:56.123456+01:00 node kernel: " + line.text + "\n"; }},
    {"RFC 5424",
     [](const Line& line, std::size_t) { return "<4>1 2025-11-21T14:22:56Z node kernel - - - " + line.text + "\n"; }},
    {"journal short-monotonic",
     [](const Line& line, std::size_t) { return fmt::format("[{:12.6f}] node kernel: {}\n", line.stamp, line.text); }},
    {"journal json",
     [](const Line& line, std::size_t) {
       return Json{{"__REALTIME_TIMESTAMP", "1763731376123456"}, {"_TRANSPORT", "kernel"}, {"MESSAGE", line.text}}.dump(
                  -1, ' ', false, Json::error_handler_t::replace) +
              "\n";
     }},
    {"docker json",
     [](const Line& line, std::size_t) {
       return Json{{"log", fmt::format("[{:12.6f}] {}\n", line.stamp, line.text)}, {"stream", "stdout"}}.dump(
                  -1, ' ', false, Json::error_handler_t::replace) +
              "\n";
     }},
    {"CRI",
     [](const Line& line, std::size_t) {
       return fmt::format("2025-11-21T14:22:56.669794202Z stdout F [{:12.6f}] {}\n", line.stamp, line.text);
     }},
    {"console",
     [](const Line& line, std::size_t) { return fmt::format("[{:12.6f}][   T12] {}\n", line.stamp, line.text); }},
    {"guest",
     [](const Line& line, std::size_t) {
       return fmt::format("2025-11-21T14:22:56.127Z In(05) vcpu-5 - Guest: <6>[{:.6f}] {}\n", line.stamp, line.text);
     }},
    {"logcat", [](const Line& line, std::size_t) { return "11-21 14:22:56.789     0     0 I " + line.text + "\n"; }},
    {"mail", [](const Line& line, std::size_t) { return fmt::format("> > [{:12.6f}] {}\n", line.stamp, line.text); }},
    {"CR", [](const Line& line, std::size_t) { return fmt::format("[{:12.6f}] {}\r\n", line.stamp, line.text); }},
};

TEST(Properties, EveryCarrierGivesTheSameIncidents) {
  constexpr std::size_t kOneIn = 4;  // of the pairs, each carrier with each kind of log at some kernel
  std::size_t logs_seen = 0;
  for (const auto& log : logs()) {
    const bool hostile =
        log.path.stem().string().starts_with("names");  // what carriers lose of them has a test of its own
    if (log.found || log.path.extension() != ".kmsg" || hostile) {
      continue;
    }
    ++logs_seen;
    SCOPED_TRACE(log.path);
    const auto lines = kernel_lines(log.text);
    Json expected;
    for (std::size_t c = 0; c < std::size(kCarriers); ++c) {
      if (c != 0 && (logs_seen + c) % kOneIn != 0) {
        continue;
      }
      const auto& carrier = kCarriers[c];
      SCOPED_TRACE(carrier.name);
      std::string text;
      for (std::size_t i = 0; i < lines.size(); ++i) {
        text += carrier.line(lines[i], i);
      }
      Json facts = Json::array();
      for (const auto& incident : incidents_of(text)) {
        facts.push_back(facts_of(incident));
      }
      expected = expected.is_null() ? facts : expected;
      EXPECT_TRUE(facts == expected) << Json::diff(expected, facts).dump(1).substr(0, 2000);
      if (::testing::Test::HasFailure()) {
        return;
      }
    }
  }
  EXPECT_GT(logs_seen, 90U);
}

}  // namespace
}  // namespace forensics
