#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "wasm/async/task.h"
#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/limit-table.h"
#include "wasm/ratelimit/limit-verdict.h"
#include "wasm/ratelimit/rate-limit-rule.h"

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

/// Decides an attempt that `decideHere` could not, by KV.
///
/// Reads the counter and the caller's block, merges them with what this isolate has admitted, decides. Concurrent attempts in
/// one isolate never admit more than the limit, whatever the store does; isolates that write at once undercount each other, for KV
/// has no atomic operation. A denial writes nothing.
/// Cost: two keys read, at most once in 30 s for a key; at most one write, in the same call where the host cannot write after the
/// answer (`writeIn` asks it to) or where its outcome decides.
Task<RateLimitVerdict> checkLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, LimitPolicy policy, Instant now);

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

/// Writes what was counted and not written yet. Cost: one write, or none where there is nothing to write.
Task<LimitWritten> writeLimit(LimitTable& table, KvStore& store, StoreKey key, RateLimitRule rule, Instant now);

/// Takes an attempt back, where it counts still. Says when the counter is to be written, if it is.
LimitWritten refundLimit(LimitTable& table, const StoreKey& key, const RateLimitRule& rule, const LimitTicket& ticket,
                         std::int64_t cost, const LimitPolicy& policy, Instant now);

/// Refuses a caller until then, here at once and elsewhere when KV shows it. Cost: one write. Errors: the store's; the block
/// holds here all the same.
Task<Result<Instant>> blockLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, Millis length, LimitPolicy policy,
                                 Instant now);

/// Lifts a block. Places that know of it go on with it for usually a minute. Cost: one delete. Errors: the store's; it may still
/// stand there.
Task<Result<Instant>> unblockLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, LimitPolicy policy, Instant now);

/// Forgets a counter, here and in the store. Places that already deny the caller go on until the window ends. Cost: one delete.
/// Errors: the store's; the counter may still stand there.
Task<Result<Instant>> resetLimit(LimitTable& table, KvStore& store, StoreKey key, LimitAuthority authority, Instant now);

}  // namespace codex
