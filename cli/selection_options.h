#pragma once

#include "base/result.h"
#include "cli/options.h"
#include "forensics/selection.h"

namespace cli {

// --since, --until and --host.
struct SelectionOptions {
  forensics::Selection selection;
  forensics::Moment now;  // when bind() was called, on this machine's clock

  void bind(Options& table);
  // What no option can see alone.
  [[nodiscard]] base::Result<> check() const;
};

}  // namespace cli
