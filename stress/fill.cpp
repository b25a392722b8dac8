#include "stress/fill.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>

#include <fmt/format.h>

#include "base/bytes.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace stress {
namespace {

constexpr std::array<Parameter, 4> kFillParameters{{
    {"size", ParameterKind::size, "", "how much to fill; without it: until the kill"},
    {"chunk", ParameterKind::size, "2M", "how much to add in one step"},
    {"rate", ParameterKind::rate, "",
     "growth per second (64M, 64M/s); without it: as fast as the kernel hands out pages"},
    {"hold", ParameterKind::text, "0s", "how long to keep it once --size is reached: a duration, or forever"},
}};

using Clock = std::chrono::steady_clock;

void sleep_until(Clock::time_point when) {
  const auto since_epoch = std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
  timespec deadline{};
  deadline.tv_sec = static_cast<time_t>(since_epoch / 1'000'000'000);
  deadline.tv_nsec = static_cast<long>(since_epoch % 1'000'000'000);
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, nullptr) == EINTR) {
  }
}

base::Result<> hold(const std::string& how_long) {
  if (how_long == "forever") {
    while (true) {
      ::pause();
    }
  }
  TRY_ASSIGN(const auto duration, base::parse_duration(how_long));
  sleep_until(Clock::now() + duration);
  return {};
}

}  // namespace

std::span<const Parameter> fill_parameters() {
  return kFillParameters;
}

base::Result<> fill(const Context& context, const AddChunk& add) {
  const auto& parameters = context.parameters;
  const bool to_the_kill = !parameters.has("size");
  const std::uint64_t size = to_the_kill ? UINT64_MAX : parameters.size("size");
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t chunk = std::max(page, (parameters.size("chunk") + page - 1) / page * page);
  const std::uint64_t rate = parameters.has("rate") ? parameters.size("rate") : 0;
  const auto start = Clock::now();
  std::uint64_t filled = 0;
  while (filled < size) {
    const std::uint64_t length = std::min(chunk, size - filled);
    if (context.cap_bytes != 0 && filled + length > context.cap_bytes) {
      return base::fail(
          base::ErrorKind::unsupported,
          fmt::format("filled {} and was not stopped: the limit does not hold", base::human_size(filled)));
    }
    TRY(add(filled, length));
    filled += length;
    if (rate != 0) {
      const double due = static_cast<double>(filled) / static_cast<double>(rate);
      sleep_until(start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(due)));
    }
  }
  return hold(parameters.text("hold"));
}

base::Result<> populate(void* begin, std::uint64_t length) {
  static bool supported = true;
  if (supported) {
    int result = 0;
    do {
      result = ::madvise(begin, length, MADV_POPULATE_WRITE);
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
      return {};
    }
    if (errno != EINVAL) {
      return base::system_error("madvise(MADV_POPULATE_WRITE)");
    }
    supported = false;  // before Linux 5.14
  }
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  auto* bytes = static_cast<volatile unsigned char*>(begin);
  for (std::uint64_t offset = 0; offset < length; offset += page) {
    bytes[offset] = 1;
  }
  return {};
}

}  // namespace stress
