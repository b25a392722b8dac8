#include "forensics/unwrap.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

#include "forensics/stamp.h"
#include "forensics/text.h"

namespace forensics {
namespace {

// Behind a string that ESC ], ESC _, ESC P, ESC ^ or ESC X opened at `begin`, whose end is BEL or ESC \; `begin` itself
// when it does not end on this line. Any other ESC breaks it off, so that a line of them is read once.
std::size_t control_string_end(std::string_view line, std::size_t begin) {
  const auto end = line.find_first_of("\x07\x1b", begin);
  if (end == std::string_view::npos) {
    return begin;
  }
  return line[end] == '\x07' ? end + 1 : line.substr(end).starts_with("\x1b\\") ? end + 2 : begin;
}

// ESC [ ... letter, ESC ] ... BEL and what builds mark times with, ESC _ ... BEL: what terminals act on (ECMA-48).
std::string without_colours(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] != '\x1b' || i + 1 >= line.size()) {
      out += line[i];
      continue;
    }
    if (line[i + 1] == '[') {
      auto end = i + 2;
      while (end < line.size() && (line[end] < '@' || line[end] > '~')) {
        ++end;
      }
      i = end;
    } else if (std::string_view("]_P^X").contains(line[i + 1])) {
      i = control_string_end(line, i + 2) - 1;
    } else {
      ++i;
    }
  }
  return out;
}

// {"log":"text\n","stream":"stdout","time":"..."} and shippers' {"message":"text"}.
bool read_json_wrapper(std::string_view line, std::string& scratch) {
  const auto has = [&](std::string_view text) { return line.find(text) != std::string_view::npos; };
  if (!has("\"log\"") && !has("\"message\"") && !has("Payload\"") && !has("\"msg\"")) {
    return false;
  }
  line = trim_right(line);
  auto object = nlohmann::json::parse(line.ends_with(',') ? line.substr(0, line.size() - 1) : line, nullptr, false);
  if (!object.is_object() || object.contains("MESSAGE")) {
    return false;  // journald's own
  }
  if (const auto payload = object.find("jsonPayload"); payload != object.end() && payload->is_object()) {
    object = nlohmann::json(*payload);  // Google Cloud Logging
  }
  for (const auto* key : {"log", "message", "MESSAGE", "textPayload", "msg"}) {
    if (const auto found = object.find(key); found != object.end() && found->is_string()) {
      scratch = found->get<std::string>();
      while (scratch.ends_with('\n') || scratch.ends_with('\r')) {
        scratch.pop_back();
      }
      return true;
    }
  }
  return false;
}

// "2016-10-06T00:17:09.669794202Z stdout F text".
std::string_view without_cri(std::string_view line) {
  auto rest = line;
  if (line.size() < 30 || !is_digit(line[0]) || !read_iso_time(rest)) {
    return line;
  }
  for (const auto mark : {" stdout F ", " stdout P ", " stderr F ", " stderr P "}) {
    if (rest.starts_with(mark)) {
      return rest.substr(10);
    }
  }
  return line;
}

// "/var/log/kern.log:Jan 10 ...", "kern.log-12-[ 12.345678] ...": the file's name and the line's number of grep -H and
// -n, before what only a log's line begins with.
std::string_view without_grep_prefix(std::string_view line) {
  constexpr std::size_t kLongest = 300;
  const auto word = line.substr(0, std::min(line.find(' '), kLongest));
  for (auto at = word.find_first_of(":-"); at < word.size(); at = word.find_first_of(":-", at + 1)) {
    auto rest = line.substr(at + 1);
    const auto after = rest;
    const bool stamped = rest.starts_with('[')               ? read_kernel_stamp(rest).has_value()
                         : rest.empty() || is_digit(rest[0]) ? false
                                                             : read_syslog_time(rest).has_value();
    if (at > 0 && stamped) {
      return after;
    }
  }
  return line;
}

