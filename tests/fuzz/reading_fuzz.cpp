// Any bytes as a file of lines, most of which are passed over. Found are the same places with and without vector
// instructions, and the same lines one by one, with those that are of no interest passed over, and with threads that
// look ahead. Large inputs come from small ones: 1 and a byte stand for so many KiB of filling without a newline, 2 for
// so many short lines, 3 for so many times 16 KiB of lines.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "forensics/candidates.h"
#include "forensics/line_reader.h"
#include "forensics/survey.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::check;

constexpr std::size_t kMost = std::size_t{3} << 20;

std::string inflate(std::string_view input) {
  std::string out;
  for (std::size_t i = 0; i < input.size() && out.size() < kMost; ++i) {
    const auto count = i + 1 < input.size() ? static_cast<unsigned char>(input[i + 1]) : 0U;
    switch (input[i]) {
      case 1:
        out.append(std::size_t{count} << 10, 'x');
        break;
      case 2:
        for (std::size_t line = 0; line < count; ++line) {
          out += "a\n";
        }
        break;
      case 3:
        for (std::size_t line = 0; line < count * 16; ++line) {
          out.append(1023, 'y').append("\n");
        }
        break;
      default:
        out += input[i];
        continue;
    }
    ++i;
  }
  return out;
}

struct Kept {
  std::string text;
  std::uint64_t number = 0;
  bool ended = true;
  friend bool operator==(const Kept&, const Kept&) = default;
};

struct Read {
  std::vector<Kept> lines;
  std::uint64_t bytes = 0, count = 0;
};

// Every line; or the first so many, and then those of interest.
Read read(forensics::LineReader& reader, std::size_t first) {
  Read out;
  while (true) {
    const auto line = out.lines.size() < first ? reader.next() : reader.next_of_interest();
    check(line.has_value(), "bytes in memory can be read");
    if (!*line) {
      break;
    }
    out.lines.push_back({.text = std::string((*line)->text), .number = (*line)->number, .ended = (*line)->ended});
  }
  out.bytes = reader.bytes();
  out.count = reader.lines();
  return out;
}

void compare(const Read& all, const Read& some) {
  check(all.bytes == some.bytes, "bytes are counted whether they are passed over or not");
  check(all.count == some.count, "lines are counted whether they are passed over or not");
  auto next = some.lines.begin();
  for (const auto& line : all.lines) {
    if (next != some.lines.end() && next->number == line.number) {
      check(*next == line, "a line is the same whether others were passed over or not");
      ++next;
    } else {
      check(forensics::find_candidate(line.text) == std::string_view::npos, "no line of interest is passed over");
    }
  }
  check(next == some.lines.end(), "lines come in their order");
}

void find_in(std::string_view text) {
  const auto found = forensics::find_candidate(text);
  check(found == forensics::find_candidate_plainly(text), "vector instructions find the same");
  check(found == std::string_view::npos || found < text.size(), "what is found is in the text");
  std::uint64_t newlines = 0;
  for (const char c : text) {
    newlines += c == '\n' ? 1U : 0U;
  }
  check(forensics::count_newlines(text) == newlines, "vector instructions count the same");
}

void find_everywhere(std::string_view input) {
  // From each of some places, so that the steps of the vectors fall differently; in a buffer that ends where it ends.
  for (std::size_t from = 0; from < 40 && from <= input.size(); from += 3) {
    const auto part = input.substr(from);
    const auto bytes = std::make_unique<char[]>(part.size());
    find_in({bytes.get(), part.copy(bytes.get(), part.size())});
  }
}

void read_surveyed(const std::string& text, const Read& all, std::size_t first) {
  const base::Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  check(fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()),
        "a file in memory can be made");
  forensics::LineReader reader(std::make_unique<forensics::SurveyedFile>(fd.get(), text.size(), 2));
  compare(all, read(reader, first));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  find_everywhere(input);
  auto text = inflate(input);
  // What a power loss leaves may stand in the middle of a word, which then is not found: so by design.
  std::erase(text, '\0');
  forensics::LineReader plain(forensics::source_of_memory(text));
  const auto all = read(plain, ~std::size_t{0});
  const auto first = input.size() % 5;
  forensics::LineReader passing(forensics::source_of_memory(text));
  compare(all, read(passing, first));
  const bool is_utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");  // which is not surveyed
  if (text.size() > forensics::SurveyedFile::kRange && !is_utf16) {
    read_surveyed(text, all, first);
  }
  return 0;
}
