#include "base/escape.h"

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "tests/support/case_name.h"

namespace base {
namespace {

using namespace std::string_view_literals;

struct Utf8Case {
  std::string_view name, bytes, repaired;
};

class ToValidUtf8 : public testing::TestWithParam<Utf8Case> {};

TEST_P(ToValidUtf8, KeepsWhatIsValidAndEscapesTheRest) {
  EXPECT_EQ(to_valid_utf8(GetParam().bytes), GetParam().repaired);
}

// The malformed sequences are those of RFC 3629 and of the Unicode standard's table 3-7.
INSTANTIATE_TEST_SUITE_P(Table, ToValidUtf8,
                         testing::Values(Utf8Case{"empty", "", ""}, Utf8Case{"ascii", "a.out", "a.out"},
                                         Utf8Case{"control_is_valid", "a\tb", "a\tb"},
                                         Utf8Case{"nul", "a\0b"sv, "a\0b"sv},
                                         Utf8Case{"two_bytes", "\xc3\xa9", "\xc3\xa9"},
                                         Utf8Case{"three_bytes", "\xe2\x82\xac", "\xe2\x82\xac"},
                                         Utf8Case{"four_bytes", "\xf0\x9f\x92\x80", "\xf0\x9f\x92\x80"},
                                         Utf8Case{"largest", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
                                         Utf8Case{"beyond_largest", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
                                         Utf8Case{"lone_continuation", "a\x80z", "a\\x80z"},
                                         Utf8Case{"overlong_two", "\xc0\xaf", "\\xc0\\xaf"},
                                         Utf8Case{"overlong_two_high", "\xc1\xbf", "\\xc1\\xbf"},
                                         Utf8Case{"overlong_three", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
                                         Utf8Case{"overlong_four", "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
                                         Utf8Case{"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
                                         Utf8Case{"last_before_surrogates", "\xed\x9f\xbf", "\xed\x9f\xbf"},
                                         Utf8Case{"five_bytes", "\xf8\x88\x80\x80\x80", "\\xf8\\x88\\x80\\x80\\x80"},
                                         Utf8Case{"never_a_byte", "\xfe\xff", "\\xfe\\xff"},
                                         Utf8Case{"cut_two", "a\xc3", "a\\xc3"},
                                         Utf8Case{"cut_three", "a\xe2\x82", "a\\xe2\\x82"},
                                         Utf8Case{"cut_four", "\xf0\x9f\x92", "\\xf0\\x9f\\x92"},
                                         Utf8Case{"cut_by_ascii", "\xe2\x82z", "\\xe2\\x82z"},
                                         Utf8Case{"lead_then_lead", "\xc3\xc3\xa9", "\\xc3\xc3\xa9"}),
                         tests::kCaseName);

TEST(ToValidUtf8, IsIdempotentOnEveryPairOfBytes) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      const std::string bytes{static_cast<char>(first), static_cast<char>(second)};
      const auto once = to_valid_utf8(bytes);
      ASSERT_EQ(to_valid_utf8(once), once) << first << ' ' << second;
    }
  }
}

struct HostileCase {
  std::string_view name, bytes, on_terminal, in_json;
};

class HostileText : public testing::TestWithParam<HostileCase> {};

TEST_P(HostileText, NeverSteersTheTerminal) {
  EXPECT_EQ(escape_terminal(GetParam().bytes), GetParam().on_terminal);
}

TEST_P(HostileText, SaysTheSameToAReaderOfJson) {
  EXPECT_EQ(escape_json(GetParam().bytes), GetParam().in_json);
}

INSTANTIATE_TEST_SUITE_P(
    Table, HostileText,
    testing::Values(HostileCase{"plain", "python3 -c 'x'", "python3 -c 'x'", "python3 -c 'x'"},
                    HostileCase{"escape_sequence", "\x1b]0;title\x07", "\\x1b]0;title\\x07", "\\u001b]0;title\\u0007"},
                    HostileCase{"newline", "a\nb", "a\\x0ab", "a\\nb"},
                    HostileCase{"carriage_return", "a\rb", "a\\x0db", "a\\rb"},
                    HostileCase{"tab", "a\tb", "a\\x09b", "a\\tb"},
                    HostileCase{"quote_and_backslash", "a\"b\\c", "a\"b\\c", "a\\\"b\\\\c"},
                    HostileCase{"del", "\x7f", "\\x7f", "\\u007f"},
                    HostileCase{"nul", "a\0b"sv, "a\\x00b", "a\\u0000b"},
                    HostileCase{"c1_csi",
                                "\xc2\x9b"
                                "31m",
                                "\\u{9b}31m", "\\u009b31m"},
                    HostileCase{"lone_c1_byte",
                                "\x9b"
                                "31m",
                                "\\x9b31m", "\\\\x9b31m"},
                    HostileCase{"bidi_override",
                                "\xe2\x80\xae"
                                "txt",
                                "\\u{202e}txt", "\\u202etxt"},
                    HostileCase{"bidi_isolate", "\xe2\x81\xa6", "\\u{2066}", "\\u2066"},
                    HostileCase{"line_separator", "\xe2\x80\xa8", "\\u{2028}", "\\u2028"},
                    HostileCase{"byte_order_mark",
                                "\xef\xbb\xbf"
                                "a",
                                "\\u{feff}a", "\\ufeffa"},
                    HostileCase{"letters", "\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"},
                    HostileCase{"first_after_c1", "\xc2\xa0", "\xc2\xa0", "\xc2\xa0"}),
    tests::kCaseName);

TEST(UnescapeKmsg, UndoesOnlyWholeEscapes) {
  EXPECT_EQ(unescape_kmsg("a\\x1bb"),
            "a\x1b"
            "b");
  EXPECT_EQ(unescape_kmsg("\\xFF\\xff"), "\xff\xff");
  EXPECT_EQ(unescape_kmsg("\\x0a"), "\n");
  EXPECT_EQ(unescape_kmsg("\\x5cx41"), "\\x41");  // what was unescaped is not read again
  EXPECT_EQ(unescape_kmsg("C:\\temp \\n \\x4"), "C:\\temp \\n \\x4");
  EXPECT_EQ(unescape_kmsg("\\xg0 \\x"), "\\xg0 \\x");
  EXPECT_EQ(unescape_kmsg("\\x00"), "\0"sv);
  EXPECT_EQ(unescape_kmsg(""), "");
}

TEST(UnescapeKmsg, UndoesWhatToValidUtf8Does) {
  const std::string bytes = "a\xff\xc3\xa9\x80z";
  EXPECT_EQ(unescape_kmsg(to_valid_utf8(bytes)), bytes);
}

TEST(QuoteShell, LeavesHarmlessWordsAlone) {
  EXPECT_EQ(quote_shell("--memory-max=64M"), "--memory-max=64M");
  EXPECT_EQ(quote_shell("/usr/bin/python3"), "/usr/bin/python3");
}

TEST(QuoteShell, QuotesTheRest) {
  EXPECT_EQ(quote_shell(""), "''");
  EXPECT_EQ(quote_shell("a b"), "'a b'");
  EXPECT_EQ(quote_shell("it's"), "'it'\\''s'");
  EXPECT_EQ(quote_shell("$(reboot)"), "'$(reboot)'");
  EXPECT_EQ(quote_shell("a\nb"), "'a\nb'");
  EXPECT_EQ(quote_shell("*"), "'*'");
  EXPECT_EQ(quote_shell("~root"), "'~root'");
}

}  // namespace
}  // namespace base
