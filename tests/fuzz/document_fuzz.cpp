// Any bytes as a kept post-mortem: read, written again, rendered; no output may hold more than text of it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "forensics/analysis.h"
#include "forensics/json.h"
#include "forensics/kept.h"
#include "forensics/renderer.h"
#include "tests/fuzz/check.h"
#include "tests/support/sound.h"

namespace {

void render(const forensics::Postmortem& document) {
  for (const auto& renderer : forensics::all_renderers()) {
    const auto text = renderer->render(document, {.colour = false, .width = 40});
    const auto problem = tests::problem_of(renderer.name, text);
    if (!problem.empty()) {
      std::fprintf(stderr, "%s: %s\n", std::string(renderer.name).c_str(), problem.c_str());
      std::abort();
    }
    fuzz::check(renderer->render(document, {.colour = false, .width = 40}) == text,
                "the same document, the same bytes");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto documents = forensics::read_kept(fuzz::text_of(data, size));
  if (!documents) {
    return 0;
  }
  auto document = forensics::merge(*std::move(documents));
  if (!document) {
    return 0;
  }
  fuzz::check(forensics::from_json(forensics::to_json(*document)).has_value(), "what we write is readable");
  render(*document);
  for (auto& incident : document->incidents) {
    forensics::explain(incident, document->run ? &*document->run : nullptr);
  }
  render(*document);
  return 0;
}
