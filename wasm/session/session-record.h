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

/// What the host says of a record. The texts are empty where the record or the field is not what it should be.
struct SessionFacts {
  std::uint32_t wellTyped = 0;  // a bit for each SessionField
  std::string_view token = {};
  InputText sessionUserId = {};
  InputText userId = {};
  std::string_view expiresAt = {};
  std::string_view role = {};
};

/// Whether two secrets are the same, in time that depends on their lengths alone.
bool sameSecret(std::string_view one, std::string_view other);

/// The instant at which the record's session ends, if the record is one: every field of its type, a date that parses, one
/// user, the token presented. Errors: InvalidArgument, naming the first field that is wrong.
Result<Instant> checkRecord(const SessionFacts& facts, std::string_view presentedToken);

/// How long KV should keep a session: until it ends, at least KV's 60 s (the record's own `expiresAt` decides, not KV's), at
/// most `longest`. Nothing when it has ended.
std::optional<Seconds> sessionTtl(Instant expiresAt, Instant now, Seconds longest);

/// Whether a copy loaded at `loadedAt` may still be shown, given the user's watermark and the oldest copy accepted. A copy
/// that does not know when it was loaded is good only where nothing was ever revoked.
bool isCurrent(std::optional<Instant> loadedAt, std::optional<Instant> revokedBefore, Instant now, Millis maxStale);

}  // namespace codex
