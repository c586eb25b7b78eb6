#pragma once

#include <cstdint>
#include <optional>

#include "wasm/time.h"

namespace codex {

/// What an algorithm remembers of the attempts it let pass. Each reads the numbers in its own way.
struct LimitState {
  std::int64_t mark = 0;      // fixed window: when it ends, Unix ms; sliding window: its number; GCRA: the TAT, whole Unix ms
  std::int64_t count = 0;     // windows: what passed in it; GCRA: the TAT's fraction, in parts of 1/limit ms
  std::int64_t previous = 0;  // sliding window: what passed in the window before; otherwise 0

  bool operator==(const LimitState&) const = default;
};

/// What an algorithm says of an attempt.
struct LimitDecision {
  bool allowed;
  std::int64_t remaining;            // the largest cost that would still pass
  Instant resetAt;                   // from then on nothing counts any more, if nothing else passes
  std::optional<Millis> retryAfter;  // 0 when allowed; nothing when waiting will never help
  LimitState next;  // the state after the attempt; it is to be kept where the attempt passed and cost something
  bool opens;       // nothing that passed before is in `next` but as a weight: refunds begin anew
};

}  // namespace codex
