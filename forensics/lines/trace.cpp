#include "forensics/lines/trace.h"

#include <algorithm>
#include <array>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

constexpr std::string_view kHex = "0123456789abcdefABCDEF";

bool is_symbol_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '$';
}

// "Not tainted 6.12.9 #1", "Kdump: loaded Tainted: G        W  OE   5.15.0 #1 hash": what follows the comm.
bool read_taint_and_release(std::string_view rest, Identity& into) {
  constexpr std::string_view kNot = "Not tainted ";
  constexpr std::string_view kTainted = "Tainted: ";
  if (rest.starts_with(kNot)) {
    rest = trim_left(rest.substr(kNot.size()));
  } else if (rest.starts_with(kTainted)) {
    rest = trim_left(rest.substr(kTainted.size()));
    // Letters in columns, blanks between, vendor dashes ("-- -  -"); the release is the first word that starts with a
    // digit.
    const auto begins_release = [rest](std::size_t at) {
      return is_digit(rest[at]) && (at == 0 || is_blank(rest[at - 1]));
    };
    std::size_t at = 0;
    while (at < rest.size() && !begins_release(at)) {
      ++at;
    }
    into.tainted = trim(rest.substr(0, at));
    rest.remove_prefix(at);
  } else {
    return false;
  }
  const auto release = rest.substr(0, std::min(rest.find_first_of(" \t"), rest.size()));
  into.release = is_cut_short(release) ? std::string_view{} : release;
  return true;
}

// " PID: 12": the label and its number.
std::optional<std::int64_t> read_labelled(base::Scanner& in, std::string_view label) {
  return in.literal(label) ? in.number<std::int64_t>() : std::nullopt;
}

// What stands before the comm, up to its label.
bool read_ids(base::Scanner& in, Identity& into) {
  if (in.rest().starts_with("Pid: ")) {
    into.pid = read_labelled(in, "Pid: ");
    return into.pid && in.literal(", comm: ");
  }
  into.cpu = read_labelled(in, "CPU: ");
  if (!into.cpu) {
    return false;
  }
  if (in.rest().starts_with(" UID: ")) {
    into.uid = read_labelled(in, " UID: ");
    if (!into.uid) {
      return false;
    }
  }
  into.pid = read_labelled(in, " PID: ");
  return into.pid && in.literal(" Comm: ");
}

// Where the comm ends: the last of the marks that may follow it.
std::size_t comm_end(std::string_view text) {
  for (const auto mark : {" Kdump: loaded ", " Not tainted ", " Tainted: "}) {
    if (const auto at = text.find(mark); at != std::string_view::npos) {
      return at;
    }
  }
  return std::string_view::npos;
}

// The symbol of "dump_stack+0x63/0x90", "ext4_filemap_fault+0x36/0x50 [ext4]", "oom_kill_process.cold+0xb/0x10";
// nothing without an offset.
std::optional<std::string_view> symbol_with_offset(std::string_view text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_symbol_char) - text.begin());
  if (end == 0 || !text.substr(end).starts_with("+0x")) {
    return std::nullopt;
  }
  return text.substr(0, end);
}

std::optional<std::string_view> bare_symbol(std::string_view text) {
  const auto end = static_cast<std::size_t>(std::ranges::find_if_not(text, is_symbol_char) - text.begin());
  return end == 0 || is_digit(text[0]) ? std::nullopt : std::optional(text.substr(0, end));
}

// "[<ffffffff813e8e03>] " and "[c00000037540f730] " (twice on powerpc), each at least 8 digits. `brackets` counts them.
std::string_view skip_addresses(std::string_view text, int& brackets) {
  while (text.starts_with('[')) {
    auto inner = text.substr(1);
    if (inner.starts_with('<')) {
      inner.remove_prefix(1);
    }
    const auto digits = std::min(inner.find_first_not_of(kHex), inner.size());
    auto rest = inner.substr(digits);
    if (digits < 8 || !(rest.starts_with(">]") || rest.starts_with(']'))) {
      break;
    }
    rest.remove_prefix(rest.starts_with(">]") ? 2 : 1);
    text = trim_left(rest);
    ++brackets;
  }
  return text;
}

