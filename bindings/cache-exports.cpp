#include "bindings/embind-exports.h"
#include "bindings/isolate.h"
#include "wasm/cache/recall.h"
#include "wasm/cache/tags.h"

namespace codex::bindings {
namespace {

/// The tags that the call about to be entered names.
std::string named;

/// Names a tag, which stands alone in the buffer, for the call that is entered next.
int nameTag(int tag) {
  textBuffer().rewind();
  const Result<void> added = tags::add(named, textBuffer().next(tag));
  textBuffer().rewind();
  if (added) return number(State::Done);
  named.clear();
  return refuse(added.error());
}

/// What a call is about. `namespaceBytes` is how much of the key, as it was written, is the client's namespace.
struct Subject {
  Result<key::CacheKey> key;
  Group group;
};

Subject nextSubject(int key, unsigned namespaceBytes) {
  const InputText text = textBuffer().next(key);
  return {key::forCache(text), {tags::epochPrefix(text.head.substr(0, namespaceBytes)), std::exchange(named, {})}};
}

Memory memory() { return memoryFor(Maker::Cache); }

entry::Terms termsOf(double ttl, double negativeTtl, double stale, double error) { return {ttl, negativeTtl, stale, error}; }

/// Checks a key, the tags named, and what is asked of an entry, without doing anything.
int checkEntry(int key, double ttl, double negativeTtl, double stale, double error) {
  const Subject subject = nextSubject(key, 0);
  if (!subject.key) return refuse(subject.key.error());
  const auto lifetime = entry::lifetime(termsOf(ttl, negativeTtl, stale, error), false, true);
  return lifetime ? number(State::Done) : refuse(lifetime.error());
}

/// Checks what keys to be deleted begin with.
int checkPrefix(int prefix) {
  const Result<void> checked = key::checkCachePrefix(textBuffer().next(prefix));
  return checked ? number(State::Done) : refuse(checked.error());
}

/// The terms are those on which the value will be stored if it has to be loaded, so that what can never work is refused before
/// anything is read.
int lookUpEntry(int key, unsigned namespaceBytes, double ttl, double negativeTtl, double stale, double error) {
  Subject subject = nextSubject(key, namespaceBytes);
  if (!subject.key) return refuse(subject.key.error());
  const auto lifetime = entry::lifetime(termsOf(ttl, negativeTtl, stale, error), false, true);
  if (!lifetime) return refuse(lifetime.error());
  const bool verbatim = subject.key->digest.empty();
  return call(verbatim,
              [&](KvStore& store) { return lookUp(store, memory(), std::move(*subject.key), std::move(subject.group)); });
}

/// Looks an entry up in memory alone, without a call: its slot, or -1. A key that would be refused is not found. The outcome stands
/// in the reply as that of `lookUpEntry` does, but without tags. `chance`: see `recall`.
int recallEntry(unsigned store, int key, double now, double maxAgeMs, double chance) {
  textBuffer().rewind();
  const InputText text = textBuffer().next(key);
  Result<key::CacheKey> shortened;
  const bool verbatim = key::standsAsCacheKey(text);
  if (!verbatim) shortened = key::forCache(text);
  if (!shortened) return -1;
  const Memory memory{isolate->tier, store, Maker::Cache};
  const auto found = recall(memory, verbatim ? text.head : std::string_view(shortened->text), toInstant(now),
                            toDuration<Millis>(maxAgeMs), chance);
  leave(State::Done);
  if (!found) return -1;
  describe(found->state, found->age, found->windows, found->loadTime);
  return static_cast<int>(found->slot);
}

/// Reads the epochs of the tags named. The text is the client's namespace.
int readEpochs(int clientNamespace) {
  const InputText text = textBuffer().next(clientNamespace);
  Group group{tags::epochPrefix(text.head), std::exchange(named, {})};
  return call(false, [&](KvStore& store) { return codex::readEpochs(store, memory(), std::move(group)); });
}

/// `loadMs`: how long the value took to load, or -1 for one that was not loaded. `tagsRead`: the length of the list of tags
/// with epochs that a look-up left, or 0: the tags named, if there are any, are stored with the epochs they have now. `began`: the stamp
/// of the call that came before the value was made, or 0.
int storeEntry(int key, unsigned namespaceBytes, double ttl, double negativeTtl, double stale, double error, bool negative,
               bool keepsMetadata, double loadMs, int tagsRead, double began) {
  Subject subject = nextSubject(key, namespaceBytes);
  if (!subject.key) return refuse(subject.key.error());
  auto lifetime = entry::lifetime(termsOf(ttl, negativeTtl, stale, error), negative, keepsMetadata);
  if (!lifetime) return refuse(lifetime.error());
  const bool loaded = loadMs >= 0;
  if (loaded && *lifetime) {
    Millis& fresh = (*lifetime)->windows.fresh;
    fresh = entry::jittered(fresh, subject.key->text, caller.now);
  }
  NewEntry entry{.key = std::move(*subject.key),
                 .group = std::move(subject.group),
                 .epochsRead = tagsRead > 0,
                 .lifetime = *lifetime,
                 .loadTime = loaded ? toDuration<Millis>(loadMs) : Millis{0},
                 .negative = negative,
                 .loaded = loaded,
                 .began = static_cast<Stamp>(began)};
  if (tagsRead > 0) entry.group.tags = textBuffer().nextHead(tagsRead);
  const bool verbatim = entry.key.digest.empty() && (entry.group.tags.empty() || entry.epochsRead);
  return call(verbatim, [&](KvStore& store) { return codex::storeEntry(store, memory(), std::move(entry), caller.now); });
}

int deleteEntry(int key) {
  Subject subject = nextSubject(key, 0);
  if (!subject.key) return refuse(subject.key.error());
  const bool verbatim = subject.key->digest.empty();
  return call(verbatim,
              [&](KvStore& store) { return codex::deleteEntry(store, memory(), std::move(*subject.key), caller.now); });
}

/// Buries what memory has under keys that begin so.
int buryPrefix(int prefix) {
  codex::buryPrefix(memory(), textBuffer().next(prefix).head, caller.now);
  return leave(State::Done);
}

/// Gives the one tag named an epoch. The text is the client's namespace.
int invalidateTag(int clientNamespace, double epoch) {
  const InputText text = textBuffer().next(clientNamespace);
  Group group{tags::epochPrefix(text.head), std::exchange(named, {})};
  return call(false, [&](KvStore& store) {
    return codex::invalidateTag(store, memory(), std::move(group), static_cast<std::int64_t>(epoch), caller.now);
  });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(cache) {
  using codex::bindings::function;

  function("nameTag", &nameTag);
  function("checkEntry", &checkEntry);
  function("checkPrefix", &checkPrefix);
  function("lookUpEntry", &lookUpEntry);
  function("recallEntry", &recallEntry);
  function("readEpochs", &bindings::readEpochs);
  function("storeEntry", &bindings::storeEntry);
  function("deleteEntry", &bindings::deleteEntry);
  function("buryPrefix", &bindings::buryPrefix);
  function("invalidateTag", &bindings::invalidateTag);
}
