#pragma once

#include <cstdint>
#include <optional>

#include "wasm/async/task.h"
#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/limit-table.h"
#include "wasm/ratelimit/rate-limit-rule.h"

namespace codex {

/// Why a verdict is what it is.
enum class LimitReason { Ok, Limit, Degraded };

/// Whose attempts a verdict has counted: this isolate's, or those of the place whose KV answered.
enum class LimitScope { Isolate, Colo };

/// What decides when the store cannot: the isolate's own count, a denial, or permission.
enum class OnUnavailable { Local, Deny, Allow };

struct RateLimitVerdict {
  bool allowed;
  std::int64_t limit;
  std::int64_t remaining;
  Instant resetAt;
  std::optional<Millis> retryAfter;  // nothing: waiting will never help
  LimitReason reason;
  LimitScope scope;
  bool fromMemory;                      // decided without asking the store
  bool corrupt = false;                 // the store held something that is no counter
  std::optional<ErrorCode> error = {};  // what the store failed with
};

/// Counts one attempt and decides whether it may proceed.
///
/// Reads the counter, merges it with what this isolate has admitted, decides, writes. Concurrent attempts in one isolate
/// never admit more than the limit, whatever the store does; isolates that write at once undercount each other, for KV has
/// no atomic operation. A caller known to be denied costs no operation, a denial writes nothing, and a 429 means that
/// somebody else counted this key within the second: the attempt is counted here and decided as usual.
/// Cost: at most one read and one write.
Task<RateLimitVerdict> checkLimit(LimitTable& table, KvStore& store, StoreKey key, RateLimitRule rule,
                                  OnUnavailable onUnavailable, Instant now);

/// Forgets a counter, here and in the store. Other places may count on with what they have read for as long as KV caches
/// it, usually a minute. Cost: one delete. Errors: the store's; the counter may still stand there.
Task<Result<Instant>> resetLimit(LimitTable& table, KvStore& store, StoreKey key);

}  // namespace codex
