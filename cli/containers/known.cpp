#include "cli/containers/known.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace cli::containers {
namespace {

using Json = nlohmann::json;

constexpr const char* kServiceLabel = "com.docker.compose.service";
constexpr const char* kPodmanServiceLabel = "io.podman.compose.service";

// The member as text; "" when it is not there or something else.
std::string text_of(const Json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json& member_of(const Json& object, const char* name) {
  static const Json kNothing;
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : kNothing;
}

std::optional<std::string> service_of(const Json& labels) {
  for (const auto* label : {kServiceLabel, kPodmanServiceLabel}) {
    if (auto service = text_of(labels, label); !service.empty()) {
      return service;
    }
  }
  return std::nullopt;
}

}  // namespace

void Known::add(Container container) {
  if (container.id.empty()) {
    return;
  }
  const auto [at, is_new] = containers_.insert_or_assign(container.id, container);
  if (!is_new) {
    return;
  }
  order_[next_++] = at->first;
  while (containers_.size() > kMost) {
    containers_.erase(order_.begin()->second);
    order_.erase(order_.begin());
  }
}

base::Result<> Known::add_list(std::string_view json) {
  const auto list = Json::parse(json, nullptr, false);
  if (!list.is_array()) {
    return base::expected_but_got("a list of containers", json.substr(0, 200));
  }
  for (const auto& entry : list) {
    Container container{.id = text_of(entry, "Id"), .name = {}, .image = text_of(entry, "Image"), .service = {}};
    if (const auto& names = member_of(entry, "Names"); names.is_array() && !names.empty() && names[0].is_string()) {
      container.name = names[0].get<std::string>();
      container.name.erase(0, container.name.starts_with('/') ? 1 : 0);
    }
    container.service = service_of(member_of(entry, "Labels"));
    add(std::move(container));
  }
  return {};
}

void Known::add_event(std::string_view json) {
  const auto event = Json::parse(json, nullptr, false);
  if (text_of(event, "Type") != "container") {
    return;
  }
  const auto& actor = member_of(event, "Actor");
  const auto& attributes = member_of(actor, "Attributes");
  add({.id = text_of(actor, "ID"),
       .name = text_of(attributes, "name"),
       .image = text_of(attributes, "image"),
       .service = service_of(attributes)});
}

const Container* Known::by_id(std::string_view id) const {
  const auto found = containers_.find(id);
  return found == containers_.end() ? nullptr : &found->second;
}

const Container* Known::of_cgroup(std::string_view path) const {
  constexpr std::string_view kHex = "0123456789abcdef";
  const Container* innermost = nullptr;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find_first_not_of(kHex, at), path.size());
    if (const auto* container = by_id(path.substr(at, end - at))) {
      innermost = container;
    }
    at = end + 1;
  }
  return innermost;
}

const Container* Known::find(std::string_view name_or_id) const {
  if (name_or_id.empty()) {
    return nullptr;
  }
  if (const auto* exact = by_id(name_or_id)) {
    return exact;
  }
  const Container* newest = nullptr;
  for (const auto& [number, id] : order_) {
    const auto& container = containers_.at(id);
    newest = container.name == name_or_id ? &container : newest;
  }
  if (newest != nullptr) {
    return newest;
  }
  const auto from = containers_.lower_bound(name_or_id);
  const bool starts = from != containers_.end() && from->first.starts_with(name_or_id);
  const bool several = starts && std::next(from) != containers_.end() && std::next(from)->first.starts_with(name_or_id);
  return starts && !several ? &from->second : nullptr;
}

}  // namespace cli::containers