// arm: "unwind_backtrace from show_stack+0x18/0x1c", "(dump_backtrace+0x0/0x10c) from [<c05d4624>]
// (dump_stack+0x18/0x1c)", "(show_stack) from ...".
std::optional<std::string_view> arm_symbol(std::string_view text) {
  constexpr std::string_view kFrom = " from ";
  if (text.starts_with('(')) {
    if (text.find(kFrom) == std::string_view::npos) {
      return std::nullopt;
    }
    text.remove_prefix(1);
    const auto symbol = bare_symbol(text);
    return symbol && (text.substr(symbol->size()).starts_with("+0x") || text.substr(symbol->size()).starts_with(')'))
               ? symbol
               : std::nullopt;
  }
  const auto symbol = bare_symbol(text);
  if (!symbol || !text.substr(symbol->size()).starts_with(kFrom)) {
    return std::nullopt;
  }
  const auto caller = text.substr(symbol->size() + kFrom.size());
  const auto offset = caller.find("+0x");
  return offset != std::string_view::npos && offset > 0 ? symbol : std::nullopt;
}

bool is_hex_words(std::string_view text) {
  std::size_t words = 0;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    if (end < 8 || end > 16 || text.substr(0, end).find_first_not_of(kHex) != std::string_view::npos) {
      return false;
    }
    ++words;
    text = trim_left(text.substr(end));
  }
  return words >= 1;
}

// "RAX: 0000000000000001 RBX: ...", "r6:00000002 r5:00010df0", "x29: ffff... x28: ...": a short register name, a colon,
// hex.
bool is_register_row(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon > 5 || text.substr(0, colon).find(' ') < colon - 1) {
    return false;
  }
  const auto name = trim_right(text.substr(0, colon));
  if (!std::ranges::all_of(name, [](char c) { return is_symbol_char(c); })) {
    return false;
  }
  const auto value = trim_left(text.substr(colon + 1));
  const auto digits = std::min(value.find_first_not_of(kHex), value.size());
  return digits >= 8 && (digits == value.size() || value[digits] == ' ');
}

}  // namespace

// 3.10: "CPU: %d PID: %d Comm: %.20s %s%s %s %.*s"; 6.11 put "UID: %u" in; before 3.10 "Pid: %d, comm: %.20s %s %s
// %.*s".
std::optional<Identity> parse_identity(std::string_view message) {
  base::Scanner in(trim_left(message));
  Identity identity;
  if (!read_ids(in, identity)) {
    return std::nullopt;
  }
  auto rest = in.rest();
  const auto end = comm_end(rest);
  if (end == std::string_view::npos) {
    return identity;  // cut behind the comm, or within it
  }
  identity.comm = trim_right(rest.substr(0, end));
  rest = trim_left(rest.substr(end));
  constexpr std::string_view kKdump = "Kdump: loaded ";
  if (rest.starts_with(kKdump)) {
    rest.remove_prefix(kKdump.size());
  }
  (void)read_taint_and_release(rest, identity);  // a cut line has neither
  return identity;
}

std::optional<Hardware> parse_hardware(std::string_view message) {
  constexpr std::string_view kStart = "Hardware name:";
  message = trim_left(message);
  if (!message.starts_with(kStart)) {
    return std::nullopt;
  }
  return Hardware{trim(message.substr(kStart.size()))};
}

std::optional<CpusetLine> parse_cpuset_line(std::string_view message) {
  const auto mems = message.rfind(" mems_allowed=");
  const auto cpuset = message.rfind(" cpuset=", mems);
  if (mems == std::string_view::npos || cpuset == std::string_view::npos) {
    return std::nullopt;
  }
  return CpusetLine{.comm = message.substr(0, cpuset),
                    .cpuset = message.substr(cpuset + 8, mems - cpuset - 8),
                    .mems_allowed = trim_right(message.substr(mems + 14))};
}

