#include "forensics/record_reader.h"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

#include "base/parallel.h"
#include "forensics/analyze.h"
#include "forensics/demux.h"
#include "forensics/line_reader.h"
#include "forensics/survey.h"

namespace forensics {
namespace {

constexpr std::uint64_t kProgressStep = std::uint64_t{1} << 22;
constexpr std::uint64_t kHead = std::uint64_t{64} << 10;    // read whatever is in it: shows the carrier
constexpr std::size_t kBlockBytes = std::size_t{16} << 10;  // of lines
constexpr std::uint64_t kUsed = 3;                         // blocks at a time: one with the user, one made, one not yet
constexpr std::size_t kTextBytes = std::size_t{16} << 10;  // at a time, of what records look into

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

bool is_within(std::string_view part, std::string_view whole) {
  return std::less_equal{}(whole.data(), part.data()) &&
         std::less_equal{}(part.data() + part.size(), whole.data() + whole.size());
}

template <typename Use>
void for_each_text(Record& record, Use use) {
  for (auto* text : {&record.message, &record.host, &record.caller, &record.boot, &record.tag}) {
    use(*text);
  }
  if (record.wall) {
    use(record.wall->fraction);
    use(record.wall->zone);
  }
}

}  // namespace

// The records of some lines with the text that they look into.
class RecordReader::Block {
 public:
  // What the record looks into is copied: it goes with the next line. The line is copied as a whole, unless the carrier
  // has put together the message from more than that.
  void add(const Record& record, const Line& line) {
    auto& read = records_.emplace_back(record, line.number, line.text.size(), line.ended);
    const auto whole = is_within(record.message, line.text) ? line.text : std::string_view{};
    std::size_t bytes = whole.size();
    for_each_text(read.record, [&](std::string_view text) { bytes += is_within(text, whole) ? 0 : text.size(); });
    auto& into = text_with_room_for(bytes);
    const auto begin = into.size();
    into += whole;
    for_each_text(read.record, [&](std::string_view& text) {
      const bool there = is_within(text, whole);
      const auto at = there ? begin + static_cast<std::size_t>(text.data() - whole.data()) : into.size();
      into += there ? std::string_view{} : text;
      text = std::string_view(into).substr(at, text.size());
    });
  }

  const ReadRecord* next() { return at_ < records_.size() ? &records_[at_++] : nullptr; }

  // Empties it; what it took of memory stays for what comes next.
  void clear() {
    records_.clear();
    std::ranges::for_each(texts_, &std::string::clear);
    text_ = at_ = 0;
  }

  bool is_last = false;
  std::optional<base::Error> error;  // behind its records

 private:
  // A text is never grown: what records look into stays where it is.
  std::string& text_with_room_for(std::size_t bytes) {
    while (text_ < texts_.size() && texts_[text_].capacity() - texts_[text_].size() < bytes) {
      ++text_;
    }
    if (text_ == texts_.size()) {
      texts_.emplace_back().reserve(std::max(kTextBytes, bytes));
    }
    return texts_[text_];
  }

  std::deque<std::string> texts_;  // a short one would move with its object
  std::vector<ReadRecord> records_;
  std::size_t text_ = 0, at_ = 0;
};

class RecordReader::Blocks {
 public:
  Blocks(const Source& source, Options options)
      : name_(source.name),
        options_(std::move(options)),
        reader_(open_reader(source, options_.jobs)),
        demux_(source.carrier) {}

  // idle: from here on lines that cannot begin a report may be passed over; used: a block to use again.
  std::unique_ptr<Block> make(bool idle, std::unique_ptr<Block> used = nullptr) {
    auto block = used ? std::move(used) : std::make_unique<Block>();
    block->clear();
    bool skip = idle && head_ >= kHead && demux_.is_between_records() && !numbered_;
    if (options_.before_wait && !reader_->has_lines()) {
      options_.before_wait();
    }
    for (std::size_t bytes = 0; bytes == 0 || (bytes < kBlockBytes && (!options_.live || reader_->has_lines()));
         skip = false) {
      auto line = skip ? reader_->next_of_interest() : reader_->next();
      if (!line) {
        block->error = std::move(line).error().context(name_);
        block->is_last = true;
        break;
      }
      if (!*line) {
        finish(*block);
        break;
      }
      bytes += (*line)->text.size() + 1;
      take(**line, *block);
      report_progress();
    }
    return block;
  }

  [[nodiscard]] const LineReader& reader() const { return *reader_; }
  [[nodiscard]] const Demux& demux() const { return demux_; }

 private:
  void take(const Line& line, Block& block) {
    head_ += line.text.size() + 1;
    demux_.feed(line.text);
    while (demux_.next(record_)) {
      numbered_ = numbered_ || record_.sequence.has_value();
      if (!line.ended && record_.bare && demux_.has_prefixes()) {
        continue;  // the beginning of a prefix, where the input was cut
      }
      block.add(record_, line);
    }
  }

  void finish(Block& block) {
    demux_.finish();
    while (demux_.next(record_)) {
      block.add(record_, {.text = record_.message, .number = reader_->lines()});
    }
    block.is_last = true;
  }

