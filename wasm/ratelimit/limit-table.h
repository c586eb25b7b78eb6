#pragma once

#include <cstddef>
#include <cstdint>
#include <list>

#include "wasm/memory/key-map.h"
#include "wasm/ratelimit/shared-count.h"

namespace codex {

/// The counters this isolate knows, bounded in number. When it is full, a counter whose denials are over goes first, then one
/// that denies nobody, the least recently used of them; one that denies goes only when all others do.
class LimitTable {
 private:
  using Order = std::list<const StoreKey*>;

 public:
  class Counter {
   public:
    SharedCount count;
    /// Tells this counter from another that took its key after it was evicted.
    std::uint64_t born = 0;

   private:
    friend class LimitTable;
    Order* order = nullptr;
    Order::iterator place;
    std::uint64_t forgottenAt = 0;
  };

  LimitTable(std::size_t capacity, HashSeed seed) : capacity_(capacity), counters_(seed) {}
  LimitTable(const LimitTable&) = delete;
  LimitTable& operator=(const LimitTable&) = delete;

  /// The counter, or null where the isolate knows none. Like every counter handed out, good until the next `touch`.
  Counter* find(const StoreKey& key);

  /// A counter to come back to after a wait, without a search where nothing was evicted meanwhile.
  struct Bookmark {
    Counter* counter;
    std::uint64_t evictions;
  };
  Bookmark bookmark(Counter* counter) const { return {counter, evictions_}; }
  Counter* find(const Bookmark& bookmark, const StoreKey& key) {
    return bookmark.counter != nullptr && bookmark.evictions == evictions_ ? bookmark.counter : find(key);
  }

  /// The counter, made where there is none. `now` tells which denials are over, should one have to go.
  Counter& touch(const StoreKey& key, Instant now = Instant::min());

  /// Makes the counter the most recently used of those that deny, or of those that do not.
  void rank(Counter& counter, bool denies);

  /// Drops what is known of a counter. Reads and writes that began before must not bring it back: they ask
  /// `forgottenSince` with the stamp they took.
  void forget(const StoreKey& key);
  std::uint64_t stamp() { return ++clock_; }
  bool forgottenSince(const StoreKey& key, std::uint64_t stamp);

  std::size_t size() const { return counters_.size(); }

 private:
  void evictAnyBut(const Counter& kept, Instant now);
  void evict(Order::iterator place);

  std::size_t capacity_;
  KeyMap<Counter> counters_;
  Order idle_;     // least recently used first
  Order denying_;  // likewise
  std::uint64_t clock_ = 0;
  std::uint64_t lastForgotten_ = 0;
  std::uint64_t evictions_ = 0;
};

}  // namespace codex
