#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "wasm/memory/key-map.h"
#include "wasm/ratelimit/block.h"
#include "wasm/ratelimit/limit-counter.h"
#include "wasm/ratelimit/store-pace.h"

namespace codex {

/// The counters this isolate knows, bounded in number. When it is full, a counter whose denials are over goes first, then one
/// that denies nobody, the least recently used of them; one that denies goes only when all others do.
///
/// A key has a counter for each rule it is counted by: two rules that share keys by mistake must not undo each other.
class LimitTable {
 public:
  class Counter;

 private:
  struct Counters {
    std::unique_ptr<Counter> first;  // of a key; the others follow it
  };
  using Entry = KeyMap<Counters>::Entry;

  /// Counters, the least recently used first.
  struct Order {
    Counter* first = nullptr;
    Counter* last = nullptr;

    void append(Counter& counter);
    void remove(Counter& counter);
  };

 public:
  class Counter : public LimitCounter {
   public:
    using LimitCounter::LimitCounter;

    StorePace pace;
    KnownBlock known;
    /// Where `at` finds this counter, and what tells it from another that took its place after it was evicted.
    std::uint32_t place = 0;
    std::uint64_t born = 0;

   private:
    friend class LimitTable;
    Entry* entry = nullptr;
    std::unique_ptr<Counter> sibling;  // another rule of the same key
    Order* order = nullptr;
    Counter* before = nullptr;
    Counter* after = nullptr;
    std::uint64_t forgottenAt = 0;
  };

  LimitTable(std::size_t capacity, HashSeed seed) : capacity_(capacity), keys_(seed) {}
  LimitTable(const LimitTable&) = delete;
  LimitTable& operator=(const LimitTable&) = delete;

  /// The counter, or null where the isolate knows none. Like every counter handed out, good until the next `touch`.
  Counter* find(const StoreKey& key, const RateLimitRule& rule) const;

  /// The counter of that place, unless it was evicted: for whoever comes back without the key.
  Counter* at(std::uint32_t place, std::uint64_t born) const;

  /// The counter, made where there is none. `now` tells which denials are over, should one have to go.
  Counter& touch(const StoreKey& key, const RateLimitRule& rule, Instant now);

  /// Makes the counter the most recently used of those that deny, or of those that do not.
  void rank(Counter& counter, bool denies);

  /// Drops what is known of a key's attempts, by whatever rule. Reads and writes that began before must not bring it back: they
  /// ask `forgottenSince` with the stamp they took.
  void forget(const StoreKey& key);
  std::uint64_t stamp() { return ++clock_; }
  bool forgottenSince(const StoreKey& key, std::uint64_t stamp) const;

  /// Calls `change` for each counter of a key.
  template <class Change>
  void each(const StoreKey& key, Change change) const {
    const Entry* const entry = keys_.find(key);
    if (entry == nullptr) return;
    for (Counter* counter = entry->value.first.get(); counter != nullptr; counter = counter->sibling.get()) change(*counter);
  }

  std::size_t size() const { return size_; }

 private:
  void evictAnyBut(const Counter& kept, Instant now);
  void evict(Counter& counter);

  std::size_t capacity_;
  std::size_t size_ = 0;
  KeyMap<Counters> keys_;
  std::vector<Counter*> places_;
  std::vector<std::uint32_t> freePlaces_;
  Order idle_;
  Order denying_;
  std::uint64_t clock_ = 0;
  std::uint64_t lastForgotten_ = 0;
};

}  // namespace codex
