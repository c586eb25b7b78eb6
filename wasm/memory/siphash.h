#pragma once

#include <cstdint>
#include <string_view>

namespace codex {

/// The secret that makes a hash unpredictable. Drawn by the host once an instance.
struct HashSeed {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

/// SipHash-1-3 (Aumasson and Bernstein, 2012): a keyed hash, so that nobody can choose keys that all land in one bucket.
std::uint64_t siphash(const HashSeed& seed, std::string_view bytes);

}  // namespace codex