std::optional<TraceStart> parse_trace_start(std::string_view message) {
  message = trim(message);
  if (message == "Call Trace:" || message == "Call trace:" || message == "Backtrace:" || message == "<TASK>") {
    return TraceStart{.task = message == "<TASK>"};
  }
  return std::nullopt;
}

std::optional<Frame> parse_frame(std::string_view message) {
  auto text = trim_left(message);
  Frame frame;
  const bool bracketed = text.starts_with("([");  // s390: "([<0000>] show_stack+0x7a/0xc0)" is unreliable
  if (bracketed) {
    text.remove_prefix(1);
    frame.reliable = false;
  }
  int brackets = 0;
  text = skip_addresses(text, brackets);
  if (text.starts_with("? ")) {
    frame.reliable = false;
    text = trim_left(text.substr(2));
  }
  if (brackets == 0 &&
      text.starts_with('[')) {  // 2.6.24: " [oom_kill_process+0x10a/0x120] oom_kill_process+0x10a/0x120"
    if (const auto close = text.find("] ");
        close != std::string_view::npos && text.substr(0, close).find("+0x") < close) {
      text = text.substr(close + 2);
    }
  }
  auto symbol = arm_symbol(text);
  if (!symbol) {
    symbol = symbol_with_offset(text);
  }
  if (!symbol && brackets > 0) {
    symbol = bare_symbol(text);
  }
  if (!symbol) {
    return std::nullopt;
  }
  frame.symbol = *symbol;
  return frame;
}

std::optional<TraceDetail> parse_trace_detail(std::string_view message) {
  const auto text = trim(message);
  constexpr std::array kStarts = {
      std::string_view("</TASK>"),
      std::string_view("<IRQ>"),
      std::string_view("</IRQ>"),
      std::string_view("<EOI>"),
      std::string_view("RIP: "),
      std::string_view("RSP: "),
      std::string_view("EIP: "),
      std::string_view("Code: "),
      std::string_view("Workqueue: "),
      std::string_view("Stopper: "),
      std::string_view("Tainted: "),
      std::string_view("Modules linked in:"),
      std::string_view("Exception stack("),
      std::string_view("--- interrupt: "),
      std::string_view("--- Exception: "),
      std::string_view("LR = "),
      std::string_view("NIP: "),
      std::string_view("NIP ["),
      std::string_view("LR ["),
      std::string_view("GPR"),
      std::string_view("REGS: "),
      std::string_view("MSR: "),
      std::string_view("CFAR: "),
      std::string_view("Last Breaking-Event-Address"),
      std::string_view("Stack : "),
      std::string_view("INFO: lockdep is turned off"),
      std::string_view("=============="),
      std::string_view("EFLAGS: "),
      std::string_view("pc : "),
      std::string_view("lr : "),
      std::string_view("sp : "),
      std::string_view("pstate: "),
      std::string_view("COMPACTION is disabled"),
      std::string_view("Krnl "),
      std::string_view("irq event stamp"),
      std::string_view("PKRU: "),
      std::string_view("Insufficient stack space"),
  };
  for (const auto start : kStarts) {
    if (begins_with(text, start)) {
      return TraceDetail{.moom = text.find("moom_callback") != std::string_view::npos, .ends = start == "</TASK>"};
    }
  }
  int brackets = 0;
  if (text == "..." || (skip_addresses(text, brackets).empty() && brackets > 0)) {
    return TraceDetail{};  // MIPS: more stack words than are shown; "[<c013cce3>]" whose symbol was wrapped
  }
  // " ffffc90008837500 ffffffff813e8e03", "bfa0: 00000000 ...", "RAX: ... RBX: ...", a bare address on a kernel without
  // symbols.
  if (is_hex_words(text) || is_register_row(text) || (text.starts_with("0x") && is_hex_words(text.substr(2)))) {
    return TraceDetail{};
  }
  if (text.size() > 5 && text[4] == ':' && text.substr(0, 4).find_first_not_of(kHex) == std::string_view::npos &&
      (is_hex_words(trim_left(text.substr(5))))) {
    return TraceDetail{};
  }
  return std::nullopt;
}

}  // namespace forensics::lines
