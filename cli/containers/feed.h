#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/containers/api.h"
#include "cli/containers/known.h"

namespace cli::containers {

// The engine's containers, kept up to date by its events.
class Feed {
 public:
  explicit Feed(std::filesystem::path socket) : api_(std::move(socket)) {}

  // Asks for all containers, and for what happens from now on. To be called again when read() said that it is over.
  base::Result<> connect();
  [[nodiscard]] bool is_connected() const { return stream_.has_value(); }
  // Readable when something happened; only while connected.
  [[nodiscard]] int fd() const { return stream_->fd(); }
  // False: the engine is gone, and its descriptor now, too.
  bool read();

  // The container of that cgroup; reads first what has come, where none is known.
  [[nodiscard]] std::optional<Container> of_cgroup(const std::string& path);
  [[nodiscard]] const Known& known() const { return known_; }

 private:
  Api api_;
  std::optional<Stream> stream_;
  Known known_;
};

}  // namespace cli::containers
