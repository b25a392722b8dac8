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

std::optional<std::int64_t> next_number(std::string_view& text) {
  const auto rest = trim_left(text);
  std::int64_t value = 0;
  const auto [stop, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  const auto length = static_cast<std::size_t>(stop - rest.data());
  if (error != std::errc{} || (length < rest.size() && !is_blank(rest[length]))) {
    return std::nullopt;
  }
  text = rest.substr(length);
  return value;
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
  const auto row = trim_left(message);
  auto rest = row;
  if (!read_pid(rest)) {
    return std::nullopt;
  }
  constexpr int kFewest = 6;  // behind the pid, in every table
  int numbers = 0;
  while (numbers < kFewest && next_number(rest)) {
    ++numbers;
  }
  const bool cut = numbers >= 2 && is_cut_short(rest) && trim_left(rest).find(' ') == std::string_view::npos;
  return numbers == kFewest || cut ? std::optional(TaskRow{row}) : std::nullopt;
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
  for (const auto& row : rows) {
    std::string_view rest = row;
    (void)read_pid(rest);
    std::size_t numbers = 1;
    while (next_number(rest)) {
      ++numbers;
    }
    if (is_cut_short(rest)) {
      ++cut;
    } else {
      width = std::min(width, numbers);
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

std::optional<TaskFigures> split_task_row(std::string_view row, const Columns& columns) {
  auto rest = row;
  const auto pid = read_pid(rest);
  if (!pid) {
    return std::nullopt;
  }
  TaskFigures figures;
  figures.task.pid = *pid;
  for (std::size_t i = 1; i < columns.size(); ++i) {
    const auto value = next_number(rest);
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

}  // namespace forensics::lines
