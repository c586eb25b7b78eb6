#include "wasm/ratelimit/limit-decision.h"

namespace codex {
namespace {

using Counter = LimitTable::Counter;

/// How long a denial by an authority that knows everything is taken for granted: it may have been lifted from elsewhere.
constexpr Millis kDenialKept{10'000};
/// How long a block is, before it is looked up again.
constexpr Millis kBlockKept{60'000};
/// How long to stay away from an authority that is out of order is nobody's knowledge; a second does not hammer it.
constexpr Millis kPause{1000};

/// Whether a denial known here may be answered without asking.
bool mayDeny(const Counter& counter, const LimitPolicy& policy, Instant now) {
  if (policy.authority == LimitAuthority::Memory) return true;
  const bool object = isObject(policy.authority);
  if (!object && (!counter.blocked(now) || !policy.governed)) return true;
  const Millis kept = object ? kDenialKept : kBlockKept;
  // Who was blocked here just now need not be looked up, whether or not the caller was known before.
  return !counter.pace.readOlderThan(kept, now) || (counter.blocked(now) && now - counter.known.made() < kept);
}

/// Whether KV need neither be read nor be written before the answer.
bool knowsEnough(const Counter& counter, std::int64_t cost, bool counts, const LimitPolicy& policy, Instant now) {
  if (isObject(policy.authority) || !policy.governed || counter.blocked(now) || counter.pace.readDue(now)) return false;
  const bool writes = counts && cost > 0 && counter.pace.untilWrite(now) == Millis{0};
  return !writes || !writesNow(policy);
}

/// Puts down that everybody's attempts were counted.
void global(RateLimitVerdict& verdict, const LimitPolicy& policy) {
  verdict.exact = policy.authority == LimitAuthority::Durable;
  verdict.scope = LimitScope::Global;
}

}  // namespace

bool writesNow(const LimitPolicy& policy) {
  return !policy.governed || !policy.defers || policy.onUnavailable == OnUnavailable::Deny;
}

RateLimitVerdict decided(LimitTable& table, Counter& counter, std::int64_t cost, bool counts, const LimitPolicy& policy,
                         Instant now) {
  RateLimitVerdict verdict = counter.judge(cost, counts, now);
  verdict.place = counter.place;
  verdict.born = counter.born;
  table.rank(counter, !verdict.allowed || verdict.remaining == 0);
  verdict.exact = policy.authority == LimitAuthority::Memory;
  verdict.scope = policy.authority == LimitAuthority::Kv ? LimitScope::Colo : LimitScope::Isolate;
  if (isObject(policy.authority)) global(verdict, policy);
  return verdict;
}

void degrade(RateLimitVerdict& verdict, const LimitPolicy& policy, ErrorCode error) {
  // A block that is known here needs no authority.
  const bool blocked = verdict.reason == LimitReason::Blocked;
  verdict.reason = LimitReason::Degraded;
  verdict.scope = LimitScope::Isolate;
  verdict.exact = false;
  verdict.error = error;
  if (policy.onUnavailable == OnUnavailable::Allow && !blocked) {
    verdict.allowed = true;
    verdict.retryAfter = Millis{0};
  } else if (policy.onUnavailable == OnUnavailable::Deny && verdict.allowed) {
    verdict.allowed = false;
    verdict.remaining = 0;
    verdict.retryAfter = kPause;
  }
}

void show(RateLimitVerdict& verdict, const LimitPolicy& policy) {
  if (!policy.shadow || verdict.allowed) return;
  verdict.allowed = true;
  verdict.retryAfter = Millis{0};
  verdict.reason = LimitReason::Shadow;
}

void promiseWrite(Counter& counter, const LimitPolicy& policy, RateLimitVerdict& verdict, Instant now) {
  if (policy.authority == LimitAuthority::Kv && policy.defers && counter.unwritten())
    verdict.writeIn = counter.pace.promiseWrite(now);
}

std::optional<RateLimitVerdict> decideBy(LimitTable& table, Counter& counter, std::int64_t cost, bool counts,
                                         const LimitPolicy& policy, Instant now) {
  const bool alone = policy.authority == LimitAuthority::Memory;
  if (!alone && !knowsEnough(counter, cost, counts, policy, now)) {
    const bool denied = counter.denies(cost, now) && mayDeny(counter, policy, now);
    if (!denied) return std::nullopt;
  }
  std::optional<RateLimitVerdict> verdict = decided(table, counter, cost, counts, policy, now);
  promiseWrite(counter, policy, *verdict, now);
  show(*verdict, policy);
  return verdict;
}

std::optional<RateLimitVerdict> decideHere(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy,
                                           Instant now) {
  const bool alone = policy.authority == LimitAuthority::Memory;
  Counter* const counter = alone ? &table.touch(attempt.key, attempt.rule, now) : table.find(attempt.key, attempt.rule);
  if (counter == nullptr) return std::nullopt;
  return decideBy(table, *counter, attempt.cost, attempt.counts, policy, now);
}

RateLimitVerdict settle(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy, RateLimitVerdict theirs,
                        const Attempts& known, Instant now) {
  Counter& counter = table.touch(attempt.key, attempt.rule, now);
  counter.replace(known);
  counter.pace.noteRead(now);
  table.rank(counter, !theirs.allowed || theirs.remaining == 0);
  theirs.fromMemory = false;
  global(theirs, policy);
  show(theirs, policy);
  return theirs;
}

RateLimitVerdict decideAlone(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy, ErrorCode error,
                             Instant now) {
  Counter& counter = table.touch(attempt.key, attempt.rule, now);
  const bool counts = attempt.counts && policy.onUnavailable == OnUnavailable::Local;
  RateLimitVerdict verdict = decided(table, counter, attempt.cost, counts, policy, now);
  // The authority knows nothing of what is counted here: from now on a denial is not its own, and it is asked.
  if (verdict.ticket) counter.pace.noteRead(kEarliest);
  degrade(verdict, policy, error);
  show(verdict, policy);
  return verdict;
}

LimitWritten refundLimit(LimitTable& table, const StoreKey& key, const RateLimitRule& rule, const LimitTicket& ticket,
                         std::int64_t cost, const LimitPolicy& policy, Instant now) {
  Counter* const counter = table.find(key, rule);
  if (counter == nullptr || !counter->refund(ticket, cost, now)) return {};
  table.rank(*counter, counter->denies(1, now));
  if (policy.authority != LimitAuthority::Kv) return {};
  return {.writeIn = counter->pace.promiseWrite(now)};
}

}  // namespace codex
