#include "cli/app.h"

#include <csignal>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "cli/command.h"
#include "cli/nearest.h"
#include "cli/report.h"
#include "vm/vm.h"

namespace cli {
namespace {

std::string help_text() {
  std::string out = "oomlab " OOMLAB_VERSION
                    ": reproduces out-of-memory kills on purpose and explains any OOM kill.\n\nUsage: oomlab COMMAND "
                    "[OPTION...]\n\nCommands:\n";
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

// What shell completion offers as the first word.
std::string command_lines() {
  std::string out;
  for (const auto& command : all_commands()) {
    if (!command->hidden) {
      out += fmt::format("{}\t{}\t\n", command.name, command->summary);
    }
  }
  return out + "--help\tlist the commands\t\n--version\tsay the version\t\n";
}

base::Error unknown_command(std::string_view word) {
  std::vector<std::string> names;
  for (const auto& command : all_commands()) {
    if (!command->hidden) {
      names.emplace_back(command.name);
    }
  }
  const auto near = nearest(word, names);
  return base::Error{
      .kind = base::ErrorKind::usage,
      .message = fmt::format("'{}' is not a command", base::escape_terminal(word)),
      .remedy = near.empty() ? "oomlab --help lists them" : fmt::format("did you mean `oomlab {}`?", near)};
}

int dispatch(std::span<char* const> arguments) {
  if (arguments.size() < 2) {
    if (std::getenv("OOMLAB_COMPLETE") != nullptr) {
      return print(command_lines());
    }
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
    return report(unknown_command(word));
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