// "(d12) [ 12.345678] text", "(XEN) [2015-06-12 03:04:05] (d12) <4>text": what a guest of Xen wrote to its console, in
// Xen's log. Xen's own lines stay, and so does a process that is called "(d12)".
std::string_view without_domain(std::string_view line) {
  auto rest = line;
  if (rest.starts_with("(XEN) ")) {
    rest.remove_prefix(6);
    const auto close = rest.starts_with('[') ? rest.find("] ") : std::string_view::npos;
    rest.remove_prefix(close == std::string_view::npos ? 0 : close + 2);
  }
  if (!rest.starts_with("(d")) {
    return line;
  }
  const auto end = rest.find(") ");
  const auto number = rest.substr(2, end == std::string_view::npos ? 0 : end - 2);
  if (number.empty() || !std::ranges::all_of(number, is_digit)) {
    return line;
  }
  rest.remove_prefix(end + 2);
  return rest.starts_with('[') || rest.starts_with('<') ? rest : line;
}

// "{job=\"kernel\", host=\"n1\"} text": the labels of Loki's logcli.
std::string_view without_labels(std::string_view line) {
  const auto equals = line.find("=\"");
  const auto is_label = [](char c) {
    return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
  };
  if (equals == std::string_view::npos || equals < 2 || !std::ranges::all_of(line.substr(1, equals - 1), is_label)) {
    return line;
  }
  const auto end = line.find("\"} ", equals);
  return end == std::string_view::npos ? line : line.substr(end + 3);
}

std::string_view without_quotes(std::string_view line) {
  while (line.starts_with('>')) {
    line.remove_prefix(1);
    if (line.starts_with(' ')) {
      line.remove_prefix(1);
    }
  }
  return line;
}

// What a tag of a web page at the front of the text takes, "<span class=\"quote\">" or "</td>"; 0 when it is none.
std::size_t tag_length(std::string_view text) {
  constexpr std::array kNames = {std::string_view("span"), std::string_view("br"),  std::string_view("p"),
                                 std::string_view("pre"),  std::string_view("div"), std::string_view("code"),
                                 std::string_view("td"),   std::string_view("tr"),  std::string_view("li"),
                                 std::string_view("tt"),   std::string_view("font")};
  if (!text.starts_with('<')) {
    return 0;
  }
  const auto name = text.substr(text.starts_with("</") ? 2 : 1);
  const auto end = std::min(name.find_first_of(" />"), name.size());
  const auto close = text.find('>');
  return close != std::string_view::npos && std::ranges::find(kNames, name.substr(0, end)) != kNames.end() ? close + 1
                                                                                                           : 0;
}

// "<span>[ 12.345678] text</span><br>", of a page's source. Tags at the end of a line that begins with none may be in
// somebody's name.
std::string_view without_tags(std::string_view line) {
  auto text = line;
  while (const auto length = tag_length(text)) {
    text.remove_prefix(length);
  }
  if (text.size() == line.size()) {
    return line;
  }
  while (text.ends_with('>')) {
    const auto open = text.rfind('<');
    if (open == std::string_view::npos || open + tag_length(text.substr(open)) != text.size()) {
      break;
    }
    text = text.substr(0, open);
  }
  return text;
}

bool is_octal(char c) {
  return c >= '0' && c <= '7';
}

// rsyslog's $EscapeControlCharactersOnReceive: '#' and three octal digits for a control character.
bool has_rsyslog_escape(std::string_view line) {
  for (auto at = line.find("#0"); at != std::string_view::npos; at = line.find("#0", at + 1)) {
    if (at + 3 < line.size() && line[at + 2] < '4' && is_octal(line[at + 2]) && is_octal(line[at + 3])) {
      return true;
    }
  }
  return false;
}

std::string without_escapes(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#' && i + 3 < line.size() && line[i + 1] == '0' && line[i + 2] < '4' && is_octal(line[i + 2]) &&
        is_octal(line[i + 3])) {
      out += static_cast<char>((line[i + 2] - '0') * 8 + (line[i + 3] - '0'));
      i += 3;
    } else if (line.substr(i).starts_with("\\x0a")) {
      out += '\n';
      i += 3;
    } else {
      out += line[i];
    }
  }
  return out;
}

