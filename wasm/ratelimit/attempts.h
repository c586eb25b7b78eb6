#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/limit-state.h"
#include "wasm/ratelimit/limit-verdict.h"
#include "wasm/ratelimit/rate-limit-rule.h"

namespace codex {

/// What is known of one caller under one rule: the algorithm's state, what refunds need, and a block. Plain data, so that a
/// Durable Object can keep it in a row.
struct Attempts {
  std::optional<LimitState> state = {};
  std::int64_t opening = 0;    // names what refunds belong to: the Unix ms at which it began, and never the same twice
  std::uint32_t sequence = 0;  // attempts counted since then
  std::uint32_t refunded = 0;  // bit i: the i-th last of them was taken back
  Instant blockedUntil = kEarliest;

  bool operator==(const Attempts&) const = default;
};

/// How many of the last attempts can be taken back.
inline constexpr std::uint32_t kRefundable = 32;

/// Decides an attempt and, where it is to be counted and passes, counts it. A block comes before any algorithm. Without counting,
/// `remaining` and `resetAt` are those of now and not those after the attempt.
RateLimitVerdict judge(Attempts& attempts, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost, bool counts,
                       Instant now);

/// Takes an attempt back. False, and nothing is done, where it counts no longer, was taken back before, or is not among the
/// last 32.
bool refund(Attempts& attempts, const RateLimitRule& rule, std::int64_t phase, const LimitTicket& ticket, std::int64_t cost,
            Instant now);

}  // namespace codex
