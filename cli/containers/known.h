#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Containers as their engine tells of them: the HTTP API of Docker, which Podman has as well.
namespace cli::containers {

struct Container {
  std::string id, name, image;
  std::optional<std::string> service;  // of its compose file
};

// The containers that were heard of, kept for a while when they are gone: a kill may be told after them. Pure.
class Known {
 public:
  static constexpr std::size_t kMost = 4096;  // beyond it those that were heard of first are forgotten

  // The body of GET /containers/json: [{"Id", "Names", "Image", "Labels"}].
  base::Result<> add_list(std::string_view json);
  // A line of GET /events: {"Type": "container", "Actor": {"ID", "Attributes": {"name", "image", labels}}}. Of another
  // type, or not understood: nothing happens.
  void add_event(std::string_view json);

  [[nodiscard]] const Container* by_id(std::string_view id) const;
  // The innermost one whose id the path of its cgroup holds, wherever the runtime was told to make it.
  [[nodiscard]] const Container* of_cgroup(std::string_view path) const;
  // By name, by the whole id, or by the start of exactly one id.
  [[nodiscard]] const Container* find(std::string_view name_or_id) const;
  [[nodiscard]] std::size_t size() const { return containers_.size(); }

 private:
  void add(Container container);
  std::map<std::string, Container, std::less<>> containers_;
  std::map<std::uint64_t, std::string> order_;
  std::uint64_t next_ = 0;
};

}  // namespace cli::containers
