// The bare loop that the recorder is held against: wakes every millisecond and reads one file, nothing else.
//
// usage: wake_loop FILE SECONDS
// Prints the processor time that it took, in percent of one processor.
#include <fcntl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace {

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    return 2;
  }
  const int file = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    std::perror(argv[1]);
    return 1;
  }
  const long seconds = std::strtol(argv[2], nullptr, 10);
  timespec next{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &next);
  for (long i = 0; i < seconds * 1000; ++i) {
    next.tv_nsec += 1'000'000;
    if (next.tv_nsec >= 1'000'000'000) {
      next.tv_nsec -= 1'000'000'000;
      ++next.tv_sec;
    }
    (void)::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, nullptr);
    char text[64];
    if (::pread(file, text, sizeof text, 0) <= 0) {
      std::perror(argv[1]);
      return 1;
    }
  }
  rusage used{};
  (void)::getrusage(RUSAGE_SELF, &used);
  std::printf("%.2f\n", (seconds_of(used.ru_utime) + seconds_of(used.ru_stime)) / static_cast<double>(seconds) * 100);
  return 0;
}
