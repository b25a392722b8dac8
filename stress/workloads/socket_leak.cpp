// Connections whose reader has stopped reading: what was sent waits in the buffers of both ends.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "base/fd.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/resources.h"

namespace stress::workloads {
namespace {

constexpr std::uint64_t kPiece = 16 << 10;  // one send

constexpr std::array kOwn{
    Parameter{"family", ParameterKind::choice, "tcp", "tcp over loopback is counted as sock, unix as slab and kernel",
              "tcp|unix"},
};
constexpr auto kParameters = join(kGrowth, kOwn);

struct Connection {
  base::Fd sender, receiver;
  std::uint64_t pieces = 0;
};

base::Result<Connection> connect_unix() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return base::system_error("socketpair");
  }
  return Connection{base::Fd(ends[0]), base::Fd(ends[1])};
}

// Connections over loopback to a listener of our own.
class Tcp {
 public:
  base::Result<Connection> connect() {
    if (!listener_) {
      TRY(listen());
    }
    Connection made;
    made.sender.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    if (!made.sender || ::connect(made.sender.get(), address, sizeof address_) != 0) {
      return base::system_error("connecting over loopback");
    }
    made.receiver.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!made.receiver || ::fcntl(made.sender.get(), F_SETFL, O_NONBLOCK) != 0) {
      return base::system_error("accept");
    }
    return made;
  }

 private:
  base::Result<> listen() {
    listener_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    auto* address = reinterpret_cast<sockaddr*>(&address_);
    socklen_t length = sizeof address_;
    if (!listener_ || ::bind(listener_.get(), address, length) != 0 || ::listen(listener_.get(), SOMAXCONN) != 0 ||
        ::getsockname(listener_.get(), address, &length) != 0) {
      return base::system_error("listening on 127.0.0.1");
    }
    return {};
  }
  base::Fd listener_;
  sockaddr_in address_{};
};

class SocketPool : public Pool {
 public:
  enum class Family { tcp, local };
  explicit SocketPool(Family family) : family_(family), piece_(kPiece, 's') { raise_limit(RLIMIT_NOFILE, 1ULL << 20); }
  [[nodiscard]] std::uint64_t unit() const override { return kPiece; }
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / kPiece; left > 0; --left) {
      TRY(send_piece());
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / kPiece; left > 0; --left) {
      auto& last = connections_.back();
      if (--last.pieces == 0) {
        connections_.pop_back();
        continue;
      }
      std::vector<char> piece(kPiece);
      for (std::size_t got = 0; got < piece.size();) {
        const ssize_t part = ::recv(last.receiver.get(), piece.data() + got, piece.size() - got, MSG_DONTWAIT);
        if (part <= 0) {
          break;  // the rest is still on its way; it goes with the connection
        }
        got += static_cast<std::size_t>(part);
      }
    }
    return {};
  }

 private:
  // What the buffers take only in part is finished in the next connection.
  base::Result<> send_piece() {
    std::size_t sent = 0;
    bool is_new = false;
    while (sent < kPiece) {
      const ssize_t part = connections_.empty() ? -1
                                                : ::send(connections_.back().sender.get(), piece_.data() + sent,
                                                         kPiece - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (part > 0) {
        sent += static_cast<std::size_t>(part);
        continue;
      }
      if (!connections_.empty() && errno != EAGAIN && errno != EINTR) {
        return base::system_error("send");
      }
      if (is_new) {
        return base::fail(base::ErrorKind::unsupported, "a new connection takes nothing: socket memory is used up",
                          "raise net.ipv4.tcp_mem; in the micro-VM --guest-memory");
      }
      TRY_ASSIGN(auto made, family_ == Family::tcp ? tcp_.connect() : connect_unix());
      connections_.push_back(std::move(made));
      is_new = true;
    }
    ++connections_.back().pieces;
    return {};
  }

  Family family_;
  std::vector<char> piece_;
  Tcp tcp_;
  std::vector<Connection> connections_;
};

base::Result<> run_socket_leak(Context& context) {
  const bool local = context.parameters.text("family") == "unix";
  SocketPool pool(local ? SocketPool::Family::local : SocketPool::Family::tcp);
  return drive(context, pool, local ? "kernel" : "sock");
}

}  // namespace

extern const Workload socket_leak;
constinit const Workload socket_leak{
    .summary = "opens connections and leaves data in their buffers",
    .group = Group::misbehaviour,
    .counter = "sock",
    .kind = "sock",
    .seen = "sock follows the fill; no process's RSS explains it",
    .needs = "a loopback device that is up",
    .source = "kernel selftests cgroup/test_memcontrol.c, socket memory; pytorch/ci-infra#1024: 76 % of a limit",
    .example = "oomlab stress socket-leak --memory-max 64M --size 32M",
    .parameters = kParameters,
    .run = run_socket_leak,
};

}  // namespace stress::workloads
