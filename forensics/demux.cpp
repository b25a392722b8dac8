#include "forensics/demux.h"

#include <algorithm>

#include "forensics/text.h"
#include "forensics/unwrap.h"

namespace forensics {
namespace {

std::string document_name(std::string_view name) {
  std::string out(name);
  std::ranges::replace(out, '-', '_');
  return out;
}

// journalctl's own lines between records.
bool is_journal_mark(std::string_view line) {
  return line.starts_with("-- Boot ") || line.starts_with("-- Reboot --") || line.starts_with("-- Logs begin at ") ||
         line.starts_with("-- Journal begins at ");
}

}  // namespace

Demux::Demux(const std::optional<std::string>& forced) {
  if (forced) {
    forced_ = document_name(*forced);
  }
  for (const auto& carrier : all_carriers()) {
    // A console without caller ids prints what dmesg does.
    const bool also = carrier.name == "raw" || (forced_ == "console" && carrier.name == "dmesg");
    if (!forced_ || document_name(carrier.name) == *forced_ || also) {
      carriers_.push_back({.carrier = &carrier});
    }
  }
  std::ranges::stable_sort(carriers_, {}, [](const Entry& entry) { return entry.carrier->value->rank; });
}

bool Demux::knows(std::string_view name) {
  return std::ranges::any_of(all_carriers(),
                             [&](const auto& carrier) { return document_name(carrier.name) == document_name(name); });
}

std::optional<Record> Demux::decode(std::string_view line) {
  const bool kmsg_follows = std::exchange(after_kmsg_, false);
  const bool syslog_before = std::exchange(after_syslog_, false);
  if (kmsg_follows && line.starts_with(' ') && line.find('=') != std::string_view::npos) {
    after_kmsg_ = true;  // " SUBSYSTEM=acpi": the record's dictionary
    return std::nullopt;
  }
  for (auto& entry : carriers_) {
    const auto& carrier = *entry.carrier->value;
    if (carrier.decode == nullptr || line.empty()) {
      continue;
    }
    const bool is_raw = entry.carrier->name == "raw";
    auto record = carrier.decode(line, scratch_);
    if (!record && is_blank(line[0])) {
      record = carrier.decode(trim_left(line), scratch_);  // an indented paste
    }
    if (!record) {
      continue;
    }
    ++entry.count;
    line_carrier_ = entry.carrier;
    prefixed_ += is_raw ? 0U : 1U;
    after_kmsg_ = entry.carrier->name == "kmsg";
    after_syslog_ = entry.carrier->name == "syslog" || (is_raw && syslog_before);
    journal_marks_ = journal_marks_ || (is_raw && syslog_before && line.starts_with("          "));
    return record;
  }
  return std::nullopt;
}

// The line with those before it that quoted-printable broke off; nothing when it goes on itself.
std::optional<std::string_view> Demux::without_soft_break(std::string_view line) {
  quoted_printable_ = quoted_printable_ || has_quoted_printable(line);
  constexpr std::size_t kLongest = std::size_t{1} << 16;
  if (quoted_printable_ && ends_softly(line) && unfinished_.size() < kLongest) {
    unfinished_.append(line.substr(0, line.size() - 1));
    return std::nullopt;
  }
  if (unfinished_.empty()) {
    return line;
  }
  whole_ = std::exchange(unfinished_, {}).append(line);
  return whole_;
}

void Demux::feed(std::string_view part) {
  const auto whole = without_soft_break(part);
  if (!whole) {
    return;
  }
  const auto line = *whole;
  journal_marks_ = journal_marks_ || is_journal_mark(line);
  if (block_) {
    if (block_->feed(line)) {
      return;
    }
    block_.reset();
  }
  line_carrier_ = nullptr;
  for (std::size_t i = 0; i < carriers_.size(); ++i) {
    const auto& carrier = *carriers_[i].carrier->value;
    if (carrier.starts != nullptr && carrier.starts(line)) {
      block_ = carrier.make_block();
      block_index_ = i;
      line_carrier_ = carriers_[i].carrier;
      if (block_->feed(line)) {
        return;
      }
      block_.reset();
      line_carrier_ = nullptr;
    }
  }
  pending_ = decode(unwrap(line, unwrapped_));
}

bool Demux::next(Record& out) {
  if (block_) {
    if (!block_->next(out)) {
      return false;
    }
    ++carriers_[block_index_].count;
    ++prefixed_;
    return true;
  }
  if (!pending_) {
    return false;
  }
  out = *pending_;
  pending_.reset();
  return true;
}

void Demux::finish() {
  if (!unfinished_.empty()) {
    whole_ = std::exchange(unfinished_, {});
    pending_ = decode(unwrap(whole_, unwrapped_));
  }
  if (block_) {
    block_->finish();
  }
}

std::optional<std::string> Demux::line_carrier() const {
  return line_carrier_ == nullptr ? std::nullopt : std::optional(document_name(line_carrier_->name));
}

std::optional<std::string> Demux::carrier() const {
  const Entry* best = nullptr;
  for (const auto& entry : carriers_) {
    if (entry.carrier->name != "raw" && entry.count > (best != nullptr ? best->count : 0)) {
      best = &entry;
    }
  }
  if (best == nullptr || forced_) {
    return best == nullptr ? std::nullopt : forced_;
  }
  if (best->carrier->name == "syslog" && journal_marks_) {
    return "journal_text";  // journalctl's short format is syslog's, but for its marks and its indented continuation
                            // lines
  }
  return document_name(best->carrier->name);
}

}  // namespace forensics
