// Any bytes as a log: read, explained, written and read back. Nothing may crash, hang, throw, or make a document that
// cannot be read.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "forensics/analyze.h"
#include "forensics/json.h"
#include "forensics/renderer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "fuzz", .bytes = std::string(data, data + size)});
  const auto document = forensics::analyze(sources);
  if (!document) {
    return 0;
  }
  const auto text = forensics::to_json(*document);
  const auto back = forensics::from_json(text);
  if (!back || forensics::to_json(*back) != text) {
    std::abort();  // what we write must be what we read
  }
  for (const auto& renderer : forensics::all_renderers()) {
    (void)renderer->render(*document, {.colour = false, .width = 80});
  }
  return 0;
}
