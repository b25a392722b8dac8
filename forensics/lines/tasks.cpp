#include "forensics/lines/tasks.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

Column column_of(std::string_view word) {
  struct Name {
    std::string_view text;
    Column column;
  };
  constexpr std::array kNames = {Name{"uid", Column::uid},
                                 Name{"tgid", Column::tgid},
                                 Name{"total_vm", Column::total_vm},
                                 Name{"rss", Column::rss},
                                 Name{"rss_anon", Column::rss_anon},
                                 Name{"rss_file", Column::rss_file},
                                 Name{"rss_shmem", Column::rss_shmem},
                                 Name{"nr_ptes", Column::nr_ptes},
                                 Name{"nr_pmds", Column::nr_pmds},
                                 Name{"pgtables_bytes", Column::pgtables_bytes},
                                 Name{"swapents", Column::swapents},
                                 Name{"oom_score_adj", Column::oom_score_adj}};
  const auto found = std::ranges::find(kNames, word, &Name::text);
  return found == kNames.end() ? Column::other : found->column;
}

// "[ 2231]", "[3117813]", "[12345:#100]" (vserver's context): the bracket's number and what follows it.
std::optional<std::int64_t> read_pid(std::string_view& text) {
  base::Scanner in(text);
  if (!in.literal("[")) {
    return std::nullopt;
  }
  in.skip_blanks();
  const auto pid = in.number<std::int64_t>();
  if (in.literal(":")) {
    (void)in.literal("#");
    (void)in.number<std::uint64_t>();
  }
  if (!pid || *pid < 0 || !in.literal("]")) {
    return std::nullopt;
  }
  text = in.rest();
  return pid;
}

constexpr std::ptrdiff_t kMostDigits = 18;  // of a number that always fits; no figure of a table has more

// The next number of a row, which a blank or the row's end follows.
std::optional<std::int64_t> next_number(std::string_view& text) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end && is_blank(*at)) {
    ++at;
  }
  const bool negative = at != end && *at == '-';
  const char* const digits = at + (negative ? 1 : 0);
  std::uint64_t value = 0;
  for (at = digits; at != end && is_digit(*at); ++at) {
    value = value * 10 + static_cast<std::uint64_t>(*at - '0');
  }
  if (at == digits || at - digits > kMostDigits || (at != end && !is_blank(*at))) {
    return std::nullopt;
  }
  text = {at, end};
  return negative ? -static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

// Nothing when it does not begin with a pid.
TaskRow::Numbers read_numbers(std::string_view row) {
  TaskRow::Numbers numbers;
  auto rest = row;
  for (auto value = read_pid(rest); value; value = next_number(rest)) {
    numbers.values[numbers.count] = *value;
    numbers.ends[numbers.count] = static_cast<std::uint32_t>(row.size() - rest.size());
    if (++numbers.count == TaskRow::Numbers::kMost) {
      break;
    }
  }
  return numbers;
}

Count as_count(std::int64_t value) {
  return value < 0 ? std::nullopt : Count(static_cast<std::uint64_t>(value));
}

void store(TaskFigures& into, Column column, std::int64_t value) {
  switch (column) {
    case Column::uid:
      into.task.uid = value;
      break;
    case Column::tgid:
      into.task.tgid = value;
      break;
    case Column::total_vm:
      into.total_vm_pages = as_count(value);
      break;
    case Column::rss:
      into.rss_pages = as_count(value);
      break;
    case Column::rss_anon:
      into.rss_anon_pages = as_count(value);
      break;
    case Column::rss_file:
      into.rss_file_pages = as_count(value);
      break;
    case Column::rss_shmem:
      into.rss_shmem_pages = as_count(value);
      break;
    case Column::nr_ptes:
    case Column::nr_pmds:
      if (const auto pages = as_count(value)) {
        into.table_pages = into.table_pages.value_or(0) + *pages;
      }
      break;
    case Column::pgtables_bytes:
      into.pgtables_bytes = as_count(value);
      break;
    case Column::swapents:
      into.swap_entries = as_count(value);
      break;
    case Column::oom_score_adj:
      into.task.oom_score_adj = value;
      break;
    case Column::pid:
    case Column::other:
    case Column::lost:
      break;
  }
}

const Columns& layout(std::size_t numbers, int variant) {
  using enum Column;
  static const Columns k2632{pid, uid, tgid, total_vm, rss, other, other};
  static const Columns k2636{pid, uid, tgid, total_vm, rss, other, other, oom_score_adj};
  static const Columns k36{pid, uid, tgid, total_vm, rss, nr_ptes, swapents, oom_score_adj};
  static const Columns k415{pid, uid, tgid, total_vm, rss, pgtables_bytes, swapents, oom_score_adj};
  static const Columns k40{pid, uid, tgid, total_vm, rss, nr_ptes, nr_pmds, swapents, oom_score_adj};
  static const Columns k68{pid,      uid,       tgid,           total_vm, rss,          rss_anon,
                           rss_file, rss_shmem, pgtables_bytes, swapents, oom_score_adj};
  static const Columns unknown{};
  switch (numbers) {
    case 7:
      return k2632;
    case 8:
      return variant == 0 ? k415 : variant == 1 ? k2636 : k36;
    case 9:
      return k40;
    case 11:
      return k68;
    default:
      return unknown;
  }
}

}  // namespace

// nohang has a table of its own, "(memory values in mebibytes)".
std::optional<TaskTitle> parse_task_title(std::string_view message) {
  constexpr std::string_view kTitle = "Tasks state (memory values in pages";
  constexpr std::size_t kShortest = 30;
  const auto text = trim_left(message);
  return text.starts_with(kTitle) || (text.size() >= kShortest && kTitle.starts_with(text)) ? std::optional(TaskTitle{})
                                                                                            : std::nullopt;
}

