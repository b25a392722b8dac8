#include "cli/inputs.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"

// NOLINTNEXTLINE(readability-redundant-declaration,cppcoreguidelines-avoid-non-const-global-variables): environ(7)
extern char** environ;

namespace cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kJournalMagic = "LPKSHHRH";  // systemd's JOURNAL_FILE_FORMAT

base::Error usage(std::string message, std::string remedy = {}) {
  return {.kind = base::ErrorKind::usage, .message = std::move(message), .remedy = std::move(remedy)};
}

bool is_journal(int fd) {
  std::array<char, kJournalMagic.size()> start{};
  return ::pread(fd, start.data(), start.size(), 0) == static_cast<ssize_t>(start.size()) &&
         std::string_view(start.data(), start.size()) == kJournalMagic;
}

// journalctl's export format of the file, through a pipe. The process ends with the pipe: nobody waits for it.
base::Result<base::Fd> read_journal(const std::string& path) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  base::Fd reading(ends[0]);
  const base::Fd writing(ends[1]);
  std::vector<std::string> words = {"journalctl", "--no-pager",      "--quiet",
                                    "--all",      "--output=export", "--file=" + path};
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  (void)::posix_spawn_file_actions_init(&actions);
  (void)::posix_spawn_file_actions_adddup2(&actions, writing.get(), STDOUT_FILENO);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  (void)::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return std::unexpected(
        usage(fmt::format("{}: a journal file, and journalctl cannot be run: {}", base::escape_terminal(path),
                          base::system_error("", error).error().message),
              "where there is one: journalctl --file=FILE -o export | oomlab analyze"));
  }
  return reading;
}

base::Result<> add_file(const std::string& path, const std::optional<std::string>& carrier,
                        std::vector<forensics::Source>& into) {
  auto fd = base::open_for_reading(path);
  if (!fd) {
    return std::unexpected(usage(fd.error().message));
  }
  if (is_journal(fd->get())) {
    TRY_ASSIGN(*fd, read_journal(path));
  }
  into.push_back({.name = path, .fd = std::move(*fd), .bytes = {}, .carrier = carrier});
  return {};
}

base::Result<> add_folder(const std::string& folder, const std::optional<std::string>& carrier,
                          std::vector<forensics::Source>& into) {
  std::vector<std::string> files;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;  // a file that has just gone is not there
    if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return std::unexpected(usage(fmt::format("{}: {}", base::escape_terminal(folder), error.message())));
  }
  std::ranges::sort(files, comes_before);
  for (const auto& file : files) {
    TRY(add_file(file, carrier, into));
  }
  return {};
}

// "kern.log.2.gz" -> "kern.log" and 2; "kern.log-20251121.xz" -> "kern.log" and -20251121 (a later day is newer).
struct Rotated {
  std::string_view set;
  long age = 0;  // the newest, without a number, is 0 or less than any other's
};

Rotated rotation_of(std::string_view path) {
  auto name = path;
  for (const std::string_view packed : {".gz", ".xz", ".zst"}) {
    if (name.ends_with(packed)) {
      name.remove_suffix(packed.size());
    }
  }
  const auto mark = name.find_last_not_of("0123456789");
  if (mark == std::string_view::npos || mark + 1 == name.size() || (name[mark] != '.' && name[mark] != '-')) {
    return {.set = name};
  }
  long number = 0;
  const auto digits = name.substr(mark + 1);
  if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc{}) {
    return {.set = name};
  }
  constexpr long kFirstDay = 19700101;
  constexpr long kBeyondAnyDay = 100000000;
  const bool is_day = name[mark] == '-' && number >= kFirstDay && number < kBeyondAnyDay;
  return {.set = name.substr(0, mark), .age = is_day ? kBeyondAnyDay - number : number};
}

}  // namespace

bool comes_before(const std::string& a, const std::string& b) {
  const auto first = rotation_of(a);
  const auto second = rotation_of(b);
  if (first.set != second.set) {
    return first.set < second.set;
  }
  return first.age != second.age ? first.age > second.age : a < b;
}

base::Result<std::vector<forensics::Source>> open_inputs(const std::vector<std::string>& words,
                                                         const std::optional<std::string>& carrier) {
  auto ordered = words.empty() ? std::vector<std::string>{"-"} : words;
  // A shell's kern.log* is the newest first.
  const bool one_set = std::ranges::all_of(
      ordered, [&](const auto& word) { return rotation_of(word).set == rotation_of(ordered.front()).set; });
  if (one_set) {
    std::ranges::stable_sort(ordered, comes_before);
  }
  std::vector<forensics::Source> sources;
  bool standard_input = false;
  for (const auto& word : ordered) {
    if (word == "-") {
      base::Fd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
      if (!fd || std::exchange(standard_input, true)) {
        return std::unexpected(usage(fd ? "'-': standard input can be read once" : "standard input is closed"));
      }
      sources.push_back({.name = "-", .fd = std::move(fd), .bytes = {}, .carrier = carrier});
      continue;
    }
    std::error_code error;
    const bool folder = fs::is_directory(word, error);
    TRY(folder ? add_folder(word, carrier, sources) : add_file(word, carrier, sources));
  }
  return sources;
}

std::optional<std::uint64_t> total_size(const std::vector<forensics::Source>& sources) {
  std::uint64_t total = 0;
  for (const auto& source : sources) {
    struct stat status{};
    if (::fstat(source.fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
      return std::nullopt;
    }
    total += static_cast<std::uint64_t>(status.st_size);
  }
  return total;
}

}  // namespace cli
