#pragma once

#include <cstdint>
#include <string>

#include "wasm/error.h"
#include "wasm/time.h"

namespace codex {

enum class LimitAlgorithm { FixedWindow, SlidingWindow, Gcra };

/// How often something may happen. Made by `rateLimitRule` only, so it is always in range.
struct RateLimitRule {
  std::int64_t limit;
  Millis window;
  LimitAlgorithm algorithm = LimitAlgorithm::FixedWindow;
  std::int64_t burst = limit;  // GCRA: attempts that may come at once; otherwise the limit

  bool operator==(const RateLimitRule&) const = default;
};

inline constexpr std::int64_t kMaxLimit = 1'000'000'000;
inline constexpr Millis kMaxWindow = std::chrono::hours{24 * 31};
/// The longest time in which a burst may refill, burst * window / limit.
inline constexpr Millis kMaxRefill = std::chrono::hours{24 * 400};

/// Checks a configuration. `limit` is a whole number from 0 (nothing passes) to 1,000,000,000; `windowSeconds` is 0.001 to
/// 2,678,400 (31 days) in whole milliseconds; `burst`, for GCRA only, is a whole number from 1 to 1,000,000,000 that refills
/// within 400 days, or NaN for the limit. Errors: InvalidConfig.
Result<RateLimitRule> rateLimitRule(double limit, double windowSeconds, LimitAlgorithm algorithm, double burst);

/// Checks how many attempts one counts for: a whole number from 0 to 1,000,000,000. Errors: InvalidArgument.
Result<std::int64_t> attemptCost(double cost);

/// Tells the rule by which a record was counted from any other: `f:5:900000`.
std::string fingerprint(const RateLimitRule& rule);

}  // namespace codex
