// Any bytes as the lines of a log, by any carrier or by one: the first byte says which. What a record shows must lie in
// the line or in the carrier's own space, and records must come to an end.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "forensics/carrier.h"
#include "forensics/demux.h"
#include "forensics/unwrap.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::check;

std::size_t sum = 0;  // so that every byte is read: the sanitizer knows which of them are there

void touch(std::string_view view) {
  for (const char c : view) {
    sum += static_cast<unsigned char>(c);
  }
}

void touch(const forensics::Record& record) {
  for (const auto view : {record.message, record.host, record.caller, record.boot, record.tag}) {
    touch(view);
  }
  check(!record.monotonic_s || std::isfinite(*record.monotonic_s), "a stamp is a number");
  if (!record.wall) {
    return;
  }
  const auto& wall = *record.wall;
  touch(wall.fraction);
  touch(wall.zone);
  check(wall.month >= 0 && wall.month <= 12 && wall.day >= 0 && wall.day <= 31, "a date is one");
  check(wall.hour >= 0 && wall.hour <= 23 && wall.minute >= 0 && wall.minute <= 59 && wall.second >= 0 &&
            wall.second <= 60,
        "a time of day is one");
  touch(forensics::to_text(wall));
  (void)forensics::to_seconds(wall);
}

// A buffer of exactly the line's size, which is gone after it: a view that outlives it or leaves it is found out.
struct Lone {
  explicit Lone(std::string_view line) : bytes(std::make_unique<char[]>(line.size())), text(bytes.get(), line.size()) {
    line.copy(bytes.get(), line.size());
  }
  std::unique_ptr<char[]> bytes;
  std::string_view text;
};

void decode_by_each(std::string_view line) {
  std::string unwrapped;
  const auto inner = forensics::unwrap(line, unwrapped);
  check(fuzz::is_within(inner, line) || fuzz::is_within(inner, unwrapped), "unwrap() gives a part of the line");
  for (const auto& carrier : forensics::all_carriers()) {
    if (carrier.value->starts != nullptr) {
      (void)carrier.value->starts(line);
    }
    if (carrier.value->decode == nullptr) {
      continue;
    }
    std::string scratch;
    const auto record = carrier.value->decode(line, scratch);
    if (!record) {
      continue;
    }
    touch(*record);
    for (const auto view : {record->message, record->host, record->caller, record->boot, record->tag}) {
      check(fuzz::is_within(view, line) || fuzz::is_within(view, scratch), "a record's views are of its line");
    }
  }
}

void read_all(const std::optional<std::string>& forced, std::string_view text) {
  forensics::Demux demux(forced);
  forensics::Record record;
  std::size_t fed = 1, records = 0;
  const auto take_records = [&] {
    while (demux.next(record)) {
      touch(record);
      check(++records <= fed, "next() comes to an end");
    }
    check(!demux.next(record), "next() stays at the end");
  };
  fuzz::for_each_line(text, [&](std::string_view part) {
    const Lone line(part);
    fed += part.size() + 1;
    demux.feed(line.text);
    take_records();
  });
  demux.finish();
  take_records();
  const auto name = demux.carrier();
  check(!name || forensics::Demux::knows(*name), "the carrier is one that can be forced");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) {
    return 0;
  }
  const auto carriers = forensics::all_carriers();
  const auto choice = data[0] % (carriers.size() + 1);
  const auto text = fuzz::text_of(data + 1, size - 1);
  if (choice == carriers.size()) {
    fuzz::for_each_line(text, [](std::string_view part) { decode_by_each(Lone(part).text); });
    read_all(std::nullopt, text);
  } else {
    read_all(std::string(carriers[choice].name), text);
  }
  return 0;
}
