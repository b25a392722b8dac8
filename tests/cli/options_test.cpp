#include "cli/options.h"

#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/command.h"
#include "tests/support/case_name.h"

namespace cli {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Words = std::vector<std::string>;

constexpr Command kCommand{
    .summary = "does things", .usage = "[OPTION...] WORD", .details = "Example: oomlab do it", .run = nullptr};

// A subcommand's options of every kind, and the variables they set.
struct Fixture {
  std::optional<std::uint64_t> memory_max;
  std::optional<std::int64_t> score;
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<std::string> name;
  Words outputs;
  std::string format = "text";
  bool group = false;
  Options options;

  Fixture() {
    options.group("Limits");
    options.size("memory-max", memory_max, "the cgroup's limit");
    options.flag("oom-group", group, "kill all or none");
    options.integer("oom-score-adj", score, -1000, 1000, "adds to the badness of the command");
    options.group("Output");
    options.list("output", 'o', outputs, "FILE", "where to write; may be given more than once");
    options.choice("format", format, {"text", "json"}, "of standard output");
    options.duration("timeout", timeout, "end the command after that time");
    options.text("name", name, "TEXT", "any text");
  }
  base::Result<Options::Parsed> parse(const Words& arguments, bool stop_at_word = false) {
    return options.parse("do", kCommand, arguments, stop_at_word);
  }
};

TEST(Options, SetsEveryKind) {
  Fixture it;
  const auto parsed = it.parse({"--memory-max", "64M", "--oom-group", "--oom-score-adj", "500", "-o", "p.json",
                                "--format", "json", "--timeout", "250ms", "--name", "a b", "word"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(it.memory_max, 64U << 20);
  EXPECT_TRUE(it.group);
  EXPECT_EQ(it.score, 500);
  EXPECT_THAT(it.outputs, ElementsAre("p.json"));
  EXPECT_EQ(it.format, "json");
  EXPECT_EQ(it.timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(it.name, "a b");
  EXPECT_THAT(parsed->words, ElementsAre("word"));
  EXPECT_FALSE(parsed->has_dashes);
  EXPECT_FALSE(parsed->done);
}

TEST(Options, LeavesWhatWasNotGiven) {
  Fixture it;
  ASSERT_TRUE(it.parse({}));
  EXPECT_EQ(it.memory_max, std::nullopt);
  EXPECT_EQ(it.format, "text");
  EXPECT_FALSE(it.group);
}

TEST(Options, TakesAValueAfterAnEqualsSign) {
  Fixture it;
  ASSERT_TRUE(it.parse({"--memory-max=1G", "--name=", "--oom-score-adj=-500"}).has_value() ==
              false);  // --name= is empty
  Fixture other;
  ASSERT_TRUE(other.parse({"--memory-max=1G", "--name=a=b", "--oom-score-adj=-500"}));
  EXPECT_EQ(other.memory_max, 1U << 30);
  EXPECT_EQ(other.name, "a=b");
  EXPECT_EQ(other.score, -500);
}

TEST(Options, TakesANegativeNumberAsAValue) {
  Fixture it;
  const auto parsed = it.parse({"--oom-score-adj", "-500", "word"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(it.score, -500);
  EXPECT_THAT(parsed->words, ElementsAre("word"));
}

TEST(Options, TakesANegativeNumberBeforeACommand) {
  Fixture it;
  const auto parsed = it.parse({"--oom-score-adj", "-500", "true", "-5"}, true);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_EQ(it.score, -500);
  EXPECT_THAT(parsed->after_dashes, ElementsAre("true", "-5"));
}

TEST(Options, CollectsARepeatedOutput) {
  Fixture it;
  ASSERT_TRUE(it.parse({"-o", "a.json", "-ob.html", "--output", "c.md", "--output=d.txt", "-o", "-"}));
  EXPECT_THAT(it.outputs, ElementsAre("a.json", "b.html", "c.md", "d.txt", "-"));
}

TEST(Options, EndsAtTheDashes) {
  Fixture it;
  const auto parsed = it.parse({"--oom-group", "--", "--memory-max", "12Q", "--", "x"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_TRUE(parsed->has_dashes);
  EXPECT_THAT(parsed->after_dashes, ElementsAre("--memory-max", "12Q", "--", "x"));
  EXPECT_THAT(parsed->words, IsEmpty());
  EXPECT_EQ(it.memory_max, std::nullopt);
}

TEST(Options, NothingAfterTheDashesIsTold) {
  Fixture it;
  const auto parsed = it.parse({"--"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->has_dashes);
  EXPECT_THAT(parsed->after_dashes, IsEmpty());
}

TEST(Options, StopsAtTheFirstWordWhenAsked) {
  Fixture it;
  const auto parsed = it.parse({"--memory-max", "64M", "-o", "p.json", "ls", "--format", "--help", "--", "-l"}, true);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_FALSE(parsed->has_dashes);
  EXPECT_THAT(parsed->after_dashes, ElementsAre("ls", "--format", "--help", "--", "-l"));
  EXPECT_THAT(it.outputs, ElementsAre("p.json"));
}

TEST(Options, StopsAfterAValueThatIsAttached) {
  Fixture it;
  const auto parsed = it.parse({"--memory-max=64M", "-op.json", "--oom-group", "ls"}, true);
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(parsed->after_dashes, ElementsAre("ls"));
}

TEST(Options, HelpWinsOverAMissingValue) {
  Fixture it;
  testing::internal::CaptureStdout();
  const auto parsed = it.parse({"--memory-max", "--help"});
  EXPECT_THAT(testing::internal::GetCapturedStdout(), testing::StartsWith("Usage: oomlab do"));
  EXPECT_TRUE(parsed && parsed->done);
}

TEST(Options, ADashAloneIsAWordOrAValue) {
  Fixture it;
  const auto parsed = it.parse({"-o", "-", "-"});
  ASSERT_TRUE(parsed) << parsed.error().message;
  EXPECT_THAT(it.outputs, ElementsAre("-"));
  EXPECT_THAT(parsed->words, ElementsAre("-"));
}

struct RefusedCase {
  std::string_view name;
  Words arguments;
  std::string_view message, remedy;
};

class OptionsRefuse : public testing::TestWithParam<RefusedCase> {};

TEST_P(OptionsRefuse, NamingOptionValueAndWhatIsAccepted) {
  Fixture it;
  const auto parsed = it.parse(GetParam().arguments);
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().kind, base::ErrorKind::usage);
  EXPECT_EQ(parsed.error().message, GetParam().message);
  EXPECT_EQ(parsed.error().remedy, GetParam().remedy);
}

INSTANTIATE_TEST_SUITE_P(
    Table, OptionsRefuse,
    testing::Values(
        RefusedCase{"bad_size",
                    {"--memory-max", "12Q"},
                    "--memory-max: '12Q' is not a size: bytes, or a number with K, M, G or T (binary)",
                    ""},
        RefusedCase{"bad_size_attached",
                    {"--memory-max=-1"},
                    "--memory-max: '-1' is not a size: bytes, or a number with K, M, G or T (binary)",
                    ""},
        RefusedCase{"bad_number",
                    {"--oom-score-adj", "2k"},
                    "--oom-score-adj: '2k' is not a whole number from -1000 to 1000",
                    ""},
        RefusedCase{"number_out_of_range",
                    {"--oom-score-adj", "-1001"},
                    "--oom-score-adj: '-1001' is not a whole number from -1000 to 1000",
                    ""},
        RefusedCase{"empty_number",
                    {"--oom-score-adj", ""},
                    "--oom-score-adj: '' is not a whole number from -1000 to 1000",
                    ""},
        RefusedCase{"bad_choice", {"--format", "yaml"}, "--format: 'yaml' is not one of: text, json", ""},
        RefusedCase{
            "bad_duration", {"--timeout", "3d"}, "--timeout: '3d' is not a duration such as 250ms, 3s or 2m", ""},
        RefusedCase{"hostile_value", {"--format", "\x1b[2J"}, "--format: '\\x1b[2J' is not one of: text, json", ""},
        RefusedCase{"unknown", {"--frobnicate"}, "--frobnicate: unknown option", "oomlab do --help lists the options"},
        RefusedCase{
            "unknown_near", {"--memory-mx", "64M"}, "--memory-mx: unknown option", "did you mean --memory-max?"},
        RefusedCase{"unknown_with_value", {"--formt=json"}, "--formt: unknown option", "did you mean --format?"},
        RefusedCase{"unknown_short", {"-x"}, "-x: unknown option", "oomlab do --help lists the options"},
        RefusedCase{"abbreviation", {"--mem", "7"}, "--mem: unknown option", "oomlab do --help lists the options"},
        RefusedCase{"given_twice", {"--memory-max", "1M", "--memory-max=2M"}, "--memory-max: given twice", ""},
        RefusedCase{"flag_twice", {"--oom-group", "--oom-group"}, "--oom-group: given twice", ""},
        RefusedCase{"value_missing_at_end", {"--memory-max"}, "--memory-max: needs a value", ""},
        RefusedCase{"value_missing_before_option", {"--memory-max", "--oom-group"}, "--memory-max: needs a value", ""},
        RefusedCase{"value_missing_before_dashes", {"--memory-max", "--", "ls"}, "--memory-max: needs a value", ""},
        RefusedCase{"value_missing_short", {"-o"}, "--output: needs a value", ""},
        RefusedCase{"value_empty_attached", {"--memory-max="}, "--memory-max: needs a value", ""},
        RefusedCase{"value_for_a_flag", {"--oom-group=yes"}, "--oom-group: takes no value", ""}),
    tests::kCaseName);

TEST(Options, ShowsItsHelp) {
  Fixture it;
  testing::internal::CaptureStdout();
  const auto parsed = it.parse({"--memory-max", "12Q", "--help"});  // help is help, whatever else is wrong
  const auto shown = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->done);
  EXPECT_EQ(shown,
            "Usage: oomlab do [OPTION...] WORD\n"
            "\n"
            "does things\n"
            "\n"
            "Example: oomlab do it\n"
            "\n"
            "Limits:\n"
            "  --memory-max SIZE           the cgroup's limit\n"
            "  --oom-group                 kill all or none\n"
            "  --oom-score-adj N           adds to the badness of the command\n"
            "\n"
            "Output:\n"
            "  -o, --output FILE           where to write; may be given more than once\n"
            "  --format text|json          of standard output\n"
            "  --timeout TIME              end the command after that time\n"
            "  --name TEXT                 any text\n");
}

TEST(Options, HelpAfterTheDashesIsTheCommandsOwn) {
  Fixture it;
  const auto parsed = it.parse({"--", "ls", "--help"});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->done);
}

TEST(Options, WrapsLongHelp) {
  Options options;
  bool flag = false;
  options.flag("a-rather-long-name-of-an-option", flag,
               "one two three four five six seven eight nine ten eleven twelve");
  testing::internal::CaptureStdout();
  ASSERT_TRUE(options.parse("do", kCommand, {"-h"}));
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              testing::EndsWith("Options:\n"
                                "  --a-rather-long-name-of-an-option\n"
                                "                              one two three four five six seven eight nine ten\n"
                                "                              eleven twelve\n"));
}

TEST(Options, AnswersTheCompletionScripts) {
  Fixture it;
  it.options.offer("anon", "anonymous memory");
  ::setenv("OOMLAB_COMPLETE", "1", 1);
  testing::internal::CaptureStdout();
  const auto parsed = it.parse({"--nonsense"});
  ::unsetenv("OOMLAB_COMPLETE");
  const auto shown = testing::internal::GetCapturedStdout();
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->done);
  EXPECT_EQ(shown,
            "anon\tanonymous memory\t\n"
            "--memory-max\tthe cgroup's limit\tSIZE\n"
            "--oom-group\tkill all or none\t\n"
            "--oom-score-adj\tadds to the badness of the command\tN\n"
            "--output\twhere to write; may be given more than once\tFILE\n"
            "-o\twhere to write; may be given more than once\tFILE\n"
            "--format\tof standard output\ttext json\n"
            "--timeout\tend the command after that time\tTIME\n"
            "--name\tany text\tTEXT\n"
            "--help\tsay what this command does\t\n");
}

}  // namespace
}  // namespace cli
