#include "wasm/session/session-record.h"

#include <algorithm>
#include <array>
#include <bit>

#include "wasm/kv/limits.h"
#include "wasm/session/iso-date.h"

namespace codex {
namespace {

constexpr auto kFields = static_cast<std::size_t>(SessionField::Count);

constexpr std::array<std::string_view, kFields> kFieldReasons = {
    "session.id must be a string",
    "session.userId must be a non-empty string",
    "session.token must be a string",
    "session.expiresAt must be an ISO 8601 string or a Date",
    "user.id must be a non-empty string",
    "user.email must be a string",
    "user.name must be a string",
    "user.role must be 'customer', 'owner' or 'creator'",
    "user.emailVerified must be a boolean",
    "session.ipAddress must be a string where it is present",
    "session.userAgent must be a string where it is present",
};

std::unexpected<Error> refused(std::string_view reason) { return std::unexpected(Error{ErrorCode::InvalidArgument, reason}); }

bool isRole(std::string_view role) { return role == "customer" || role == "owner" || role == "creator"; }

}  // namespace

bool sameSecret(std::string_view one, std::string_view other) {
  if (one.size() != other.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    difference |= static_cast<unsigned char>(one[i]) ^ static_cast<unsigned>(static_cast<unsigned char>(other[i]));
  }
  return difference == 0;
}

Result<Instant> checkRecord(const SessionFacts& facts, std::string_view presentedToken) {
  const std::uint32_t wrong = ~facts.wellTyped & ((1U << kFields) - 1);
  if (wrong != 0) return refused(kFieldReasons[static_cast<std::size_t>(std::countr_zero(wrong))]);
  if (!isRole(facts.role)) return refused("user.role must be 'customer', 'owner' or 'creator'");
  if (facts.userId.head.empty()) return refused("user.id must be a non-empty string");
  if (!sameText(facts.sessionUserId, facts.userId)) return refused("session.userId and user.id must be the same user");
  if (!sameSecret(facts.token, presentedToken)) return refused("session.token must be the token it is stored under");
  const std::optional<Instant> expiresAt = parseIsoDate(facts.expiresAt);
  if (!expiresAt) return refused("session.expiresAt must be an ISO 8601 date");
  return *expiresAt;
}

std::optional<Seconds> sessionTtl(Instant expiresAt, Instant now, Seconds longest) {
  if (expiresAt <= now) return std::nullopt;
  return std::clamp(std::chrono::ceil<Seconds>(expiresAt - now), kv::kMinTtl, longest);
}

bool isCurrent(const SessionStamps& stamps, const RevokedBefore& revoked, Instant now, Millis maxStale) {
  if (!stamps.loadedAt) return !revoked.user && !revoked.token;
  // Twice the difference of clocks that is allowed for, and as much again.
  constexpr Seconds kFarthestAhead{10};
  if (*stamps.loadedAt - now > kFarthestAhead) return false;
  const Instant consultedAt = stamps.consultedAt ? std::min(*stamps.consultedAt, *stamps.loadedAt) : *stamps.loadedAt;
  if (now - consultedAt > maxStale) return false;
  if (revoked.token && consultedAt <= *revoked.token) return false;
  return !revoked.user || *stamps.loadedAt > *revoked.user;
}

std::optional<Instant> rolledExpiry(Instant current, Instant wanted, std::optional<Instant> createdAt,
                                    const SessionStamps& stamps, const RollingTerms& terms, Instant now) {
  if (terms.longest) {
    if (!createdAt) return std::nullopt;
    wanted = std::min(wanted, *createdAt + std::min<Millis>(*terms.longest, kLatest - kEarliest));
  }
  if (wanted <= current) return std::nullopt;
  if (stamps.touchedAt && now - *stamps.touchedAt < terms.interval) return std::nullopt;
  if (!stamps.loadedAt && wanted - current < terms.interval) return std::nullopt;
  return std::min(wanted, kLatest);
}

}  // namespace codex
