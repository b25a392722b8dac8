#include "forensics/redactor.h"

#include <algorithm>

#include "base/sha256.h"
#include "forensics/kernel_words.h"
#include "forensics/text.h"

namespace forensics {
namespace {

constexpr std::size_t kDigits = 8;  // of a pseudonym
constexpr std::size_t kShortestId = 12;

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '-' ||
         c == '@' || c == '\\' || c == '%' || c == '#' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_all_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
}

// Groups that machines have whatever runs on them.
constexpr std::string_view kUsualGroups[] = {"app.slice",
                                             "background.slice",
                                             "besteffort",
                                             "buildkit",
                                             "burstable",
                                             "docker",
                                             "ecs",
                                             "garden",
                                             "guaranteed",
                                             "hadoop-yarn",
                                             "htcondor",
                                             "init.scope",
                                             "kubepods",
                                             "kubepods.slice",
                                             "libpod_parent",
                                             "lxc",
                                             "lxc.payload",
                                             "machine.slice",
                                             "machine",
                                             "moby",
                                             "nomad",
                                             "nomad.slice",
                                             "podruntime",
                                             "podruntime.slice",
                                             "reserve.slice",
                                             "runtime",
                                             "session.slice",
                                             "share.slice",
                                             "slurm",
                                             "system",
                                             "system.slice",
                                             "user",
                                             "user.slice",
                                             "yarn",
                                             "kubepods-burstable.slice",
                                             "kubepods-besteffort.slice",
                                             "slurmstepd.scope",
                                             "init",
                                             "system.slice:docker",
                                             "supervisor",
                                             "container"};

// What stands before and behind the part of a component that is a name.
constexpr std::string_view kPrefixes[] = {"kubepods-burstable-pod",
                                          "kubepods-besteffort-pod",
                                          "kubepods-pod",
                                          "cri-containerd-",
                                          "crio-conmon-",
                                          "crio-",
                                          "libpod-payload-",
                                          "libpod-conmon-",
                                          "libpod-",
                                          "ecs-docker-",
                                          "docker-",
                                          "nerdctl-",
                                          "buildah-",
                                          "ecstasks-",
                                          "lxc.payload.",
                                          "lxc.monitor.",
                                          "machine-qemu-",
                                          "machine-lxc-",
                                          "machine-",
                                          "systemd-nspawn@",
                                          "app-flatpak-",
                                          "app-",
                                          "snap.",
                                          "vte-spawn-",
                                          "run-",
                                          "session-",
                                          "user-",
                                          "user@",
                                          "job_",
                                          "step_",
                                          "task_",
                                          "uid_",
                                          "slurm_",
                                          "condor_",
                                          "container_",
                                          "oomlab-",
                                          "pod"};
constexpr std::string_view kSuffixes[] = {".slice",  ".service", ".scope",        ".mount",
                                          ".socket", ".swap",    ".libvirt-qemu", ".libvirt-lxc"};

template <typename List>
std::string_view take_prefix(std::string_view& text, const List& prefixes) {
  for (const auto prefix : prefixes) {
    if (text.size() > prefix.size() && text.starts_with(prefix)) {
      text.remove_prefix(prefix.size());
      return prefix;
    }
  }
  return {};
}

// Folders and parts of names of logs.
bool is_usual_of_files(std::string_view part) {
  constexpr std::string_view kUsual[] = {
      "",         ".",      "..",      "-",    "1",    "auth",    "boot", "console",   "debug",  "dmesg", "gz",
      "home",     "host",   "journal", "json", "kern", "kernel",  "kmsg", "last_kmsg", "lib",    "log",   "logs",
      "messages", "mnt",    "old",     "oom",  "opt",  "ramoops", "root", "run",       "serial", "srv",   "stdin",
      "syslog",   "system", "systemd", "tmp",  "txt",  "user",    "usr",  "var",       "vmcore", "xz",    "zst"};
  return std::ranges::find(kUsual, part) != std::end(kUsual) || is_all_digits(part);
}

}  // namespace

std::string Redactor::hash(std::string_view name, std::size_t digits) const {
  return base::hmac_sha256_hex(key_, name).substr(0, digits);
}

void Redactor::keep_in_mind(std::string_view name, std::string_view pseudonym, bool process) {
  if (name.empty() || name == pseudonym || is_all_digits(name) || !seen_.emplace(name, pseudonym).second) {
    return;
  }
  auto& bucket = known_[static_cast<unsigned char>(name[0])];
  const auto shorter =
      std::ranges::find_if(bucket, [&](const Known& other) { return other.name.size() < name.size(); });
  bucket.insert(shorter, {.name = std::string(name), .pseudonym = std::string(pseudonym), .process = process});
}

