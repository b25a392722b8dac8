#include "forensics/json.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "forensics/json_fields.h"
#include "forensics/json_writer.h"

namespace forensics {
namespace {

// A list of short scalars stays on one line.
template <typename T>
bool is_short(const std::vector<T>& list) {
  if constexpr (std::is_same_v<T, std::string>) {
    std::size_t length = 0;
    for (const auto& element : list) {
      length += base::to_valid_utf8(element).size() + 4;  // as it is read back
    }
    return length <= 80;
  } else {
    return !std::is_class_v<T>;
  }
}

}  // namespace

template <typename T>
void JsonWriter::write(const std::vector<T>& list) {
  open('[', is_short(list));
  for (const auto& element : list) {
    if constexpr (std::is_class_v<T> && !std::is_same_v<T, std::string>) {
      write(element);  // opens with its own comma and indentation
    } else {
      item();
      write(element);
    }
  }
  close(']');
}

template <typename T>
  requires std::is_class_v<T>
void JsonWriter::write(const T& value) {
  open('{', kOneLine<T>);
  fields(*this, value);
  close('}');
}

std::string to_json(const Postmortem& document, Layout layout) {
  JsonWriter writer(layout);
  writer.open('{', false);
  writer.member("schema", kSchemaName);
  writer.object("tool", [&] {
    writer.member("name", std::string_view("oomlab"));
    writer.member("version", std::string_view(OOMLAB_VERSION));
  });
  writer.member("inputs", document.inputs);
  writer.member("run", document.run);
  writer.member("incidents", document.incidents);
  writer.member("episodes", document.episodes);
  writer.member("reconciliation", document.reconciliation);
  writer.member("warnings", document.warnings);
  writer.close('}');
  return std::move(writer).finish();
}

}  // namespace forensics
