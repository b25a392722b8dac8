#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "forensics/analyze.h"
#include "forensics/line_explainer.h"

namespace cli {

// `analyze --explain-lines`: every line of the logs on standard output, with what it was read as in front of it. What
// comes through a pipe is printed as it comes. A closed standard output ends it quietly.
base::Result<> list_lines(const std::vector<forensics::Source>& sources);

// The rows of one log.
class LineListing {
 public:
  LineListing(const std::optional<std::string>& carrier, bool colour) : explainer_(carrier), colour_(colour) {}
  // Number, carrier, time, kind and the line itself, safe on a terminal, with a newline.
  std::string row(const forensics::Line& line);

 private:
  forensics::LineExplainer explainer_;
  bool colour_;
  std::size_t carrier_width_ = 0, time_width_ = 0;  // of the widest so far
};

}  // namespace cli
