#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "forensics/record.h"

namespace forensics {

// A line and the message that the carrier has to find in it: checked by a test that runs over every carrier.
struct CarrierSample {
  std::string_view line, message;
};

// A carrier whose records span lines (journalctl -o export, dmesg --json). It takes over when its starts() says so and
// stays until a line is not its own.
class BlockDecoder {
 public:
  BlockDecoder() = default;
  BlockDecoder(const BlockDecoder&) = delete;
  BlockDecoder(BlockDecoder&&) = delete;
  BlockDecoder& operator=(const BlockDecoder&) = delete;
  BlockDecoder& operator=(BlockDecoder&&) = delete;
  virtual ~BlockDecoder() = default;
  // Takes one line, without its newline. False when the line is not this carrier's.
  virtual bool feed(std::string_view line) = 0;
  // The next record that is complete, if there is one: its views live until the next call.
  virtual bool next(Record& out) = 0;
  // The input has ended: what is left becomes a record.
  virtual void finish() {}
};

// One way in which logs carry the kernel's messages: one file under carriers/.
struct Carrier {
  std::string_view summary;  // one line for `oomlab list`
  int rank = 0;              // tried in this order: the more a shape demands the earlier
  // The record of a line, or nothing when the line has not this shape. Views may go into scratch.
  std::optional<Record> (*decode)(std::string_view line, std::string& scratch) = nullptr;
  bool (*starts)(std::string_view line) = nullptr;  // set together with make_block
  std::unique_ptr<BlockDecoder> (*make_block)() = nullptr;
  std::span<const CarrierSample> samples;  // single lines; block carriers are tested on their own
};

std::span<const base::Descriptor<Carrier>> all_carriers();

}  // namespace forensics
