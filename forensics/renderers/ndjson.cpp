#include "forensics/json.h"
#include "forensics/renderer.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".ndjson", ".jsonl"};

// A line per incident, each a whole document of its own; what belongs to the document stands in the first line only. A
// run stays one line.
std::string render_ndjson(const Postmortem& document, const RenderOptions&) {
  if (document.run || document.incidents.size() <= 1) {
    return to_json(document, Layout::line);
  }
  std::string out;
  Postmortem line{.inputs = document.inputs, .warnings = document.warnings};
  for (const auto& incident : document.incidents) {
    line.incidents.assign(1, incident);
    const auto text = to_json(line, Layout::line);
    if (out.empty()) {
      out.reserve(text.size() * document.incidents.size() + text.size());
    }
    out += text;
    line.warnings.clear();
  }
  return out;
}

}  // namespace

constinit extern const Renderer ndjson{
    .summary = "one line of JSON per incident, each a whole post-mortem",
    .endings = kEndings,
    .render = render_ndjson,
};

}  // namespace forensics::renderers
