#pragma once

#include <sys/resource.h>

#include <cstdint>

namespace stress {

// Raises the soft limit of a resource (RLIMIT_NOFILE, ...) to the hard one, or, for root, beyond it to at least
// `wanted`. What cannot be raised shows when it is used up.
void raise_limit(__rlimit_resource resource, std::uint64_t wanted);

}  // namespace stress
