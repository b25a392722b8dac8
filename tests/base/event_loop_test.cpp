#include "base/event_loop.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/file.h"

namespace base {
namespace {

using namespace std::chrono_literals;

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  Fd reader, writer;
};

class EventLoopTest : public testing::Test {
 protected:
  EventLoop loop_ = std::move(EventLoop::create()).value();
};

TEST_F(EventLoopTest, EndsAtOnceWithNothingToWaitFor) {
  EXPECT_TRUE(loop_.run());
}

TEST_F(EventLoopTest, CallsBackWhenReadable) {
  const Pipe pipe;
  std::string got;
  ASSERT_TRUE(loop_.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_NE(events & EPOLLIN, 0U);
    std::array<char, 8> bytes{};
    got.append(bytes.data(), static_cast<std::size_t>(::read(pipe.reader.get(), bytes.data(), bytes.size())));
    loop_.stop();
  }));
  ASSERT_TRUE(write_all(pipe.writer.get(), "hello"));
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(got, "hello");
}

TEST_F(EventLoopTest, EndsWhenTheLastWatchIsRemoved) {
  Pipe pipe;
  ASSERT_TRUE(loop_.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t events) {
    EXPECT_NE(events & EPOLLHUP, 0U);
    loop_.unwatch(pipe.reader.get());
  }));
  pipe.writer.reset();
  EXPECT_TRUE(loop_.run());
}

TEST_F(EventLoopTest, AWatchRemovedByAnotherIsNotCalled) {
  const Pipe first;
  const Pipe second;
  int calls = 0;
  const auto once = [&](const Pipe& other) {
    return [&](std::uint32_t) {
      ++calls;
      loop_.unwatch(other.reader.get());
      loop_.stop();
    };
  };
  ASSERT_TRUE(loop_.watch(first.reader.get(), EPOLLIN, once(second)));
  ASSERT_TRUE(loop_.watch(second.reader.get(), EPOLLIN, once(first)));
  ASSERT_TRUE(write_all(first.writer.get(), "x"));
  ASSERT_TRUE(write_all(second.writer.get(), "x"));
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(calls, 1);
}

TEST_F(EventLoopTest, ChangePausesAndResumes) {
  const Pipe pipe;
  int calls = 0;
  ASSERT_TRUE(loop_.watch(pipe.reader.get(), EPOLLIN, [&](std::uint32_t) {
    ++calls;
    EXPECT_TRUE(loop_.change(pipe.reader.get(), 0));
    loop_.at(EventLoop::Clock::now() + 5ms, [&] { EXPECT_TRUE(loop_.change(pipe.reader.get(), EPOLLIN)); });
    if (calls == 2) {
      loop_.stop();
    }
  }));
  ASSERT_TRUE(write_all(pipe.writer.get(), "x"));
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(calls, 2);  // level-triggered: the byte is still there
}

TEST_F(EventLoopTest, TellsWhatCannotBeWatched) {
  const auto closed = loop_.watch(-1, EPOLLIN, [](std::uint32_t) {});
  ASSERT_FALSE(closed);
  EXPECT_EQ(closed.error().sys_errno, EBADF);
  const Pipe pipe;
  ASSERT_TRUE(loop_.watch(pipe.reader.get(), EPOLLIN, [](std::uint32_t) {}));
  EXPECT_EQ(loop_.watch(pipe.reader.get(), EPOLLIN, [](std::uint32_t) {}).error().sys_errno, EEXIST);
  EXPECT_EQ(loop_.change(pipe.writer.get(), EPOLLIN).error().sys_errno, ENOENT);
  loop_.unwatch(pipe.writer.get());  // unknown: nothing happens
}

TEST_F(EventLoopTest, TimersFireInTheOrderOfTheirTimes) {
  std::vector<int> order;
  const auto now = EventLoop::Clock::now();
  loop_.at(now + 4ms, [&] { order.push_back(3); });
  loop_.at(now + 2ms, [&] { order.push_back(2); });
  loop_.at(now - 1s, [&] { order.push_back(1); });
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(order, (std::vector{1, 2, 3}));
}

TEST_F(EventLoopTest, ATimerNeverFiresEarly) {
  const auto when = EventLoop::Clock::now() + 3ms;
  EventLoop::Clock::time_point fired;
  loop_.at(when, [&] { fired = EventLoop::Clock::now(); });
  EXPECT_TRUE(loop_.run());
  EXPECT_GE(fired, when);
}

TEST_F(EventLoopTest, ACancelledTimerDoesNotFire) {
  bool fired = false;
  const auto id = loop_.at(EventLoop::Clock::now() + 1ms, [&] { fired = true; });
  loop_.cancel(id);
  loop_.cancel(id + 1000);  // unknown: nothing happens
  EXPECT_TRUE(loop_.run());
  EXPECT_FALSE(fired);
}

TEST_F(EventLoopTest, EveryGoesOnUntilItCancelsItself) {
  int ticks = 0;
  EventLoop::TimerId id = 0;
  id = loop_.every(1ms, [&] {
    if (++ticks == 3) {
      loop_.cancel(id);
    }
  });
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(ticks, 3);
}

// A wait of whole milliseconds lets a timer fire once in each, so at most five times before this one. A busy machine
// may do no better now and then, and not a hundred times in a row.
TEST_F(EventLoopTest, TimersAreFinerThanAMillisecond) {
  int most = 0;
  for (int round = 0; round < 100 && most < 10; ++round) {
    int ticks = 0;
    const auto id = loop_.every(200us, [&] { ++ticks; });
    loop_.at(EventLoop::Clock::now() + 4ms, [&] {
      loop_.cancel(id);
      loop_.stop();
    });
    EXPECT_TRUE(loop_.run());
    most = std::max(most, ticks);
  }
  EXPECT_GE(most, 10);
}

TEST_F(EventLoopTest, LateTicksAreDroppedNotCaughtUp) {
  int ticks = 0;
  const auto start = EventLoop::Clock::now();
  EventLoop::TimerId id = 0;
  id = loop_.every(1ms, [&] {
    if (++ticks == 1) {
      while (EventLoop::Clock::now() < start + 30ms) {  // a stopped recorder
      }
    } else {
      loop_.cancel(id);
    }
  });
  loop_.at(start + 30ms, [&] { EXPECT_LE(ticks, 2); });
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(ticks, 2);
}

TEST_F(EventLoopTest, ATimerMaySetTimersAndStop) {
  bool later = false;
  loop_.at(EventLoop::Clock::now(), [&] {
    loop_.at(EventLoop::Clock::now(), [&] { loop_.stop(); });
    loop_.at(EventLoop::Clock::now() + 1h, [&] { later = true; });
  });
  EXPECT_TRUE(loop_.run());
  EXPECT_FALSE(later);
}

TEST_F(EventLoopTest, DeliversSignals) {
  auto signals = signal_fd({SIGUSR1, SIGUSR2});
  ASSERT_TRUE(signals);
  EXPECT_EQ(read_signal(signals->get()), std::nullopt);
  std::optional<int> got;
  ASSERT_TRUE(loop_.watch(signals->get(), EPOLLIN, [&](std::uint32_t) {
    got = read_signal(signals->get());
    loop_.stop();
  }));
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(loop_.run());
  EXPECT_EQ(got, SIGUSR1);
}

}  // namespace
}  // namespace base
