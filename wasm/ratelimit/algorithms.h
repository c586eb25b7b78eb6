#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/rate-limit-rule.h"

// The three algorithms as one, by the rule's choice.
namespace codex {

/// A key's shift of window boundaries, 0 to window - 1 ms; 0 for algorithms that need none. The same wherever it is computed.
std::int64_t phaseOf(std::string_view key, const RateLimitRule& rule);

/// Decides an attempt of `cost` (0 or more).
LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost,
                     Instant now);

/// The state without an attempt of that cost which it holds; nothing where it counts no longer.
std::optional<LimitState> without(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                                  std::int64_t cost, Instant now);

/// The stored form: `{"count":4,"resetAt":1767225600000}`, as the spec writes it; `{"window":…,"count":…,"previous":…}`;
/// `{"tat":…,"part":…}`.
std::string encode(const LimitState& state, const RateLimitRule& rule);

/// Reads a stored state; nothing where the text is not one of this algorithm (C8: such a value counts as absent).
std::optional<LimitState> decode(std::string_view text, const RateLimitRule& rule);

/// How long KV should keep the record: past the last instant at which it counts, whatever the skew, and never under KV's 60 s.
Seconds storedTtl(Instant resetAt, Instant now);

}  // namespace codex