std::string Redactor::host(std::string_view name) {
  auto pseudonym = "h-" + hash(name, kDigits);
  keep_in_mind(name, pseudonym, false);
  if (const auto dot = name.find('.'); dot != std::string_view::npos) {
    keep_in_mind(name.substr(0, dot), pseudonym, false);
  }
  return pseudonym;
}

std::string Redactor::comm(std::string_view name) {
  if (name.empty()) {
    return {};
  }
  auto pseudonym = "p-" + hash(name, kDigits);
  keep_in_mind(name, pseudonym, true);
  return pseudonym;
}

// Hexadecimal digits become others, as many; what divides them stays: the shape tells what kind of id it is.
std::string Redactor::id(std::string_view id) {
  auto digits = hash(id, 64);
  while (digits.size() < id.size()) {
    digits += hash(digits, 64);
  }
  std::string out(id);
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] = is_hex(out[i]) ? digits[i] : out[i];
  }
  keep_in_mind(id, out, false);
  return out;
}

std::string Redactor::component(std::string_view name) const {
  if (name.empty() || std::ranges::find(kUsualGroups, name) != std::end(kUsualGroups)) {
    return std::string(name);
  }
  std::string_view suffix;
  for (const auto candidate : kSuffixes) {
    if (name.size() > candidate.size() && name.ends_with(candidate)) {
      suffix = candidate;
      name.remove_suffix(candidate.size());
      break;
    }
  }
  const auto prefix = take_prefix(name, kPrefixes);
  const auto hex = std::ranges::count_if(name, is_hex);
  const bool divided = name.find_first_not_of("0123456789abcdefABCDEF-_") == std::string_view::npos;
  std::string out(prefix);
  if (is_all_digits(name)) {
    out += name;  // a uid, a number of a session or job
  } else if (divided && static_cast<std::size_t>(hex) >= kShortestId) {
    out += Redactor(*this).id(name);
  } else {
    out += "c-" + hash(name, kDigits);
  }
  return out.append(suffix);
}

std::string Redactor::cgroup(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto name = path.substr(at, end - at);
    const auto pseudonym = component(name);
    keep_in_mind(name, pseudonym, false);
    out += pseudonym;
    out += end < path.size() ? "/" : "";
    at = end + 1;
  }
  return out;
}

std::string Redactor::file(std::string_view path) {
  std::string out;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find_first_of("/.-_:", at), path.size());
    const auto part = path.substr(at, end - at);
    const bool dated = part.size() == 8 && is_all_digits(part);
    out += is_usual_of_files(part) || dated ? std::string(part) : "f-" + hash(part, kDigits);
    out += end < path.size() ? std::string(1, path[end]) : "";
    at = end + 1;
  }
  keep_in_mind(path, out, false);
  return out;
}

// The longest name in mind that stands there, not within a word.
const Redactor::Known* Redactor::known_at(std::string_view text, std::size_t at, bool processes) const {
  const auto& bucket = known_[static_cast<unsigned char>(text[at])];
  const auto stands = [&](const Known& known) {
    const auto end = at + known.name.size();
    const bool before = at > 0 && is_word_byte(text[at - 1]) && is_word_byte(known.name.front());
    return (processes || !known.process) && !before && text.substr(at).starts_with(known.name) &&
           (end >= text.size() || !is_word_byte(text[end]) || !is_word_byte(known.name.back()));
  };
  const auto found = std::ranges::find_if(bucket, stands);
  return found == bucket.end() ? nullptr : &*found;
}

// A word of a line: as it is when the kernel uses it, or all its parts.
std::string Redactor::word(std::string_view text) const {
  const auto end = text.find_last_not_of(".-");
  const auto tail = end == std::string_view::npos ? text : text.substr(end + 1);
  text.remove_suffix(tail.size());
  if (allowed_.contains(text) || std::ranges::find(kUsualGroups, text) != std::end(kUsualGroups)) {
    return std::string(text).append(tail);
  }
  bool usual = true;
  for (auto rest = text; usual && !rest.empty() && !is_kernel_word(text);) {
    const auto part = rest.substr(0, std::min(rest.find_first_of("-."), rest.size()));
    usual = part.empty() || is_kernel_word(part);
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
  }
  return (usual ? std::string(text) : "w-" + hash(text, kDigits)).append(tail);
}

std::string Redactor::line(std::string_view text) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (const auto* known = known_at(text, at, true)) {
      out += known->pseudonym;
      at += known->name.size();
    } else if (is_word_byte(text[at])) {
      const auto* const stop = std::ranges::find_if_not(text.substr(at), is_word_byte);
      const auto length = static_cast<std::size_t>(stop - text.data()) - at;
      out += word(text.substr(at, length));
      at += length;
    } else {
      out += text[at++];
    }
  }
  return out;
}

std::string Redactor::sentence(std::string_view text) const {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (const auto* known = known_at(text, at, false)) {
      out += known->pseudonym;
      at += known->name.size();
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace forensics
