#include "forensics/analyze.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <mutex>

#include <fmt/format.h>

#include "base/parallel.h"
#include "forensics/analysis.h"
#include "forensics/assembler.h"
#include "forensics/copies.h"
#include "forensics/demux.h"
#include "forensics/episodes.h"
#include "forensics/record_reader.h"
#include "forensics/storm.h"

namespace forensics {
namespace {

constexpr std::chrono::milliseconds kSilence{2000};

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

// One log on its way into the document.
class Intake {
 public:
  Intake(const Source& source, std::size_t input, const AnalyzeOptions& options, Postmortem& into)
      : source_(source),
        input_(input),
        options_(options),
        into_(into),
        records_(source, {.jobs = options.jobs,
                          .live = follows_ || options.on_incident != nullptr,
                          .progress = options.progress,
                          .before_wait = follows_ ? std::function([this] { tell_when_silent(); }) : nullptr}),
        assembler_(input, [this](Incident&& incident) { return keep(std::move(incident)); }, into.warnings) {}

  // To the end of the log, or until no more incidents are wanted: then false.
  base::Result<bool> read() {
    while (wanted_) {
      TRY_ASSIGN(const auto* read, records_.next(assembler_.is_idle()));
      if (read == nullptr) {
        break;
      }
      overruns_.see(read->record, input_, read->line, into_.warnings);
      assembler_.add(read->record, read->line, read->length, read->ended);
    }
    finish();
    return wanted_;
  }

  // What was read, for the document.
  [[nodiscard]] Input input() const {
    Input shown{.name = source_.name,
                .carrier = records_.carrier(),
                .compression = records_.compression(),
                .bytes = records_.bytes(),
                .lines = records_.lines()};
    if (!shown.carrier && found_) {
      shown.carrier = "raw";
    }
    return shown;
  }

 private:
  bool keep(Incident&& incident) {
    found_ = true;
    if (options_.on_incident) {
      explain(incident);
      wanted_ = options_.on_incident(incident);
    } else if (!storm_.fold(incident, into_.incidents)) {
      into_.incidents.push_back(std::move(incident));
    }
    return wanted_;
  }

  void explain_new() {
    base::for_each_index(into_.incidents.size() - explained_, options_.jobs,
                         [&](std::size_t i) { explain(into_.incidents[explained_ + i]); });
    explained_ = into_.incidents.size();
  }

  // A pipe, a terminal, /dev/kmsg: it may go on for ever.
  [[nodiscard]] bool goes_on() const {
    struct stat status{};
    return options_.on_pause && source_.fd && ::fstat(source_.fd.get(), &status) == 0 && !S_ISREG(status.st_mode);
  }

  [[nodiscard]] bool is_silent() const {
    pollfd poll_fd{.fd = source_.fd.get(), .events = POLLIN, .revents = 0};
    return ::poll(&poll_fd, 1, static_cast<int>(kSilence.count())) == 0;
  }

  void tell_when_silent() {
    if (!is_silent()) {
      return;
    }
    assembler_.pause();
    if (!into_.incidents.empty()) {
      explain_new();
      options_.on_pause(into_);
      explained_ = into_.incidents.size();
      storm_.forget();
    }
  }

  void finish() {
    if (wanted_) {
      assembler_.finish();
    }
    explain_new();
    storm_.warn(input_, into_.warnings);
    if (const auto damage = records_.damage()) {
      into_.warnings.push_back({.code = "input_damaged",
                                .message = fmt::format("{}: {}; what is before it was read", source_.name, *damage),
                                .input = input_,
                                .line = records_.lines()});
    }
  }

  const Source& source_;
  std::size_t input_;
  const AnalyzeOptions& options_;
  Postmortem& into_;
  bool follows_ = goes_on();
  RecordReader records_;
  OverrunWatch overruns_;
  Assembler assembler_;
  Storm storm_;
  std::size_t explained_ = into_.incidents.size();  // the first so many
  bool found_ = false, wanted_ = true;
};

base::Result<bool> analyze_one(const Source& source, std::size_t input, const AnalyzeOptions& options,
                               Postmortem& into) {
  if (source.carrier && !Demux::knows(*source.carrier)) {
    return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not a carrier", *source.carrier),
                      "oomlab list shows the carriers");
  }
  Intake intake(source, input, options, into);
  TRY_ASSIGN(const bool wanted, intake.read());
  into.inputs.push_back(intake.input());
  return wanted;
}

void append(Postmortem& document, Postmortem part) {
  std::ranges::move(part.inputs, std::back_inserter(document.inputs));
  std::ranges::move(part.warnings, std::back_inserter(document.warnings));
  std::ranges::move(part.incidents, std::back_inserter(document.incidents));
}

// Several logs at once, each on its own thread to its end; the document gets them in their order.
base::Result<Postmortem> analyze_side_by_side(std::span<Source> sources, const AnalyzeOptions& options) {
  std::vector<base::Result<Postmortem>> parts(sources.size());
  std::mutex progress;
  std::uint64_t bytes_read = 0;
  const auto side_by_side = static_cast<unsigned>(std::min<std::size_t>(options.jobs, sources.size()));
  base::for_each_index(sources.size(), side_by_side, [&](std::size_t at) {
    AnalyzeOptions one{.jobs = std::max(1U, options.jobs / side_by_side)};
    std::uint64_t before = 0;
    if (options.progress) {
      one.progress = [&](std::uint64_t bytes) {
        const std::scoped_lock lock(progress);
        bytes_read += bytes - std::exchange(before, bytes);
        options.progress(bytes_read);
      };
    }
    if (auto read = analyze_one(sources[at], at, one, *parts[at]); !read) {
      parts[at] = std::unexpected(std::move(read).error());
    }
  });
  Postmortem document;
  for (auto& part : parts) {
    TRY_ASSIGN(auto read, std::move(part));
    append(document, std::move(read));
  }
  return document;
}

base::Result<Postmortem> analyze_in_turn(std::span<Source> sources, const AnalyzeOptions& options) {
  Postmortem document;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    TRY_ASSIGN(const bool wanted, analyze_one(sources[i], i, options, document));
    if (!wanted) {
      break;
    }
  }
  return document;
}

}  // namespace

base::Result<Postmortem> analyze(std::span<Source> sources, const AnalyzeOptions& options) {
  const bool many = sources.size() > 1 && options.jobs > 1 && !options.on_incident;
  TRY_ASSIGN(auto document, many ? analyze_side_by_side(sources, options) : analyze_in_turn(sources, options));
  std::ranges::stable_sort(document.incidents, {}, [](const Incident& incident) {
    return std::pair(incident.log.input, incident.log.first_line);
  });
  drop_copies(document);
  document.episodes = find_episodes(document.incidents);
  return document;
}

}  // namespace forensics
