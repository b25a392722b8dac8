#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "forensics/document.h"

namespace forensics {

// A log may hold thousands of kills that differ in nothing but process ids and times: a service that is started again
// and again. The first hundred of a sort are kept, fewer when their tables are long; from then on each is counted in
// the last that was kept (Incident::repeats), so that memory is bounded. When thousands of all
// sorts are kept, names tell sorts apart no more. Reports without a victim are folded by the assembler, from the second
// on.
class Storm {
 public:
  // True when the incident was counted in one of `kept`, the incidents of one log in their order.
  bool fold(const Incident& incident, std::vector<Incident>& kept);
  // The incidents went elsewhere: nothing that was kept can be counted in any more.
  void forget() {
    sorts_.clear();
    kept_ = rows_ = 0;
  }
  // How many were folded, for the document.
  void warn(std::size_t input, std::vector<Warning>& warnings) const;

 private:
  struct Sort {
    std::size_t kept = 0, last = 0;  // how many, and the place of the last
    std::size_t rows = 0;            // of their tables
  };
  std::map<std::string, Sort> sorts_;
  std::size_t kept_ = 0, rows_ = 0;      // of all sorts
  std::uint64_t folded_ = 0, line_ = 0;  // line_: of the first
};

}  // namespace forensics
