#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/descriptor.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/report.h"
#include "cli/watch/watcher.h"
#include "forensics/words.h"

namespace cli::commands {

extern const Command watch;

namespace {

struct Given {
  watch::Options options;
  bool all = false;
  std::optional<std::string> into, socket;
  std::vector<std::string> formats;
  std::optional<std::chrono::nanoseconds> sample;

  void bind(Options& table);
  base::Result<> settle(const Options::Parsed& parsed);
};

void Given::bind(Options& table) {
  table.group("What to watch");
  table.flag("all", all, "every cgroup of the machine (default)");
  table.text("cgroup", options.cgroup, "PATH",
             "only kills in that cgroup or below it, e.g. /system.slice/nginx.service");
  table.text("container", options.container, "NAME", "only kills in that container: a name or an id");
  table.group("How");
  table.text("into", into, "DIR", "folder for the post-mortems and the watch's own state (default post-mortems)");
  table.list("format", 0, formats, "NAME",
             fmt::format("format of the post-mortems, may be repeated (default json and html): {}",
                         fmt::join(format_names(), ", ")));
  table.flag("since-boot", options.since_boot,
             "at the first start tell of what the kernel's ring buffer holds from before it, too");
  table.text("socket", socket, "PATH",
             "the container engine's API, for names, images and compose services (default $DOCKER_HOST, else "
             "/var/run/docker.sock)");
  table.duration("for", options.duration, "end after that time; without it at Ctrl-C or SIGTERM");
  table.integer("kills", options.kills, 1, INT64_MAX, "end after so many kills");
  table.duration("sample", sample, "the flight recorders' period (default 1s, at least 10ms)");
  table.flag("quiet", options.quiet, "no line for each kill; what cannot be seen is said anyway");
}

// "/system.slice" of "/sys/fs/cgroup/system.slice/".
std::string as_cgroup(std::string path) {
  constexpr std::string_view kMount = "/sys/fs/cgroup";
  if (path.starts_with(kMount)) {
    path.erase(0, kMount.size());
  }
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path.starts_with('/') ? path : "/" + path;
}

base::Result<> Given::settle(const Options::Parsed& parsed) {
  const auto usage = [](std::string message, std::string remedy = {}) {
    return base::fail(base::ErrorKind::usage, std::move(message), std::move(remedy));
  };
  if (!parsed.words.empty() || parsed.has_dashes) {
    return usage(fmt::format("'{}': watch takes options only",
                             parsed.words.empty() ? "--" : base::escape_terminal(parsed.words[0])),
                 "oomlab watch --container NAME");
  }
  if ((all ? 1 : 0) + (options.cgroup ? 1 : 0) + (options.container ? 1 : 0) > 1) {
    return usage("--all, --cgroup and --container exclude each other");
  }
  if (options.cgroup) {
    options.cgroup = as_cgroup(*options.cgroup);
  }
  if (sample && *sample < std::chrono::milliseconds(10)) {
    return usage("--sample: at least 10ms");
  }
  options.sample_period = sample.value_or(options.sample_period);
  options.into = into.value_or("post-mortems");
  options.socket_given = socket.has_value();
  options.socket = socket ? *socket : containers::Api::default_socket().native();
  options.formats = formats;
  if (formats.empty()) {
    const auto names = format_names();
    const bool html = std::ranges::find(names, "html") != names.end();
    options.formats = {"json", html ? "html" : "text"};
  }
  return {};
}

int watch_command(const Invocation& invocation) {
  Given given;
  Options table;
  given.bind(table);
  const auto parsed = table.parse(invocation.name, watch, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  if (auto settled = given.settle(*parsed); !settled) {
    return report(settled.error());
  }
  auto watcher = watch::Watcher::start(given.options);
  if (!watcher) {
    return report(watcher.error());
  }
  if (auto ran = (*watcher)->run(); !ran) {
    return report(ran.error());
  }
  const int printed = print((*watcher)->summary({.colour = colours(STDOUT_FILENO), .width = columns(STDOUT_FILENO)}));
  if (const auto unkept = (*watcher)->unkept(); unkept > 0) {
    say(
        fmt::format("{} could not be written; a watch that is started again in this folder tells of what the kernel's "
                    "log still holds",
                    forensics::counted(unkept, "post-mortem")));
    return kExitOwnFailure;
  }
  return printed;
}

}  // namespace

constinit const Command watch{
    .summary = "follows the machine live: a post-mortem of each OOM kill, with what went before",
    .usage = "[--cgroup PATH | --container NAME | --all] [--into DIR]",
    .details =
        "Reads /dev/kmsg, the cgroup tree and, where its socket is there, the container engine. Each kill becomes a "
        "file "
        "of each format in the folder,\n"
        "with the container's name, image and compose service, and the cgroup's last minutes. Ends with a table. A "
        "watch "
        "that is started again\n"
        "in the same folder goes on where it ended: nothing is lost that the kernel still holds, nothing is told "
        "twice.\n"
        "Without root it tells what the counters of the cgroups tell; it says what it cannot see.\n\n"
        "Examples:\n"
        "  oomlab watch                                  everything, until Ctrl-C\n"
        "  oomlab watch --container web --kills 1        until web is killed, e.g. in a test\n"
        "  oomlab watch --cgroup /system.slice --into /var/lib/oomlab",
    .run = watch_command,
};

}  // namespace cli::commands
