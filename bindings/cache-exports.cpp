#include <emscripten/bind.h>

#include "bindings/isolate.h"

namespace codex::bindings {
namespace {

/// Checks a key without doing anything with it.
int checkKey(int key) {
  const Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  return cacheKey ? number(State::Done) : refuse(cacheKey.error());
}

/// `ttlSeconds` is what the value will be stored for if it has to be loaded, so that a TTL that can never work is refused
/// before anything is read.
int lookUpEntry(int key, double ttlSeconds) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  const auto lifetime = entry::lifetime(ttlSeconds, true);
  if (!lifetime) return refuse(lifetime.error());
  return call(cacheKey->text, [&](KvStore& store) { return lookUp(store, std::move(*cacheKey)); });
}

int storeEntry(int key, double ttlSeconds, bool keepsMetadata) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  const auto lifetime = entry::lifetime(ttlSeconds, keepsMetadata);
  if (!lifetime) return refuse(lifetime.error());
  return call(cacheKey->text,
              [&](KvStore& store) { return codex::storeEntry(store, std::move(*cacheKey), *lifetime, caller.now); });
}

int deleteEntry(int key) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  return call(cacheKey->text, [&](KvStore& store) { return codex::deleteEntry(store, std::move(*cacheKey)); });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(cache) {
  using emscripten::function;

  function("checkKey", &checkKey);
  function("lookUpEntry", &lookUpEntry);
  function("storeEntry", &bindings::storeEntry);
  function("deleteEntry", &bindings::deleteEntry);
}
