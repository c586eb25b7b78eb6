#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wasm/ratelimit/limit-table.h"
#include "wasm/ratelimit/limit-verdict.h"
#include "wasm/ratelimit/rate-limit-rule.h"

// What is decided without waiting for anybody.
namespace codex {

/// Who decides in the end, after this isolate's memory.
enum class LimitAuthority {
  Kv,
  Memory,   // nobody else
  Durable,  // an object that writes down what it has counted before it answers
  Fast,     // one that does not
};

/// What decides when the authority cannot: the isolate's own count, a denial, or permission.
enum class OnUnavailable { Local, Deny, Allow };

/// How a client wants its attempts decided.
struct LimitPolicy {
  LimitAuthority authority = LimitAuthority::Kv;
  OnUnavailable onUnavailable = OnUnavailable::Local;
  bool shadow = false;   // decide, and never deny
  bool governed = true;  // the store is KV: it caches reads for 30 s, and takes a write a second for a key
  bool defers = true;    // the host can write after the answer
};

/// One attempt.
struct LimitAttempt {
  StoreKey key;
  std::string blockKey = {};  // where the store keeps the caller's block
  RateLimitRule rule = {0, Millis{1}};
  std::int64_t cost = 1;
  bool counts = true;  // false: only tell what would be decided
};

/// Decides by what this isolate knows, or nothing where the authority must be asked first. A caller known to be denied costs no
/// operation.
std::optional<RateLimitVerdict> decideHere(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy,
                                           Instant now);

/// The same by a counter that was found before.
std::optional<RateLimitVerdict> decideBy(LimitTable& table, LimitTable::Counter& counter, std::int64_t cost, bool counts,
                                         const LimitPolicy& policy, Instant now);

/// The verdict of an authority that knows everything, taken in so that a caller it denies need not ask again at once, and so
/// that this isolate can go on where it left off should it become unreachable.
RateLimitVerdict settle(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy, RateLimitVerdict theirs,
                        const Attempts& known, Instant now);

/// The verdict where that authority did not answer.
RateLimitVerdict decideAlone(LimitTable& table, const LimitAttempt& attempt, const LimitPolicy& policy, ErrorCode error,
                             Instant now);

/// What became of a counter that was to be written.
struct LimitWritten {
  std::optional<ErrorCode> error = {};
  std::optional<Millis> writeIn = {};  // it is not time yet, or KV answered 429: come back after that long
};

/// Takes an attempt back, where it counts still. Says when the counter is to be written, if it is.
LimitWritten refundLimit(LimitTable& table, const StoreKey& key, const RateLimitRule& rule, const LimitTicket& ticket,
                         std::int64_t cost, const LimitPolicy& policy, Instant now);

/// Whether the authority is an object.
inline bool isObject(LimitAuthority authority) {
  return authority == LimitAuthority::Durable || authority == LimitAuthority::Fast;
}

// What the coroutines that ask KV in between share.

/// Decides by the counter, and counts.
RateLimitVerdict decided(LimitTable& table, LimitTable::Counter& counter, std::int64_t cost, bool counts,
                         const LimitPolicy& policy, Instant now);
/// The authority has failed: the verdict becomes the isolate's own, or what the caller asked for in its place.
void degrade(RateLimitVerdict& verdict, const LimitPolicy& policy, ErrorCode error);
/// Lets an attempt pass where the caller only wants to know.
void show(RateLimitVerdict& verdict, const LimitPolicy& policy);
/// Whether the call itself must write: the host cannot do it later, or the outcome decides.
bool writesNow(const LimitPolicy& policy);
/// Asks the host to have the counter written, unless somebody has been asked before.
void promiseWrite(LimitTable::Counter& counter, const LimitPolicy& policy, RateLimitVerdict& verdict, Instant now);

}  // namespace codex
