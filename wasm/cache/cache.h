#pragma once

#include <optional>
#include <string>

#include "wasm/async/task.h"
#include "wasm/cache/entry.h"
#include "wasm/kv/key.h"
#include "wasm/kv/kv-store.h"
#include "wasm/memory/memory.h"

namespace codex {

enum class CacheOutcome { Hit, Stale, Miss, Stored, Skipped, Deleted, Failed };

struct CacheAnswer {
  CacheOutcome outcome;
  std::optional<ErrorCode> error = {};
  /// Of a look-up: what was found...
  entry::State state = entry::State::Miss;
  /// ...how old it is, or nothing where it says nothing about itself...
  std::optional<Millis> age = {};
  entry::Windows windows = {};
  Millis loadTime{0};
  /// ...and the tags that were named, with their epochs as they were read; the entry's own where none was.
  std::string tags = {};
  /// The tier's stamp of when the call began.
  Stamp began = 0;
  /// What memory should keep of it.
  std::optional<Offer> offer = {};
};

/// The tags that a call names, and where their epochs stand.
struct Group {
  std::string epochPrefix;
  std::string tags;
};

/// What is stored beside a value.
struct NewEntry {
  key::CacheKey key;
  Group group;
  /// Whether the group's epochs are those read before the value was made. If not they are read now.
  bool epochsRead = false;
  std::optional<entry::Lifetime> lifetime;
  Millis loadTime{0};
  bool negative = false;
  /// Whether a loader made the value. Then memory keeps it also where KV does not take it.
  bool loaded = false;
  /// The tier's stamp of when its making began; 0: now.
  Stamp began = 0;
};

/// Looks an entry up. The value stays with the host, which shows it on a Hit. An entry is a Miss where the epochs of its tags
/// differ, and where they cannot be read. Cost: one read, together with the epochs of the tags named, and those of the
/// entry's other tags in a second.
Task<CacheAnswer> lookUp(KvStore& store, Memory memory, key::CacheKey key, Group group);

/// Reads the epochs of tags, to be stored with what is loaded afterwards. Ends as a Miss. Cost: one key read for each.
Task<CacheAnswer> readEpochs(KvStore& store, Memory memory, Group group);

/// Stores the host's value; without a lifetime, deletes what stands there, since the new value has ended already.
/// Cost: one write, or one delete, and one read of the epochs if need be.
Task<CacheAnswer> storeEntry(KvStore& store, Memory memory, NewEntry entry, Instant now);

/// Deletes an entry. Cost: one delete.
Task<CacheAnswer> deleteEntry(KvStore& store, Memory memory, key::CacheKey key, Instant now);

/// Gives the tag of a group of one another epoch, a number that it never had. Cost: one write.
Task<CacheAnswer> invalidateTag(KvStore& store, Memory memory, Group group, std::int64_t epoch, Instant now);

}  // namespace codex
