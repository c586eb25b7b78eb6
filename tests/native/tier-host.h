#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/native/instants.h"
#include "wasm/memory/tier.h"

namespace codex::testing {

/// The host's side of a tier, as its header tells it: payloads in an array by slot, dropped when released. Fails a test where
/// the tier names a slot that holds somebody else's payload, or forgets to release one.
class TierHost {
 public:
  explicit TierHost(std::uint64_t bound, HashSeed seed = {1, 2}) : tier(seed) { tier.raiseBound(bound); }

  static TierKey cached(std::string_view text) { return {0, Maker::Cache, text}; }

  /// Puts a value that this isolate made just now, unless `arrival` says otherwise.
  bool put(const TierKey& key, std::uint64_t payloadBytes, std::optional<Arrival> arrival = {}, Instant expires = kLatest) {
    const std::optional<Slot> slot =
        tier.put(key, arrival ? *arrival : Arrival{tier.stamp(), kLatest}, {expires, {}}, payloadBytes, now);
    drain();
    if (!slot) return false;
    if (payloads_.size() <= *slot) payloads_.resize(*slot + 1);
    payloads_[*slot] = nameOf(key);
    return true;
  }
  bool find(const TierKey& key, Millis maxAge = Millis{10'000}) {
    const std::optional<TierHit> hit = tier.find(key, now, maxAge);
    if (hit) EXPECT_EQ(payloads_.at(hit->slot), nameOf(key)) << "another's payload";
    drain();
    return hit.has_value();
  }
  bool holds(const TierKey& key) const { return tier.peek(key).has_value(); }
  void forget(const TierKey& key) {
    tier.forget(key);
    drain();
  }
  void bury(const TierKey& key, Millis lasting = Millis{60'000}) {
    tier.bury(key, {now, now, now + lasting});
    drain();
  }

  void drain() {
    for (const Slot slot : tier.released()) {
      EXPECT_NE(payloads_.at(slot), "") << "released twice, or before it was given out";
      payloads_[slot].clear();
    }
    tier.drained();
    EXPECT_LE(tier.bytes(), tier.bound());
  }
  /// How many payloads the host keeps: as many as there are entries, or something leaks.
  std::size_t payloads() const { return payloads_.size() - static_cast<std::size_t>(std::ranges::count(payloads_, "")); }

  Tier tier;
  Instant now = kStart;

 private:
  static std::string nameOf(const TierKey& key) {
    return std::to_string(key.store) + (key.maker == Maker::Session ? "s:" : "c:") + std::string(key.text);
  }

  std::vector<std::string> payloads_;
};

}  // namespace codex::testing
