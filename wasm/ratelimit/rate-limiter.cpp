#include "wasm/ratelimit/rate-limiter.h"

#include <string>

namespace codex {
namespace {

constexpr std::int64_t kOneAttempt = 1;

RateLimitVerdict verdictOf(const fixed_window::Decision& decision, const RateLimitRule& rule, LimitScope scope) {
  return {.allowed = decision.allowed,
          .limit = rule.limit,
          .remaining = decision.remaining,
          .resetAt = decision.resetAt,
          .retryAfter = decision.retryAfter,
          .reason = decision.allowed ? LimitReason::Ok : LimitReason::Limit,
          .scope = scope,
          .fromMemory = false};
}

/// The verdict when the store has failed: the isolate's own, or what the caller asked for in its place.
RateLimitVerdict degraded(RateLimitVerdict verdict, OnUnavailable onUnavailable, ErrorCode error) {
  // How long to stay away from a store that is out of order is nobody's knowledge; a second does not hammer it.
  constexpr Millis kPause{1000};
  verdict.reason = LimitReason::Degraded;
  verdict.scope = LimitScope::Isolate;
  verdict.error = error;
  if (onUnavailable == OnUnavailable::Allow) {
    verdict.allowed = true;
    verdict.retryAfter = Millis{0};
  } else if (onUnavailable == OnUnavailable::Deny && verdict.allowed) {
    verdict.allowed = false;
    verdict.remaining = 0;
    verdict.retryAfter = kPause;
  }
  return verdict;
}

/// A write in the table's books, which are put right even if the call dies while it waits.
class WriteUnderWay {
 public:
  WriteUnderWay(LimitTable& table, const StoreKey& key, LimitTable::Counter& counter)
      : table_(table), key_(key), place_(table.bookmark(&counter)), born_(counter.born), write_(counter.count.beginWrite()) {}
  ~WriteUnderWay() { end(false); }
  WriteUnderWay(const WriteUnderWay&) = delete;
  WriteUnderWay& operator=(const WriteUnderWay&) = delete;

  const SharedCount::Write& write() const { return write_; }
  /// The counter, unless it was evicted: another may stand under its key by now.
  LimitTable::Counter* counter() {
    LimitTable::Counter* const found = table_.find(place_, key_);
    return found != nullptr && found->born == born_ ? found : nullptr;
  }
  void end(bool refused) {
    if (std::exchange(ended_, true)) return;
    if (LimitTable::Counter* const still = counter()) still->count.endWrite(write_, refused);
  }

 private:
  LimitTable& table_;
  const StoreKey& key_;
  LimitTable::Bookmark place_;
  std::uint64_t born_;
  SharedCount::Write write_;
  bool ended_ = false;
};

}  // namespace

Task<RateLimitVerdict> checkLimit(LimitTable& table, KvStore& store, StoreKey key, RateLimitRule rule,
                                  OnUnavailable onUnavailable, Instant now) {
  LimitTable::Counter* const known = table.find(key);
  if (known != nullptr) {
    const fixed_window::Decision here = fixed_window::decide(known->count.window(rule, now), rule, kOneAttempt, now);
    if (!here.allowed) {
      table.rank(*known, true);
      RateLimitVerdict verdict = verdictOf(here, rule, LimitScope::Colo);
      verdict.fromMemory = true;
      co_return verdict;
    }
  }

  const LimitTable::Bookmark place = table.bookmark(known);
  const std::uint64_t began = table.stamp();
  const KvAnswer read = co_await store.perform({.verb = KvVerb::Get, .key = key.text});

  LimitTable::Counter* const found = table.find(place, key);
  LimitTable::Counter& counter = found != nullptr ? *found : table.touch(key, read.now);
  bool corrupt = false;
  if (read.outcome && *read.outcome && !table.forgottenSince(key, began)) {
    const std::optional<fixed_window::Count> stored = fixed_window::decode((*read.outcome)->text);
    corrupt = !stored;
    if (stored) counter.count.adopt(*stored, rule, read.now);
  }
  const fixed_window::Decision decision =
      fixed_window::decide(counter.count.window(rule, read.now), rule, kOneAttempt, read.now);
  // Where the caller's own answer takes the store's place, there is no decision to count.
  if (decision.allowed && (read.outcome || onUnavailable == OnUnavailable::Local)) counter.count.count(decision.next);
  table.rank(counter, decision.remaining == 0);
  RateLimitVerdict verdict = verdictOf(decision, rule, LimitScope::Colo);
  verdict.corrupt = corrupt;
  // A store that cannot be read is not written to: the count there may be higher than the one known here.
  if (!read.outcome) co_return degraded(verdict, onUnavailable, read.outcome.error().code);
  if (!decision.allowed) co_return verdict;

  WriteUnderWay underWay(table, key, counter);
  const NumberedText value = fixed_window::pieces(underWay.write().count);
  const KvAnswer put = co_await store.perform(
      {.verb = KvVerb::Put, .key = key.text, .numbered = &value, .ttl = fixed_window::storedTtl(decision.resetAt, read.now)});
  const bool refused = !put.outcome && put.outcome.error().code == ErrorCode::StoreRateLimited;
  underWay.end(refused);
  if (!refused && table.forgottenSince(key, began)) {
    // A reset came first, and this write may stand there all the same, even where it seems to have failed.
    co_await store.perform({.verb = KvVerb::Delete, .key = key.text});
  }
  if (!put.outcome && !refused) {
    if (onUnavailable == OnUnavailable::Deny) {
      if (LimitTable::Counter* const still = underWay.counter()) still->count.refund(underWay.write(), kOneAttempt);
    }
    co_return degraded(verdict, onUnavailable, put.outcome.error().code);
  }
  co_return verdict;
}

Task<Result<Instant>> resetLimit(LimitTable& table, KvStore& store, StoreKey key) {
  table.forget(key);
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Delete, .key = key.text});
  table.forget(key);
  if (!answer.outcome) co_return std::unexpected(answer.outcome.error());
  co_return answer.now;
}

}  // namespace codex
