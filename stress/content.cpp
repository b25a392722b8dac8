#include "stress/content.h"

#include <algorithm>
#include <cstring>

#include "stress/random.h"

namespace stress {

void Content::fill(std::span<std::byte> bytes, std::uint64_t place, Target target) const {
  for (std::size_t at = 0; at < bytes.size(); at += kBlock) {
    const auto block = bytes.subspan(at, std::min(kBlock, bytes.size() - at));
    const auto noise = std::min(noise_bytes_, block.size() / sizeof(std::uint64_t) * sizeof(std::uint64_t));
    Random random(seed_, (place + at) / kBlock);
    for (std::size_t i = 0; i < noise; i += sizeof(std::uint64_t)) {
      const auto word = random.next();
      std::memcpy(block.data() + i, &word, sizeof word);
    }
    if (target == Target::used) {
      std::memset(block.data() + noise, 0, block.size() - noise);
    }
  }
}

}  // namespace stress
