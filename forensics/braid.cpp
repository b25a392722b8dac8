#include "forensics/braid.h"

#include <algorithm>

namespace forensics {

// A line that only one of the two can have shows whether the pattern holds.
void Braid::see(Strand strand, Report& older, Report& newer) {
  const bool other_is_over = (strand == Strand::older ? newer : older).has_outcome();
  if (other_is_over) {
    return;
  }
  const bool same = strand == last_;
  if (pattern_ == Pattern::nested && strand == Strand::older && guessed_.none()) {
    pattern_ = Pattern::alternating;
  } else if ((pattern_ == Pattern::nested && strand == Strand::older) || (pattern_ == Pattern::alternating && same)) {
    give_up(older, newer);
  }
}

void Braid::give_up(Report& older, Report& newer) {
  pattern_ = Pattern::none;
  older.doubt(guessed_);
  newer.doubt(guessed_);
}

// Without a pattern, how far each has come rests on guesses: only what a line names counts, or that one is over.
Braid::Strand Braid::named(const Report& older, const Report& newer, Report::Claim of_older, Report::Claim of_newer) {
  constexpr auto kSure = Report::Claim::sure;
  if ((of_older == kSure) != (of_newer == kSure)) {
    return of_older == kSure ? Strand::older : Strand::newer;
  }
  if (older.has_outcome() != newer.has_outcome() && of_older != of_newer) {
    return of_older > of_newer ? Strand::older : Strand::newer;
  }
  return Strand::unknown;
}

Braid::Strand Braid::by_pattern(Report& older, Report& newer, Report::Claim of_older, Report::Claim of_newer) {
  if (of_older != of_newer) {
    const auto strand = of_older > of_newer ? Strand::older : Strand::newer;
    see(strand, older, newer);
    if (pattern_ != Pattern::none) {
      return strand;
    }
  }
  switch (pattern_) {
    case Pattern::nested:
      return Strand::newer;
    case Pattern::alternating:
      return last_ == Strand::newer ? Strand::older : Strand::newer;
    case Pattern::none:
      break;
  }
  return named(older, newer, of_older, of_newer);
}

// The line follows in the older, or names something of it, and in the newer it does not. A line that both could have,
// or that fits neither well, shows nothing: the end of the older and lines of the newer may be lost.
bool Braid::shows_mixing(Report::Claim of_older, Report::Claim of_newer, ReportParts::Section section) {
  using Claim = Report::Claim;
  const bool elsewhere = of_newer == Claim::none && section != ReportParts::Section::other;
  mixed_ = of_older > of_newer && (of_older >= Claim::possible || elsewhere);
  const bool guessed = of_older >= of_newer && of_older != Claim::none;
  if (!mixed_ && (guessed || (guessed_.any() && of_newer != Claim::sure))) {
    guessed_.set(static_cast<std::size_t>(section));
  }
  return mixed_;
}

Braid::Strand Braid::strand_of(Report& older, Report& newer, const OomLine& line) {
  auto of_older = older.claim(line);
  auto of_newer = newer.claim(line);
  const bool serialised = older.is_of_4_6() || newer.is_of_4_6();
  const bool both = of_older == Report::Claim::sure && of_newer == Report::Claim::sure;
  mixed_ = mixed_ || (both && !serialised);
  if (!mixed_ && !shows_mixing(of_older, of_newer, Report::section_of(line))) {
    return Strand::newer;
  }
  if (both) {
    give_up(older, newer);  // one has a name that is the other's
    of_older = older.claim(line);
    of_newer = newer.claim(line);
  }
  if (of_older == Report::Claim::none && of_newer == Report::Claim::none) {
    return Strand::neither;
  }
  const auto strand = by_pattern(older, newer, of_older, of_newer);
  ReportParts::Sections section;
  section.set(static_cast<std::size_t>(Report::section_of(line)));
  if (strand == Strand::unknown) {
    older.doubt(section);
    newer.doubt(section);
    return strand;
  }
  // Once a guess was made, how far each has come rests on it too.
  if (of_older == of_newer || (guessed_.any() && std::max(of_older, of_newer) != Report::Claim::sure)) {
    guessed_ |= section;
  }
  last_ = strand;
  return strand;
}

}  // namespace forensics
