#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace cli::containers {

// The HTTP API of a container engine on its Unix socket, read only: GET requests, nothing else.
class Api {
 public:
  // $DOCKER_HOST (unix:// only), else /var/run/docker.sock.
  static std::filesystem::path default_socket();
  explicit Api(std::filesystem::path socket) : socket_(std::move(socket)) {}

  // The body of a successful answer. The error names the socket and what the engine said; kind permission or
  // unsupported when nobody can be reached there.
  [[nodiscard]] base::Result<std::string> get(const std::string& target) const;
  // An answer that does not end.
  [[nodiscard]] base::Result<base::Fd> open_stream(const std::string& target) const;

  [[nodiscard]] const std::filesystem::path& socket() const { return socket_; }

 private:
  std::filesystem::path socket_;
};

// "%20" for everything but letters, digits, '-', '_', '.' and '~' (RFC 3986).
std::string percent_encoded(std::string_view text);

// An answer of HTTP/1.0 in pieces: the status line and the headers, then the body. Pure.
class Answer {
 public:
  // Whether the headers are complete.
  bool add(std::string_view bytes);
  [[nodiscard]] int status() const { return status_; }  // 0: no HTTP
  [[nodiscard]] std::string& body() { return body_; }   // what came so far, and was not taken out

 private:
  std::string head_, body_;
  bool has_head_ = false;
  int status_ = 0;
};

// The lines of an answer that does not end, for an event loop.
class Stream {
 public:
  explicit Stream(base::Fd fd) : fd_(std::move(fd)) {}
  [[nodiscard]] int fd() const { return fd_.get(); }
  // To be called when it is readable; false when it has ended or is no answer to go on with.
  bool read(const std::function<void(std::string_view line)>& on_line);

 private:
  base::Fd fd_;
  Answer answer_;
};

}  // namespace cli::containers
