#include "wasm/cache/cache.h"

#include <utility>

#include "wasm/cache/recall.h"
#include "wasm/cache/tags.h"
#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"

namespace codex {
namespace {

CacheAnswer failed(const KvAnswer& answer, Stamp began = 0) {
  return {.outcome = CacheOutcome::Failed, .error = answer.outcome.error().code, .began = began};
}

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

/// Deletes a key, or gives it another value, which is kept so long that no entry outlives it. What is there now `bury` drops from
/// memory, at once and, since a read that begins meanwhile may still see it, once more.
Task<CacheAnswer> replace(KvStore& store, Memory memory, std::string key, std::string value, CacheOutcome done,
                          decltype(&buryEntry) bury, Instant now) {
  bury(memory, key, now);
  KvRequest request{.verb = KvVerb::Delete, .key = key};
  if (!value.empty()) {
    request.verb = KvVerb::Put;
    request.value = value;
    request.ttl = kv::kMaxTtl;
  }
  const KvAnswer answer = co_await store.perform(request);
  bury(memory, key, answer.now);
  co_return answer.outcome ? CacheAnswer{done} : failed(answer);
}

Task<CacheAnswer> erase(KvStore& store, Memory memory, std::string key, CacheOutcome done, Instant now) {
  return replace(store, memory, std::move(key), {}, done, buryEntry, now);
}

/// What memory should keep of a value that was written or loaded here. What began before that and arrives later must not take
/// its place, so it counts as begun just now, unless the key or a tag has been buried while it was made.
std::optional<Offer> offerOf(Memory memory, const NewEntry& entry, const entry::Envelope& envelope,
                             const tags::EpochKeys& epochs, Instant now) {
  const Arrival began{entry.began, kLatest};
  const TierKey key = memory.key(entry.key.text);
  if (!memory.tier.admits(key, began, now) || isBuried(memory, entry.key.text, epochs, began, now)) {
    memory.tier.forget(key);
    return std::nullopt;
  }
  memory.tier.lift(key, envelope.created);
  return Offer{{memory.store, entry.key.text}, memory.maker, {memory.tier.stamp(), kLatest}, factsOf(envelope, epochs), now};
}

Task<CacheAnswer> put(KvStore& store, Memory memory, NewEntry entry, Instant now) {
  if (entry.began == 0) entry.began = memory.tier.stamp();
  // Here and not in a coroutine of its own: keys that were named live as long as the call.
  const tags::EpochKeys unread(entry.group.epochPrefix, entry.epochsRead ? std::string_view() : entry.group.tags);
  if (!unread.keys().empty()) {
    const KvAnswer read = co_await store.perform(epochsOf(unread));
    if (!read.outcome) co_return failed(read);
    entry.group.tags = listRead(entry.group.tags, read);
  }
  const tags::EpochKeys epochs(entry.group.epochPrefix, entry.group.tags);
  const entry::Envelope envelope{.created = now,
                                 .windows = entry.lifetime->windows,
                                 .loadTime = entry.loadTime,
                                 .negative = entry.negative,
                                 .tags = entry.group.tags,
                                 .keyDigest = entry.key.digest};
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Put,
                                                  .kind = KvValue::Payload,
                                                  .key = entry.key.text,
                                                  .ttl = entry.lifetime->physical,
                                                  .entry = &envelope});
  CacheAnswer result = answer.outcome ? CacheAnswer{CacheOutcome::Stored} : failed(answer);
  if (answer.outcome || entry.loaded) {
    result.offer = offerOf(memory, entry, envelope, epochs, answer.now);
  } else {
    memory.tier.forget(memory.key(entry.key.text));  // nobody can say whether KV took the new one
  }
  co_return result;
}

CacheOutcome outcomeOf(entry::State state) {
  if (state == entry::State::Fresh) return CacheOutcome::Hit;
  return state == entry::State::Stale ? CacheOutcome::Stale : CacheOutcome::Miss;
}

}  // namespace

