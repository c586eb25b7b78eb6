#include "wasm/session/session-cache.h"

#include <algorithm>
#include <array>

#include "wasm/json/fields.h"
#include "wasm/kv/key.h"

namespace codex {
namespace {

constexpr std::string_view kSessionPrefix = "session:";

std::optional<Instant> loadedAtOf(std::string_view metadata) {
  std::optional<std::int64_t> loadedAt;
  const std::array<json::Field, 1> wanted = {{{.name = "l", .number = &loadedAt}}};
  if (!json::readFields(metadata, wanted) || !loadedAt) return std::nullopt;
  return instantOf(*loadedAt);
}

SessionAnswer failed(const KvAnswer& answer) { return {SessionOutcome::Failed, answer.outcome.error().code}; }

}  // namespace

Task<SessionAnswer> getSession(Revocations& revocations, KvStore& store, StoreKey session, SessionBounds bounds) {
  const KvAnswer read = co_await store.perform({.verb = KvVerb::Get, .kind = KvValue::Session, .key = session.text});
  if (!read.outcome) co_return failed(read);
  if (!*read.outcome) co_return SessionAnswer{SessionOutcome::Miss};

  const KvRecord& record = **read.outcome;
  const std::string_view token = std::string_view(session.text).substr(kSessionPrefix.size());
  const Result<Instant> expiresAt = checkRecord(*record.session, token);
  if (!expiresAt) co_return SessionAnswer{SessionOutcome::Corrupt};
  if (*expiresAt <= read.now) co_return SessionAnswer{SessionOutcome::Miss};

  const std::optional<Instant> loadedAt = loadedAtOf(record.metadata);
  const StoreKey watermark{session.store, key::forUserWatermark(record.session->userId)};
  std::optional<Instant> before = revocations.before(watermark);
  if (!isCurrent(loadedAt, before, read.now, bounds.maxStale)) co_return SessionAnswer{SessionOutcome::Miss};

  const KvAnswer mark = co_await store.perform({.verb = KvVerb::Get, .key = watermark.text, .cacheTtl = kv::kMinCacheTtl});
  if (!mark.outcome) co_return failed(mark);
  if (*mark.outcome) {
    // A watermark that does not parse might have revoked this session.
    before = decodeWatermark((*mark.outcome)->text);
    if (!before) co_return SessionAnswer{SessionOutcome::Corrupt};
    revocations.note(watermark, *before);
  }
  // Asked again, since a revocation may have been made here while the watermark was being read.
  before = revocations.before(watermark);
  const bool shown = *expiresAt > mark.now && isCurrent(loadedAt, before, mark.now, bounds.maxStale);
  co_return SessionAnswer{shown ? SessionOutcome::Hit : SessionOutcome::Miss};
}

Task<SessionAnswer> setSession(Revocations& revocations, KvStore& store, StoreKey session, StoreKey watermark,
                               SessionBounds bounds, Instant expiresAt, Instant now) {
  const std::optional<Seconds> ttl = sessionTtl(expiresAt, now, bounds.longest);
  if (!ttl) {
    const KvAnswer answer = co_await store.perform({.verb = KvVerb::Delete, .key = session.text});
    if (!answer.outcome) co_return failed(answer);
    co_return SessionAnswer{SessionOutcome::Skipped};
  }
  const Instant revokedBefore = revocations.before(watermark).value_or(kEarliest);
  const Instant loadedAt = std::max(now, revokedBefore + Millis{1});
  std::string metadata = R"({"l":)";
  json::appendNumber(metadata, loadedAt.time_since_epoch().count());
  metadata += '}';
  const KvAnswer answer = co_await store.perform(
      {.verb = KvVerb::Put, .kind = KvValue::Payload, .key = session.text, .metadata = metadata, .ttl = *ttl});
  if (!answer.outcome) co_return failed(answer);
  co_return SessionAnswer{SessionOutcome::Stored};
}

Task<SessionAnswer> deleteSession(KvStore& store, StoreKey session) {
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Delete, .key = session.text});
  if (!answer.outcome) co_return failed(answer);
  co_return SessionAnswer{SessionOutcome::Deleted};
}

Task<SessionAnswer> revokeUser(Revocations& revocations, KvStore& store, StoreKey watermark, SessionBounds bounds,
                               Instant now) {
  const Instant before = now + kClockSkew;
  revocations.note(watermark, before);
  const std::string text = encodeWatermark(before);
  const KvAnswer answer =
      co_await store.perform({.verb = KvVerb::Put, .key = watermark.text, .value = text, .ttl = bounds.longest});
  if (!answer.outcome) co_return failed(answer);
  co_return SessionAnswer{SessionOutcome::Deleted};
}

}  // namespace codex