  void report_progress() {
    if (options_.progress && reader_->bytes() - reported_ >= kProgressStep) {
      reported_ = reader_->bytes();
      options_.progress(reported_);
    }
  }

  std::string name_;
  Options options_;
  std::unique_ptr<LineReader> reader_;
  Demux demux_;
  Record record_;
  std::uint64_t reported_ = 0, head_ = 0;
  bool numbered_ = false;  // every record counts: a gap in their numbers is told
};

// Blocks are made while the user works on those before. Where nothing was open at the end of the last ones, lines may
// be passed over behind them: how each ends is waited for then.
class RecordReader::Ahead {
 public:
  explicit Ahead(Blocks& blocks) {
    base::start_thread(thread_, [this, &blocks] { run(blocks); });
  }
  Ahead(const Ahead&) = delete;
  Ahead(Ahead&&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  Ahead& operator=(Ahead&&) = delete;
  ~Ahead() {
    {
      const std::scoped_lock lock(mutex_);
      over_ = true;
    }
    changed_.notify_all();
  }

  // Whether there was a thread to be had.
  [[nodiscard]] bool is_running() const { return !thread_.empty(); }
  // The next block; idle: as things are at the end of the last one.
  std::unique_ptr<Block> take(bool idle, std::unique_ptr<Block> used) {
    std::unique_lock lock(mutex_);
    used_.push_back(std::move(used));
    answers_[++asked_ % answers_.size()] = idle;
    changed_.notify_all();
    wait(lock, [&] { return !made_.empty(); });
    auto block = std::move(made_.front());
    made_.pop_front();
    changed_.notify_all();
    return block;
  }

 private:
  // To sleep and to be woken takes longer than the other thread mostly needs.
  template <typename Ready>
  void wait(std::unique_lock<std::mutex>& lock, Ready ready) {
    constexpr int kTurns = 1000;
    for (int turn = 0; turn < kTurns && !ready(); ++turn) {
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
    }
    changed_.wait(lock, ready);
  }

  // For the block with that number, from 0 on: whether nothing was open at the end of the kUsed before it. Answer n was
  // given with the n-th wish for a block, n - 2 is the block that it is about. What is not known yet is waited for, but
  // only as long as it matters.
  bool is_idle_before(std::uint64_t number, std::unique_lock<std::mutex>& lock) {
    for (auto answer = number + 2 > kUsed ? number + 2 - kUsed : 1; answer <= number + 1; ++answer) {
      changed_.wait(lock, [&] { return over_ || asked_ >= answer; });
      if (over_ || !answers_[answer % answers_.size()]) {
        return false;
      }
    }
    return true;
  }

  void run(Blocks& blocks) {
    constexpr std::size_t kMostMade = kUsed - 1;
    std::unique_lock lock(mutex_);
    for (std::uint64_t number = 0;; ++number) {
      wait(lock, [&] { return over_ || made_.size() < kMostMade; });
      const bool idle = is_idle_before(number, lock);
      if (over_) {
        return;
      }
      auto used = used_.empty() ? nullptr : std::move(used_.back());
      used_.clear();
      lock.unlock();
      auto block = blocks.make(idle, std::move(used));
      const bool last = block->is_last;
      lock.lock();
      made_.push_back(std::move(block));
      changed_.notify_all();
      if (last) {
        return;
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Block>> made_;
  std::vector<std::unique_ptr<Block>> used_;
  std::uint64_t asked_ = 0;                // how often a block was wished for
  std::array<bool, kUsed + 1> answers_{};  // to the last of them, by number
  bool over_ = false;
  std::vector<std::jthread> thread_;  // the last member, the first to end
};

RecordReader::RecordReader(const Source& source, Options options) {
  const bool threaded = options.jobs > 1 && !options.live;
  blocks_ = std::make_unique<Blocks>(source, std::move(options));
  if (threaded) {
    ahead_ = std::make_unique<Ahead>(*blocks_);
    ahead_ = ahead_->is_running() ? std::move(ahead_) : nullptr;
  }
}

RecordReader::~RecordReader() = default;

// Without a thread the same lines are passed over.
base::Result<const ReadRecord*> RecordReader::next(bool idle) {
  while (true) {
    if (block_) {
      if (const auto* record = block_->next()) {
        return record;
      }
      if (block_->error) {
        return std::unexpected(*block_->error);
      }
      if (block_->is_last) {
        return nullptr;
      }
    }
    if (ahead_) {
      block_ = ahead_->take(idle, std::move(block_));
    } else {
      idle_for_ = idle ? idle_for_ + 1 : 0;
      block_ = blocks_->make(idle_for_ >= std::min(++asked_, kUsed), std::move(block_));
    }
  }
}

std::uint64_t RecordReader::bytes() const {
  return blocks_->reader().bytes();
}

std::uint64_t RecordReader::lines() const {
  return blocks_->reader().lines();
}

std::optional<std::string> RecordReader::carrier() const {
  return blocks_->demux().carrier();
}

std::optional<std::string> RecordReader::compression() const {
  return blocks_->reader().compression();
}

std::optional<std::string> RecordReader::damage() const {
  return blocks_->reader().damage();
}

}  // namespace forensics
