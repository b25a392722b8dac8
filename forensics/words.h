#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/document.h"

// What an incident says in words, for every renderer. The names in it are raw bytes of the log: the renderer escapes
// the whole.
namespace forensics {

// "OOM kill", "Kernel panic", ...
std::string kind_words(const Incident& incident);
// "2025-11-21T14:22:56"; "11-21 14:22:56" for the "--11-21T14:22:56" of a log without years.
std::string clock_words(std::string_view realtime);
// "2025-11-21T14:22:56, 8.59 s after boot on web1"; empty when nothing is known.
std::string when_words(const Time& time);
// "Linux 6.12.9 on QEMU Standard PC"; empty when the release is not known.
std::string kernel_words(const Kernel& kernel);
// The path with its container ids shortened, as the runtimes' own tools do.
std::string short_path(std::string_view path);
// With a capital letter and a full stop; empty stays empty.
std::string sentence(std::string_view words);
// Whose the cgroup is, beyond its path: "pod 7f1c > container ad6c", and what its runtime told: "web-1, image
// nginx:1.27"; empty when neither is known.
std::string owner_words(const CgroupReport& report);
// "12 pages", "1 page".
std::string counted(std::uint64_t count, std::string_view noun);

// The verdict as a sentence that stands alone: a capital where it does not begin with a name.
std::string headline(const Incident& incident);

// What is full: the limit, swap, RAM.
struct Fullness {
  std::string_view label;       // limit, swap, mem+swap, kmem, RAM
  std::optional<double> share;  // 0 to 1; nothing when there is nothing to compare with
  std::string words;            // "64 MiB of 64 MiB, hit 35 times"
};
std::vector<Fullness> fullness(const Incident& incident);

// "What filled the limit", "What filled the RAM".
std::string_view breakdown_title(const Incident& incident);
// At most that many parts, each at least such a share, and, as the last one, the sum of the others, which is named: "3
// smaller parts". Nothing of it is 0.
struct MainParts {
  std::vector<Part> parts;  // as the document names them; part_words() leaves the words of the sum as they are
  bool has_rest = false;
};
MainParts main_parts(const Incident& incident, std::size_t most, double smallest_share = 0.005);

// A row of "victim and runners-up": the ranking's head and the victims; without a ranking (old kernels, no table) the
// victims as the kernel printed them.
struct Contender {
  std::int64_t pid = 0;
  std::string name;
  std::optional<std::int64_t> points, oom_score_adj;
  Count rss_bytes, swap_bytes;
  bool killed = false;
  bool exempt = false;  // oom_score_adj -1000
};
std::vector<Contender> contenders(const Incident& incident, std::size_t most);
std::string_view contenders_title(const Incident& incident);

// Why this process, who it would have been without oom_score_adj; needs a victim. Empty when the analysis says no
// reason.
std::string choice_sentence(const Incident& incident);
// Why the memory did not suffice at that moment; empty when that is not known.
std::string why_now_sentence(const Incident& incident);
// Who asked for what; empty when the log does not say or nobody did.
std::string request_sentence(const Incident& incident);
// The same, and how the memory grew and was fought for before that.
std::vector<std::string> before_sentences(const Incident& incident);
// "Will not help: dropping caches".
std::string will_not_help_words(std::string_view measure);
// "log lines 12, 40": what a finding rests on; empty when it names none.
std::string lines_words(const Diagnosis& finding);
// RAM that the parts of the breakdown are of, or that the kernel says it has.
Count ram_bytes(const Incident& incident);
// What the log does not hold and what was not understood; empty when nothing is missing.
std::string gaps_sentence(const Incident& incident);

}  // namespace forensics
