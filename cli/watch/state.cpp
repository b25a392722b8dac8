#include "cli/watch/state.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace cli::watch {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSchema = "oomlab.watch/1";

std::optional<std::uint64_t> number_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? std::optional(found->get<std::uint64_t>())
                                                              : std::nullopt;
}

std::optional<std::string> text_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

base::Result<Ledger::Told> parse_group(const Json& entry) {
  const auto cgroup = entry.is_object() ? text_of(entry, "cgroup") : std::nullopt;
  const auto id = cgroup ? number_of(entry, "id") : std::nullopt;
  const auto kills = cgroup ? number_of(entry, "kills") : std::nullopt;
  if (!id || !kills) {
    return base::fail(base::ErrorKind::parse, "groups: an entry has not cgroup, id and kills");
  }
  return Ledger::Told{.cgroup = *cgroup, .id = *id, .kills = *kills};
}

}  // namespace

std::optional<std::uint64_t> State::told(std::string_view cgroup, std::uint64_t id) const {
  const auto name = base::to_valid_utf8(cgroup);
  const auto found =
      std::ranges::find_if(groups, [&](const Ledger::Told& group) { return group.id == id && group.cgroup == name; });
  return found == groups.end() ? std::nullopt : std::optional(found->kills);
}

std::string to_text(const State& state) {
  Json json{{"schema", kSchema},
            {"boot_id", base::to_valid_utf8(state.boot_id)},
            {"next_sequence", state.next_sequence ? Json(*state.next_sequence) : Json(nullptr)},
            {"told_sequences", state.told_sequences},
            {"groups", Json::array()}};
  for (const auto& group : state.groups) {
    json["groups"].push_back({{"cgroup", base::to_valid_utf8(group.cgroup)}, {"id", group.id}, {"kills", group.kills}});
  }
  return json.dump(1) + "\n";
}

base::Result<State> parse_state(std::string_view text) {
  const auto json = Json::parse(text, nullptr, false);
  if (!json.is_object() || text_of(json, "schema") != kSchema) {
    return base::fail(base::ErrorKind::parse, std::string("not a state of schema ") + kSchema);
  }
  State state;
  const auto boot = text_of(json, "boot_id");
  const auto told = json.find("told_sequences");
  const auto groups = json.find("groups");
  if (!boot || told == json.end() || !told->is_array() || groups == json.end() || !groups->is_array()) {
    return base::fail(base::ErrorKind::parse, "boot_id, told_sequences or groups is missing");
  }
  state.boot_id = *boot;
  state.next_sequence = number_of(json, "next_sequence");
  for (const auto& sequence : *told) {
    if (!sequence.is_number_unsigned()) {
      return base::fail(base::ErrorKind::parse, "told_sequences: not all are numbers");
    }
    state.told_sequences.push_back(sequence.get<std::uint64_t>());
  }
  for (const auto& entry : *groups) {
    TRY_ASSIGN(auto group, parse_group(entry));
    state.groups.push_back(std::move(group));
  }
  return state;
}

}  // namespace cli::watch
