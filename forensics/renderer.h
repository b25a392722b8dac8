#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/descriptor.h"
#include "forensics/document.h"

namespace forensics {

struct RenderOptions {
  bool colour = false;
  unsigned width = 80;   // columns of the terminal
  unsigned threads = 1;  // that may work on it
};

// An output format: one file under renderers/. It gets the whole document and escapes everything that came from
// outside.
struct Renderer {
  std::string_view summary;                   // one line for `oomlab list`
  std::span<const std::string_view> endings;  // file endings that pick it, ".json"; may be none
  std::string (*render)(const Postmortem& document, const RenderOptions& options);
};

std::span<const base::Descriptor<Renderer>> all_renderers();

}  // namespace forensics
