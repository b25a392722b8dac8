#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/document.h"

// The task table: mm/oom_kill.c dump_tasks(). A row is read with the columns that the table's header names, never by
// kernel version.
namespace forensics::lines {

// "Tasks state (memory values in pages):" (4.19+).
struct TaskTitle {};

// What a column holds; columns of vendors are `other`.
enum class Column {
  pid,
  uid,
  tgid,
  total_vm,
  rss,
  rss_anon,
  rss_file,
  rss_shmem,
  nr_ptes,
  nr_pmds,
  pgtables_bytes,
  swapents,
  oom_score_adj,
  other,
  lost  // the header is cut here
};
using Columns = std::vector<Column>;  // without the name, which ends the row

// "[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name".
struct TaskHeader {
  Columns columns;
};
// "[ 2231]    26  2231   500123   210455     702        0             0 java": not split yet.
struct TaskRow {
  std::string_view text;
  struct Numbers {  // it begins with: the pid, and what follows it, as far as a known table goes
    static constexpr std::size_t kMost = 12;
    std::array<std::int64_t, kMost> values{};
    std::array<std::uint32_t, kMost> ends{};  // where in the text each ends, the pid with its bracket
    std::size_t count = 0;
  };
  Numbers numbers;
};
// One that outlives its line.
struct KeptTaskRow {
  std::string text;
  TaskRow::Numbers numbers;
};
// A row split by columns; figures in the units that the kernel prints.
struct TaskFigures {
  Task task;  // pid, uid, tgid, oom_score_adj, comm
  Count total_vm_pages, rss_pages, rss_anon_pages, rss_file_pages, rss_shmem_pages, table_pages, pgtables_bytes,
      swap_entries;
};

std::optional<TaskTitle> parse_task_title(std::string_view message);
std::optional<TaskHeader> parse_task_header(std::string_view message);
std::optional<TaskRow> parse_task_row(std::string_view message);

// The columns of a table without header, by the count of numbers and what values are possible in them; nothing when no
// known table fits.
std::optional<Columns> guess_columns(const std::vector<std::string>& rows);
// Splits from the left; the name is everything after exactly one blank. Nothing when the row does not fit.
std::optional<TaskFigures> split_task_row(std::string_view text, const TaskRow::Numbers& numbers,
                                          const Columns& columns);
std::optional<TaskFigures> split_task_row(std::string_view text, const Columns& columns);

}  // namespace forensics::lines
