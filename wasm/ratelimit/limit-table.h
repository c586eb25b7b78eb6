#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

#include "wasm/memory/store-key.h"
#include "wasm/ratelimit/block.h"
#include "wasm/ratelimit/limit-counter.h"
#include "wasm/ratelimit/store-pace.h"

namespace codex {

/// The counters this isolate knows, bounded in number. When it is full, a counter whose denials are over goes first, then one
/// that denies nobody, the least recently used of them; one that denies goes only when all others do.
///
/// A key has a counter for each rule it is counted by: two rules that share keys by mistake must not undo each other.
class LimitTable {
 private:
  using Order = std::list<const StoreKey*>;

 public:
  class Counter : public LimitCounter {
   public:
    using LimitCounter::LimitCounter;

    StorePace pace;
    KnownBlock known;
    /// Tells this counter from another that took its place after it was evicted.
    std::uint64_t born = 0;

   private:
    friend class LimitTable;
    Order* order = nullptr;
    Order::iterator place;
    std::uint64_t forgottenAt = 0;
  };

  LimitTable(std::size_t capacity, HashSeed seed) : capacity_(capacity), counters_(0, StoreKeyHash{seed}) {}
  LimitTable(const LimitTable&) = delete;
  LimitTable& operator=(const LimitTable&) = delete;

  /// The counter, or null where the isolate knows none. Like every counter handed out, good until the next `touch`.
  Counter* find(const StoreKey& key, const RateLimitRule& rule);

  /// The counter, made where there is none. `now` tells which denials are over, should one have to go.
  Counter& touch(const StoreKey& key, const RateLimitRule& rule, Instant now);

  /// Makes the counter the most recently used of those that deny, or of those that do not.
  void rank(Counter& counter, bool denies);

  /// Drops what is known of a key's attempts, by whatever rule. Reads and writes that began before must not bring it back: they
  /// ask `forgottenSince` with the stamp they took.
  void forget(const StoreKey& key);
  std::uint64_t stamp() { return ++clock_; }
  bool forgottenSince(const StoreKey& key, std::uint64_t stamp);

  /// Calls `change` for each counter of a key.
  template <class Change>
  void each(const StoreKey& key, Change change) {
    const auto [first, last] = counters_.equal_range(key);
    for (auto at = first; at != last; ++at) change(at->second);
  }

  std::size_t size() const { return counters_.size(); }

 private:
  using Counters = std::unordered_multimap<StoreKey, Counter, StoreKeyHash>;

  void evictAnyBut(const Counter& kept, Instant now);
  void evict(Order::iterator place);
  Counters::iterator holding(const Order::iterator& place);

  std::size_t capacity_;
  Counters counters_;
  Order idle_;     // least recently used first
  Order denying_;  // likewise
  std::uint64_t clock_ = 0;
  std::uint64_t lastForgotten_ = 0;
};

}  // namespace codex
