#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "cli/options.h"
#include "forensics/control_files.h"

namespace cli {

// --memory-stat, --memory-events and --vmstat: files of a cgroup and of its machine, as copied from there.
class ControlFileOptions {
 public:
  void bind(Options& table);
  // Before the sandbox. An error names the option and the file, and is of kind usage; so does read()'s.
  base::Result<> open();
  // What the opened files hold; nothing for what was not asked for.
  [[nodiscard]] base::Result<forensics::ControlFiles> read() const;
  [[nodiscard]] bool given() const { return stat_.path || events_.path || vmstat_.path; }

 private:
  struct File {
    std::string_view option;
    std::optional<std::string> path;
    base::Fd fd;
  };
  static base::Result<> open(File& file);
  static base::Result<std::string> read(const File& file);
  File stat_{.option = "--memory-stat"}, events_{.option = "--memory-events"}, vmstat_{.option = "--vmstat"};
};

}  // namespace cli
