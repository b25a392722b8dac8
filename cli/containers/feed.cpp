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

std::optional<Container> Feed::by_id(const std::string& id) {
  if (const auto* container = known_.by_id(id)) {
    return *container;
  }
  // Its event may be waiting in the socket.
  while (stream_ && known_.by_id(id) == nullptr && has_input(stream_->fd())) {
    if (!read()) {
      break;
    }
  }
  const auto* container = known_.by_id(id);
  return container != nullptr ? std::optional(*container) : std::nullopt;
}

}  // namespace cli::containers
