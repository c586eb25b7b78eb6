#include "wasm/ratelimit/fixed-window.h"

#include <algorithm>

namespace codex::fixed_window {

std::optional<LimitState> live(const std::optional<LimitState>& state, const RateLimitRule& rule, Instant now) {
  if (!state || state->count < 0) return std::nullopt;
  const Instant end{Millis{state->mark}};
  if (now >= end || end > now + rule.window) return std::nullopt;
  return state;
}

LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t cost, Instant now) {
  const std::optional<LimitState> open = live(state, rule, now);
  LimitState next = open.value_or(LimitState{.mark = (now + rule.window).time_since_epoch().count()});
  const bool allowed = cost == 0 || cost <= rule.limit - std::min(next.count, rule.limit);
  if (allowed) next.count += cost;

  const Instant end{Millis{next.mark}};
  std::optional<Millis> retryAfter;
  if (allowed) {
    retryAfter = Millis{0};
  } else if (cost <= rule.limit) {
    retryAfter = end - now;
  }
  return {allowed, std::max<std::int64_t>(0, rule.limit - next.count), end, retryAfter, next, !open};
}

}  // namespace codex::fixed_window
