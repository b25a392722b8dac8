// How fast commands fill memory, seen from outside and in turn (A B C A B C ...), so that a drifting machine moves all
// alike: the resident size of the process that grows is looked at every millisecond, and the rate taken between 5 % and
// 95 % of the size. Then the command is killed.
//
// usage: fill_bench cold|warm BYTES ROUNDS A [ARG...] [--vs B [ARG...]]...
// warm: before each command as much memory is filled and freed here, so that the machine (and the hypervisor below it)
// has just had it in hand. cold: not so; only the first command of a fresh guest is really cold.
// Prints a line for each: the median of its GiB/s and of A's ratio to it in the same round, then both by the time that
// they had a processor: what others do on the machine at the time matters less there.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;
constexpr double kGib = 1ULL << 30;
constexpr auto kLongest = std::chrono::seconds(180);

struct Contender {
  std::vector<char*> argv;
  std::vector<double> by_wall, by_cpu;  // GiB/s of time that passed, and of time on a processor
};

struct Rates {
  double by_wall = 0, by_cpu = 0;
};

// Nanoseconds that the process's threads have spent on a processor, /proc/PID/task/TID/schedstat.
double time_on_cpu(pid_t pid) {
  double total = 0;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    std::FILE* file = std::fopen((task.path() / "schedstat").c_str(), "re");
    double spent = 0;
    if (file != nullptr) {
      total += std::fscanf(file, "%lf", &spent) == 1 ? spent : 0;
      (void)std::fclose(file);
    }
  }
  return total;
}

// Resident bytes by /proc/PID/statm; 0 when it is not there (any more).
double resident(int statm) {
  std::array<char, 128> text{};
  if (::pread(statm, text.data(), text.size() - 1, 0) <= 0) {
    return 0;
  }
  const char* second = std::strchr(text.data(), ' ');
  return second == nullptr ? 0 : std::strtod(second, nullptr) * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

int open_statm(pid_t pid) {
  return ::open(fmt::format("/proc/{}/statm", pid).c_str(), O_RDONLY | O_CLOEXEC);
}

// The process of the family that has begun to grow, or -1.
pid_t find_growing(pid_t parent, double threshold) {
  const int statm = open_statm(parent);
  const double bytes = statm < 0 ? 0 : resident(statm);
  (void)::close(statm);
  if (bytes > threshold) {
    return parent;
  }
  std::FILE* children = std::fopen(fmt::format("/proc/{}/task/{}/children", parent, parent).c_str(), "re");
  if (children == nullptr) {
    return -1;
  }
  std::vector<pid_t> pids;
  for (int pid = 0; std::fscanf(children, "%d", &pid) == 1;) {
    pids.push_back(pid);
  }
  (void)std::fclose(children);
  for (const auto pid : pids) {
    if (const auto found = find_growing(pid, threshold); found > 0) {
      return found;
    }
  }
  return -1;
}

void nap() {
  const timespec time{.tv_sec = 0, .tv_nsec = 1'000'000};
  (void)::nanosleep(&time, nullptr);
}

// The rate between 5 % and 95 % of the size. A look costs no more than a few microseconds.
Rates watch(pid_t pid, double size) {
  const auto deadline = Clock::now() + kLongest;
  pid_t growing = -1;
  while (growing < 0 && Clock::now() < deadline) {
    growing = find_growing(pid, size / 20);
    if (growing < 0) {
      nap();
    }
  }
  const int statm = open_statm(growing);
  const auto begin = Clock::now();
  const double first = resident(statm);
  const double cpu_begin = time_on_cpu(growing);
  double last = first;
  auto end = begin;
  while (last < size * 0.95 && Clock::now() < deadline) {
    nap();
    last = resident(statm);
    end = Clock::now();
  }
  const double cpu = (time_on_cpu(growing) - cpu_begin) / 1e9;
  (void)::close(statm);
  if (last < size * 0.95) {
    return {};
  }
  const double filled = (last - first) / kGib;
  return {.by_wall = filled / std::chrono::duration<double>(end - begin).count(), .by_cpu = filled / cpu};
}

void run_once(Contender& contender, double size) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  pid_t pid = -1;
  if (::posix_spawnp(&pid, contender.argv[0], &actions, &attributes, contender.argv.data(), environ) != 0) {
    fmt::print(stderr, "{}: could not be run\n", contender.argv[0]);
    std::exit(1);
  }
  const auto rates = watch(pid, size);
  (void)::kill(-pid, SIGKILL);
  while (::wait(nullptr) > 0) {  // its children became ours
  }
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (rates.by_wall == 0) {
    fmt::print(stderr, "{}: did not fill\n", contender.argv[0]);
    std::exit(1);
  }
  contender.by_wall.push_back(rates.by_wall);
  contender.by_cpu.push_back(rates.by_cpu);
}

// Twice: first what is taken is whatever there is, then what was just given back.
void warm_up(std::size_t bytes) {
  for (int i = 0; i < 2; ++i) {
    void* mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
      return;
    }
    (void)::madvise(mapped, bytes, MADV_HUGEPAGE);
    for (std::size_t at = 0; at < bytes; at += 4096) {
      static_cast<volatile char*>(mapped)[at] = 1;
    }
    (void)::munmap(mapped, bytes);
  }
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

// GiB/s of the first, then of A against each.
void print(const std::vector<Contender>& contenders) {
  const auto ratio = [&](const Contender& contender, std::vector<double> Contender::* rates) {
    std::vector<double> ratios;
    for (std::size_t round = 0; round < (contender.*rates).size(); ++round) {
      ratios.push_back((contenders[0].*rates)[round] / (contender.*rates)[round]);
    }
    return median(ratios);
  };
  for (const auto& contender : contenders) {
    fmt::print("{:.2f} {:.2f} {:.2f} {:.2f}\n", median(contender.by_wall), ratio(contender, &Contender::by_wall),
               median(contender.by_cpu), ratio(contender, &Contender::by_cpu));
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Contender> contenders(1);
  constexpr int kFirst = 4;
  for (int i = kFirst; i < argc; ++i) {
    if (std::strcmp(argv[i], "--vs") == 0) {
      contenders.emplace_back();
    } else {
      contenders.back().argv.push_back(argv[i]);
    }
  }
  if (std::ranges::any_of(contenders, [](const auto& one) { return one.argv.empty(); })) {
    fmt::print(stderr, "usage: fill_bench cold|warm BYTES ROUNDS A [ARG...] [--vs B [ARG...]]...\n");
    return 2;
  }
  (void)::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const bool warm = std::strcmp(argv[1], "warm") == 0;
  const double size = std::strtod(argv[2], nullptr);
  const int rounds = std::max(1, std::atoi(argv[3]));
  for (auto& contender : contenders) {
    contender.argv.push_back(nullptr);
  }
  for (int round = 0; round < rounds; ++round) {
    for (auto& contender : contenders) {
      if (warm) {
        warm_up(static_cast<std::size_t>(size));
      }
      run_once(contender, size);
    }
  }
  print(contenders);
  return 0;
}
