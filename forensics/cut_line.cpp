#include "forensics/cut_line.h"

#include "forensics/text.h"

namespace forensics {
namespace {

// Takes from a line what the message ends with; false when nothing is left.
class Cut {
 public:
  explicit Cut(std::string_view message) : end_(message.data() + message.size()), message_(message) {}

  bool operator()(lines::Trigger& line) const { return cut_allocation(line); }
  bool operator()(lines::AllocationFailure& line) const { return cut_allocation(line); }
  bool operator()(lines::Identity& line) const {
    if (is_cut(line.release) || line.release.empty()) {
      line.release = {};
      line.tainted.reset();
    }
    return true;
  }
  bool operator()(lines::Hardware& line) const { return !line.text.empty() && !is_cut(line.text); }
  bool operator()(lines::CpusetLine& line) const { return !is_cut(line.mems_allowed); }
  bool operator()(lines::Frame& line) const { return !is_cut(line.symbol); }
  bool operator()(lines::MemcgLimit& line) const {
    if (is_cut(line.oom_memcg)) {
      line.oom_memcg = {};
    }
    return true;
  }
  bool operator()(lines::UsageLine& line) const { return line.usage.limit_bytes || line.usage.unlimited; }
  bool operator()(lines::TaskRow& line) const { return !is_cut(trim_right(line.text)); }
  bool operator()(lines::Summary& line) const {
    if (line.nodemask && is_cut(*line.nodemask)) {
      line.nodemask.reset();
    }
    // Paths and names may hold anything, also what ends the line.
    line.oom_memcg = line.task_memcg = line.task = std::nullopt;
    line.pid = line.uid = std::nullopt;
    return !is_cut(line.constraint);
  }
  bool operator()(lines::Kill& line) const {
    if (!line.victim.total_vm_bytes) {
      line.victim.comm.reset();
    }
    return true;
  }
  bool operator()(lines::BuddyLine& line) const {
    if (!line.zone.buddy_total_bytes) {
      line.zone.buddy.pop_back();  // its letters may be missing
    }
    return !line.zone.buddy.empty();
  }
  bool operator()(lines::Boot& line) const { return !is_cut(line.release); }
  bool operator()(auto& /*line*/) const { return true; }

 private:
  [[nodiscard]] bool is_cut(std::string_view part) const { return part.data() + part.size() == end_; }

  bool cut_allocation(lines::Allocation& line) const {
    if (line.nodemask && is_cut(*line.nodemask)) {
      line.nodemask.reset();
    }
    // "gfp_mask=0x100c" of 0x100cca: hexadecimal digits, where a number may go on.
    const auto last = message_.find_last_of(" =:");
    if (last != std::string_view::npos && message_.substr(last + 1).starts_with("0x")) {
      line.gfp_value.reset();
    }
    return true;
  }

  const char* end_;
  std::string_view message_;
};

}  // namespace

std::string_view without_cut_number(std::string_view message) {
  const auto end = message.find_last_not_of("0123456789");
  const bool value =
      end != std::string_view::npos && std::string_view("=:- ").find(message[end]) != std::string_view::npos;
  return value ? message.substr(0, end + 1) : message;
}

std::optional<OomLine> parse_cut_oom_line(std::string_view message) {
  message = without_cut_number(message);
  auto line = parse_oom_line(message);
  return line && std::visit(Cut(trim_right(message)), *line) ? line : std::nullopt;
}

}  // namespace forensics
