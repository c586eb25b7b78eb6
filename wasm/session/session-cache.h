#pragma once

#include <optional>
#include <string>

#include "wasm/async/task.h"
#include "wasm/kv/kv-store.h"
#include "wasm/session/revocations.h"
#include "wasm/session/session-record.h"

namespace codex {

/// What came of a session call.
enum class SessionOutcome {
  Hit,
  Miss,     // absent, ended, too old or revoked
  Corrupt,  // a record that breaks the rules stood there; a miss
  Stored,
  Skipped,  // nothing to store: the session has ended, and what stood there was deleted
  Deleted,
  Failed,  // the store failed; for a read, a miss
};

struct SessionAnswer {
  SessionOutcome outcome;
  std::optional<ErrorCode> error = {};
};

/// The bounds that hold for every stored session.
struct SessionBounds {
  Seconds longest;  // cap on what KV keeps a session for, and how long a revocation is remembered
  Millis maxStale;  // the oldest copy a read accepts
};

/// Reads a session. A copy is shown only if it is well-formed, unexpired, the presented token's own, and younger than both
/// `maxStale` and its user's watermark; a watermark that cannot be read is a miss.
/// Cost: two reads, one where nothing is found or the copy is unacceptable by itself.
Task<SessionAnswer> getSession(Revocations& revocations, KvStore& store, StoreKey session, SessionBounds bounds);

/// Stores a session that `checkRecord` has accepted, until it ends; one that has ended is deleted instead. The copy is
/// stamped as loaded now, or just after the newest watermark known here, so that a login that follows a revocation counts.
/// Cost: one write, or one delete.
Task<SessionAnswer> setSession(Revocations& revocations, KvStore& store, StoreKey session, StoreKey watermark,
                               SessionBounds bounds, Instant expiresAt, Instant now);

/// Deletes a session from the store. Cost: one delete. Outcome Failed where it may still stand there.
Task<SessionAnswer> deleteSession(KvStore& store, StoreKey session);

/// How far a new watermark lies ahead of the clock that sets it: what other isolates' clocks may be ahead.
inline constexpr Millis kClockSkew{2000};

/// Voids every copy of the user's sessions loaded up to now, wherever it is. In force here at once, elsewhere when KV shows
/// the watermark. Cost: one write. Outcome Failed where it was not recorded.
Task<SessionAnswer> revokeUser(Revocations& revocations, KvStore& store, StoreKey watermark, SessionBounds bounds, Instant now);

}  // namespace codex
