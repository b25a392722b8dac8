#include "vm/protocol.h"

#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include <gtest/gtest.h>

#include "vm/frame.h"

namespace {

using namespace vm;

RunFrame full_order() {
  return {.realtime_ns = 1'795'000'000'123'456'789,
          .seed = std::string(64, '\xA5'),
          .hostname = "lab",
          .host_files = true,
          .console_verbose = true,
          .swap_bytes = 1ULL << 33,
          .disk_bytes = 1ULL << 34,
          .sysctls = {{"vm.panic_on_oom", "1"}, {"vm.swappiness", ""}},
          .argv = {"sh", "-c", std::string("a\0b\n", 4)},
          .environment = {"PATH=/bin", "EMPTY="},
          .root = "/host",
          .working_folder = "/tmp",
          .uid = 1000,
          .gid = 0,
          .fetch = {"/tmp/p.json"}};
}

TEST(Protocol, OrderComesBackAsItWas) {
  const auto order = full_order();
  const auto decoded = decode_run(encode(order));
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_EQ(encode(*decoded), encode(order));
  EXPECT_EQ(decoded->argv, order.argv);
  EXPECT_EQ(decoded->sysctls, order.sysctls);
  EXPECT_EQ(decoded->root, order.root);
  EXPECT_EQ(decoded->uid, order.uid);
  EXPECT_EQ(decoded->gid, order.gid);
  EXPECT_EQ(decoded->swap_bytes, order.swap_bytes);
  EXPECT_EQ(decoded->disk_bytes, order.disk_bytes);
}

TEST(Protocol, OptionalFieldsStayAbsent) {
  const auto decoded = decode_run(encode(RunFrame{.argv = {"true"}}));
  ASSERT_TRUE(decoded);
  EXPECT_FALSE(decoded->root);
  EXPECT_FALSE(decoded->uid);
  EXPECT_FALSE(decoded->gid);
}

TEST(Protocol, EveryTruncationIsRefused) {
  const auto order = encode(full_order());
  for (std::size_t length = 0; length < order.size(); ++length) {
    ASSERT_FALSE(decode_run(std::string_view(order).substr(0, length))) << length;
  }
  const auto hello = encode(HelloFrame{.kernel = "6.12", .agent = "id"});
  for (std::size_t length = 0; length < hello.size(); ++length) {
    ASSERT_FALSE(decode_hello(std::string_view(hello).substr(0, length))) << length;
  }
}

TEST(Protocol, EveryTrailingByteIsRefused) {
  EXPECT_EQ(decode_run(encode(full_order()) + "x").error().message, "malformed run frame");
  EXPECT_EQ(decode_hello(encode(HelloFrame{}) + "x").error().message, "malformed hello frame");
  EXPECT_EQ(decode_exit(encode(base::ExitStatus{.exit_code = 0}) + "x").error().message, "malformed exit frame");
  EXPECT_EQ(decode_close(encode_number(0) + "x").error().message, "malformed close frame");
  EXPECT_EQ(decode_signal(encode_number(15) + "x").error().message, "malformed signal frame");
}

TEST(Protocol, ListThatClaimsToBeHugeTakesNoMemory) {
  auto order = encode(RunFrame{.argv = {"true"}});
  order.replace(order.size() - 4, 4, "\xff\xff\xff\xff");  // the count of files to fetch
  EXPECT_FALSE(decode_run(order));
}

TEST(Protocol, OrderWithoutCommandIsRefused) {
  EXPECT_FALSE(decode_run(encode(RunFrame{})));
}

TEST(Protocol, NamesTheVersionItDoesNotSpeak) {
  EXPECT_EQ(decode_hello(encode(HelloFrame{.version = 7})).error().message,
            "the guest's agent speaks version 7, expected 1");
}

TEST(Protocol, ExitStatus) {
  for (const auto& status :
       {base::ExitStatus{.exit_code = 0}, base::ExitStatus{.exit_code = 255}, base::ExitStatus{.signal = 9}}) {
    EXPECT_EQ(decode_exit(encode(status)), status);
  }
  EXPECT_FALSE(decode_exit(encode(base::ExitStatus{.exit_code = 256})));
  EXPECT_FALSE(decode_exit(encode(base::ExitStatus{.signal = 65})));
}

TEST(Protocol, RefusesStreamsAndSignalsThatDoNotExist) {
  EXPECT_FALSE(decode_data(encode_number(3) + "bytes"));
  EXPECT_FALSE(decode_data("ab"));
  EXPECT_FALSE(decode_credit(encode_number(0) + encode_number(kStreamWindow + 1)));
  EXPECT_FALSE(decode_close(encode_number(0xffffffff)));
  EXPECT_FALSE(decode_signal(encode_number(0)));
  EXPECT_FALSE(decode_signal(encode_number(65)));
}

class FrameReaderTest : public testing::Test {
 protected:
  FrameReaderTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds_), 0); }
  ~FrameReaderTest() override {
    ::close(fds_[0]);
    ::close(fds_[1]);
  }
  void send(std::string_view bytes) {
    ASSERT_EQ(::write(fds_[1], bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  }
  void send_header(std::uint32_t type, std::uint32_t length) { send(encode_number(type) + encode_number(length)); }
  base::Result<std::optional<Frame>> next() {
    EXPECT_TRUE(reader_.fill(fds_[0]));
    return reader_.next();
  }
  int fds_[2]{};
  FrameReader reader_;
};

TEST_F(FrameReaderTest, PutsTogetherWhatComesByteByByte) {
  const std::string bytes = encode_number(4) + encode_number(3) + "abc";
  for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
    send(bytes.substr(i, 1));
    const auto frame = next();
    ASSERT_TRUE(frame);
    EXPECT_FALSE(*frame);
    EXPECT_TRUE(reader_.mid_frame());
  }
  send(bytes.substr(bytes.size() - 1));
  const auto frame = next();
  ASSERT_TRUE(frame && *frame);
  EXPECT_EQ((*frame)->type, FrameType::data);
  EXPECT_EQ((*frame)->payload, "abc");
  EXPECT_FALSE(reader_.mid_frame());
}

TEST_F(FrameReaderTest, RefusesAnUnknownType) {
  send_header(11, 0);
  EXPECT_EQ(next().error().message, "agent port: unknown frame type 11");
}

TEST_F(FrameReaderTest, RefusesALengthBeyondTheTypes) {
  send_header(4, 0xffffffff);
  EXPECT_EQ(next().error().message, "agent port: frame of type 4 has 4294967295 bytes, expected at most 65540");
}

TEST_F(FrameReaderTest, RefusesAnOrderOfMoreThan4MiB) {
  send_header(2, (4U << 20) + 1);
  EXPECT_EQ(next().error().message, "agent port: frame of type 2 has 4194305 bytes, expected at most 4194304");
}

TEST_F(FrameReaderTest, SaysThatTheOtherSideIsGone) {
  ::shutdown(fds_[1], SHUT_WR);
  EXPECT_EQ(reader_.fill(fds_[0]), FrameReader::Filled::end);
}

}  // namespace
