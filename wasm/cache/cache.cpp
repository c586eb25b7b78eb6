#include "wasm/cache/cache.h"

#include <utility>

#include "wasm/cache/tags.h"
#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"

namespace codex {
namespace {

CacheAnswer failed(const KvAnswer& answer) { return {CacheOutcome::Failed, answer.outcome.error().code}; }

/// A bulk read has one `cacheTtl`, and an epoch that changed must be seen soon.
constexpr Seconds kEpochCacheTtl = kv::kMinCacheTtl;

KvRequest epochsOf(const tags::EpochKeys& epochs) {
  return {.verb = KvVerb::Get, .key = epochs.keys().front(), .cacheTtl = kEpochCacheTtl, .also = epochs.keys().subspan(1)};
}

/// The list with what a read of `epochsOf` found. Only where the read went well.
std::string listRead(std::string_view list, const KvAnswer& read) {
  const tags::Found first = *read.outcome ? tags::Found((*read.outcome)->text) : std::nullopt;
  return tags::withEpochs(list, &first, read.also);
}

/// Puts a text that is kept as long as anything can be, or deletes where there is none.
Task<CacheAnswer> write(KvStore& store, std::string key, std::string value, CacheOutcome done) {
  const KvVerb verb = value.empty() ? KvVerb::Delete : KvVerb::Put;
  const KvAnswer answer = co_await store.perform({.verb = verb, .key = key, .value = value, .ttl = kv::kMaxTtl});
  co_return answer.outcome ? CacheAnswer{done} : failed(answer);
}

Task<CacheAnswer> put(KvStore& store, NewEntry entry, Instant now) {
  // Here and not in a coroutine of its own: keys that were named live as long as the call.
  const tags::EpochKeys unread(entry.group.epochPrefix, entry.epochsRead ? std::string_view() : entry.group.tags);
  if (!unread.keys().empty()) {
    const KvAnswer read = co_await store.perform(epochsOf(unread));
    if (!read.outcome) co_return failed(read);
    entry.group.tags = listRead(entry.group.tags, read);
  }
  const entry::Envelope envelope{.created = now,
                                 .windows = entry.lifetime->windows,
                                 .loadTime = entry.loadTime,
                                 .negative = entry.negative,
                                 .tags = entry.group.tags,
                                 .keyDigest = entry.key.digest};
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Put,
                                                  .kind = KvValue::Payload,
                                                  .key = entry.key.text,
                                                  .entry = &envelope,
                                                  .ttl = entry.lifetime->physical});
  co_return answer.outcome ? CacheAnswer{CacheOutcome::Stored} : failed(answer);
}

CacheOutcome outcomeOf(entry::State state) {
  if (state == entry::State::Fresh) return CacheOutcome::Hit;
  return state == entry::State::Stale ? CacheOutcome::Stale : CacheOutcome::Miss;
}

}  // namespace

Task<CacheAnswer> lookUp(KvStore& store, key::CacheKey key, Group group) {
  const tags::EpochKeys named(group.epochPrefix, group.tags);
  KvRequest request{.verb = KvVerb::Get, .kind = KvValue::Payload, .key = key.text, .also = named.keys()};
  if (!named.keys().empty()) request.cacheTtl = kEpochCacheTtl;
  const KvAnswer read = co_await store.perform(request);
  if (!read.outcome) co_return failed(read);

  CacheAnswer answer{CacheOutcome::Miss};
  if (!named.keys().empty()) answer.tags = tags::withEpochs(group.tags, nullptr, read.also);
  if (!*read.outcome) co_return answer;
  const std::optional<entry::Envelope> envelope = entry::read(*(*read.outcome)->entry);
  answer.state = entry::stateOf(envelope, key.digest, read.now);
  if (envelope) {
    answer.age = entry::ageOf(*envelope, read.now);
    answer.windows = envelope->windows;
    answer.loadTime = envelope->loadTime;
  }
  if (answer.state != entry::State::Miss && envelope && !envelope->tags.empty()) {
    const tags::Agreement agreement = tags::compare(envelope->tags, answer.tags);
    if (named.keys().empty()) answer.tags = envelope->tags;
    bool holds = agreement.holds;
    if (holds && !agreement.unread.empty()) {
      const tags::EpochKeys others(group.epochPrefix, agreement.unread);
      if (others.keys().empty()) co_return CacheAnswer{CacheOutcome::Miss};
      const KvAnswer more = co_await store.perform(epochsOf(others));
      if (!more.outcome) co_return failed(more);
      holds = listRead(agreement.unread, more) == agreement.unread;
    }
    if (!holds) answer.state = entry::State::Miss;
  }
  answer.outcome = outcomeOf(answer.state);
  co_return answer;
}

Task<CacheAnswer> readEpochs(KvStore& store, Group group) {
  const tags::EpochKeys epochs(group.epochPrefix, group.tags);
  const KvAnswer read = co_await store.perform(epochsOf(epochs));
  if (!read.outcome) co_return failed(read);
  CacheAnswer answer{CacheOutcome::Miss};
  answer.tags = listRead(group.tags, read);
  co_return answer;
}

Task<CacheAnswer> storeEntry(KvStore& store, NewEntry entry, Instant now) {
  if (!entry.lifetime) return write(store, std::move(entry.key.text), {}, CacheOutcome::Skipped);
  return put(store, std::move(entry), now);
}

Task<CacheAnswer> deleteEntry(KvStore& store, key::CacheKey key) {
  return write(store, std::move(key.text), {}, CacheOutcome::Deleted);
}

Task<CacheAnswer> invalidateTag(KvStore& store, const Group& group, std::int64_t epoch) {
  std::string value;
  json::appendNumber(value, epoch);
  const tags::EpochKeys epochs(group.epochPrefix, group.tags);
  // Kept so long that no entry outlives it.
  return write(store, std::string(epochs.keys().front()), std::move(value), CacheOutcome::Stored);
}

}  // namespace codex
