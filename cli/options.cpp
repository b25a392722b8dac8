#include "cli/options.h"

#include <boost/program_options.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <set>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"

namespace cli {
namespace {

namespace po = boost::program_options;

base::Error usage_error(std::string message) {
  return base::Error{.kind = base::ErrorKind::usage, .message = std::move(message)};
}

// One word per line wrapped at the given width, each line indented.
std::string wrap(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n';
      out.append(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
  }
  return out;
}

}  // namespace

void Options::group(std::string_view title) { group_ = title; }

void Options::flag(std::string_view name, bool& target, std::string_view help) {
  options_.push_back({.name = std::string(name), .help = std::string(help), .group = group_, .setter = [&target](auto) {
                        target = true;
                        return base::Result<>{};
                      }});
}

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
      return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not one of: {}", base::escape_terminal(text),
                                                            fmt::join(words, ", ")));
    }
    target = text;
    return {};
  });
  options_.back().words = std::move(words);
}

base::Result<Options::Parsed> Options::parse(std::string_view command_name, const Command& command,
                                             const std::vector<std::string>& arguments, bool stop_at_word) {
  Parsed parsed;
  // The completion scripts ask for the words that may follow: one per line, "--option<TAB>help".
  if (std::getenv("OOMLAB_COMPLETE") != nullptr) {
    std::string out;
    for (const auto& option : options_) {
      out += fmt::format("--{}\t{}\t{}\n", option.name, option.help,
                         option.words.empty() ? option.metavar : fmt::format("{}", fmt::join(option.words, " ")));
    }
    out += "--help\tsay what this command does\t\n";
    (void)print(out);
    parsed.done = true;
    return parsed;
  }

  // Split off what belongs to a command to be run: everything after "--", or from the first positional word on.
  std::vector<std::string> ours;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const auto& word = arguments[i];
    if (word == "--") {
      parsed.has_dashes = true;
      parsed.after_dashes.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i) + 1, arguments.end());
      break;
    }
    const bool is_option = word.size() > 1 && word[0] == '-';
    if (stop_at_word && !is_option) {
      const auto previous_takes_value = [&] {
        if (i == 0 || arguments[i - 1].find('=') != std::string::npos) {
          return false;
        }
        const auto& before = arguments[i - 1];
        return std::ranges::any_of(options_, [&](const Option& option) {
          return !option.metavar.empty() &&
                 (before == "--" + option.name || (option.short_name != 0 && before == std::string{'-', option.short_name}));
        });
      }();
      if (!previous_takes_value) {
        parsed.after_dashes.assign(arguments.begin() + static_cast<std::ptrdiff_t>(i), arguments.end());
        break;
      }
    }
    if (word == "--help" || word == "-h") {
      std::string help = fmt::format("Usage: oomlab {} {}\n\n{}\n", command_name, command.usage, command.summary);
      if (!command.details.empty()) {
        help += fmt::format("\n{}\n", command.details);
      }
      std::string shown_group;
      constexpr std::size_t kColumn = 30;
      for (const auto& option : options_) {
        if (option.group != shown_group) {
          help += fmt::format("\n{}:\n", option.group);
          shown_group = option.group;
        }
        const auto names = fmt::format("  {}--{}{}{}", option.short_name != 0 ? fmt::format("-{}, ", option.short_name) : "",
                                       option.name, option.metavar.empty() ? "" : " ", option.metavar);
        help += names.size() + 2 > kColumn ? fmt::format("{}\n{:{}}", names, "", kColumn) : fmt::format("{:<{}}", names, kColumn);
        help += wrap(option.help, kColumn, std::min<std::size_t>(columns(1), 110)) + "\n";
      }
      (void)print(help);
      parsed.done = true;
      return parsed;
    }
    ours.push_back(word);
  }

  po::options_description description;
  for (const auto& option : options_) {
    const std::string names = option.short_name != 0 ? fmt::format("{},{}", option.name, option.short_name) : option.name;
    if (option.metavar.empty()) {
      description.add_options()(names.c_str(), "");
    } else {
      description.add_options()(names.c_str(), po::value<std::vector<std::string>>(), "");
    }
  }
  po::positional_options_description none;
  std::vector<po::option> found;
  try {
    found = po::command_line_parser(ours)
                .options(description)
                .positional(none)
                .style(po::command_line_style::unix_style & ~po::command_line_style::allow_guessing)
                .allow_unregistered()
                .run()
                .options;
  } catch (const po::error& error) {
    // The only mistakes left at this stage are a missing value and a value for a flag; Boost's text names the option.
    return std::unexpected(usage_error(fmt::format("{} (oomlab {} --help lists the options)", error.what(), command_name)));
  }
  std::set<std::string> seen;
  for (const auto& item : found) {
    if (item.unregistered) {
      return std::unexpected(usage_error(fmt::format("{}: unknown option (oomlab {} --help lists them)",
                                                     base::escape_terminal(item.original_tokens.at(0)), command_name)));
    }
    if (item.position_key >= 0 || item.string_key.empty()) {
      parsed.words.insert(parsed.words.end(), item.value.begin(), item.value.end());
      continue;
    }
    const auto option = std::ranges::find_if(options_, [&](const Option& candidate) {
      return candidate.name == item.string_key ||
             (candidate.short_name != 0 && item.string_key == std::string{'-', candidate.short_name});
    });
    if (option == options_.end()) {
      return std::unexpected(usage_error(fmt::format("{}: unknown option", base::escape_terminal(item.string_key))));
    }
    if (!option->repeatable && !seen.insert(option->name).second) {
      return std::unexpected(usage_error(fmt::format("--{}: given twice", option->name)));
    }
    for (const auto& value : option->metavar.empty() ? std::vector<std::string>{""} : item.value) {
      if (auto set = option->setter(value); !set) {
        auto error = std::move(set).error().context("--" + option->name);
        error.kind = base::ErrorKind::usage;
        return std::unexpected(std::move(error));
      }
    }
  }
  return parsed;
}

}  // namespace cli
