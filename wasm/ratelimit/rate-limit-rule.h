#pragma once

#include <cstdint>

#include "wasm/error.h"
#include "wasm/time.h"

namespace codex {

/// How often something may happen: at most `limit` in a window. Made by `rateLimitRule` only, so it is always in range.
struct RateLimitRule {
  std::int64_t limit;
  Millis window;
};

inline constexpr std::int64_t kMaxLimit = 1'000'000'000;
inline constexpr Millis kMaxWindow = std::chrono::hours{24 * 31};

/// Checks a configuration. `limit` is a whole number from 0 (nothing passes) to 1,000,000,000; `windowSeconds` is 0.001 to
/// 2,678,400 (31 days) in whole milliseconds. Errors: InvalidConfig.
Result<RateLimitRule> rateLimitRule(double limit, double windowSeconds);

}  // namespace codex
