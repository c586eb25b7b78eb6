#include "wasm/ratelimit/rate-limit-rule.h"

#include <cmath>

namespace codex {

Result<RateLimitRule> rateLimitRule(double limit, double windowSeconds) {
  if (!(limit >= 0) || limit > static_cast<double>(kMaxLimit) || limit != std::floor(limit)) {
    return std::unexpected(Error{ErrorCode::InvalidConfig, "limit must be a whole number from 0 to 1,000,000,000", limit});
  }
  constexpr double kMaxWindowMs = static_cast<double>(kMaxWindow.count());
  const double milliseconds = std::round(windowSeconds * 1000);
  // A window such as 1.005 s is 1004.9999999999999 ms in binary; half a microsecond is no fraction of a millisecond.
  const bool whole = std::abs(windowSeconds * 1000 - milliseconds) < 0.0005;
  if (!whole || !(milliseconds >= 1) || milliseconds > kMaxWindowMs) {
    return std::unexpected(Error{ErrorCode::InvalidConfig,
                                 "window must be 0.001 to 2,678,400 seconds (31 days) in whole milliseconds", windowSeconds});
  }
  return RateLimitRule{static_cast<std::int64_t>(limit), Millis{static_cast<std::int64_t>(milliseconds)}};
}

}  // namespace codex
