#include "wasm/ratelimit/attempts.h"

#include <algorithm>

#include "wasm/ratelimit/algorithms.h"

namespace codex {
namespace {

LimitTicket count(Attempts& attempts, const LimitDecision& decision, Instant now) {
  if (decision.opens) {
    attempts.opening = std::max<std::int64_t>(attempts.opening + 1, now.time_since_epoch().count());
    attempts.sequence = 0;
    attempts.refunded = 0;
  }
  attempts.state = decision.next;
  ++attempts.sequence;
  attempts.refunded <<= 1;
  return {attempts.opening, attempts.sequence};
}

}  // namespace

RateLimitVerdict judge(Attempts& attempts, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost, bool counts,
                       Instant now) {
  if (const Instant until = attempts.blockedUntil; now < until) {
    // Whoever comes back when the block is over is not to be sent away once more, by the limit.
    std::optional<Millis> retryAfter = decide(attempts.state, rule, phase, cost, until).retryAfter;
    if (retryAfter) retryAfter = cost == 0 ? Millis{0} : until - now + *retryAfter;
    return {.allowed = cost == 0,
            .limit = rule.limit,
            .remaining = 0,
            .resetAt = until,
            .retryAfter = retryAfter,
            .reason = LimitReason::Blocked};
  }
  const LimitDecision decision = decide(attempts.state, rule, phase, cost, now);
  RateLimitVerdict verdict{.allowed = decision.allowed,
                           .limit = rule.limit,
                           .remaining = decision.remaining,
                           .resetAt = decision.resetAt,
                           .retryAfter = decision.retryAfter,
                           .reason = decision.allowed ? LimitReason::Ok : LimitReason::Limit};
  if (!decision.allowed) return verdict;
  if (counts && cost > 0) {
    verdict.ticket = count(attempts, decision, now);
  } else {
    const LimitDecision idle = decide(attempts.state, rule, phase, 0, now);
    verdict.remaining = idle.remaining;
    verdict.resetAt = idle.resetAt;
  }
  return verdict;
}

bool refund(Attempts& attempts, const RateLimitRule& rule, std::int64_t phase, const LimitTicket& ticket, std::int64_t cost,
            Instant now) {
  const std::uint32_t age = attempts.sequence - ticket.sequence;
  if (ticket.opening != attempts.opening || age >= kRefundable || age >= attempts.sequence) return false;
  const std::uint32_t bit = 1U << age;
  if ((attempts.refunded & bit) != 0) return false;
  const std::optional<LimitState> left = without(attempts.state, rule, phase, cost, now);
  if (!left) return false;
  attempts.state = left;
  attempts.refunded |= bit;
  return true;
}

}  // namespace codex
