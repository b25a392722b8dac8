#include "cli/app.h"

#include <csignal>
#include <exception>
#include <string>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"
#include "vm/vm.h"

namespace cli {
namespace {

std::string help_text() {
  std::string out =
      "oomlab " OOMLAB_VERSION
      ": reproduces out-of-memory kills on purpose and explains any OOM kill.\n\nUsage: oomlab COMMAND [OPTION...]\n\nCommands:\n";
  for (const auto& command : all_commands()) {
    if (!command->hidden) {
      out += fmt::format("  {:<12} {}\n", command.name, command->summary);
    }
  }
  out +=
      "\n`oomlab COMMAND --help` says more, with examples.\n"
      "Sizes: bytes, or K M G T with binary meaning. Durations: 250ms, 3s, 2m.\n"
      "Exit status: 2 usage, 3 this machine cannot (the message says the way out), 125 oomlab itself failed.\n";
  return out;
}

// The command's name that is nearest to what was typed, by edit distance, if it is near at all.
std::string nearest_command(std::string_view typed) {
  std::string best;
  std::size_t best_distance = 3;
  for (const auto& command : all_commands()) {
    if (command->hidden) {
      continue;
    }
    std::vector<std::size_t> row(command.name.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] = j;
    }
    for (std::size_t i = 1; i <= typed.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const std::size_t substituted = diagonal + (typed[i - 1] == command.name[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = command.name;
    }
  }
  return best;
}

int dispatch(std::span<char* const> arguments) {
  if (arguments.size() < 2) {
    (void)print(help_text());
    return kExitUsage;
  }
  const std::string_view word = arguments[1];
  if (word == "--help" || word == "-h" || word == "help") {
    return print(help_text());
  }
  if (word == "--version" || word == "-V") {
    return print("oomlab " OOMLAB_VERSION "\n");
  }
  const auto table = all_commands();
  const auto* command = base::find_descriptor(table, word);
  if (command == nullptr) {
    const auto nearest = nearest_command(word);
    return report(base::Error{
        .kind = base::ErrorKind::usage,
        .message = fmt::format("'{}' is not a command", base::escape_terminal(word)),
        .remedy = nearest.empty() ? "oomlab --help lists them" : fmt::format("did you mean `oomlab {}`?", nearest)});
  }
  Invocation invocation{.name = command->name, .arguments = {}};
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    invocation.arguments.emplace_back(arguments[i]);
  }
  return (*command)->run(invocation);
}

}  // namespace

int run_app(std::span<char* const> arguments) {
  if (vm::is_guest_init()) {
    vm::guest_main();
  }
  (void)std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error of write(), not a death
  try {
    return dispatch(arguments);
  } catch (const std::exception& exception) {
    say(fmt::format("internal error: {} (please report this)", exception.what()));
    return kExitOwnFailure;
  }
}

}  // namespace cli
