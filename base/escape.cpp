#include "base/escape.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include <fmt/format.h>

namespace base {
namespace {

struct CodePoint {
  std::uint32_t value;
  std::size_t length;  // bytes
};

// How many bytes a sequence has that starts with this one; 0 when none does.
std::size_t sequence_length(unsigned first) {
  if (first >= 0xc2 && first <= 0xdf) {
    return 2;
  }
  if (first >= 0xe0 && first <= 0xef) {
    return 3;
  }
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

// The code point at the start of bytes, if it is valid UTF-8 by RFC 3629 (no overlong forms, no surrogates).
std::optional<CodePoint> decode(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) {
    return CodePoint{first, 1};
  }
  const std::size_t length = sequence_length(first);
  if (length == 0 || bytes.size() < length) {
    return std::nullopt;
  }
  std::uint32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      return std::nullopt;
    }
    value = (value << 6) | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
    return std::nullopt;
  }
  return CodePoint{value, length};
}

bool dangerous_on_terminal(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) ||
         c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 || c == 0xfeff;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  if (c >= 'A' && c <= 'F') {
    return c - 'A' + 10;
  }
  return -1;
}

// What every output may hold as it is, and most of all text is.
bool is_plain(char c) {
  return c >= ' ' && c <= '~';
}

// put(out, bytes, point): writes a character that is not copied as it is; point: its code point, or nothing for a byte
// that is no part of valid UTF-8.
template <typename IsPlain, typename Put>
std::string rewrite(std::string_view bytes, IsPlain is_copied, Put put) {
  std::string out;
  out.reserve(bytes.size());
  while (!bytes.empty()) {
    std::size_t plain = 0;
    while (plain < bytes.size() && is_copied(bytes[plain])) {
      ++plain;
    }
    out += bytes.substr(0, plain);
    bytes.remove_prefix(plain);
    if (bytes.empty()) {
      break;
    }
    const auto point = decode(bytes);
    const auto length = point ? point->length : 1;
    put(out, bytes.substr(0, length), point ? std::optional(point->value) : std::nullopt);
    bytes.remove_prefix(length);
  }
  return out;
}

void put_hex(std::string& out, std::uint32_t byte) {
  out += fmt::format("\\x{:02x}", byte);
}

void put_json(std::string& out, std::string_view bytes, std::optional<std::uint32_t> point) {
  constexpr std::array<std::pair<char, char>, 5> kShort{
      {{'"', '"'}, {'\\', '\\'}, {'\n', 'n'}, {'\t', 't'}, {'\r', 'r'}}};
  const auto* const escape = std::ranges::find(kShort, bytes[0], &std::pair<char, char>::first);
  if (!point) {
    out += '\\';
    put_hex(out, static_cast<unsigned char>(bytes[0]));
  } else if (escape != kShort.end()) {
    out += {'\\', escape->second};
  } else if (dangerous_on_terminal(*point)) {
    out += fmt::format("\\u{:04x}", *point);  // none of them is beyond the first plane
  } else {
    out += bytes;
  }
}

}  // namespace

std::string to_valid_utf8(std::string_view bytes) {
  return rewrite(bytes, is_plain, [](std::string& out, std::string_view character, std::optional<std::uint32_t> point) {
    if (point) {
      out += character;
    } else {
      put_hex(out, static_cast<unsigned char>(character[0]));
    }
  });
}

std::string escape_terminal(std::string_view bytes) {
  return rewrite(bytes, is_plain, [](std::string& out, std::string_view character, std::optional<std::uint32_t> point) {
    if (!point) {
      put_hex(out, static_cast<unsigned char>(character[0]));
    } else if (!dangerous_on_terminal(*point)) {
      out += character;
    } else if (*point < 0x80) {
      put_hex(out, *point);
    } else {
      out += fmt::format("\\u{{{:x}}}", *point);
    }
  });
}

std::string escape_json(std::string_view bytes) {
  return rewrite(bytes, [](char c) { return is_plain(c) && c != '"' && c != '\\'; }, put_json);
}

std::string unescape_kmsg(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] == 'x') {
      const int high = hex_value(text[i + 2]);
      const int low = hex_value(text[i + 3]);
      if (high >= 0 && low >= 0) {
        out += static_cast<char>(high * 16 + low);
        i += 3;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string quote_shell(std::string_view word) {
  constexpr std::string_view kHarmless = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%^";
  if (!word.empty() && word.find_first_not_of(kHarmless) == std::string_view::npos) {
    return std::string(word);
  }
  std::string out = "'";
  for (const char c : word) {
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  }
  return out + "'";
}

}  // namespace base
