#include "wasm/ratelimit/limit-table.h"

#include <iterator>

namespace codex {

LimitTable::Counter* LimitTable::find(const StoreKey& key) {
  const auto found = counters_.find(key);
  return found == counters_.end() ? nullptr : &found->second;
}

LimitTable::Counter& LimitTable::touch(const StoreKey& key) {
  const auto [at, made] = counters_.try_emplace(key);
  Counter& counter = at->second;
  if (made) {
    counter.order = &idle_;
    counter.place = idle_.insert(idle_.end(), &at->first);
    if (counters_.size() > capacity_) evictAnyBut(counter);
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

void LimitTable::evictAnyBut(const Counter& kept) {
  const bool keptIsOnlyIdle = idle_.size() == 1 && kept.order == &idle_;
  Order& order = idle_.empty() || keptIsOnlyIdle ? denying_ : idle_;
  if (order.empty()) return;
  const auto oldest = counters_.find(*order.front());
  order.pop_front();
  counters_.erase(oldest);
  ++evictions_;
}

}  // namespace codex
