#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/rate-limit-rule.h"

// The generic cell rate algorithm (ITU-T I.371, annex A), which is a token bucket that remembers one instant: the theoretical
// arrival time (TAT) of the next attempt if attempts came evenly. `burst` may come at once, `limit` per window in the long
// run. While nothing is taken back, what passes in any interval is at most `burst` and what refills in it;
// an attempt that is taken back late gives back what had refilled meanwhile as well.
//
// Time is counted in parts of 1/limit ms, relative to now, so that nothing is rounded: a burst lasts at most 10^9 * 2.7 * 10^9 of
// them, which 63 bits hold twice.
namespace codex::gcra {

/// How far the TAT lies ahead of now, in parts of 1/limit ms: 0 where nothing counts any more. A TAT that no clock of ours can have
/// written counts as absent. Where clocks differ it may lie further ahead than a burst, and then nothing passes until it does not.
std::int64_t ahead(const std::optional<LimitState>& state, const RateLimitRule& rule, Instant now);

/// The state whose TAT lies that far ahead.
LimitState at(std::int64_t ahead, const RateLimitRule& rule, Instant now);

/// Decides an attempt of `cost` (0 or more).
LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t cost, Instant now);

}  // namespace codex::gcra
