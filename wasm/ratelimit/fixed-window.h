#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/rate-limit-rule.h"

// A window that opens at the first attempt and counts until it ends: the spec's algorithm. At most `limit` attempts pass in
// a window, so at most twice as many in any interval of its length.
namespace codex::fixed_window {

/// The state if it belongs to a window that is open under this rule. A window that would end later than a window opened now
/// comes from a skewed clock, another rule or an attacker, and counts as absent.
std::optional<LimitState> live(const std::optional<LimitState>& state, const RateLimitRule& rule, Instant now);

/// Decides an attempt of `cost` (0 or more).
LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t cost, Instant now);

}  // namespace codex::fixed_window
