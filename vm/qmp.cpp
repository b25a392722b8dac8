#include "vm/qmp.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "vm/child.h"

namespace vm {

using Json = nlohmann::json;

base::Result<QmpMessage> parse_qmp_line(std::string_view line) {
  const auto json = Json::parse(line, nullptr, false);
  using Kind = QmpMessage::Kind;
  if (json.is_object()) {
    if (json.contains("QMP")) {
      return QmpMessage{.kind = Kind::greeting, .name = {}, .text = {}};
    }
    if (const auto answer = json.find("return"); answer != json.end()) {
      return QmpMessage{.kind = Kind::answer, .name = {}, .text = answer->dump()};
    }
    if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
      const auto words = error->find("desc");
      return QmpMessage{
          .kind = Kind::refusal,
          .name = {},
          .text = words != error->end() && words->is_string() ? words->get<std::string>() : error->dump()};
    }
    if (const auto event = json.find("event"); event != json.end() && event->is_string()) {
      const auto data = json.find("data");
      return QmpMessage{.kind = Kind::event,
                        .name = event->get<std::string>(),
                        .text = data != json.end() ? data->dump() : std::string("{}")};
    }
  }
  return base::expected_but_got("a QMP message", line);
}

base::Result<QmpMessage> Qmp::next(Time deadline) {
  constexpr std::size_t kLongestLine = std::size_t{1} << 20;
  while (true) {
    if (const auto end = buffer_.find('\n'); end != std::string::npos) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return parse_qmp_line(line);
    }
    if (buffer_.size() > kLongestLine) {
      return base::fail(base::ErrorKind::parse, "QMP: a line without an end");
    }
    if (!wait_readable(socket_.get(), deadline)) {
      return base::fail(base::ErrorKind::timeout, "QEMU does not answer");
    }
    std::array<char, 4096> chunk{};
    const ssize_t got = ::read(socket_.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got <= 0) {
      return base::fail(base::ErrorKind::syscall, "QEMU ended");
    }
    buffer_.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

base::Result<Qmp> Qmp::connect(base::Fd socket, Time deadline) {
  Qmp qmp(std::move(socket));
  TRY_ASSIGN(const auto greeting, qmp.next(deadline));
  if (greeting.kind != QmpMessage::Kind::greeting) {
    return base::fail(base::ErrorKind::parse, "QMP: no greeting");
  }
  TRY(qmp.execute("qmp_capabilities", "{}", deadline));
  return qmp;
}

base::Result<std::string> Qmp::execute(std::string_view command, std::string_view arguments, Time deadline) {
  const auto line = fmt::format("{{\"execute\":\"{}\",\"arguments\":{}}}\n", command, arguments);
  if (::send(socket_.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    return base::fail(base::ErrorKind::syscall, "QEMU ended");
  }
  while (true) {
    TRY_ASSIGN(auto message, next(deadline));
    switch (message.kind) {
      case QmpMessage::Kind::answer:
        return std::move(message.text);
      case QmpMessage::Kind::refusal:
        return base::fail(base::ErrorKind::syscall, fmt::format("QEMU: {}: {}", command, message.text));
      case QmpMessage::Kind::event:
        if (message.name == "MIGRATION") {
          migration_ = message.text;
        }
        break;
      case QmpMessage::Kind::greeting:
        break;
    }
  }
}

base::Result<> Qmp::wait_for_migration(Time deadline) {
  while (true) {
    if (migration_.find("\"completed\"") != std::string::npos) {
      migration_.clear();
      return {};
    }
    if (migration_.find("\"failed\"") != std::string::npos || migration_.find("\"cancelled\"") != std::string::npos) {
      migration_.clear();
      return base::fail(base::ErrorKind::syscall, "QEMU: migration failed");
    }
    TRY_ASSIGN(auto message, next(deadline));
    if (message.kind == QmpMessage::Kind::event && message.name == "MIGRATION") {
      migration_ = std::move(message.text);
    }
  }
}

}  // namespace vm
