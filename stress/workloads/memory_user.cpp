// The plain user of memory: takes some and keeps writing all of it.
#include <chrono>
#include <vector>

#include "base/file.h"
#include "base/scanner.h"
#include "stress/drive.h"
#include "stress/pause.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "64M", "how much to use"},
    Parameter{"for", ParameterKind::hold, "1s", "how long to write through it again and again"},
};

// "MemFree:   123 kB" of /proc/meminfo, in bytes.
void note_free(const Context& context, std::string_view step) {
  const auto text = base::read_all("/proc/meminfo");
  base::Scanner in(text ? std::string_view(*text) : std::string_view());
  if (in.until("MemFree:")) {
    in.skip_blanks();
    context.note(step, "MemFree", static_cast<double>(in.number<std::uint64_t>().value_or(0)) * 1024, "bytes");
  }
}

base::Result<> run_memory_user(Context& context) {
  const auto size = context.parameters.size("size");
  const double length = context.parameters.seconds("for");
  listen_for_pause();
  note_memory(context, "start", {"VmRSS", "RssAnon"});
  note_free(context, "start");
  std::vector<std::uint64_t> entries(size / sizeof(std::uint64_t));
  note_memory(context, "allocated", {"VmRSS", "RssAnon"});
  note_free(context, "allocated");
  const auto start = Clock::now();
  double passed = 0;
  std::uint64_t written = 0, round = 0;
  while (passed < length) {
    (void)wait_while_paused();
    ++round;
    for (auto& entry : entries) {
      entry = round;
    }
    written += entries.size() * sizeof entries[0];
    passed = std::chrono::duration<double>(Clock::now() - start).count();
    context.note("end", "written", static_cast<double>(written) / passed, "bytes/s");
  }
  note_memory(context, "end", {"VmRSS", "RssAnon"});
  return {};
}

}  // namespace

extern const Workload memory_user;
constinit const Workload memory_user{
    .summary = "takes memory and writes through all of it, again and again, for a time or for ever",
    .group = Group::process,
    .counter = "anon",
    .seen = "RSS is the size; free memory falls by as much, and returns on exit",
    .source = "Arpaci-Dusseau, Operating Systems: Three Easy Pieces, homework memory-user of chapter 13",
    .example = "oomlab stress memory-user --memory-max 128M --size 64M --for 10s",
    .parameters = kParameters,
    .run = run_memory_user,
};

}  // namespace stress::workloads
