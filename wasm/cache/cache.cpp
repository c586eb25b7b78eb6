#include "wasm/cache/cache.h"

#include <string>

namespace codex {
namespace {

CacheAnswer failed(const KvAnswer& answer) { return {CacheOutcome::Failed, answer.outcome.error().code}; }

}  // namespace

Task<CacheAnswer> lookUp(KvStore& store, key::CacheKey key) {
  const KvAnswer read = co_await store.perform({.verb = KvVerb::Get, .kind = KvValue::Payload, .key = key.text});
  if (!read.outcome) co_return failed(read);
  if (!*read.outcome) co_return CacheAnswer{CacheOutcome::Miss};
  const std::optional<entry::Envelope> envelope = entry::decode((*read.outcome)->metadata);
  const bool fresh = entry::stateOf(envelope, key.digest, read.now) == entry::State::Fresh;
  co_return CacheAnswer{fresh ? CacheOutcome::Hit : CacheOutcome::Miss};
}

Task<CacheAnswer> storeEntry(KvStore& store, key::CacheKey key, std::optional<entry::Lifetime> lifetime, Instant now) {
  if (!lifetime) {
    const CacheAnswer deleted = co_await deleteEntry(store, std::move(key));
    co_return deleted.error ? deleted : CacheAnswer{CacheOutcome::Skipped};
  }
  const std::string metadata = entry::encode({now, lifetime->logical, key.digest});
  const KvAnswer answer = co_await store.perform(
      {.verb = KvVerb::Put, .kind = KvValue::Payload, .key = key.text, .metadata = metadata, .ttl = lifetime->physical});
  if (!answer.outcome) co_return failed(answer);
  co_return CacheAnswer{CacheOutcome::Stored};
}

Task<CacheAnswer> deleteEntry(KvStore& store, key::CacheKey key) {
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Delete, .key = key.text});
  if (!answer.outcome) co_return failed(answer);
  co_return CacheAnswer{CacheOutcome::Deleted};
}

}  // namespace codex