// A string of a program's source: "\"[ 12.345678] text\",".
std::string_view without_source_quotes(std::string_view line) {
  auto text = trim(line);
  while (text.ends_with(',') || text.ends_with('+')) {
    text = trim_right(text.substr(0, text.size() - 1));
  }
  const bool quoted =
      text.size() > 2 && (text[0] == '"' || text[0] == '\'' || text[0] == '`') && text.back() == text[0];
  if (!quoted) {
    return line;
  }
  text = text.substr(1, text.size() - 2);
  return text.ends_with("\\n") ? text.substr(0, text.size() - 2) : text;
}

int hex_digit(char c) {
  return is_digit(c) ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// RFC 2045: "=3D" is "=". No line of the kernel's that has an assignment is without one when it went through this.
std::string without_quoted_printable(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const int high = line[i] == '=' && i + 2 < line.size() ? hex_digit(line[i + 1]) : -1;
    const int low = high >= 0 ? hex_digit(line[i + 2]) : -1;
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += line[i];
    }
  }
  return out;
}

struct Entity {
  std::string_view name, text;
};
constexpr Entity kEntities[] = {{"&lt;", "<"},   {"&gt;", ">"},   {"&quot;", "\""}, {"&#34;", "\""}, {"&#39;", "'"},
                                {"&#x27;", "'"}, {"&apos;", "'"}, {"&nbsp;", " "},  {"&amp;", "&"}};

// The first of the entities that the text begins with.
const Entity* entity_at(std::string_view text) {
  const auto* const found =
      std::ranges::find_if(kEntities, [&](const Entity& entity) { return text.starts_with(entity.name); });
  return found == std::end(kEntities) ? nullptr : found;
}

std::string without_entities(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const auto* const entity = line[0] == '&' ? entity_at(line) : nullptr;
    if (entity != nullptr) {
      out += entity->text;
      line.remove_prefix(entity->name.size());
    } else {
      out += line[0];
      line.remove_prefix(1);
    }
  }
  return out;
}

// Records of /dev/kmsg and JSON, where "&lt;" and "=3D" are in somebody's name.
bool is_of_program(std::string_view line) {
  return line.starts_with('{') || (is_digit(line[0]) && line.find_first_not_of("0123456789") == line.find(','));
}

bool has_entity(std::string_view line) {
  const auto ampersand = line.find('&');
  return ampersand != std::string_view::npos && line.find(';', ampersand) != std::string_view::npos;
}

}  // namespace

bool ends_softly(std::string_view line) {
  constexpr std::size_t kLongest = 76;  // RFC 2045
  return line.ends_with('=') && line.size() <= kLongest;
}

bool has_quoted_printable(std::string_view line) {
  return line.find("=3D") != std::string_view::npos && !is_of_program(line);
}

std::string_view unwrap(std::string_view line, std::string& scratch) {
  if (line.empty()) {
    return line;
  }
  if (has_quoted_printable(line)) {
    scratch = without_quoted_printable(line);
    line = scratch;
  }
  if (line.starts_with('<')) {
    line = without_tags(line);
  }
  if (has_entity(line) && !is_of_program(line)) {
    scratch = without_entities(line);
    line = scratch;
  }
  if (line.find('\x1b') != std::string_view::npos) {
    scratch = without_colours(line);
    line = scratch;
  }
  if (line.starts_with('>')) {
    line = without_quotes(line);
  }
  if (const auto first = trim_left(line); first.starts_with('"') || first.starts_with('\'') || first.starts_with('`')) {
    line = without_source_quotes(line);
  }
  if (line.starts_with('(')) {
    line = without_domain(line);
  }
  if (line.starts_with('{')) {
    line = without_labels(line);
  }
  if (trim_left(line).starts_with('{')) {
    std::string inner;
    if (read_json_wrapper(trim_left(line), inner)) {
      scratch = std::move(inner);
      line = scratch;
    }
  }
  line = without_grep_prefix(without_cri(line));
  if (has_rsyslog_escape(line) || line.find("\\x0a") != std::string_view::npos) {
    scratch = without_escapes(line);
    line = scratch;
  }
  return line;
}

}  // namespace forensics
