// oomlab analyze: kernel logs to post-mortems.
#include "forensics/analyze.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/command.h"
#include "cli/report.h"
#include "forensics/renderer.h"

namespace cli::commands {
namespace {

int run_analyze(const Invocation& invocation);

}  // namespace

constinit extern const Command analyze{
    .summary = "explain the OOM kills in kernel logs",
    .usage = "[FILE...] [--format F] [-o FILE]... [--carrier C] [--exit-code]",
    .details =
        "Reads dmesg output, syslog and journal exports, consoles, /dev/kmsg records and plain copies of them, also "
        "compressed (gzip, xz, zstd);\n"
        "what they are is found by trying. Without FILE, or for '-', standard input is read. A folder is read with "
        "everything under it.\n\n"
        "  dmesg | oomlab analyze\n"
        "  oomlab analyze /var/log/kern.log*\n"
        "  oomlab analyze kern.log -o report.html -o report.json\n\n"
        "Exit status: 0 everything was read, 1 with --exit-code when there is an incident, 2 usage or unreadable "
        "input.",
    .run = run_analyze,
};

namespace {

namespace fs = std::filesystem;
using RendererRow = base::Descriptor<forensics::Renderer>;

base::Error usage(std::string message, std::string remedy = {}) {
  return {.kind = base::ErrorKind::usage, .message = std::move(message), .remedy = std::move(remedy)};
}

std::string format_names() {
  std::string names;
  for (const auto& renderer : forensics::all_renderers()) {
    names += fmt::format("{}{}", names.empty() ? "" : ", ", renderer.name);
  }
  return names;
}

base::Result<const RendererRow*> renderer_named(std::string_view name) {
  const auto* found = base::find_descriptor(forensics::all_renderers(), name);
  if (found == nullptr) {
    return std::unexpected(
        usage(fmt::format("--format: '{}' is not one of: {}", base::escape_terminal(name), format_names())));
  }
  return found;
}

// By its ending; "-" has none and gets `fallback`.
base::Result<const RendererRow*> renderer_for(std::string_view path, const RendererRow* fallback) {
  if (path == "-") {
    return fallback;
  }
  std::string endings;
  for (const auto& renderer : forensics::all_renderers()) {
    for (const auto ending : renderer->endings) {
      if (path.ends_with(ending)) {
        return &renderer;
      }
      endings += fmt::format(" {}", ending);
    }
  }
  return std::unexpected(usage(fmt::format("-o {}: its ending is none of:{}", base::escape_terminal(path), endings)));
}

base::Error unreadable(std::string message) {
  return usage(std::move(message));
}

base::Result<> add_file(const std::string& path, const std::optional<std::string>& carrier,
                        std::vector<forensics::Source>& into) {
  auto fd = base::open_for_reading(path);
  if (!fd) {
    return std::unexpected(unreadable(fd.error().message));
  }
  into.push_back({.name = path, .fd = std::move(*fd), .bytes = {}, .carrier = carrier});
  return {};
}

// All regular files under the folder, in the order of their paths.
base::Result<> add_folder(const std::string& folder, const std::optional<std::string>& carrier,
                          std::vector<forensics::Source>& into) {
  std::vector<std::string> files;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(folder, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;  // a file that has just gone is not there
    if (entry->is_regular_file(ignored)) {
      files.push_back(entry->path().string());
    }
  }
  if (error) {
    return std::unexpected(unreadable(fmt::format("{}: {}", folder, error.message())));
  }
  std::ranges::sort(files);
  for (const auto& file : files) {
    TRY(add_file(file, carrier, into));
  }
  return {};
}

base::Result<std::vector<forensics::Source>> open_sources(const std::vector<std::string>& words,
                                                          const std::optional<std::string>& carrier) {
  std::vector<forensics::Source> sources;
  for (const auto& word : words.empty() ? std::vector<std::string>{"-"} : words) {
    if (word == "-") {
      base::Fd fd(::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0));
      if (!fd) {
        return std::unexpected(unreadable("standard input is closed"));
      }
      sources.push_back({.name = "-", .fd = std::move(fd), .bytes = {}, .carrier = carrier});
      continue;
    }
    std::error_code error;
    const bool folder = fs::is_directory(word, error);
    TRY(folder ? add_folder(word, carrier, sources) : add_file(word, carrier, sources));
  }
  return sources;
}

base::Result<> write_reports(const forensics::Postmortem& document, const std::vector<std::string>& outputs,
                             const RendererRow* format) {
  for (const auto& output : outputs) {
    TRY_ASSIGN(const auto* renderer, renderer_for(output, format));
    const bool terminal = output == "-";
    const auto text =
        (*renderer)->render(document, {.colour = terminal && colours(STDOUT_FILENO), .width = columns(STDOUT_FILENO)});
    if (terminal) {
      (void)print(text);  // says itself what went wrong
    } else {
      TRY(base::write_file_atomic(output, text));
    }
  }
  return {};
}

int run_analyze(const Invocation& invocation) {
  Options options;
  std::optional<std::string> format, carrier;
  std::vector<std::string> outputs;
  bool exit_code = false;
  options.text("format", format, "FORMAT", "output format of standard output: " + format_names());
  options.list(
      "output", 'o', outputs, "FILE",
      "write the report to FILE, in the format of its ending; '-' is standard output; may be given more than once");
  options.text("carrier", carrier, "NAME", "read the logs as this carrier instead of trying all");
  options.flag("exit-code", exit_code, "exit with 1 when there is an incident");
  const auto parsed = options.parse(invocation.name, analyze, invocation.arguments);
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  auto words = parsed->words;
  words.insert(words.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());

  const auto* text = base::find_descriptor(forensics::all_renderers(), "text");
  base::Result<const RendererRow*> shown = text != nullptr ? text : &forensics::all_renderers().front();
  if (format) {
    shown = renderer_named(*format);
  }
  if (!shown) {
    return report(shown.error());
  }
  for (const auto& output : outputs) {  // before the work, so that a mistake shows at once
    if (const auto renderer = renderer_for(output, *shown); !renderer) {
      return report(renderer.error());
    }
  }
  if (outputs.empty() || (format && std::ranges::find(outputs, "-") == outputs.end())) {
    outputs.insert(outputs.begin(), "-");
  }
  auto sources = open_sources(words, carrier);
  if (!sources) {
    return report(sources.error());
  }
  const auto document = forensics::analyze(*sources);
  if (!document) {
    auto error = document.error();
    error.kind = base::ErrorKind::usage;  // an input that cannot be read
    return report(error);
  }
  if (const auto written = write_reports(*document, outputs, *shown); !written) {
    return report(written.error());
  }
  return exit_code && !document->incidents.empty() ? 1 : 0;
}

}  // namespace
}  // namespace cli::commands
