#include "wasm/ratelimit/limit-table.h"

#include <iterator>

namespace codex {

LimitTable::Counter* LimitTable::find(const StoreKey& key) {
  KeyMap<Counter>::Entry* const found = counters_.find(key);
  return found == nullptr ? nullptr : &found->value;
}

LimitTable::Counter& LimitTable::touch(const StoreKey& key, Instant now) {
  const auto [entry, made] = counters_.findOrAdd(key);
  Counter& counter = entry->value;
  if (made) {
    counter.born = stamp();
    counter.order = &idle_;
    counter.place = idle_.insert(idle_.end(), &entry->key);
    if (counters_.size() > capacity_) evictAnyBut(counter, now);
  }
  return counter;
}

void LimitTable::rank(Counter& counter, bool denies) {
  Order& order = denies ? denying_ : idle_;
  order.splice(order.end(), *counter.order, counter.place);
  counter.order = &order;
}

void LimitTable::forget(const StoreKey& key) {
  Counter& counter = touch(key);
  counter.count.close();
  counter.forgottenAt = lastForgotten_ = stamp();
  rank(counter, false);
}

bool LimitTable::forgottenSince(const StoreKey& key, std::uint64_t stamp) {
  if (lastForgotten_ < stamp) return false;
  const Counter* const counter = find(key);
  return counter != nullptr && counter->forgottenAt > stamp;
}

void LimitTable::evictAnyBut(const Counter& kept, Instant now) {
  // Those refused longest ago stand first. A few are looked at, since a long window may stand before short ones.
  constexpr std::size_t kLookedAt = 8;
  std::size_t looked = 0;
  for (auto at = denying_.begin(); at != denying_.end() && looked < kLookedAt; ++at, ++looked) {
    if (counters_.find(**at)->value.count.endedBy(now)) return evict(at);
  }
  const bool keptIsOnlyIdle = idle_.size() == 1 && kept.order == &idle_;
  Order& order = idle_.empty() || keptIsOnlyIdle ? denying_ : idle_;
  if (!order.empty()) evict(order.begin());
}

void LimitTable::evict(Order::iterator place) {
  KeyMap<Counter>::Entry& entry = *counters_.find(**place);
  entry.value.order->erase(place);
  counters_.erase(entry);
  ++evictions_;
}

}  // namespace codex
