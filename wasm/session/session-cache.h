#pragma once

#include <optional>
#include <string>

#include "wasm/async/task.h"
#include "wasm/kv/kv-store.h"
#include "wasm/memory/memory.h"
#include "wasm/session/revocations.h"
#include "wasm/session/session-names.h"
#include "wasm/session/session-record.h"

namespace codex {

/// What came of a session call.
enum class SessionOutcome {
  Hit,
  Miss,     // absent, ended, too old or revoked
  Corrupt,  // a record that breaks the rules stood there; a miss
  Stored,
  Skipped,  // nothing to store: the session has ended, and what stood there was deleted; or nobody would accept the copy
  Deleted,
  Failed,  // the store failed; for a read, a miss
};

struct SessionAnswer {
  SessionOutcome outcome;
  std::optional<ErrorCode> error = {};
  std::optional<Offer> offer = {};
  Instant expiresAt = kEarliest;  // of a Hit
};

/// What an isolate remembers of sessions.
struct SessionMemory {
  SessionMemory(std::size_t revocations_, HashSeed seed, Tier& tier_)
      : revocations(revocations_, seed), known(seed), tier(tier_) {}

  Revocations revocations;
  KnownSessions known;
  Tier& tier;
};

/// How a session is to be read.
struct ReadTerms {
  Millis maxStale;      // how long ago a copy may have been loaded
  bool offered = true;  // whether memory is to have what is found
};

/// Reads a session. A copy is shown only if it is well-formed, unexpired, the presented token's own, no older than `maxStale`, and
/// loaded after both the watermark of its user and its token's fence; one of these that cannot be read is a miss.
/// Cost: the session and the fence in one read, with the watermark where the token's user is known, else that in a second; under
/// hashed keys one more read of one key where nothing stands under the hash.
Task<SessionAnswer> getSession(SessionMemory& memory, KvStore& store, SharedNames names, ReadTerms terms);

/// A session that `checkRecord` has accepted, on its way to the store.
struct SessionToStore {
  Instant expiresAt;
  SessionStamps stamps;  // without `loadedAt`: it is as good as loaded now
  std::string idJson;    // the session's id as JSON in ASCII; empty where the store cannot list, which needs no index then
};

/// Stores a session with its index entry until it ends, `longest` at most; one that has ended is deleted instead. A copy that says
/// when it was loaded is stored only if nothing known here was revoked since; one that does not is stamped as loaded now, or
/// just after the newest revocation known here, so that a login that follows one counts; but one whose end was put off stays
/// without, and is stored only if nothing known here was revoked at all. The names have a user.
/// Cost: two writes, or two deletes.
Task<SessionAnswer> setSession(SessionMemory& memory, KvStore& store, SharedNames names, Seconds longest,
                               SessionToStore session, Instant now);

/// Ends a session: a fence first, in force here at once and elsewhere when KV shows it, then the copy and its index entry go.
/// Outcome Failed where the fence was not recorded; what else could not be deleted is void.
/// Cost: one write and one delete; with an index one delete more, and a read where the user is not known; under hashed keys one
/// delete more, and up to one read more.
Task<SessionAnswer> deleteSession(SessionMemory& memory, KvStore& store, SharedNames names, Seconds longest, bool indexed,
                                  Instant now);

/// Voids every copy of the user's sessions loaded up to now, wherever it is. In force here at once, elsewhere when KV shows
/// the watermark. Cost: one write. Outcome Failed where it was not recorded.
Task<SessionAnswer> revokeUser(SessionMemory& memory, KvStore& store, StoreKey watermark, Seconds longest, Instant now);

/// Deletes a copy that was revoked, and its index entry. Cost: two deletes.
Task<SessionAnswer> dropSession(KvStore& store, std::string session, std::string index);

}  // namespace codex
