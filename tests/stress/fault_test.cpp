#include "stress/fault.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "stress/seccomp_filter.h"

namespace stress {
namespace {

TEST(Faults, AreParsed) {
  const auto faults = parse_faults("mmap:ENOMEM:after=100,brk:ENOMEM:size=1M:times=2,openat:EMFILE");
  ASSERT_TRUE(faults) << faults.error().message;
  const std::vector<Fault> wanted = {{.call = "mmap", .error = ENOMEM, .after = 100},
                                     {.call = "brk", .error = ENOMEM, .times = 2, .at_least_bytes = 1 << 20},
                                     {.call = "openat", .error = EMFILE}};
  EXPECT_EQ(*faults, wanted);
}

struct BadCase {
  const char* name;
  const char* text;
  const char* message;
};

class BadFaults : public testing::TestWithParam<BadCase> {};

TEST_P(BadFaults, AreNamedWithWhatIsAccepted) {
  const auto faults = parse_faults(GetParam().text);
  ASSERT_FALSE(faults);
  EXPECT_EQ(faults.error().kind, base::ErrorKind::usage);
  EXPECT_THAT(faults.error().message, testing::HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(Table, BadFaults,
                         testing::Values(BadCase{"empty", "", "'' is not CALL:ERROR"},
                                         BadCase{"no_error", "mmap", "'mmap' is not CALL:ERROR"},
                                         BadCase{"no_such_call", "mmapp:ENOMEM",
                                                 "'mmapp' is not a system call of this machine"},
                                         BadCase{"no_such_error", "mmap:EFULL", "'EFULL' is not one of ENOMEM, "},
                                         BadCase{"no_such_condition", "mmap:ENOMEM:before=3",
                                                 "'before=3' is not after=N, times=N or size=SIZE"},
                                         BadCase{"no_number", "mmap:ENOMEM:after=x", "'x' is not a whole number"},
                                         BadCase{"negative", "mmap:ENOMEM:after=-1", "'-1' is not a whole number"},
                                         BadCase{"no_size", "mmap:ENOMEM:size=12Q", "'12Q' is not a size"},
                                         BadCase{"terminal", "mmap\x1b[31m:ENOMEM", "mmap\\x1b[31m"},
                                         BadCase{"second", "mmap:ENOMEM,brk", "'brk' is not CALL:ERROR"}),
                         [](const auto& row) { return row.param.name; });

int decided(FaultPlan& plan, const Call& call) {
  const auto answer = plan.decide(call);
  return answer.kind == Answer::Kind::error ? static_cast<int>(answer.number) : 0;
}

TEST(FaultPlan, FailsAfterSoManyForSoMany) {
  FaultPlan plan({{.call = "mmap", .error = ENOMEM, .after = 2, .times = 2}});
  std::vector<int> errors;
  for (int i = 0; i < 6; ++i) {
    errors.push_back(decided(plan, {.name = "mmap"}));
  }
  EXPECT_EQ(errors, (std::vector<int>{0, 0, ENOMEM, ENOMEM, 0, 0}));
  EXPECT_EQ(plan.failed(), 2U);
  EXPECT_EQ(plan.counted(), 6U);
}

TEST(FaultPlan, CountsOnlyWhatIsLargeEnough) {
  FaultPlan plan({{.call = "mmap", .error = ENOMEM, .after = 1, .at_least_bytes = 4096}});
  EXPECT_EQ(decided(plan, {.name = "mmap", .arguments = {0, 8192}}), 0);
  EXPECT_EQ(decided(plan, {.name = "mmap", .arguments = {0, 1024}}), 0);
  EXPECT_EQ(decided(plan, {.name = "munmap", .arguments = {0, 8192}}), 0);
  EXPECT_EQ(decided(plan, {.name = "mmap", .arguments = {0, 4096}}), ENOMEM);
}

TEST(FaultPlan, NamesEachCallOnce) {
  const auto faults = parse_faults("mmap:ENOMEM,mmap:EAGAIN:after=3,brk:ENOMEM");
  ASSERT_TRUE(faults);
  EXPECT_EQ(FaultPlan(*faults).calls(), (std::vector<std::string>{"mmap", "brk"}));
}

// The rest runs programs under the filter; where that is forbidden (some containers), it says so.
base::Result<base::ExitStatus> run_under(const char* text, const std::function<int()>& program) {
  FaultPlan plan(*parse_faults(text));
  TRY_ASSIGN(auto child, Intercepted::start(plan.calls(), program));
  return child.serve([&plan](const Call& call) { return plan.decide(call); });
}

#define SKIP_WITHOUT_FILTERS(status)                                                       \
  if (!(status) && (status).error().kind == base::ErrorKind::unsupported) {                \
    GTEST_SKIP() << (status).error().message << "; run where seccomp filters may be made"; \
  }

TEST(Intercepted, FailsTheCallThatThePlanSays) {
  const auto status = run_under("getcpu:ENOSPC:after=2", [] {
    const auto call = [] { return ::syscall(SYS_getcpu, nullptr, nullptr, nullptr); };
    const bool first_two = call() == 0 && call() == 0;
    return first_two && call() == -1 && errno == ENOSPC ? 42 : 1;
  });
  SKIP_WITHOUT_FILTERS(status);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->exit_code, 42);
}

TEST(Intercepted, AFailedBreakLeavesItWhereItIs) {
  const auto status = run_under("brk:ENOMEM:after=1", [] {
    void* before = ::sbrk(0);
    const bool grows = ::sbrk(8192) == before;
    const bool refused = ::sbrk(8192) == reinterpret_cast<void*>(-1) && errno == ENOMEM;
    const bool stays = ::sbrk(0) == static_cast<char*>(before) + 8192;
    return grows && refused && stays ? 42 : 1 + grows + 2 * refused + 4 * stays;
  });
  SKIP_WITHOUT_FILTERS(status);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->exit_code, 42);
}

TEST(Intercepted, WorksForThreadsAndChildren) {
  const auto status = run_under("getcpu:EIO:after=1", [] {
    const auto call = [] { return ::syscall(SYS_getcpu, nullptr, nullptr, nullptr); };
    long in_thread = 0;
    std::thread([&] { in_thread = call(); }).join();
    const pid_t child = ::fork();
    if (child == 0) {
      ::_exit(call() == -1 && errno == EIO ? 7 : 0);
    }
    int ended = 0;
    (void)::waitpid(child, &ended, 0);
    return in_thread == 0 && WEXITSTATUS(ended) == 7 ? 42 : 1;
  });
  SKIP_WITHOUT_FILTERS(status);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->exit_code, 42);
}

TEST(Intercepted, TellsOfASignalThatEndedIt) {
  const auto status = run_under("getcpu:EIO", [] {
    (void)::kill(::getpid(), SIGKILL);
    return 0;
  });
  SKIP_WITHOUT_FILTERS(status);
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(status->signal, SIGKILL);
}

}  // namespace
}  // namespace stress
