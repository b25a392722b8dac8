#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "forensics/renderer.h"
#include "forensics/run_words.h"
#include "forensics/text_incident.h"
#include "forensics/words.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".xml"};

// Text for an element or a quoted attribute. XML 1.0 knows no control characters and neither U+FFFE nor U+FFFF, not
// even as references; newlines are ours, where `text` has any.
std::string xml(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    for (const char c : base::escape_terminal(text.substr(0, end))) {
      switch (c) {
        case '&':
          out += "&amp;";
          break;
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '"':
          out += "&quot;";
          break;
        default:
          out += c;
      }
      if (out.ends_with("\xef\xbf\xbe") || out.ends_with("\xef\xbf\xbf")) {
        out.replace(out.size() - 3, 3, out.ends_with('\xbe') ? "\\u{fffe}" : "\\u{ffff}");
      }
    }
    out += end < text.size() ? "\n" : "";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// A name or a message on one line, as an attribute is.
std::string attribute(std::string_view text) {
  return xml(base::escape_terminal(text));
}

struct TestCase {
  std::string name, class_name, file;
  double seconds = 0;
  std::string failure, message;  // the failure's type; empty when it passed
  std::string report;            // lines
};

struct TestSuite {
  std::string name, host;
  std::vector<std::pair<std::string, std::string>> properties;
  std::vector<TestCase> cases;
  std::string remarks;  // lines
};

std::size_t failures_of(const TestSuite& suite) {
  return static_cast<std::size_t>(
      std::ranges::count_if(suite.cases, [](const auto& one) { return !one.failure.empty(); }));
}

double seconds_of(const TestSuite& suite) {
  double seconds = 0;
  for (const auto& one : suite.cases) {
    seconds += one.seconds;
  }
  return seconds;
}

std::string of_case(const TestCase& one) {
  auto out = fmt::format(R"(    <testcase name="{}" classname="{}" time="{:.3f}")", attribute(one.name),
                         attribute(one.class_name), one.seconds);
  if (!one.file.empty()) {
    out += fmt::format(R"( file="{}")", attribute(one.file));
  }
  if (!one.failure.empty()) {
    return out + fmt::format(">\n      <failure type=\"{}\" message=\"{}\">{}</failure>\n    </testcase>\n",
                             attribute(one.failure), attribute(one.message), xml(one.report));
  }
  if (one.report.empty()) {
    return out + "/>\n";
  }
  return out + fmt::format(">\n      <system-out>{}</system-out>\n    </testcase>\n", xml(one.report));
}

std::string of_suite(const TestSuite& suite) {
  auto out = fmt::format(R"(  <testsuite name="{}" tests="{}" failures="{}" errors="0" skipped="0" time="{:.3f}")",
                         attribute(suite.name), suite.cases.size(), failures_of(suite), seconds_of(suite));
  out += suite.host.empty() ? ">\n" : fmt::format(" hostname=\"{}\">\n", attribute(suite.host));
  if (!suite.properties.empty()) {
    out += "    <properties>\n";
    for (const auto& [name, value] : suite.properties) {
      out += fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", attribute(name), attribute(value));
    }
    out += "    </properties>\n";
  }
  for (const auto& one : suite.cases) {
    out += of_case(one);
  }
  if (!suite.remarks.empty()) {
    out += fmt::format("    <system-err>{}</system-err>\n", xml(suite.remarks));
  }
  return out + "  </testsuite>\n";
}

TestCase of_incident(const Incident& incident, const std::string& input) {
  const auto where = fmt::format("{}:{}", input, incident.log.first_line);
  const auto when = when_words(incident.time);
  return {.name = fmt::format("{} at {}{}", kind_words(incident), where, when.empty() ? "" : ", " + when),
          .class_name = "oomlab." + incident.scope,
          .file = input,
          .failure = incident.kind == "allocation_failure" ? "allocation_failure" : "oom",
          .message = incident.verdict,
          .report = incident_text(incident)};
}

// Consumers tell cases apart by their names.
void add_case(TestSuite& suite, TestCase one) {
  const auto name = one.name;
  for (std::size_t again = 2; std::ranges::find(suite.cases, one.name, &TestCase::name) != suite.cases.end(); ++again) {
    one.name = fmt::format("{} ({})", name, again);
  }
  suite.cases.push_back(std::move(one));
}

// A suite for each log, in which every incident is a test that failed; a log without any has passed one.
std::vector<TestSuite> of_logs(const Postmortem& document) {
  std::vector<TestSuite> suites;
  suites.reserve(document.inputs.size());
  for (const auto& input : document.inputs) {
    suites.push_back({.name = input.name, .host = {}, .properties = {}, .cases = {}, .remarks = {}});
  }
  if (suites.empty()) {
    suites.push_back({.name = "oomlab", .host = {}, .properties = {}, .cases = {}, .remarks = {}});
  }
  for (const auto& incident : document.incidents) {
    auto& suite = suites[std::min(incident.log.input, suites.size() - 1)];
    add_case(suite, of_incident(incident, suite.name));
    suite.host = suite.host.empty() ? incident.time.host.value_or("") : suite.host;
  }
  for (auto& suite : suites) {
    if (suite.cases.empty()) {
      suite.cases.push_back({.name = "no OOM kill", .class_name = "oomlab.log", .file = suite.name});
    }
  }
  return suites;
}

TestCase of_run(const Postmortem& document) {
  const auto& run = *document.run;
  const auto command = command_words(run);
  TestCase one{.name = command.empty() ? "run" : command, .class_name = "oomlab.run", .seconds = run.duration_s};
  const bool failed = run.expectation ? !run.expectation->met : run.outcome.verdict != "completed";
  if (failed) {
    one.failure = run.outcome.verdict == "oom_killed" ? "oom" : run.outcome.verdict;
    one.message = run_sentence(run);
    if (run.expectation) {
      one.message = fmt::format("expected {}: {}; {}", run.expectation->expect, run.expectation->reason, one.message);
    }
  }
  one.report = run_text(run);
  for (const auto& incident : document.incidents) {
    one.report += '\n' + incident_text(incident);
  }
  return one;
}

TestSuite suite_of_run(const Postmortem& document) {
  const auto& run = *document.run;
  TestSuite suite{.name = "oomlab run", .host = {}, .properties = {}, .cases = {of_run(document)}, .remarks = {}};
  const auto add = [&](std::string_view name, Count value) {
    if (value) {
      suite.properties.emplace_back(name, std::to_string(*value));
    }
  };
  add("memory.max", run.limits.memory_max_bytes);
  add("memory.swap.max", run.limits.memory_swap_max_bytes);
  add("memory.peak", run.memory.peak_bytes);
  suite.properties.emplace_back("backend", backend_words(run));
  return suite;
}

std::string render_junit(const Postmortem& document, const RenderOptions& /*options*/) {
  auto suites = document.run ? std::vector{suite_of_run(document)} : of_logs(document);
  for (const auto& warning : document.warnings) {
    const auto at = document.run ? 0 : std::min(warning.input.value_or(0), suites.size() - 1);
    suites[at].remarks += warning_words(document, warning) + '\n';
  }
  std::size_t tests = 0, failures = 0;
  double seconds = 0;
  std::string body;
  for (const auto& suite : suites) {
    tests += suite.cases.size();
    failures += failures_of(suite);
    seconds += seconds_of(suite);
    body += of_suite(suite);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"oomlab\" tests=\"{}\" failures=\"{}\" "
      "errors=\"0\" skipped=\"0\" time=\"{:.3f}\">\n{}</testsuites>\n",
      tests, failures, seconds, body);
}

}  // namespace

constinit extern const Renderer junit{
    .summary = "JUnit XML: a test case for the run or for each incident, failed with type oom",
    .endings = kEndings,
    .render = render_junit,
};

}  // namespace forensics::renderers
