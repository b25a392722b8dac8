#include "forensics/analyze.h"

#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <mutex>
#include <thread>

#include <fmt/format.h>

#include "forensics/analysis.h"
#include "forensics/assembler.h"
#include "forensics/copies.h"
#include "forensics/demux.h"
#include "forensics/episodes.h"
#include "forensics/line_reader.h"
#include "forensics/storm.h"
#include "forensics/survey.h"

namespace forensics {
namespace {

constexpr std::uint64_t kProgressStep = std::uint64_t{1} << 22;
constexpr std::chrono::milliseconds kSilence{2000};
constexpr std::uint64_t kHead = std::uint64_t{64} << 10;  // parsed whatever is in it: shows the carrier

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

  // Whether every record counts.
  [[nodiscard]] bool is_watching() const { return last_.has_value(); }

 private:
  std::optional<std::uint64_t> last_;
};

// A large plain file is looked through by threads ahead of its reader, if there may be any.
std::unique_ptr<LineReader> open_reader(const Source& source, unsigned jobs) {
  if (!source.fd) {
    return std::make_unique<LineReader>(decompressed(source_of_memory(source.bytes)));
  }
  if (jobs > 1) {
    if (auto file = SurveyedFile::open(source.fd.get(), jobs)) {
      return std::make_unique<LineReader>(std::move(file));
    }
  }
  return std::make_unique<LineReader>(decompressed(source_of_fd(source.fd.get())));
}

// One log on its way into the document.
class Intake {
 public:
  Intake(const Source& source, std::size_t input, const AnalyzeOptions& options, Postmortem& into)
      : source_(source),
        input_(input),
        options_(options),
        into_(into),
        reader_(open_reader(source, options.jobs)),
        demux_(source.carrier),
        assembler_(input, [this](Incident&& incident) { return keep(std::move(incident)); }, into.warnings) {}

  // To the end of the log, or until no more incidents are wanted: then false.
  base::Result<bool> read() {
    while (wanted_) {
      if (follows_ && !reader_->has_lines() && is_silent()) {
        pause();
      }
      auto next = may_skip() ? reader_->next_of_interest() : reader_->next();
      if (!next) {
        return std::unexpected(std::move(next).error().context(source_.name));
      }
      if (!*next) {
        break;
      }
      take(**next);
      report_progress();
    }
    finish();
    return wanted_;
  }

  // What was read, for the document.
  [[nodiscard]] Input input() const {
    Input shown{.name = source_.name,
                .carrier = demux_.carrier(),
                .compression = reader_->compression(),
                .bytes = reader_->bytes(),
                .lines = reader_->lines()};
    if (!shown.carrier && found_) {
      shown.carrier = "raw";
    }
    return shown;
  }

 private:
  bool keep(Incident&& incident) {
    found_ = true;
    if (!options_.on_incident && storm_.fold(incident, into_.incidents)) {
      return wanted_;
    }
    explain(incident);
    if (options_.on_incident) {
      wanted_ = options_.on_incident(incident);
    } else {
      into_.incidents.push_back(std::move(incident));
    }
    return wanted_;
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

  void pause() {
    assembler_.pause();
    if (!into_.incidents.empty()) {
      options_.on_pause(into_);
      storm_.forget();
    }
  }

  // Whether lines that cannot begin a report would change nothing.
  [[nodiscard]] bool may_skip() const {
    return parsed_ >= kHead && assembler_.is_idle() && demux_.is_between_records() && !overruns_.is_watching();
  }

  void take(const Line& line) {
    parsed_ += line.text.size() + 1;
    demux_.feed(line.text);
    while (demux_.next(record_)) {
      if (!line.ended && record_.bare && demux_.has_prefixes()) {
        continue;  // the beginning of a prefix, where the input was cut
      }
      overruns_.see(record_, input_, line.number, into_.warnings);
      assembler_.add(record_, line.number, line.text.size(), line.ended);
    }
  }

  void report_progress() {
    if (options_.progress && reader_->bytes() - reported_ >= kProgressStep) {
      reported_ = reader_->bytes();
      options_.progress(reported_);
    }
  }

  void finish() {
    demux_.finish();
    while (wanted_ && demux_.next(record_)) {
      assembler_.add(record_, reader_->lines(), record_.message.size());
    }
    if (wanted_) {
      assembler_.finish();
    }
    storm_.warn(input_, into_.warnings);
    if (const auto damage = reader_->damage()) {
      into_.warnings.push_back({.code = "input_damaged",
                                .message = fmt::format("{}: {}; what is before it was read", source_.name, *damage),
                                .input = input_,
                                .line = reader_->lines()});
    }
  }

  const Source& source_;
  std::size_t input_;
  const AnalyzeOptions& options_;
  Postmortem& into_;
  std::unique_ptr<LineReader> reader_;
  Demux demux_;
  OverrunWatch overruns_;
  Assembler assembler_;
  Storm storm_;
  Record record_;
  std::uint64_t reported_ = 0, parsed_ = 0;
  bool follows_ = goes_on();
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
  std::atomic<std::size_t> next = 0;
  std::mutex progress;
  std::uint64_t bytes_read = 0;
  {
    std::vector<std::jthread> threads;
    const auto side_by_side = std::min<std::size_t>(options.jobs, sources.size());
    threads.reserve(side_by_side);
    for (std::size_t i = 0; i < side_by_side; ++i) {
      threads.emplace_back([&] {
        for (auto at = next++; at < sources.size(); at = next++) {
          AnalyzeOptions one{.jobs = std::max(1U, options.jobs / static_cast<unsigned>(side_by_side))};
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
        }
      });
    }
  }
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
