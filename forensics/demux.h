#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/carrier.h"

namespace forensics {

// Lines of one input to records: tries the carriers on every line, the most demanding shape first, so that an input may
// mix them.
class Demux {
 public:
  // forced: a carrier's name, else all are tried.
  explicit Demux(const std::optional<std::string>& forced);

  // Takes a line or, of quoted-printable mail, a part of one; then next() until it says false. It must live as long.
  void feed(std::string_view part);
  bool next(Record& out);
  // The input has ended; next() again.
  void finish();

  // Whether the next line begins something new, as far as the carrier goes: not inside a record of several lines.
  [[nodiscard]] bool is_between_records() const { return block_ == nullptr; }
  // The carrier of most lines, as the document names it; nothing when no line had a carrier's shape.
  [[nodiscard]] std::optional<std::string> carrier() const;
  // The carrier of the line that was fed last, as the document names it; nothing when it had no carrier's shape.
  [[nodiscard]] std::optional<std::string> line_carrier() const;
  // Whether lines with a prefix came before: a bare line may then continue one.
  [[nodiscard]] bool has_prefixes() const { return prefixed_ > 0; }

  // Whether the name is one of a carrier ('-' and '_' are the same).
  static bool knows(std::string_view name);

 private:
  std::optional<Record> decode(std::string_view line);
  std::optional<std::string_view> without_soft_break(std::string_view line);

  struct Entry {
    const base::Descriptor<Carrier>* carrier = nullptr;
    std::uint64_t count = 0;
  };
  std::optional<std::string> forced_;  // as documents name it
  std::vector<Entry> carriers_;        // by rank
  std::unique_ptr<BlockDecoder> block_;
  std::size_t block_index_ = 0;
  const base::Descriptor<Carrier>* line_carrier_ = nullptr;
  std::optional<Record> pending_;
  std::string scratch_, unwrapped_;
  std::string unfinished_, whole_;  // lines that quoted-printable broke
  std::uint64_t prefixed_ = 0;
  bool after_kmsg_ = false, journal_marks_ = false, after_syslog_ = false, quoted_printable_ = false;
};

}  // namespace forensics
