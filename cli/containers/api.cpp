#include "cli/containers/api.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "base/scanner.h"

namespace cli::containers {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kDefaultSocket = "/var/run/docker.sock";
constexpr std::string_view kUnix = "unix://";
constexpr std::chrono::seconds kLongest{10};             // of an answer
constexpr std::size_t kLargest = std::size_t{64} << 20;  // of an answer; an engine with 10,000 containers has 20 MiB
constexpr std::size_t kLargestHead = std::size_t{64} << 10;
constexpr std::size_t kLargestLine = std::size_t{1} << 20;

// HTTP/1.0: the answer's end is the connection's, and it comes without chunks.
std::string request(const std::string& target) {
  return fmt::format("GET {} HTTP/1.0\r\nHost: localhost\r\nAccept: application/json\r\n\r\n", target);
}

bool wait_readable(int fd, Clock::time_point until) {
  pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return ::poll(&ready, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) == 1;
}

}  // namespace

std::filesystem::path Api::default_socket() {
  const char* host = std::getenv("DOCKER_HOST");
  if (host != nullptr && std::string_view(host).starts_with(kUnix)) {
    return std::string_view(host).substr(kUnix.size());
  }
  return kDefaultSocket;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-_.~").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

base::Result<base::Fd> Api::open_stream(const std::string& target) const {
  const auto shown = base::escape_terminal(socket_.native());
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (socket_.native().size() >= sizeof address.sun_path) {
    return base::fail(base::ErrorKind::usage, fmt::format("{}: too long for a socket's name", shown));
  }
  std::strcpy(address.sun_path, socket_.c_str());
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) {
    return base::system_error("socket");
  }
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): the interface of connect(2)
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    auto error = base::system_error(shown).error();
    const bool forbidden = error.sys_errno == EACCES || error.sys_errno == EPERM;
    error.kind = forbidden ? base::ErrorKind::permission : base::ErrorKind::unsupported;
    return std::unexpected(std::move(error));
  }
  TRY(base::write_all(fd.get(), request(target)));
  return fd;
}

base::Result<std::string> Api::get(const std::string& target) const {
  TRY_ASSIGN(const auto fd, open_stream(target));
  const auto until = Clock::now() + kLongest;
  Answer answer;
  std::array<char, 16384> buffer{};
  while (true) {
    if (!wait_readable(fd.get(), until)) {
      return base::fail(
          base::ErrorKind::timeout,
          fmt::format("{}: no answer within {} s", base::escape_terminal(socket_.native()), kLongest.count()));
    }
    const auto got = ::read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno != EINTR) {
      return base::system_error(base::escape_terminal(socket_.native()));
    }
    if (got == 0 || answer.body().size() > kLargest) {
      break;
    }
    (void)answer.add({buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))});
  }
  if (answer.status() != 200) {
    return base::fail(answer.status() == 404 ? base::ErrorKind::usage : base::ErrorKind::unsupported,
                      fmt::format("{}: GET {}: status {}: {}", base::escape_terminal(socket_.native()), target,
                                  answer.status(), base::escape_terminal(answer.body().substr(0, 300))));
  }
  return std::move(answer.body());
}

bool Answer::add(std::string_view bytes) {
  if (has_head_) {
    body_ += bytes;
    return true;
  }
  head_ += bytes;
  constexpr std::string_view kEnd = "\r\n\r\n";
  const auto end = head_.find(kEnd);
  if (end == std::string::npos) {
    if (head_.size() > kLargestHead) {
      head_.clear();
    }
    return false;
  }
  has_head_ = true;
  body_ = head_.substr(end + kEnd.size());
  head_.resize(end);
  base::Scanner in(head_);
  if (in.literal("HTTP/1.0 ") || in.literal("HTTP/1.1 ")) {
    status_ = in.number<int>().value_or(0);
  }
  return true;
}

bool Stream::read(const std::function<void(std::string_view line)>& on_line) {
  std::array<char, 16384> buffer{};
  const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) {
    return errno == EAGAIN || errno == EINTR;
  }
  if (got == 0) {
    return false;
  }
  if (!answer_.add({buffer.data(), static_cast<std::size_t>(got)})) {
    return true;
  }
  auto& body = answer_.body();
  if (answer_.status() != 200 || body.size() > kLargestLine) {
    return false;
  }
  std::size_t from = 0;
  for (auto end = body.find('\n'); end != std::string::npos; end = body.find('\n', from)) {
    on_line(std::string_view(body).substr(from, end - from));
    from = end + 1;
  }
  body.erase(0, from);
  return true;
}

}  // namespace cli::containers
