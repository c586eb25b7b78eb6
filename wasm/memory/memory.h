#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/memory/tier.h"

namespace codex {

/// The memory tier as one client sees one store.
struct Memory {
  Tier& tier;
  StoreId store;
  Maker maker;

  TierKey key(std::string_view text) const { return {store, maker, text}; }
};

/// What a call that has ended would have remembered. The payload is the host's: whether it is worth keeping, and how many
/// bytes it takes, the host says, in the same turn.
struct Offer {
  StoreKey key;
  Maker maker;
  Arrival arrival;
  TierFacts facts;
  Instant now;
};

/// How long KV may show what was deleted or replaced: "60 seconds or more"
/// (developers.cloudflare.com/kv/concepts/how-kv-works), taken twice.
inline constexpr Millis kKvShowsOld{120'000};

/// Remembers what was offered, and says where its payload goes; nowhere if it must not be remembered.
inline std::optional<Slot> take(Tier& tier, const Offer& offer, std::uint64_t payloadBytes) {
  const TierKey key{offer.key.store, offer.maker, offer.key.text};
  return tier.put(key, offer.arrival, offer.facts, payloadBytes, offer.now);
}

}  // namespace codex
