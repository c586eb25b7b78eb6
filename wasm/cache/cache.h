#pragma once

#include <optional>

#include "wasm/async/task.h"
#include "wasm/cache/entry.h"
#include "wasm/kv/key.h"
#include "wasm/kv/kv-store.h"

namespace codex {

enum class CacheOutcome { Hit, Miss, Stored, Skipped, Deleted, Failed };

struct CacheAnswer {
  CacheOutcome outcome;
  std::optional<ErrorCode> error = {};
};

/// Looks an entry up. The value stays with the host, which shows it on a Hit. Cost: one read.
Task<CacheAnswer> lookUp(KvStore& store, key::CacheKey key);

/// Stores the host's value; without a lifetime, deletes what stands there, since the new value has ended already.
/// Cost: one write, or one delete.
Task<CacheAnswer> storeEntry(KvStore& store, key::CacheKey key, std::optional<entry::Lifetime> lifetime, Instant now);

/// Deletes an entry. Cost: one delete.
Task<CacheAnswer> deleteEntry(KvStore& store, key::CacheKey key);

}  // namespace codex
