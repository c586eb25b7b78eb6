#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/rate-limit-rule.h"

namespace codex::testing {

/// Wide enough for every product of a limit, a window and a time.
__extension__ using Wide = __int128;

/// An attempt that has passed, and when its verdict said that nothing would count any more.
struct Admitted {
  Instant at;
  std::int64_t cost;
  Instant resetAt;
};

/// Counts anew what has passed, in the order of time, and expects no more of it than the rule's algorithm promises: in a window that
/// opens at the first attempt, the limit; in windows that slide, the limit less the share of the window before; for GCRA, in
/// any interval, the burst and what refills in it.
void expectWithinBound(const std::vector<Admitted>& log, const RateLimitRule& rule, std::int64_t phase);

/// Decides an attempt and expects the contract of every algorithm: a cost of 0 passes, one above the burst never does, `remaining`
/// is the largest cost that passes, `retryAfter` is true and a millisecond less is not, and so is `resetAt`.
LimitDecision expectContract(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                             std::int64_t cost, Instant now);

/// The number of the window of a given length in which an instant lies.
std::int64_t windowAt(Instant at, const RateLimitRule& rule, std::int64_t phase);

}  // namespace codex::testing
