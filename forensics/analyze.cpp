#include "forensics/analyze.h"

#include <algorithm>

#include <fmt/format.h>

#include "forensics/analysis.h"
#include "forensics/assembler.h"
#include "forensics/demux.h"
#include "forensics/line_reader.h"

namespace forensics {
namespace {

constexpr std::uint64_t kProgressStep = std::uint64_t{1} << 22;

// Notices a gap in the sequence numbers of /dev/kmsg: records that were overwritten before they were read.
class OverrunWatch {
 public:
  void see(const Record& record, std::size_t input, std::uint64_t line, std::vector<Warning>& warnings) {
    if (!record.sequence) {
      return;
    }
    if (last_ && *record.sequence > *last_ + 1) {
      warnings.push_back({.code = "log_overrun",
                          .message = fmt::format("{} records of the kernel log were overwritten before they were read",
                                                 *record.sequence - *last_ - 1),
                          .input = input,
                          .line = line});
    }
    last_ = record.sequence;
  }

 private:
  std::optional<std::uint64_t> last_;
};

base::Result<bool> analyze_one(Source& source, std::size_t input, const AnalyzeOptions& options, Postmortem& into) {
  if (source.carrier && !Demux::knows(*source.carrier)) {
    return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not a carrier", *source.carrier),
                      "oomlab list shows the carriers");
  }
  into.inputs.push_back({.name = source.name, .carrier = {}, .compression = {}});
  auto bytes = source.fd ? source_of_fd(source.fd.get()) : source_of_memory(source.bytes);
  LineReader reader(decompressed(std::move(bytes)));
  Demux demux(source.carrier);
  OverrunWatch overruns;
  bool found = false, wanted = true;
  Assembler assembler(
      input,
      [&](Incident&& incident) {
        found = true;
        explain(incident);
        if (options.on_incident) {
          return wanted = options.on_incident(incident);
        }
        into.incidents.push_back(std::move(incident));
        return true;
      },
      into.warnings);
  std::uint64_t reported = 0;
  Record record;
  while (wanted) {
    auto next = reader.next();
    if (!next) {
      return std::unexpected(std::move(next).error().context(source.name));
    }
    if (!*next) {
      break;
    }
    const Line line = **next;
    demux.feed(line.text);
    while (demux.next(record)) {
      overruns.see(record, input, line.number, into.warnings);
      assembler.add(record, line.number, line.text.size(), line.ended);
    }
    if (options.progress && reader.bytes() - reported >= kProgressStep) {
      reported = reader.bytes();
      options.progress(reported);
    }
  }
  demux.finish();
  while (wanted && demux.next(record)) {
    assembler.add(record, reader.lines(), record.message.size());
  }
  if (wanted) {
    assembler.finish();
  }
  auto& shown = into.inputs.back();
  shown.bytes = reader.bytes();
  shown.lines = reader.lines();
  shown.compression = reader.compression();
  shown.carrier = demux.carrier();
  if (!shown.carrier && found) {
    shown.carrier = "raw";
  }
  if (const auto damage = reader.damage()) {
    into.warnings.push_back({.code = "input_damaged",
                             .message = fmt::format("{}: {}; what is before it was read", source.name, *damage),
                             .input = input,
                             .line = reader.lines()});
  }
  return wanted;
}

}  // namespace

base::Result<Postmortem> analyze(std::span<Source> sources, const AnalyzeOptions& options) {
  Postmortem document;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    TRY_ASSIGN(const bool wanted, analyze_one(sources[i], i, options, document));
    if (!wanted) {
      break;
    }
  }
  std::ranges::stable_sort(document.incidents, {}, [](const Incident& incident) {
    return std::pair(incident.log.input, incident.log.first_line);
  });
  return document;
}

}  // namespace forensics
