#include "wasm/session/session-cache.h"

#include <algorithm>
#include <array>
#include <utility>

#include "wasm/json/fields.h"
#include "wasm/kv/key.h"
#include "wasm/session/session-recall.h"

namespace codex {
namespace {

SessionAnswer failed(const KvAnswer& answer) { return {SessionOutcome::Failed, answer.outcome.error().code}; }

/// Takes in what stands under the key of a watermark or a fence. False where it does not parse: it might revoke anything.
bool takeIn(Revocations& revocations, const StoreKey& key, const std::optional<std::string_view>& text) {
  if (!text) return true;
  const std::optional<Instant> before = decodeWatermark(*text);
  if (before) revocations.note(key, *before);
  return before.has_value();
}

RevokedBefore knownOf(const Revocations& revocations, const SessionNames& names) {
  return {.user = revocations.before(names.user), .token = revocations.before(names.fence)};
}

std::string metadataOf(const SessionStamps& stamps) {
  std::string text = "{";
  const auto append = [&text](std::string_view name, const std::optional<Instant>& instant) {
    if (!instant) return;
    text += text.size() > 1 ? ",\"" : "\"";
    text.append(name).append("\":");
    json::appendNumber(text, instant->time_since_epoch().count());
  };
  append("l", stamps.loadedAt);
  append("o", stamps.consultedAt);
  append("t", stamps.touchedAt);
  return text += '}';
}

std::string indexKey(const SessionNames& names) { return key::forIndex(names.user.text).append(names.digest()); }

/// What the index holds of a session: what its key ends with.
std::string_view indexValue(const SessionNames& names) {
  return std::string_view(names.session.text).substr(key::kSessionPrefix.size() + (names.hashed() ? key::kHashMark.size() : 0));
}

/// The sooner of two revocations does not matter.
std::optional<Instant> newest(const RevokedBefore& revoked) { return std::max(revoked.user, revoked.token); }

}  // namespace

Task<SessionAnswer> getSession(SessionMemory& memory, KvStore& store, SharedNames names, ReadTerms terms) {
  const Stamp began = memory.tier.stamp();
  const SharedNames first = names;
  const bool guessed = !first->user.text.empty();
  const std::array<std::string_view, 2> also = {first->fence.text, first->user.text};
  KvAnswer read = co_await store.perform({.verb = KvVerb::Get,
                                          .kind = KvValue::Session,
                                          .key = first->session.text,
                                          .cacheTtl = kv::kMinCacheTtl,
                                          .also = {also.data(), guessed ? 2U : 1U},
                                          .knownKeys = guessed ? first->number : 0});
  if (!read.outcome) co_return failed(read);
  bool readable = takeIn(memory.revocations, first->fence, read.also[0]);
  if (guessed) readable &= takeIn(memory.revocations, first->user, read.also[1]);
  if (!*read.outcome && first->hashed()) {
    read = co_await store.perform(
        {.verb = KvVerb::Get, .kind = KvValue::Session, .key = first->plain.text, .cacheTtl = kv::kMinCacheTtl});
    if (!read.outcome) co_return failed(read);
  }
  if (!*read.outcome) co_return SessionAnswer{SessionOutcome::Miss};

  const SessionFacts& facts = *(**read.outcome).session;
  const Result<Instant> expiresAt = facts.knownEnd ? *facts.knownEnd : checkRecord(facts, first->token());
  if (!expiresAt || !readable) co_return SessionAnswer{SessionOutcome::Corrupt};
  const SessionStamps stamps = facts.stamps;
  bool guessedRight = facts.knownEnd.has_value();
  if (!guessedRight) {
    StoreKey user{first->plain.store, key::forUserWatermark(facts.userId)};
    guessedRight = user == first->user;
    if (!guessedRight) {
      names = namesWith(*first, std::move(user));
      memory.known.note(names);
    }
  }
  const auto shown = [&](Instant now) {
    SessionAnswer answer{SessionOutcome::Miss};
    if (*expiresAt <= now || !isCurrent(stamps, knownOf(memory.revocations, *names), now, terms.maxStale)) return answer;
    answer.outcome = SessionOutcome::Hit;
    answer.expiresAt = *expiresAt;
    if (terms.offered) answer.offer = offerOf(*names, {began, kEarliest}, *expiresAt, stamps, now);
    return answer;
  };
  SessionAnswer answer = shown(read.now);
  if (guessedRight || answer.outcome != SessionOutcome::Hit) co_return answer;

  const KvAnswer mark = co_await store.perform({.verb = KvVerb::Get, .key = names->user.text, .cacheTtl = kv::kMinCacheTtl});
  if (!mark.outcome) co_return failed(mark);
  const std::optional<KvRecord>& found = *mark.outcome;
  if (!takeIn(memory.revocations, names->user, found ? std::optional(found->text) : std::nullopt)) {
    co_return SessionAnswer{SessionOutcome::Corrupt};
  }
  // Asked again, since a revocation may have been made here while the watermark was being read.
  co_return shown(mark.now);
}

Task<SessionAnswer> setSession(SessionMemory& memory, KvStore& store, SharedNames names, Seconds longest,
                               SessionToStore session, Instant now) {
  forgetSession(memory.tier, *names);
  const std::string index = indexKey(*names);
  const bool indexed = !session.idJson.empty();
  const std::optional<Seconds> ttl = sessionTtl(session.expiresAt, now, longest);
  if (!ttl) {
    const KvAnswer gone = co_await store.perform({.verb = KvVerb::Delete, .key = names->session.text});
    if (!gone.outcome) co_return failed(gone);
    if (indexed) {
      const KvAnswer unlisted = co_await store.perform({.verb = KvVerb::Delete, .key = index});
      if (!unlisted.outcome) co_return failed(unlisted);
    }
    co_return SessionAnswer{SessionOutcome::Skipped};
  }
  const RevokedBefore revoked = knownOf(memory.revocations, *names);
  const std::optional<Instant> before = newest(revoked);
  // A copy whose end is put off is as old as it was, also where nobody knows how old.
  if (!session.stamps.loadedAt && !session.stamps.touchedAt) {
    session.stamps.loadedAt = before ? std::max(now, *before + Millis{1}) : now;
  } else if (before && !isCurrent(session.stamps, revoked, now, kLatest - kEarliest)) {
    co_return SessionAnswer{SessionOutcome::Skipped};
  }
  const std::string metadata = metadataOf(session.stamps);
  std::string indexMetadata;
  if (indexed) {
    indexMetadata = R"({"e":)";
    json::appendNumber(indexMetadata, session.expiresAt.time_since_epoch().count());
    indexMetadata.append(R"(,"i":)").append(session.idJson).append("}");
  }
  const KvAnswer stored = co_await store.perform(
      {.verb = KvVerb::Put, .kind = KvValue::Payload, .key = names->session.text, .metadata = metadata, .ttl = *ttl});
  if (!stored.outcome) co_return failed(stored);
  memory.known.note(names);
  SessionAnswer answer{SessionOutcome::Stored};
  Instant storedAt = stored.now;
  if (indexed) {
    const KvAnswer listed = co_await store.perform(
        {.verb = KvVerb::Put, .key = index, .value = indexValue(*names), .metadata = indexMetadata, .ttl = *ttl});
    if (!listed.outcome) co_return failed(listed);
    storedAt = listed.now;
  }
  // Not where it was revoked while it was on its way.
  if (isCurrent(session.stamps, knownOf(memory.revocations, *names), storedAt, kLatest - kEarliest)) {
    answer.offer = offerOf(*names, {memory.tier.stamp(), kLatest}, session.expiresAt, session.stamps, storedAt);
  }
  co_return answer;
}

Task<SessionAnswer> deleteSession(SessionMemory& memory, KvStore& store, SharedNames names, Seconds longest, bool indexed,
                                  Instant now) {
  const SharedNames first = names;
  const Instant before = memory.revocations.next(first->fence, now);
  memory.revocations.note(first->fence, before);
  forgetSession(memory.tier, *first);
  const std::string text = encodeWatermark(before);
  const KvAnswer fence = co_await store.perform({.verb = KvVerb::Put, .key = first->fence.text, .value = text, .ttl = longest});
  const SessionAnswer answer = fence.outcome ? SessionAnswer{SessionOutcome::Deleted} : failed(fence);
  // Where it stands, and under hashed keys where it may have stood before.
  for (const StoreKey* const at : {&first->session, &first->plain}) {
    if (at->text.empty() || (at == &first->plain && !first->hashed())) continue;
    if (indexed && names->user.text.empty()) {
      const KvAnswer read = co_await store.perform(
          {.verb = KvVerb::Get, .kind = KvValue::Session, .key = at->text, .cacheTtl = kv::kMinCacheTtl});
      const bool found = read.outcome && *read.outcome;
      if (found && checkRecord(*(**read.outcome).session, first->token())) {
        names = namesWith(*first, {at->store, key::forUserWatermark((**read.outcome).session->userId)});
      }
    }
    (void)co_await store.perform({.verb = KvVerb::Delete, .key = at->text});
  }
  if (indexed && !names->user.text.empty()) {
    const std::string index = indexKey(*names);
    (void)co_await store.perform({.verb = KvVerb::Delete, .key = index});
  }
  co_return answer;
}

Task<SessionAnswer> revokeUser(SessionMemory& memory, KvStore& store, StoreKey watermark, Seconds longest, Instant now) {
  const Instant before = memory.revocations.next(watermark, now);
  memory.revocations.note(watermark, before);
  forgetUser(memory.tier, watermark);
  const std::string text = encodeWatermark(before);
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Put, .key = watermark.text, .value = text, .ttl = longest});
  if (!answer.outcome) co_return failed(answer);
  co_return SessionAnswer{SessionOutcome::Deleted};
}

Task<SessionAnswer> dropSession(KvStore& store, std::string session, std::string index) {
  const KvAnswer gone = co_await store.perform({.verb = KvVerb::Delete, .key = session});
  if (!gone.outcome) co_return failed(gone);
  const KvAnswer unlisted = co_await store.perform({.verb = KvVerb::Delete, .key = index});
  if (!unlisted.outcome) co_return failed(unlisted);
  co_return SessionAnswer{SessionOutcome::Deleted};
}

}  // namespace codex
