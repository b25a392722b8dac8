// Wall time of starting and reaping one command against another, in turn (A B A B ...), so that a drifting machine
// moves both alike.
//
// usage: spawn_bench ROUNDS A [ARG...] --vs B [ARG...]
// Prints the medians and the median of the pairwise ratios A/B. Both commands write to /dev/null.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/format.h>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

// Milliseconds from before the spawn until the child is reaped; exits when it fails.
double run_once(char** argv) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const auto start = Clock::now();
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv, environ);
  int status = -1;
  if (error != 0 || ::waitpid(pid, &status, 0) != pid || status != 0) {
    fmt::print(stderr, "{}: could not be run (error {}, status {})\n", argv[0], error, status);
    std::exit(1);
  }
  const auto end = Clock::now();
  posix_spawn_file_actions_destroy(&actions);
  return std::chrono::duration<double, std::milli>(end - start).count();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  int split = 0;
  for (int i = 2; i < argc && split == 0; ++i) {
    split = std::strcmp(argv[i], "--vs") == 0 && i + 1 < argc ? i : 0;
  }
  if (argc < 5 || split < 3) {
    fmt::print(stderr, "usage: spawn_bench ROUNDS A [ARG...] --vs B [ARG...]\n");
    return 2;
  }
  const int rounds = std::max(3, std::atoi(argv[1]));
  argv[split] = nullptr;
  char** first = argv + 2;
  char** second = argv + split + 1;
  std::vector<double> a;
  std::vector<double> b;
  std::vector<double> ratios;
  (void)run_once(first);
  (void)run_once(second);
  for (int i = 0; i < rounds; ++i) {
    a.push_back(run_once(first));
    b.push_back(run_once(second));
    ratios.push_back(a.back() / b.back());
  }
  fmt::print("{:.2f} ms against {:.2f} ms: {:.1f} x (median of {} pairs)\n", median(a), median(b), median(ratios),
             rounds);
  return 0;
}