Task<CacheAnswer> lookUp(KvStore& store, Memory memory, key::CacheKey key, Group group) {
  const Stamp began = memory.tier.stamp();
  const tags::EpochKeys named(group.epochPrefix, group.tags);
  KvRequest request{.verb = KvVerb::Get, .kind = KvValue::Payload, .key = key.text, .also = named.keys()};
  if (!named.keys().empty()) request.cacheTtl = kEpochCacheTtl;
  const KvAnswer read = co_await store.perform(request);
  if (!read.outcome) co_return failed(read, began);

  CacheAnswer answer{.outcome = CacheOutcome::Miss, .began = began};
  if (!named.keys().empty()) answer.tags = tags::withEpochs(group.tags, nullptr, read.also);
  if (!*read.outcome) co_return answer;
  const std::optional<entry::Envelope> envelope = entry::read(*(*read.outcome)->entry);
  const tags::EpochKeys epochs(group.epochPrefix, envelope ? envelope->tags : std::string_view());
  Instant now = read.now;
  answer.state = entry::stateOf(envelope, key.digest, now);
  if (envelope) {
    answer.age = entry::ageOf(*envelope, now);
    answer.windows = envelope->windows;
    answer.loadTime = envelope->loadTime;
  }
  if (answer.state != entry::State::Miss && envelope && !envelope->tags.empty()) {
    const tags::Agreement agreement = tags::compare(envelope->tags, answer.tags);
    if (named.keys().empty()) answer.tags = envelope->tags;
    bool holds = agreement.holds && !epochs.keys().empty();
    if (holds && !agreement.unread.empty()) {
      const tags::EpochKeys others(group.epochPrefix, agreement.unread);
      const KvAnswer more = co_await store.perform(epochsOf(others));
      if (!more.outcome) co_return failed(more, began);
      now = more.now;
      holds = listRead(agreement.unread, more) == agreement.unread;
    }
    if (!holds) answer.state = entry::State::Miss;
  }
  // What does not say when it was made may have been written after the deletion: it is shown, and not remembered.
  const Instant made = envelope ? envelope->created : kLatest;
  if (isBuried(memory, key.text, epochs, {began, made}, now)) answer.state = entry::State::Miss;
  if (answer.state != entry::State::Miss) {
    const Arrival arrival{began, envelope ? envelope->created : kEarliest};
    answer.offer = Offer{{memory.store, std::move(key.text)}, memory.maker, arrival, factsOf(envelope, epochs), now};
  }
  answer.outcome = outcomeOf(answer.state);
  co_return answer;
}

Task<CacheAnswer> readEpochs(KvStore& store, Memory memory, Group group) {
  const Stamp began = memory.tier.stamp();
  const tags::EpochKeys epochs(group.epochPrefix, group.tags);
  const KvAnswer read = co_await store.perform(epochsOf(epochs));
  if (!read.outcome) co_return failed(read, began);
  CacheAnswer answer{.outcome = CacheOutcome::Miss, .began = began};
  answer.tags = listRead(group.tags, read);
  co_return answer;
}

Task<CacheAnswer> storeEntry(KvStore& store, Memory memory, NewEntry entry, Instant now) {
  if (!entry.lifetime) return erase(store, memory, std::move(entry.key.text), CacheOutcome::Skipped, now);
  return put(store, memory, std::move(entry), now);
}

Task<CacheAnswer> deleteEntry(KvStore& store, Memory memory, key::CacheKey key, Instant now) {
  return erase(store, memory, std::move(key.text), CacheOutcome::Deleted, now);
}

Task<CacheAnswer> invalidateTag(KvStore& store, Memory memory, Group group, std::int64_t epoch, Instant now) {
  const tags::EpochKeys epochs(group.epochPrefix, group.tags);
  std::string value;
  json::appendNumber(value, epoch);
  return replace(store, memory, std::string(epochs.keys().front()), std::move(value), CacheOutcome::Stored, buryEpoch, now);
}

}  // namespace codex
