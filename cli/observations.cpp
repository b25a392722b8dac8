#include "cli/observations.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "base/scanner.h"

namespace cli {
namespace {

constexpr std::size_t kLongestLine = 512;
constexpr std::size_t kMost = 4096;

}  // namespace

stress::Observe observe_to(int fd) {
  return [fd](std::string_view step, std::string_view name, double value, std::string_view unit) {
    std::array<char, kLongestLine> line{};
    const auto end = fmt::format_to_n(line.data(), line.size(), "{}\t{}\t{}\t{}\n", step, name, value, unit);
    if (end.size <= line.size()) {
      (void)!::write(fd, line.data(), end.size);  // whoever started us may be gone
    }
  };
}

base::Result<Observations> Observations::create() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  Observations made{base::Fd(ends[0]), base::Fd(ends[1])};
  if (::fcntl(made.fd(), F_SETFL, O_NONBLOCK) != 0) {
    return base::system_error("fcntl");
  }
  return made;
}

void Observations::drain() {
  std::array<char, 4096> buffer{};
  ssize_t got = 0;
  while ((got = ::read(our_end_.get(), buffer.data(), buffer.size())) > 0 || (got < 0 && errno == EINTR)) {
    pending_.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    std::size_t begin = 0;
    for (auto end = pending_.find('\n'); end != std::string::npos; end = pending_.find('\n', begin)) {
      take(std::string_view(pending_).substr(begin, end - begin));
      begin = end + 1;
    }
    pending_.erase(0, begin);
    if (pending_.size() > kLongestLine) {
      pending_.clear();  // not one of ours
    }
  }
}

void Observations::take(std::string_view line) {
  base::Scanner in(line);
  const auto step = in.until("\t");
  const auto name = step ? in.until("\t") : std::nullopt;
  const auto number = name ? in.until("\t") : std::nullopt;
  if (!number) {
    return;
  }
  double value = 0;
  const auto [stop, error] = std::from_chars(number->data(), number->data() + number->size(), value);
  if (error != std::errc{} || stop != number->data() + number->size() || !std::isfinite(value)) {
    return;
  }
  forensics::Observation taken{
      .step = std::string(*step), .name = std::string(*name), .value = value, .unit = std::string(in.rest())};
  const auto same = std::ranges::find_if(
      all_, [&](const auto& other) { return other.step == taken.step && other.name == taken.name; });
  if (same != all_.end()) {
    *same = std::move(taken);
  } else if (all_.size() < kMost) {
    all_.push_back(std::move(taken));
  }
}

}  // namespace cli
