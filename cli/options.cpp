#include "cli/options.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/report.h"
#include "cli/wrap.h"

namespace cli {
namespace {

namespace po = boost::program_options;

base::Error usage_error(std::string message) {
  return base::Error{.kind = base::ErrorKind::usage, .message = std::move(message)};
}

using OptionName = std::pair<std::string, bool>;  // "output,o", and whether it takes a value

// Boost's part: which word is an option, which its value. The mistakes left at this stage are a missing value and a
// value for a flag.
base::Result<std::vector<po::option>> split_words(const std::vector<std::string>& words,
                                                  const std::vector<OptionName>& names) {
  po::options_description description;
  for (const auto& [name, takes_value] : names) {
    if (takes_value) {
      description.add_options()(name.c_str(), po::value<std::vector<std::string>>(), "");
    } else {
      description.add_options()(name.c_str(), "");
    }
  }
  try {
    return po::command_line_parser(words)
        .options(description)
        .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
        .allow_unregistered()
        .run()
        .options;
  } catch (const po::invalid_command_line_syntax& error) {
    const bool extra = error.kind() == po::invalid_syntax::extra_parameter;
    return std::unexpected(usage_error(fmt::format("{}: {}", base::escape_terminal(error.get_option_name()),
                                                   extra ? "takes no value" : "needs a value")));
  } catch (const po::error& error) {
    return std::unexpected(usage_error(base::escape_terminal(error.what())));
  }
}

}  // namespace

void Options::group(std::string_view title) {
  group_ = title;
}

void Options::flag(std::string_view name, bool& target, std::string_view help) {
  options_.push_back({.name = std::string(name), .help = std::string(help), .group = group_, .setter = [&target](auto) {
                        target = true;
                        return base::Result<>{};
                      }});
}

// NOLINTNEXTLINE(readability-function-size): the one primitive that all kinds of options are made of
void Options::value(std::string_view name, char short_name, std::string_view metavar, std::string_view help,
                    Setter setter, bool repeatable) {
  options_.push_back({.name = std::string(name),
                      .short_name = short_name,
                      .metavar = std::string(metavar),
                      .help = std::string(help),
                      .group = group_,
                      .setter = std::move(setter),
                      .repeatable = repeatable});
}

void Options::text(std::string_view name, std::optional<std::string>& target, std::string_view metavar,
                   std::string_view help) {
  value(name, 0, metavar, help, [&target](std::string_view text) {
    target = text;
    return base::Result<>{};
  });
}

void Options::list(std::string_view name, char short_name, std::vector<std::string>& target, std::string_view metavar,
                   std::string_view help) {
  value(
      name, short_name, metavar, help,
      [&target](std::string_view text) {
        target.emplace_back(text);
        return base::Result<>{};
      },
      true);
}

void Options::size(std::string_view name, std::optional<std::uint64_t>& target, std::string_view help) {
  value(name, 0, "SIZE", help, [&target](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(target, base::parse_size(text));
    return {};
  });
}

void Options::duration(std::string_view name, std::optional<std::chrono::nanoseconds>& target, std::string_view help) {
  value(name, 0, "TIME", help, [&target](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(target, base::parse_duration(text));
    return {};
  });
}

void Options::integer(std::string_view name, std::optional<std::int64_t>& target, std::int64_t lowest,
                      std::int64_t highest, std::string_view help) {
  value(name, 0, "N", help, [&target, lowest, highest](std::string_view text) -> base::Result<> {
    std::int64_t number = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || stop != text.data() + text.size() || number < lowest || number > highest) {
      return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not a whole number from {} to {}",
                                                            base::escape_terminal(text), lowest, highest));
    }
    target = number;
    return {};
  });
}

void Options::choice(std::string_view name, std::string& target, std::vector<std::string> words,
                     std::string_view help) {
  const std::string metavar = fmt::format("{}", fmt::join(words, "|"));
  value(name, 0, metavar, help, [&target, words](std::string_view text) -> base::Result<> {
    if (std::ranges::find(words, text) == words.end()) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("'{}' is not one of: {}", base::escape_terminal(text), fmt::join(words, ", ")));
    }
    target = text;
    return {};
  });
  options_.back().words = std::move(words);
}

void Options::offer(std::string_view word, std::string_view help) {
  offered_.emplace_back(word, help);
}

const Options::Option* Options::find(std::string_view word) const {
  const auto found = std::ranges::find_if(options_, [&](const Option& option) {
    return word == "--" + option.name || (option.short_name != 0 && word == std::string{'-', option.short_name});
  });
  return found == options_.end() ? nullptr : &*found;
}

std::string Options::completions() const {
  std::string out;
  for (const auto& [word, help] : offered_) {
    out += fmt::format("{}\t{}\t\n", word, help);
  }
  for (const auto& option : options_) {
    const auto values = option.words.empty() ? option.metavar : fmt::format("{}", fmt::join(option.words, " "));
    out += fmt::format("--{}\t{}\t{}\n", option.name, option.help, values);
    if (option.short_name != 0) {
      out += fmt::format("-{}\t{}\t{}\n", option.short_name, option.help, values);
    }
  }
  return out + "--help\tsay what this command does\t\n";
}

