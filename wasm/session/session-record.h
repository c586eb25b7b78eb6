#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wasm/error.h"
#include "wasm/kv/text.h"
#include "wasm/time.h"

// What makes a session record acceptable. The record itself stays with the host, which parses it once and hands over these
// facts: reading the text here as well would be the dearer half (see docs/design.md).
namespace codex {

/// The fields that have a type to keep, in the order in which they are complained of. Each is a bit of
/// `SessionFacts::wellTyped`, set where the field has the type the format asks for.
enum class SessionField {
  SessionId,
  SessionUserId,
  SessionToken,
  SessionExpiresAt,
  UserId,
  UserEmail,
  UserName,
  UserRole,
  UserEmailVerified,  // a boolean; the others are strings
  IpAddress,          // or null, or absent
  UserAgent,          // or null, or absent
  Count,
};

/// What the metadata of a copy says of when it was made. Nothing where it does not say.
struct SessionStamps {
  std::optional<Instant> loadedAt =
      {};  // `l`: when the database was consulted; of an excepted copy, after what it is excepted from
  std::optional<Instant> consultedAt = {};  // `o`: of an excepted copy, when the database was consulted indeed
  std::optional<Instant> touchedAt = {};    // `t`: when its end was last put off
};

/// What the host says of a record. The texts are empty where the record or the field is not what it should be.
struct SessionFacts {
  std::uint32_t wellTyped = 0;  // a bit for each SessionField
  std::string_view token = {};
  InputText sessionUserId = {};
  InputText userId = {};
  std::string_view expiresAt = {};
  std::string_view role = {};
  SessionStamps stamps = {};
  /// Of a record that a read of the same keys has shown before: when it was found to end. Nothing else but the stamps is told then.
  std::optional<Instant> knownEnd = {};
};

/// Whether two secrets are the same, in time that depends on their lengths alone.
bool sameSecret(std::string_view one, std::string_view other);

/// The instant at which the record's session ends, if the record is one: every field of its type, a date that parses, one
/// user, the token presented. Errors: InvalidArgument, naming the first field that is wrong.
Result<Instant> checkRecord(const SessionFacts& facts, std::string_view presentedToken);

/// How long KV should keep a session: until it ends, at least KV's 60 s (the record's own `expiresAt` decides, not KV's), at
/// most `longest`. Nothing when it has ended.
std::optional<Seconds> sessionTtl(Instant expiresAt, Instant now, Seconds longest);

/// When the latest revocations were made of which a copy must know nothing.
struct RevokedBefore {
  std::optional<Instant> user = {};   // the watermark of its user
  std::optional<Instant> token = {};  // its own fence
};

/// Whether a copy may still be shown. One that does not know when it was loaded is good only where nothing was ever revoked; one
/// that claims to be loaded ten seconds from now or later, only a liar has written.
bool isCurrent(const SessionStamps& stamps, const RevokedBefore& revoked, Instant now, Millis maxStale);

/// How far a session's end may be put off, and how often.
struct RollingTerms {
  Millis interval;                 // from one time to the next
  std::optional<Seconds> longest;  // from when it was created
};

/// The end that a session is to have, wanted at `wanted`; nothing where it stays as it is: put off less than an interval ago, as
/// late already, or created nobody knows when. Without the stamps of a copy, an end that is an interval later is taken for one
/// that was not put off since.
std::optional<Instant> rolledExpiry(Instant current, Instant wanted, std::optional<Instant> createdAt,
                                    const SessionStamps& stamps, const RollingTerms& terms, Instant now);

}  // namespace codex
