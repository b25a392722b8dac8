#include "vm/qmp.h"

#include <sys/socket.h>

#include <string>

#include <gtest/gtest.h>

#include "base/file.h"

namespace vm {
namespace {

using Kind = QmpMessage::Kind;

struct LineRow {
  const char* name;
  const char* line;
  Kind kind;
  const char* event;
  const char* text;
};
void PrintTo(const LineRow& row, std::ostream* out) {
  *out << row.name;
}

class QmpLine : public testing::TestWithParam<LineRow> {};

TEST_P(QmpLine, Reads) {
  const auto message = parse_qmp_line(GetParam().line);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, GetParam().kind);
  EXPECT_EQ(message->name, GetParam().event);
  EXPECT_EQ(message->text, GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Rows, QmpLine,
    testing::Values(
        LineRow{"greeting",
                R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}}, "capabilities": ["oob"]}})",
                Kind::greeting, "", ""},
        LineRow{"empty_answer", "{\"return\": {}}\r", Kind::answer, "", "{}"},
        LineRow{"answer", R"({"return": {"status": "running"}, "id": 3})", Kind::answer, "", R"({"status":"running"})"},
        LineRow{"refusal", R"({"error": {"class": "GenericError", "desc": "no such file"}})", Kind::refusal, "",
                "no such file"},
        LineRow{"refusal_without_words", R"({"error": {"class": 1}})", Kind::refusal, "", R"({"class":1})"},
        LineRow{"event", R"({"timestamp": {"seconds": 1}, "event": "MIGRATION", "data": {"status": "completed"}})",
                Kind::event, "MIGRATION", R"({"status":"completed"})"},
        LineRow{"event_without_data", R"({"event": "STOP"})", Kind::event, "STOP", "{}"}),
    [](const auto& row) { return row.param.name; });

TEST(QmpLines, RefusesAnythingElse) {
  for (const auto* line : {"", "{", "[]", "null", "{}", R"({"event": 3})", R"({"error": "x"})", "\xff\xfe"}) {
    EXPECT_FALSE(parse_qmp_line(line)) << line;
  }
}

// A QEMU that has said all its lines beforehand: answers are taken in order, so it need not listen.
Qmp::Time soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds(10);
}

std::pair<base::Fd, base::Fd> pair_saying(std::string_view lines) {
  int pair[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
  EXPECT_TRUE(base::write_all(pair[1], lines));
  return {base::Fd(pair[0]), base::Fd(pair[1])};
}

TEST(Qmp, KeepsAnEventThatComesBeforeTheAnswer) {
  auto [ours, theirs] = pair_saying(
      "{\"QMP\": {}}\r\n{\"return\": {}}\r\n{\"event\": \"MIGRATION\", \"data\": {\"status\": "
      "\"completed\"}}\r\n{\"return\": {}}\r\n");
  auto qmp = Qmp::connect(std::move(ours), soon());
  ASSERT_TRUE(qmp);
  EXPECT_EQ(qmp->execute("migrate", "{}", soon()), "{}");
  EXPECT_TRUE(qmp->wait_for_migration(soon()));
}

TEST(Qmp, AFailedMigrationIsAnError) {
  auto [ours, theirs] = pair_saying(
      "{\"QMP\": {}}\n{\"return\": {}}\n{\"event\": \"MIGRATION\", \"data\": {\"status\": \"active\"}}\n"
      "{\"event\": \"MIGRATION\", \"data\": {\"status\": \"failed\"}}\n");
  auto qmp = Qmp::connect(std::move(ours), soon());
  ASSERT_TRUE(qmp);
  const auto done = qmp->wait_for_migration(soon());
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().message, "QEMU: migration failed");
}

TEST(Qmp, ARefusalNamesTheCommand) {
  auto [ours, theirs] = pair_saying("{\"QMP\": {}}\n{\"return\": {}}\n{\"error\": {\"desc\": \"not now\"}}\n");
  auto qmp = Qmp::connect(std::move(ours), soon());
  ASSERT_TRUE(qmp);
  const auto answer = qmp->execute("cont", "{}", soon());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "QEMU: cont: not now");
}

TEST(Qmp, AClosedConnectionIsTheEndOfQemu) {
  auto [ours, theirs] = pair_saying("{\"QMP\": {}}\n");
  theirs.reset();
  const auto qmp = Qmp::connect(std::move(ours), soon());
  ASSERT_FALSE(qmp);
  EXPECT_EQ(qmp.error().message, "QEMU ended");
}

TEST(Qmp, SilenceIsATimeout) {
  auto [ours, theirs] = pair_saying("");
  const auto qmp = Qmp::connect(std::move(ours), std::chrono::steady_clock::now());
  ASSERT_FALSE(qmp);
  EXPECT_EQ(qmp.error().kind, base::ErrorKind::timeout);
}

}  // namespace
}  // namespace vm
