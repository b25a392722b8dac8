#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cli {

struct Command;

// The options of one subcommand, bound to variables. Boost.Program_options splits the words (guessing off); messages
// and help are ours. With OOMLAB_COMPLETE in the environment parse() answers the completion scripts instead: a line
// "--option<TAB>help<TAB>values" per option, values being the words it takes or the metavar in capitals, and a line
// "word<TAB>help<TAB>" per offered word.
class Options {
 public:
  using Setter = std::function<base::Result<>(std::string_view value)>;

  // Starts a titled group in the help text.
  void group(std::string_view title);
  // "--name": no value.
  void flag(std::string_view name, bool& target, std::string_view help);
  // "--name VALUE" for any type through a setter; its error becomes "--name: <message>". short_name 0 for none. May be
  // given several times when repeatable.
  void value(std::string_view name, char short_name, std::string_view metavar, std::string_view help, Setter setter,
             bool repeatable = false);
  // The common kinds.
  void text(std::string_view name, std::optional<std::string>& target, std::string_view metavar, std::string_view help);
  void list(std::string_view name, char short_name, std::vector<std::string>& target, std::string_view metavar,
            std::string_view help);
  void size(std::string_view name, std::optional<std::uint64_t>& target, std::string_view help);
  void duration(std::string_view name, std::optional<std::chrono::nanoseconds>& target, std::string_view help);
  void integer(std::string_view name, std::optional<std::int64_t>& target, std::int64_t lowest, std::int64_t highest,
               std::string_view help);
  // One of the words.
  void choice(std::string_view name, std::string& target, std::vector<std::string> words, std::string_view help);

  // A positional word that shell completion offers, with its help. Changes nothing else.
  void offer(std::string_view word, std::string_view help);

  // What parse() left over.
  struct Parsed {
    std::vector<std::string> words;         // positional, before "--"
    std::vector<std::string> after_dashes;  // after "--"
    bool has_dashes = false;
    bool done = false;  // --help was printed, or completions were listed: return exit status 0
  };
  // Sets the bound variables. --help prints usage and the groups to stdout. stop_at_word: everything from the first
  // positional word on belongs to after_dashes (for `run`, so that the "--" may be left out). An error is of kind usage
  // and names the option, the value and what is accepted.
  base::Result<Parsed> parse(std::string_view command_name, const Command& command,
                             const std::vector<std::string>& arguments, bool stop_at_word = false);

 private:
  struct Option {
    std::string name;
    char short_name = 0;
    std::string metavar;  // empty: a flag
    std::string help;
    std::string group;
    Setter setter;
    bool repeatable = false;
    std::vector<std::string> words;
  };
  // What belongs to us, and what is another program's.
  struct Split {
    std::vector<std::string> ours;
    bool help = false;                // --help stands among ours
    const Option* waiting = nullptr;  // for its value, which did not come
  };
  const Option* find(std::string_view word) const;  // by "--name" or "-n"
  Split split(const std::vector<std::string>& arguments, bool stop_at_word, Parsed& parsed) const;
  [[nodiscard]] std::vector<std::pair<std::string, bool>> mentioned_names(const std::vector<std::string>& words) const;
  static base::Result<> set(const Option& option, const std::vector<std::string>& values, bool seen_before);
  base::Error unknown(std::string_view word, std::string_view command_name) const;
  std::string help_text(std::string_view command_name, const Command& command) const;
  std::string completions() const;

  std::vector<Option> options_;
  std::vector<std::pair<std::string, std::string>> offered_;  // positional words and their help
  std::string group_ = "Options";
};

}  // namespace cli
