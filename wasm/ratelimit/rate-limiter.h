#pragma once

#include "wasm/async/task.h"
#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/limit-decision.h"

namespace codex {

/// Decides an attempt that `decideHere` could not, by KV.
///
/// Reads the counter and the caller's block, merges them with what this isolate has admitted, decides. Concurrent attempts in
/// one isolate never admit more than the limit, whatever the store does; isolates that write at once undercount each other, for KV
/// has no atomic operation. A denial writes nothing.
/// Cost: two keys read, once in 30 s for a key from the first answer on (calls that begin before it read too); at most one write, in the same call where the host cannot write after the
/// answer (`writeIn` asks it to) or where its outcome decides.
Task<RateLimitVerdict> checkLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, LimitPolicy policy, Instant now);

/// Writes what was counted and not written yet. Cost: one write, or none where there is nothing to write.
Task<LimitWritten> writeLimit(LimitTable& table, KvStore& store, StoreKey key, RateLimitRule rule, Instant now);

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
