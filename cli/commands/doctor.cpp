#include <unistd.h>

#include <string>

#include "cli/command.h"
#include "cli/doctor/facts.h"
#include "cli/doctor/judge.h"
#include "cli/doctor/show.h"
#include "cli/report.h"

namespace cli::commands {
namespace {

int run_doctor(const Invocation& invocation);

}  // namespace

constinit extern const Command doctor{
    .summary = "what this machine can do, and how to mend what it cannot",
    .usage = "[--format text|json]",
    .details =
        "Looks and changes nothing. Each line: state, item, what was found; below it what that means and the way out.\n"
        "Exit status: 0; 3 when no job can be run at all, neither on the host nor in a micro-VM.",
    .run = run_doctor,
};

namespace {

int run_doctor(const Invocation& invocation) {
  Options options;
  std::string format = "text";
  options.choice("format", format, {"text", "json"}, "how to say it");
  const auto parsed = options.parse(invocation.name, doctor, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (!parsed->words.empty()) {
    return report(base::Error{.kind = base::ErrorKind::usage, .message = "doctor takes no words"});
  }
  const auto facts = doctor::gather();
  const auto findings = doctor::judge(facts);
  const auto backend = doctor::chosen_backend(facts);
  const int printed =
      print(format == "json" ? doctor::as_json(findings, backend)
                             : doctor::as_text(findings, colours(STDOUT_FILENO), columns(STDOUT_FILENO)));
  if (printed != 0) {
    return printed;
  }
  return backend ? 0 : kExitCannot;
}

}  // namespace
}  // namespace cli::commands
