// Any bytes as a kept post-mortem: read, written again, rendered.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "forensics/analysis.h"
#include "forensics/json.h"
#include "forensics/renderer.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto document = forensics::from_json({reinterpret_cast<const char*>(data), size});
  if (!document) {
    return 0;
  }
  const auto text = forensics::to_json(*document);
  if (!forensics::from_json(text)) {
    std::abort();  // what we write must be readable
  }
  for (auto& incident : document->incidents) {
    forensics::explain(incident, document->run ? &*document->run : nullptr);
  }
  for (const auto& renderer : forensics::all_renderers()) {
    (void)renderer->render(*document, {.colour = true, .width = 40});
  }
  return 0;
}