std::string Options::help_text(std::string_view command_name, const Command& command) const {
  std::string help = fmt::format("Usage: oomlab {} {}\n\n{}\n", command_name, command.usage, command.summary);
  if (!command.details.empty()) {
    help += fmt::format("\n{}\n", command.details);
  }
  constexpr std::size_t kColumn = 30;
  const std::size_t width = std::min<std::size_t>(columns(STDOUT_FILENO), 110);
  std::string shown_group;
  for (const auto& option : options_) {
    if (option.group != shown_group) {
      help += fmt::format("\n{}:\n", option.group);
      shown_group = option.group;
    }
    const auto names =
        fmt::format("  {}--{}{}{}", option.short_name != 0 ? fmt::format("-{}, ", option.short_name) : "", option.name,
                    option.metavar.empty() ? "" : " ", option.metavar);
    help += names.size() + 2 > kColumn ? fmt::format("{}\n{:{}}", names, "", kColumn)
                                       : fmt::format("{:<{}}", names, kColumn);
    help += wrap(option.help, kColumn, width) + "\n";
  }
  return help;
}

// Everything after "--", or from the first positional word on, belongs to a command to be run.
Options::Split Options::split(const std::vector<std::string>& arguments, bool stop_at_word, Parsed& parsed) const {
  Split split;
  for (auto word = arguments.begin(); word != arguments.end(); ++word) {
    if (*word == "--") {
      parsed.has_dashes = true;
      parsed.after_dashes.assign(word + 1, arguments.end());
      break;
    }
    if (*word == "--help" || *word == "-h") {
      split.help = true;
    }
    const bool is_option = word->size() > 1 && word->front() == '-';
    const bool is_value = split.waiting != nullptr;
    const auto* option = find(*word);
    if (is_value && option != nullptr) {
      break;  // an option of ours is never meant as a value: `--memory-max --oom-group` forgot one
    }
    if (stop_at_word && !is_option && !is_value) {
      parsed.after_dashes.assign(word, arguments.end());
      break;
    }
    split.waiting = is_value || option == nullptr || option->metavar.empty() ? nullptr : option;
    split.ours.push_back(*word);
  }
  return split;
}

base::Error Options::unknown(std::string_view word, std::string_view command_name) const {
  const auto typed = word.substr(0, word.find('='));
  std::vector<std::string> names;
  names.reserve(options_.size());
  for (const auto& option : options_) {
    names.push_back("--" + option.name);
  }
  const auto near = nearest(typed, names);
  return base::Error{.kind = base::ErrorKind::usage,
                     .message = fmt::format("{}: unknown option", base::escape_terminal(typed)),
                     .remedy = near.empty() ? fmt::format("oomlab {} --help lists the options", command_name)
                                            : fmt::format("did you mean {}?", near)};
}

base::Result<> Options::set(const Option& option, const std::vector<std::string>& values, bool seen_before) {
  if (seen_before && !option.repeatable) {
    return std::unexpected(usage_error(fmt::format("--{}: given twice", option.name)));
  }
  for (const auto& value : option.metavar.empty() ? std::vector<std::string>{""} : values) {
    if (auto set = option.setter(value); !set) {
      auto error = std::move(set).error().context("--" + option.name);
      error.kind = base::ErrorKind::usage;
      return std::unexpected(std::move(error));
    }
  }
  return {};
}

// Those that the words mention: describing all to Boost takes longer than all the rest.
std::vector<std::pair<std::string, bool>> Options::mentioned_names(const std::vector<std::string>& words) const {
  std::vector<std::pair<std::string, bool>> names;
  for (const auto& option : options_) {
    const auto name = "--" + option.name;
    const auto mentions = [&](std::string_view word) {
      const bool by_name = word.starts_with(name) && (word.size() == name.size() || word[name.size()] == '=');
      const bool short_ones = word.starts_with('-') && !word.starts_with("--");  // several may stick together
      return by_name ||
             (option.short_name != 0 && short_ones && word.find(option.short_name) != std::string_view::npos);
    };
    if (std::ranges::any_of(words, mentions)) {
      names.emplace_back(option.short_name != 0 ? fmt::format("{},{}", option.name, option.short_name) : option.name,
                         !option.metavar.empty());
    }
  }
  return names;
}

base::Result<Options::Parsed> Options::parse(std::string_view command_name, const Command& command,
                                             const std::vector<std::string>& arguments, bool stop_at_word) {
  Parsed parsed;
  if (std::getenv("OOMLAB_COMPLETE") != nullptr) {
    (void)print(completions());
    parsed.done = true;
    return parsed;
  }
  const Split split = this->split(arguments, stop_at_word, parsed);
  if (split.help) {
    (void)print(help_text(command_name, command));
    parsed.done = true;
    return parsed;
  }
  if (split.waiting != nullptr) {
    return std::unexpected(usage_error(fmt::format("--{}: needs a value", split.waiting->name)));
  }
  TRY_ASSIGN(const auto items, split_words(split.ours, mentioned_names(split.ours)));
  std::set<const Option*> seen;
  for (const auto& item : items) {
    if (item.unregistered) {
      return std::unexpected(unknown(item.original_tokens.at(0), command_name));
    }
    if (item.position_key >= 0 || item.string_key.empty()) {
      parsed.words.insert(parsed.words.end(), item.value.begin(), item.value.end());
      continue;
    }
    const auto* option = find(item.string_key.front() == '-' ? item.string_key : "--" + item.string_key);
    if (option == nullptr) {
      return std::unexpected(unknown(item.string_key, command_name));
    }
    TRY(set(*option, item.value, !seen.insert(option).second));
  }
  return parsed;
}

}  // namespace cli
