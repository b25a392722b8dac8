#include "cli/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/report.h"

namespace cli {
namespace {

constexpr std::string_view kStandardOutput = "-";

std::string all_endings() {
  std::string text;
  for (const auto& renderer : forensics::all_renderers()) {
    for (const auto ending : renderer->endings) {
      text += fmt::format("{}{}", text.empty() ? "" : " ", ending);
    }
  }
  return text;
}

base::Result<Output> output_of(const std::string& path, const std::string& format) {
  const auto table = forensics::all_renderers();
  const auto* found = base::find_descriptor(table, format);
  if (found == nullptr) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("--format: '{}' is not one of: {}", base::escape_terminal(format),
                                  fmt::join(format_names(), ", ")));
  }
  Output output{.path = path, .format = format, .renderer = found->value};
  // https://docs.github.com/actions: "Adding a job summary". Renderers read no environment, so this is done here.
  const char* summary = std::getenv("GITHUB_STEP_SUMMARY");
  if (format == "github" && summary != nullptr) {
    output.job_summary = summary;
  }
  return output;
}

// The format that the file's ending picks.
base::Result<std::string> format_of_ending(const std::string& path) {
  const auto name = std::filesystem::path(path).filename().string();  // ".json" alone is a hidden file
  for (const auto& renderer : forensics::all_renderers()) {
    for (const auto ending : renderer->endings) {
      if (name.size() > ending.size() && name.ends_with(ending)) {
        return std::string(renderer.name);
      }
    }
  }
  return base::fail(base::ErrorKind::usage,
                    fmt::format("-o: the ending of '{}' picks no format; accepted: {} (or give --format)",
                                base::escape_terminal(path), all_endings()));
}

// Whether a file can be put there: asked now, so that an hour's run is not lost to a mistyped folder.
base::Result<> check_target(const std::string& path) {
  const auto shown = base::escape_terminal(path);
  if (path.empty()) {
    return base::fail(base::ErrorKind::usage, "-o: the name is empty");
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) {
      return base::fail(base::ErrorKind::usage, fmt::format("-o: '{}' is a folder", shown));
    }
    if (!S_ISREG(status.st_mode)) {
      return ::access(path.c_str(), W_OK) == 0
                 ? base::Result<>{}
                 : base::fail(base::ErrorKind::usage, fmt::format("-o: '{}' is not writable", shown));
    }
  }
  auto folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) {
    folder = ".";
  }
  const auto folder_shown = base::escape_terminal(folder.string());
  if (::stat(folder.c_str(), &status) != 0) {
    const bool missing = errno == ENOENT;
    return base::fail(
        base::ErrorKind::usage,
        fmt::format("-o {}: the folder '{}' {}", shown, folder_shown, missing ? "does not exist" : "cannot be reached"),
        missing ? fmt::format("mkdir -p {}", base::quote_shell(folder.string())) : "");
  }
  if (!S_ISDIR(status.st_mode)) {
    return base::fail(base::ErrorKind::usage, fmt::format("-o {}: '{}' is not a folder", shown, folder_shown));
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) {
    return base::fail(base::ErrorKind::usage,
                      fmt::format("-o {}: the folder '{}' is not writable", shown, folder_shown));
  }
  return {};
}

}  // namespace

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const auto& renderer : forensics::all_renderers()) {
    names.emplace_back(renderer.name);
  }
  return names;
}

base::Result<std::vector<Output>> check_outputs(const std::vector<std::string>& outputs,
                                                const std::optional<std::string>& format,
                                                std::string_view standard_format) {
  std::vector<Output> checked;
  if (outputs.empty()) {
    const auto chosen = format.value_or(std::string(standard_format));
    if (!chosen.empty()) {
      TRY_ASSIGN(auto output, output_of(std::string(kStandardOutput), chosen));
      checked.push_back(std::move(output));
    }
    return checked;
  }
  for (const auto& path : outputs) {
    if (std::ranges::find(checked, path, &Output::path) != checked.end()) {
      return base::fail(base::ErrorKind::usage, fmt::format("-o {}: given twice", base::escape_terminal(path)));
    }
    // An ending says more than --format does, which is for standard output and for names without a known ending.
    std::string chosen = format.value_or(standard_format.empty() ? "text" : std::string(standard_format));
    if (path != kStandardOutput) {
      TRY(check_target(path));
      auto by_ending = format_of_ending(path);
      if (by_ending) {
        chosen = *by_ending;
      } else if (!format) {
        return std::unexpected(std::move(by_ending).error());
      }
    }
    TRY_ASSIGN(auto output, output_of(path, chosen));
    checked.push_back(std::move(output));
  }
  return checked;
}

namespace {

// Other steps of the job write into the same file.
base::Result<> open_job_summary(Output& output) {
  if (output.job_summary.empty() || output.job_summary_fd) {
    return {};
  }
  output.job_summary_fd = base::Fd(::open(output.job_summary.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!output.job_summary_fd) {
    return base::system_error(fmt::format("GITHUB_STEP_SUMMARY: {}", base::escape_terminal(output.job_summary)));
  }
  return {};
}

base::Result<> add_job_summary(const forensics::Postmortem& document, Output& output) {
  if (output.job_summary.empty()) {
    return {};
  }
  TRY(open_job_summary(output));
  const auto table = forensics::all_renderers();
  const auto text = (*base::find_descriptor(table, "markdown"))->render(document, {});
  auto written = base::write_all(output.job_summary_fd.get(), text + "\n");
  return written ? base::Result<>{} : std::unexpected(std::move(written).error().context("GITHUB_STEP_SUMMARY"));
}

}  // namespace

base::Result<std::vector<std::filesystem::path>> open_outputs(std::vector<Output>& outputs) {
  std::vector<std::filesystem::path> folders;
  for (auto& output : outputs) {
    TRY(open_job_summary(output));
    if (output.path == kStandardOutput) {
      continue;
    }
    auto file = base::PendingFile::create(output.path);
    if (!file) {
      return std::unexpected(std::move(file).error().context("-o"));
    }
    if (auto folder = file->folder()) {
      folders.push_back(*std::move(folder));
    }
    output.file = *std::move(file);
  }
  return folders;
}

namespace {

base::Result<> write_file(Output& output, std::string_view text) {
  if (!output.file) {
    return base::write_file_atomic(output.path, text);
  }
  TRY(output.file->write(text));
  return output.file->commit();
}

}  // namespace

base::Result<> write_document(const forensics::Postmortem& document, std::vector<Output>& outputs, unsigned threads) {
  for (auto& output : outputs) {
    const bool standard = output.path == kStandardOutput;
    const forensics::RenderOptions options{.colour = standard && colours(STDOUT_FILENO),
                                           .width = standard ? columns(STDOUT_FILENO) : 80,
                                           .threads = threads};
    const auto text = output.renderer->render(document, options);
    TRY(add_job_summary(document, output));
    if (standard) {
      const auto written = base::write_all(STDOUT_FILENO, text);
      if (!written && written.error().sys_errno != EPIPE) {  // a closed pipe is the reader's choice
        return std::unexpected(base::Error(written.error()).context("standard output"));
      }
    } else if (auto written = write_file(output, text); !written) {
      return std::unexpected(std::move(written).error().context("-o"));
    }
  }
  return {};
}

base::Result<> write_document(const forensics::Postmortem& document, const std::vector<std::string>& outputs,
                              const std::optional<std::string>& format, std::string_view standard_format) {
  TRY_ASSIGN(auto checked, check_outputs(outputs, format, standard_format));
  return write_document(document, checked);
}

}  // namespace cli
