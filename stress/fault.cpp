#include "stress/fault.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "stress/process_memory.h"
#include "stress/seccomp_filter.h"

namespace stress {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 12> kErrors{{{"ENOMEM", ENOMEM},
                                                                    {"EAGAIN", EAGAIN},
                                                                    {"EACCES", EACCES},
                                                                    {"EPERM", EPERM},
                                                                    {"EINVAL", EINVAL},
                                                                    {"EINTR", EINTR},
                                                                    {"EIO", EIO},
                                                                    {"ENOSPC", ENOSPC},
                                                                    {"EMFILE", EMFILE},
                                                                    {"ENFILE", ENFILE},
                                                                    {"ENOSYS", ENOSYS},
                                                                    {"EBUSY", EBUSY}}};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

std::unexpected<base::Error> wrong(std::string_view what, std::string_view accepted) {
  return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not {}", base::escape_terminal(what), accepted));
}

base::Result<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || stop != text.data() + text.size()) {
    return wrong(text, "a whole number");
  }
  return number;
}

base::Result<> set_condition(Fault& fault, std::string_view part) {
  const auto at = part.find('=');
  const auto name = part.substr(0, at);
  const auto value = at == std::string_view::npos ? std::string_view{} : part.substr(at + 1);
  if (name == "after") {
    TRY_ASSIGN(fault.after, parse_count(value));
  } else if (name == "times") {
    TRY_ASSIGN(fault.times, parse_count(value));
  } else if (name == "size") {
    TRY_ASSIGN(fault.at_least_bytes, base::parse_size(value));
  } else {
    return wrong(part, "after=N, times=N or size=SIZE");
  }
  return {};
}

base::Result<Fault> parse_fault(std::string_view text) {
  const auto parts = split(text, ':');
  if (parts.size() < 2) {
    return wrong(text, "CALL:ERROR[:after=N][:times=N][:size=SIZE], like mmap:ENOMEM:after=100");
  }
  Fault fault{.call = std::string(parts[0])};
  if (!is_system_call(fault.call)) {
    return wrong(fault.call, "a system call of this machine");
  }
  const auto* error = std::ranges::find(kErrors, parts[1], &std::pair<std::string_view, int>::first);
  if (error == kErrors.end()) {
    std::string names;
    for (const auto& row : kErrors) {
      names += fmt::format("{}{}", names.empty() ? "" : ", ", row.first);
    }
    return wrong(parts[1], fmt::format("one of {}", names));
  }
  fault.error = error->second;
  for (std::size_t i = 2; i < parts.size(); ++i) {
    TRY(set_condition(fault, parts[i]));
  }
  return fault;
}

// What a call asks for.
std::uint64_t size_of(const Call& call) {
  if (call.name == "mmap") {
    return call.arguments[1];
  }
  return call.name == "mremap" ? call.arguments[2] : 0;
}

// 0 for a question, for giving back, and where the break is not known.
std::uint64_t growth_of_break(const Call& call, std::uint64_t now) {
  return now != 0 && call.arguments[0] > now ? call.arguments[0] - now : 0;
}

}  // namespace

base::Result<std::vector<Fault>> parse_faults(std::string_view text) {
  std::vector<Fault> faults;
  for (const auto part : split(text, ',')) {
    TRY_ASSIGN(auto fault, parse_fault(part));
    faults.push_back(std::move(fault));
  }
  return faults;
}

Answer FaultPlan::decide(const Call& call) {
  ++counted_;
  // A failed brk(2) returns the break as it is, and no error: the C library compares.
  const bool is_brk = call.name == "brk";
  const auto now = is_brk ? program_break(call.pid).value_or(0) : 0;
  const auto size = is_brk ? growth_of_break(call, now) : size_of(call);
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    const auto& fault = faults_[i];
    if (fault.call != call.name || size < fault.at_least_bytes || (is_brk && size == 0)) {
      continue;
    }
    const auto number = ++seen_[i];
    if (number > fault.after && (!fault.times || number - fault.after <= *fault.times)) {
      ++failed_;
      return is_brk ? Answer{.kind = Answer::Kind::value, .number = static_cast<std::int64_t>(now)}
                    : Answer{.kind = Answer::Kind::error, .number = fault.error};
    }
  }
  return {};
}

std::vector<std::string> FaultPlan::calls() const {
  std::vector<std::string> names;
  for (const auto& fault : faults_) {
    if (std::ranges::find(names, fault.call) == names.end()) {
      names.push_back(fault.call);
    }
  }
  return names;
}

}  // namespace stress
