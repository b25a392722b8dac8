#include "vm/modules.h"

#include <elf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <set>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "vm/decompress.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

std::string kernel_name(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '-', '_');
  return out;
}

template <typename T>
T load(std::string_view bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

// The bytes of a named section; empty when there is none or the file is damaged.
std::string_view section(std::string_view elf, std::string_view wanted) {
  if (elf.size() < sizeof(Elf64_Ehdr) || !elf.starts_with(ELFMAG) || elf[EI_CLASS] != ELFCLASS64) {
    return {};
  }
  const auto header = load<Elf64_Ehdr>(elf, 0);
  if (header.e_shoff > elf.size() || (elf.size() - header.e_shoff) / sizeof(Elf64_Shdr) < header.e_shnum ||
      header.e_shstrndx >= header.e_shnum) {
    return {};
  }
  const auto row = [&](std::size_t i) { return load<Elf64_Shdr>(elf, header.e_shoff + i * sizeof(Elf64_Shdr)); };
  const auto bytes = [&](const Elf64_Shdr& s) {
    const bool inside = s.sh_type != SHT_NOBITS && s.sh_offset <= elf.size() && s.sh_size <= elf.size() - s.sh_offset;
    return inside ? elf.substr(s.sh_offset, s.sh_size) : std::string_view{};
  };
  const auto names = bytes(row(header.e_shstrndx));
  for (std::size_t i = 0; i < header.e_shnum; ++i) {
    const auto candidate = row(i);
    if (candidate.sh_name < names.size()) {
      const auto name = names.substr(candidate.sh_name);
      if (name.substr(0, name.find('\0')) == wanted) {
        return bytes(candidate);
      }
    }
  }
  return {};
}

base::Result<std::string> read_module(const fs::path& path) {
  TRY_ASSIGN(std::string bytes, base::read_all(path, std::size_t{64} << 20));
  auto unpacked = decompressed(bytes, std::size_t{64} << 20);
  if (!unpacked) {
    return std::unexpected(std::move(unpacked).error().context(base::escape_terminal(path.native())));
  }
  return std::move(*unpacked).value_or(std::move(bytes));
}

}  // namespace

std::map<std::string, fs::path> find_modules(const fs::path& folder) {
  std::map<std::string, fs::path> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
       !error && it != end; it.increment(error)) {
    const std::string file = it->path().filename();
    const auto at = file.find(".ko");
    const auto ending = at == std::string::npos ? std::string_view{} : std::string_view(file).substr(at);
    if (ending == ".ko" || ending == ".ko.xz" || ending == ".ko.zst" || ending == ".ko.gz") {
      found.emplace(kernel_name(std::string_view(file).substr(0, at)), it->path());
    }
  }
  return found;
}

base::Result<std::vector<std::string>> module_dependencies(std::string_view elf) {
  auto info = section(elf, ".modinfo");
  if (info.empty()) {
    return base::fail(base::ErrorKind::parse, "not a kernel module: no .modinfo section");
  }
  std::vector<std::string> names;
  while (!info.empty()) {
    const auto end = std::min(info.find('\0'), info.size());
    auto entry = info.substr(0, end);
    info.remove_prefix(std::min(end + 1, info.size()));
    if (!entry.starts_with("depends=")) {
      continue;
    }
    entry.remove_prefix(8);
    while (!entry.empty()) {
      const auto comma = std::min(entry.find(','), entry.size());
      if (comma > 0) {
        names.push_back(kernel_name(entry.substr(0, comma)));
      }
      entry.remove_prefix(std::min(comma + 1, entry.size()));
    }
  }
  return names;
}

base::Result<std::vector<Module>> resolve_modules(const std::map<std::string, fs::path>& files,
                                                  const std::vector<std::string>& wanted) {
  std::vector<Module> order;
  std::set<std::string> seen;
  const std::function<base::Result<>(const std::string&)> visit = [&](const std::string& name) -> base::Result<> {
    const auto file = files.find(name);
    if (file == files.end() || !seen.insert(name).second) {
      return {};
    }
    TRY_ASSIGN(std::string bytes, read_module(file->second));
    auto needs = module_dependencies(bytes);
    if (!needs) {
      return std::unexpected(std::move(needs).error().context(base::escape_terminal(file->second.native())));
    }
    for (const auto& needed : *needs) {
      TRY(visit(needed));
    }
    order.push_back({.name = name, .bytes = std::move(bytes)});
    return {};
  };
  for (const auto& name : wanted) {
    TRY(visit(kernel_name(name)));
  }
  return order;
}

}  // namespace vm
