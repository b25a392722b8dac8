#include <fmt/format.h>
#include <gtest/gtest.h>

#include "cli/containers/api.h"
#include "cli/containers/known.h"
#include "tests/support/fake_cgroup.h"

namespace cli::containers {
namespace {

using support::must;

// Shortened answers of Docker Engine 26.1.
constexpr const char* kList = R"([
  {"Id": "aa11", "Names": ["/oomlab-anon-1"], "Image": "oomlab", "Labels": {"com.docker.compose.service": "anon"}},
  {"Id": "aa22", "Names": ["/plain"], "Image": "debian:12", "Labels": {}},
  {"Id": "bb33", "Names": [], "Image": "x"}])";
constexpr const char* kStart =
    R"({"status":"start","id":"cc44","from":"web:3","Type":"container","Action":"start","Actor":)"
    R"({"ID":"cc44","Attributes":{"com.docker.compose.service":"web","image":"web:3","name":"web-1"}},"scope":"local"})";

TEST(Known, ReadsTheListAndTheEvents) {
  Known known;
  must(known.add_list(kList));
  known.add_event(kStart);
  EXPECT_EQ(known.size(), 4U);
  EXPECT_EQ(known.by_id("aa11")->name, "oomlab-anon-1");
  EXPECT_EQ(known.by_id("aa11")->service, "anon");
  EXPECT_FALSE(known.by_id("aa22")->service);
  EXPECT_EQ(known.by_id("bb33")->name, "");
  EXPECT_EQ(known.by_id("cc44")->image, "web:3");
  EXPECT_EQ(known.by_id("nobody"), nullptr);
}

TEST(Known, FindsByNameIdAndTheStartOfOneId) {
  Known known;
  must(known.add_list(kList));
  EXPECT_EQ(known.find("plain")->id, "aa22");
  EXPECT_EQ(known.find("bb33")->id, "bb33");
  EXPECT_EQ(known.find("bb")->id, "bb33");
  EXPECT_EQ(known.find("aa"), nullptr) << "two begin so";
  EXPECT_EQ(known.find(""), nullptr);
  known.add_event(R"({"Type":"container","Actor":{"ID":"dd55","Attributes":{"name":"plain","image":"i"}}})");
  EXPECT_EQ(known.find("plain")->id, "dd55") << "the newest of that name";
}

TEST(Known, FindsTheContainerOfACgroup) {
  Known known;
  must(known.add_list(kList));
  EXPECT_EQ(known.of_cgroup("/docker/aa11")->id, "aa11");
  EXPECT_EQ(known.of_cgroup("/system.slice/docker-aa22.scope")->id, "aa22");
  EXPECT_EQ(known.of_cgroup("/batch.slice/aa11/init")->id, "aa11") << "--cgroup-parent, and a cgroup inside";
  EXPECT_EQ(known.of_cgroup("/docker/aa11/docker/bb33")->id, "bb33") << "the innermost";
  EXPECT_EQ(known.of_cgroup("/docker/aa113"), nullptr);
  EXPECT_EQ(known.of_cgroup("/"), nullptr);
  EXPECT_EQ(known.of_cgroup(""), nullptr);
}

TEST(Known, PassesOverWhatItDoesNotUnderstand) {
  Known known;
  for (const auto* text : {"", "{", "[]", "{}", R"({"Type":"network","Actor":{"ID":"x"}})", R"({"Type":"container"})",
                           R"({"Type":"container","Actor":[1]})", R"({"Type":"container","Actor":{"ID":5}})"}) {
    known.add_event(text);
  }
  EXPECT_EQ(known.size(), 0U);
  EXPECT_FALSE(known.add_list("{\"message\":\"no\"}"));
  must(known.add_list(R"([1, null, {"Id": 3}, {"Id": "e", "Names": [7], "Labels": []}])"));
  EXPECT_EQ(known.size(), 1U);
}

TEST(Known, IsBounded) {
  Known known;
  for (std::size_t i = 0; i < Known::kMost + 10; ++i) {
    known.add_event(fmt::format(R"({{"Type":"container","Actor":{{"ID":"{}","Attributes":{{}}}}}})", i));
  }
  EXPECT_EQ(known.size(), Known::kMost);
  EXPECT_EQ(known.by_id("0"), nullptr);
  EXPECT_NE(known.by_id(std::to_string(Known::kMost)), nullptr);
}

TEST(PercentEncoded, LeavesOnlyWhatAUrlMayHold) {
  EXPECT_EQ(percent_encoded(R"({"type":["container"]})"), "%7B%22type%22%3A%5B%22container%22%5D%7D");
  EXPECT_EQ(percent_encoded("a-Z_0.~"), "a-Z_0.~");
  EXPECT_EQ(percent_encoded("\xff\n/"), "%FF%0A%2F");
}

TEST(Answer, ComesInAnyPieces) {
  const std::string whole = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[1]\n";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Answer answer;
    (void)answer.add(whole.substr(0, cut));
    (void)answer.add(whole.substr(cut));
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body(), "[1]\n");
  }
}

TEST(Answer, OfSomethingElseHasNoStatus) {
  Answer answer;
  EXPECT_TRUE(answer.add("SSH-2.0\r\n\r\n"));
  EXPECT_EQ(answer.status(), 0);
  Answer endless;
  EXPECT_FALSE(endless.add(std::string(1 << 20, 'x')));
}

TEST(Api, SaysWhoCannotBeReached) {
  const auto answer = Api("/no/such/socket").get("/version");
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "/no/such/socket: No such file or directory");
  EXPECT_EQ(answer.error().sys_errno, ENOENT);
  EXPECT_FALSE(Api(std::string(300, 'x')).get("/version")) << "longer than a socket's name may be";
}

}  // namespace
}  // namespace cli::containers
