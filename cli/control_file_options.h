#pragma once

#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "cli/options.h"
#include "forensics/control_files.h"

namespace cli {

// --memory-stat and --memory-events: files of a cgroup, as copied from the machine.
class ControlFileOptions {
 public:
  void bind(Options& table);
  // Before the sandbox. An error names the option and the file, and is of kind usage; so does read()'s.
  base::Result<> open();
  // What the opened files hold; nothing for what was not asked for.
  [[nodiscard]] base::Result<forensics::ControlFiles> read() const;
  [[nodiscard]] bool given() const { return stat_.path || events_.path; }

 private:
  struct File {
    std::string_view option;
    std::optional<std::string> path;
    base::Fd fd;
  };
  static base::Result<> open(File& file);
  static base::Result<std::string> read(const File& file);
  File stat_{.option = "--memory-stat"}, events_{.option = "--memory-events"};
};

}  // namespace cli
