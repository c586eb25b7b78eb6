#include "wasm/ratelimit/gcra.h"

#include <algorithm>

namespace codex::gcra {
namespace {

/// How much the clocks of two places may differ.
constexpr std::int64_t kSkewMs = 5'000;

std::int64_t roundedUp(std::int64_t parts, std::int64_t perMs) { return (parts + perMs - 1) / perMs; }

/// How far a full burst lies ahead.
std::int64_t farthest(const RateLimitRule& rule) { return rule.burst * rule.window.count(); }

}  // namespace

std::int64_t ahead(const std::optional<LimitState>& state, const RateLimitRule& rule, Instant now) {
  if (!state || rule.limit == 0 || state->count < 0 || state->count >= rule.limit) return 0;
  const std::int64_t ms = state->mark - now.time_since_epoch().count();
  if (ms < 0 || ms > farthest(rule) / rule.limit + kSkewMs) return 0;
  return ms * rule.limit + state->count;
}

LimitState at(std::int64_t ahead, const RateLimitRule& rule, Instant now) {
  return {now.time_since_epoch().count() + ahead / rule.limit, ahead % rule.limit};
}

LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t cost, Instant now) {
  if (rule.limit == 0) {
    const std::optional<Millis> never = cost == 0 ? std::optional(Millis{0}) : std::nullopt;
    return {cost == 0, 0, now, never, {}, true};
  }
  const std::int64_t tau = farthest(rule);
  const std::int64_t increment = cost * rule.window.count();
  const std::int64_t before = ahead(state, rule, now);
  const bool allowed = cost == 0 || before + increment <= tau;
  const std::int64_t after = allowed ? before + increment : before;

  std::optional<Millis> retryAfter;
  if (allowed) {
    retryAfter = Millis{0};
  } else if (increment <= tau) {
    retryAfter = Millis{roundedUp(before + increment - tau, rule.limit)};
  }
  const Instant resetAt = now + Millis{roundedUp(after, rule.limit)};
  const std::int64_t remaining = std::max<std::int64_t>(0, tau - after) / rule.window.count();
  return {allowed, remaining, resetAt, retryAfter, at(after, rule, now), before == 0};
}

}  // namespace codex::gcra
