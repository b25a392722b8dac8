#include "stress/resources.h"

#include <algorithm>

namespace stress {

void raise_limit(__rlimit_resource resource, std::uint64_t wanted) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0) {
    return;
  }
  if (limit.rlim_max < wanted) {
    const rlimit higher{wanted, wanted};
    if (::setrlimit(resource, &higher) == 0) {
      return;
    }
  }
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(resource, &limit);
}

}  // namespace stress
