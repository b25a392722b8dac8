// The reports of one guest, as real tools carry them (tests/fixtures/carriers/make makes the files anew): every carrier
// gives the incidents that the kernel's own records give, but for what it loses.
#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "forensics/analyze.h"
#include "forensics/json.h"

namespace forensics {
namespace {

using Json = nlohmann::ordered_json;

const std::filesystem::path kFolder = OOMLAB_SOURCE_DIR "/tests/fixtures/carriers";

// What a carrier does not keep.
enum Loss : unsigned {
  kNothing = 0,
  kClock = 1,    // the seconds since boot
  kEscapes = 2,  // writes ESC and a byte that is not UTF-8 as \x1b and \xff, but a backslash as it is: not to be undone
  kCarets = 4,   // writes ESC as ^[, as which it cannot be told from the two characters
  kColours = 8,  // ESC and what follows it go away with the colours of a terminal
  kBlobs = 16,   // journalctl without -a: "[123B blob data]" for messages with control characters
  kNewlines = 32,     // a newline in a name looks like the end of a line: that report's head is torn
  kOomLine = 64,      // of it also the line with the victim's cgroup: each piece is a message of its own
  kLongRecords = 128  // where the kernel itself puts a prefix before each line of a record, all is cut after some 1,000
                      // bytes: the last counters of the statistics, which are one record on 6.1
};

struct CarrierFile {
  const char* name;
  const char* carrier;
  unsigned loses;
};

constexpr CarrierFile kFiles[] = {
    {"kmsg", "kmsg", kNothing},
    {"dmesg", "dmesg", kEscapes | kNewlines},
    {"dmesg-syslog", "dmesg", kEscapes | kNewlines | kLongRecords},
    {"dmesg-raw", "dmesg", kEscapes | kNewlines},
    {"dmesg-syslog-raw", "dmesg", kEscapes | kNewlines | kLongRecords},
    {"dmesg-T", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-notime", "raw", kClock | kEscapes | kNewlines},
    {"dmesg-x", "dmesg", kEscapes | kNewlines},
    {"dmesg-d", "dmesg", kEscapes | kNewlines},
    {"dmesg-e", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-xT-colour", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-time-iso", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-time-ctime", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-time-reltime", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-time-delta", "dmesg", kClock | kEscapes | kNewlines},
    {"dmesg-colour", "dmesg", kEscapes | kNewlines},
    {"dmesg-noescape", "dmesg", kColours | kNewlines},
    {"dmesg-json", "dmesg_json", kNothing},
    {"busybox-dmesg", "dmesg", kColours | kNewlines | kLongRecords},
    {"busybox-dmesg-raw", "dmesg", kColours | kNewlines | kLongRecords},
    {"busybox-klogd", "syslog", kCarets | kNewlines | kLongRecords},
    {"serial", "dmesg", kColours | kNewlines | kLongRecords},
    {"journal-short", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-blobs", "journal_text", kClock | kBlobs | kNewlines},
    {"journal-no-hostname", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-precise", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-iso", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-iso-precise", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-full", "journal_text", kClock | kColours | kNewlines},
    {"journal-short-monotonic", "journal_text", kColours | kNewlines},
    {"journal-short-unix", "journal_text", kClock | kColours | kNewlines},
    {"journal-with-unit", "journal_text", kClock | kColours | kNewlines},
    {"journal-cat", "raw", kClock | kColours | kNewlines},
    {"journal-verbose", "journal_text", kNewlines},
    {"journal-json", "journal_json", kNothing},
    {"journal-json-pretty", "journal_json", kNothing},
    {"journal-json-sse", "journal_json", kNothing},
    {"journal-json-seq", "journal_json", kNothing},
    {"journal-export", "journal_export", kNothing},
    {"rsyslog-traditional", "syslog", kColours | kNewlines},
    {"rsyslog-iso", "syslog_iso", kColours | kNewlines},
    {"rsyslog-5424", "syslog_iso", kColours | kNewlines},
    {"rsyslog-escaped", "syslog", kNewlines | kOomLine},
    {"rsyslog-unescaped", "syslog", kColours | kNewlines | kOomLine},
    {"rsyslog-logger", "syslog", kEscapes | kNewlines},
    {"rsyslog-logger-iso", "syslog_iso", kEscapes | kNewlines},
};

std::filesystem::path path_of(const char* kernel, const std::string& name) {
  auto path = kFolder / kernel / (name + ".txt");
  return std::filesystem::exists(path) ? path : path += ".xz";
}

Json document_of(const std::filesystem::path& path) {
  std::vector<Source> sources(1);
  auto fd = base::open_for_reading(path);
  EXPECT_TRUE(fd) << fd.error().message;
  sources[0].fd = fd ? std::move(*fd) : base::Fd();
  auto document = analyze(sources);
  EXPECT_TRUE(document);
  auto json = Json::parse(to_json(document ? *document : Postmortem{}));
  for (auto& incident : json["incidents"]) {
    incident.erase("log");
    for (auto& finding : incident["diagnosis"]) {
      finding.erase("lines");
    }
    incident["time"].erase("realtime");
    incident["time"].erase("host");
  }
  return json;
}

// The first victim's name, "a),pid=1 \x1b\xff<", as JSON text of what the carrier leaves of it.
std::string name_in(const CarrierFile& file) {
  return (file.loses & kEscapes) != 0U   ? R"(a),pid=1 \\x1b\\xff<)"
         : (file.loses & kColours) != 0U ? "a),pid=1 <"
         : (file.loses & kCarets) != 0U  ? R"(a),pid=1 ^[\\xff<)"
                                         : R"(a),pid=1 \u001b\\xff<)";
}

Json as_carried(Json incident, const CarrierFile& file, const Json& found) {
  if ((file.loses & kLongRecords) != 0U && !incident["cgroup"].is_null() && !incident["cgroup"]["stat"].empty()) {
    auto& stat = incident["cgroup"]["stat"];
    const auto left = found["cgroup"]["stat"].size();
    EXPECT_GE(left, 25U);
    while (stat.size() > left) {
      stat.erase(std::prev(stat.end()));
    }
  }
  if ((file.loses & kClock) != 0U) {
    incident["time"]["monotonic_s"] = nullptr;
  }
  auto text = incident.dump();
  const auto whole = name_in({.name = "", .carrier = "", .loses = kNothing});
  const auto left = name_in(file);
  for (auto at = text.find(whole); at != std::string::npos; at = text.find(whole, at + left.size())) {
    text.replace(at, whole.size(), left);
  }
  return Json::parse(text);
}

// What is left of a report with torn lines: all that does not need the name.
Json without_names(const Json& incident) {
  Json out;
  for (const auto* key : {"kind", "scope", "cgroup", "killer"}) {
    out[key] = incident[key];
  }
  out["breakdown"] = incident["analysis"]["breakdown"];
  for (const auto& victim : incident["victims"]) {
    out["pids"].push_back(victim["pid"]);
  }
  return out;
}

struct Made {
  const char* kernel;
  CarrierFile file;
};

// Only one reader gets the records of a guest's /proc/kmsg: rsyslogd on 6.12, busybox klogd on 6.1.
std::vector<Made> all_files() {
  std::vector<Made> files;
  for (const char* kernel : {"6.1", "6.12"}) {
    for (const auto& file : kFiles) {
      if (std::filesystem::exists(path_of(kernel, file.name))) {
        files.push_back({kernel, file});
      }
    }
  }
  return files;
}

class EveryCarrierFile : public testing::TestWithParam<Made> {};

TEST_P(EveryCarrierFile, GivesTheSameIncidents) {
  const auto& [kernel, file] = GetParam();
  const auto path = path_of(kernel, file.name);
  const auto whole = document_of(path_of(kernel, "kmsg"))["incidents"];
  const auto document = document_of(path);
  EXPECT_EQ(document["inputs"][0]["carrier"], file.carrier);
  EXPECT_TRUE(document["warnings"].empty()) << document["warnings"].dump();
  const auto& incidents = document["incidents"];
  ASSERT_EQ(whole.size(), 4U);
  ASSERT_EQ(incidents.size(), 4U);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    SCOPED_TRACE(i);
    auto expected = as_carried(whole[i], file, incidents[i]);
    if (i == 0 && (file.loses & kBlobs) != 0U) {
      continue;
    }
    if (i == 2 && (file.loses & kOomLine) != 0U) {
      expected["cgroup"]["task_memcg"] = nullptr;
    }
    if (i == 2 && (file.loses & kNewlines) != 0U) {
      EXPECT_EQ(without_names(incidents[i]), without_names(expected));
    } else {
      EXPECT_TRUE(incidents[i] == expected) << Json::diff(expected, incidents[i]).dump(1);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, EveryCarrierFile, testing::ValuesIn(all_files()), [](const auto& row) {
  auto name = fmt::format("{}_{}", row.param.kernel, row.param.file.name);
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == '-'; }, '_');
  return name;
});

// No file that is made goes untested, and none is missing.
TEST(CarrierFiles, AreAllInTheTable) {
  for (const auto& row : kFiles) {
    EXPECT_TRUE(std::ranges::any_of(all_files(), [&](const auto& made) {
      return std::string_view(made.file.name) == row.name;
    })) << row.name;
  }
  for (const char* kernel : {"6.1", "6.12"}) {
    for (const auto& entry : std::filesystem::directory_iterator(kFolder / kernel)) {
      const auto file = entry.path().filename().string();
      const auto name = file.substr(0, file.find('.'));
      EXPECT_TRUE(std::ranges::any_of(kFiles, [&](const auto& row) { return row.name == name; })) << file;
    }
  }
}

}  // namespace
}  // namespace forensics
