#include "cli/containers/feed.h"

#include <poll.h>

namespace cli::containers {
namespace {

bool has_input(int fd) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&ready, 1, 0) == 1;
}

}  // namespace

base::Result<> Feed::connect() {
  // The events first, so that nothing falls between them and the list.
  TRY_ASSIGN(auto events, api_.open_stream("/events?filters=" + percent_encoded(R"({"type":["container"]})")));
  TRY_ASSIGN(const auto list, api_.get("/containers/json?all=1"));
  TRY(known_.add_list(list));
  stream_.emplace(std::move(events));
  return {};
}

bool Feed::read() {
  if (stream_ && stream_->read([this](std::string_view line) { known_.add_event(line); })) {
    return true;
  }
  stream_.reset();
  return false;
}

std::optional<Container> Feed::of_cgroup(const std::string& path) {
  const auto* container = known_.of_cgroup(path);
  while (container == nullptr && stream_ && has_input(stream_->fd()) && read()) {
    container = known_.of_cgroup(path);
  }
  return container != nullptr ? std::optional(*container) : std::nullopt;
}

}  // namespace cli::containers
