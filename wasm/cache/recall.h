#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "wasm/cache/entry.h"
#include "wasm/cache/tags.h"
#include "wasm/memory/memory.h"

// Entries in the isolate's memory.
namespace codex {

/// What memory has under a key. The payload is the host's.
struct Recalled {
  Slot slot;
  entry::State state;
  /// Nothing where the entry says nothing about itself.
  std::optional<Millis> age;
  entry::Windows windows;
  Millis loadTime;
};

/// Finds an entry that has been in memory for `maxAge` at most and that may be answered. What is only good where loading fails
/// is not found: KV may have a newer one. `chance` makes a fresh entry stale ahead of its time where it
/// should be loaded early (`entry::refreshesEarly`); 0 does not. Cost: nothing.
std::optional<Recalled> recall(const Memory& memory, std::string_view key, Instant now, Millis maxAge, double chance);

/// What memory is to know of an entry, given the keys of its tags' epochs.
TierFacts factsOf(const std::optional<entry::Envelope>& envelope, const tags::EpochKeys& epochs);

/// Drops an entry that is deleted, or a tag's epoch that is replaced, and what KV shows of it for a while.
void buryEntry(const Memory& memory, std::string_view key, Instant now);
void buryEpoch(const Memory& memory, std::string_view epochKey, Instant now);
/// Drops all entries whose keys begin so.
void buryPrefix(const Memory& memory, std::string_view prefix, Instant now);

/// Whether the entry or one of its tags has been buried since.
bool isBuried(const Memory& memory, std::string_view key, const tags::EpochKeys& epochs, const Arrival& arrival, Instant now);

}  // namespace codex
