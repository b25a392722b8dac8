#include "forensics/html/page.h"

#include <cmath>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/sha256.h"

namespace forensics::html {

std::string escape(std::string_view text) {
  std::string out;
  for (const char c : base::escape_terminal(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string Page::argument(double number) {
  if (!std::isfinite(number)) {
    return "0";
  }
  auto text = fmt::format("{:.2f}", number);
  text.resize(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) {
    text.pop_back();
  }
  return text == "-0" ? "0" : text;
}

void Page::fill(std::string_view form, std::span<const std::string> texts) {
  for (const auto& text : texts) {
    const auto place = form.find("{}");
    out_ += form.substr(0, place);
    out_ += text;
    form.remove_prefix(place + 2);
  }
  out_ += form;
}

void Page::prose(std::string_view text) {
  while (!text.empty()) {
    const auto open = text.find('`');
    const auto close = open == std::string_view::npos ? open : text.find('`', open + 1);
    if (close == std::string_view::npos) {
      put("{}", text);
      return;
    }
    put("{}<code>{}</code>", text.substr(0, open), text.substr(open + 1, close - open - 1));
    text.remove_prefix(close + 1);
  }
}

Page::Page(std::string_view title) {
  out_ = fmt::format(
      R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{}</title>
<style>{}</style>
</head>
<body>
<a class="skip" href="#report">Skip to the report</a>
)",
      base::sha256_base64(style_sheet()), base::sha256_base64(sort_script()), escape(title), style_sheet());
}

std::string Page::finish() && {
  out_ += fmt::format("<script>{}</script>\n</body>\n</html>\n", sort_script());
  return std::move(out_);
}

}  // namespace forensics::html