std::optional<TaskHeader> parse_task_header(std::string_view message) {
  base::Scanner in(trim(message));
  if (!in.literal("[")) {
    return std::nullopt;
  }
  in.skip_blanks();
  if (!in.literal("pid")) {
    return std::nullopt;
  }
  const auto context = in.until("]");  // vserver: "[ pid:#xid ]"
  if (!context || !(trim(*context).empty() || context->starts_with(":"))) {
    return std::nullopt;
  }
  TaskHeader header{.columns = {Column::pid}};
  bool named = false;
  in.skip_blanks();
  while (const auto word = in.word()) {
    if (named) {
      return std::nullopt;  // the name is the last column
    }
    named = *word == "name" || is_cut_short(*word);
    if (*word != "name") {
      header.columns.push_back(named ? Column::lost : column_of(*word));
    }
    in.skip_blanks();
  }
  const bool real =
      std::ranges::count(header.columns, Column::total_vm) == 1 && std::ranges::count(header.columns, Column::rss) == 1;
  return real && named ? std::optional(std::move(header)) : std::nullopt;
}

std::optional<TaskRow> parse_task_row(std::string_view message) {
  TaskRow row{.text = trim_left(message)};
  row.numbers = read_numbers(row.text);
  constexpr std::size_t kFewest = 7;  // the pid and six more, in every table
  if (row.numbers.count >= kFewest) {
    return row;
  }
  const auto rest =
      row.numbers.count < 3 ? std::string_view{} : row.text.substr(row.numbers.ends[row.numbers.count - 1]);
  const bool cut = is_cut_short(rest) && trim_left(rest).find(' ') == std::string_view::npos;
  return cut ? std::optional(row) : std::nullopt;
}

namespace {

// Whether the figures can be what the columns say: a process has no more pages of page tables than pages.
bool are_possible(const std::vector<std::string>& rows, const Columns& columns) {
  return std::ranges::all_of(rows, [&](const std::string& row) {
    const auto figures = split_task_row(row, columns);
    return !figures || !figures->table_pages || !figures->total_vm_pages ||
           *figures->table_pages <= *figures->total_vm_pages + 16;
  });
}

// Of a table that some vendor made wider: what all tables begin with.
Columns vendors_columns(std::size_t width) {
  using enum Column;
  Columns columns{pid, uid, tgid, total_vm, rss};
  columns.resize(std::max(width, columns.size()), other);
  return columns;
}

}  // namespace

std::optional<Columns> guess_columns(const std::vector<std::string>& rows) {
  // Names may start with digits: the table's width is the smallest count of leading numbers.
  std::size_t width = 12, cut = 0;
  for (const std::string_view row : rows) {
    const auto numbers = read_numbers(row);
    if (is_cut_short(numbers.count == 0 ? row : row.substr(numbers.ends[numbers.count - 1]))) {
      ++cut;
    } else {
      width = std::min(width, std::max<std::size_t>(numbers.count, 1));
    }
  }
  using enum Column;
  static const Columns common{pid, uid, tgid, total_vm, rss, lost};
  if (cut > 0 && cut == rows.size()) {
    return common;  // what every table begins with
  }
  if (width == 10 || width == 12) {
    --width;
  }
  // Every process has page tables; the CPU of 2.6.36 can be 0 in all rows.
  const bool bytes = std::ranges::all_of(rows, [&](const std::string& row) {
    const auto figures = split_task_row(row, layout(8, 0));
    return figures && figures->pgtables_bytes.value_or(0) >= 4096 && *figures->pgtables_bytes % 4096 == 0;
  });
  static const Columns with_oom_adj{pid, uid, tgid, total_vm, rss, other, oom_score_adj, other};
  const bool adj = std::ranges::all_of(rows, [&](const std::string& row) {
    const auto figures = split_task_row(row, with_oom_adj);
    const auto value = figures ? figures->task.oom_score_adj.value_or(16) : 16;
    return value >= -17 && value <= 15;
  });
  const auto& columns = layout(width, bytes ? 0 : adj ? 1 : 2);
  if (columns.empty() || rows.empty()) {
    return std::nullopt;
  }
  return are_possible(rows, columns) ? columns : vendors_columns(width);
}

std::optional<TaskFigures> split_task_row(std::string_view text, const TaskRow::Numbers& numbers,
                                          const Columns& columns) {
  if (numbers.count == 0) {
    return std::nullopt;
  }
  TaskFigures figures;
  figures.task.pid = numbers.values[0];
  auto rest = text.substr(numbers.ends[0]);
  for (std::size_t i = 1; i < columns.size(); ++i) {
    std::optional<std::int64_t> value;
    if (i < numbers.count) {
      value = numbers.values[i];
      rest = text.substr(numbers.ends[i]);
    } else if (i >= TaskRow::Numbers::kMost) {
      value = next_number(rest);
    }
    if (columns[i] == Column::lost || (!value && is_cut_short(rest))) {
      return figures;
    }
    if (!value) {
      return std::nullopt;
    }
    store(figures, columns[i], *value);
  }
  if (!rest.empty() && is_blank(rest[0])) {
    rest.remove_prefix(1);
  }
  figures.task.comm = rest;
  return figures;
}

std::optional<TaskFigures> split_task_row(std::string_view text, const Columns& columns) {
  return split_task_row(text, read_numbers(text), columns);
}

}  // namespace forensics::lines
