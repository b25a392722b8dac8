#include "forensics/json.h"

#include "forensics/renderer.h"

namespace forensics::renderers {
namespace {

constexpr std::string_view kEndings[] = {".json"};

std::string render_json(const Postmortem& document, const RenderOptions&) {
  return to_json(document);
}

}  // namespace

constinit extern const Renderer json{
    .summary = "the whole post-mortem as JSON (docs/schema/postmortem-1.json)",
    .endings = kEndings,
    .render = render_json,
};

}  // namespace forensics::renderers
