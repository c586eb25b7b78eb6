#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/rate-limit-rule.h"

// Windows that follow each other without a gap, where the one before counts for the part of it that a window ending now would
// still cover. Assumes that its attempts came evenly, as the counter of Cloudflare's own limiter does
// (blog.cloudflare.com/counting-things-a-lot-of-different-things). In whole numbers, nothing rounded before it is compared.
//
// `phase` shifts the boundaries, so that not every key begins a window at the same instant; see `phaseOf`.
namespace codex::sliding_window {

/// The state as it stands in the window of `now`, if it is in range. One from a window that has not come yet is taken for a clock
/// that went back where it is the next one, and counts as absent otherwise.
std::optional<LimitState> rolled(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                                 Instant now);

/// Decides an attempt of `cost` (0 or more).
LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost,
                     Instant now);

}  // namespace codex::sliding_window
