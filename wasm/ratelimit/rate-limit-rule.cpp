#include "wasm/ratelimit/rate-limit-rule.h"

#include <cmath>

#include "wasm/json/fields.h"

namespace codex {
namespace {

std::unexpected<Error> refused(std::string_view reason, double actual) {
  return std::unexpected(Error{ErrorCode::InvalidConfig, reason, actual});
}

bool isCount(double value, double lowest) {
  return value >= lowest && value <= static_cast<double>(kMaxLimit) && value == std::floor(value);
}

}  // namespace

Result<RateLimitRule> rateLimitRule(double limit, double windowSeconds, LimitAlgorithm algorithm, double burst) {
  if (!isCount(limit, 0)) return refused("limit must be a whole number from 0 to 1,000,000,000", limit);
  constexpr double kMaxWindowMs = static_cast<double>(kMaxWindow.count());
  const double milliseconds = std::nearbyint(windowSeconds * 1000);
  // A window such as 1.005 s is 1004.9999999999999 ms in binary; half a microsecond is no fraction of a millisecond.
  const bool whole = std::abs(windowSeconds * 1000 - milliseconds) < 0.0005;
  if (!whole || !(milliseconds >= 1) || milliseconds > kMaxWindowMs) {
    return refused("window must be 0.001 to 2,678,400 seconds (31 days) in whole milliseconds", windowSeconds);
  }
  RateLimitRule rule{static_cast<std::int64_t>(limit), Millis{static_cast<std::int64_t>(milliseconds)}, algorithm};
  if (std::isnan(burst)) return rule;
  if (algorithm != LimitAlgorithm::Gcra) return refused("burst is for the algorithm 'gcra' only", burst);
  if (!isCount(burst, 1)) return refused("burst must be a whole number from 1 to 1,000,000,000", burst);
  if (rule.limit == 0) return rule;
  rule.burst = static_cast<std::int64_t>(burst);
  if (rule.burst * rule.window.count() / rule.limit > kMaxRefill.count()) {
    return refused("burst must refill within 400 days: burst x window / limit is longer", burst);
  }
  return rule;
}

Result<std::int64_t> attemptCost(double cost) {
  if (isCount(cost, 0)) return static_cast<std::int64_t>(cost);
  return std::unexpected(Error{ErrorCode::InvalidArgument, "cost must be a whole number from 0 to 1,000,000,000", cost});
}

std::string fingerprint(const RateLimitRule& rule) {
  constexpr std::string_view kInitials = "fsg";
  std::string text;
  text.reserve(40);
  text += kInitials[static_cast<std::size_t>(rule.algorithm)];
  text += ':';
  json::appendNumber(text, rule.limit);
  text += ':';
  json::appendNumber(text, rule.window.count());
  if (rule.burst != rule.limit) {
    text += ':';
    json::appendNumber(text, rule.burst);
  }
  return text;
}

}  // namespace codex
