#pragma once

#include <cstdint>

namespace stress {

// A stream of numbers that follows from a seed and a place alone, whatever was asked of others before: splitmix64
// (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class Random {
 public:
  explicit Random(std::uint64_t seed, std::uint64_t place = 0) : state_(mix(seed + kStep) ^ mix(place * kStep + 1)) {}

  std::uint64_t next() { return mix(state_ += kStep); }
  // 0 to below 1.
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  // 0 to below bound, which is not 0.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15;
  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::uint64_t state_;
};

}  // namespace stress
