#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/options.h"
#include "forensics/redactor.h"

namespace cli {

// --redact and --redact-key.
class RedactOptions {
 public:
  void bind(Options& table);
  [[nodiscard]] bool given() const { return redact_ || key_; }
  // Whoever puts the pseudonyms, if any are asked for: with the key that is given (a file's content when it begins with
  // '@'), else with one that is made and forgotten. Before the sandbox. Errors are of kind usage.
  [[nodiscard]] base::Result<std::optional<forensics::Redactor>> open() const;

 private:
  bool redact_ = false;
  std::optional<std::string> key_;
};

}  // namespace cli
