#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "stress/parameters.h"

namespace stress {

// What is written into pages: of each 4 KiB a share of zeros, which compresses to nothing, after noise, which does not
// compress. The same seed and place give the same bytes.
class Content {
 public:
  static constexpr std::size_t kBlock = 4096;

  Content(std::uint64_t compressible_percent, std::uint64_t seed)
      : noise_bytes_((kBlock * (100 - compressible_percent) / 100) / sizeof(std::uint64_t) * sizeof(std::uint64_t)),
        seed_(seed) {}
  // From the options of kContents and --seed.
  explicit Content(const Parameters& parameters)
      : Content(parameters.count("compressible"), parameters.count("seed")) {}

  // Zeros only: what a fresh page holds anyway.
  [[nodiscard]] bool is_zero() const { return noise_bytes_ == 0; }
  // Fills bytes that begin at that place (a multiple of kBlock); what is zero is left as it is where `fresh`.
  enum class Target { fresh, used };
  void fill(std::span<std::byte> bytes, std::uint64_t place, Target target) const;

 private:
  std::size_t noise_bytes_;
  std::uint64_t seed_;
};

}  // namespace stress
