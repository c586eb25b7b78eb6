#include "wasm/ratelimit/limit-table.h"

#include "wasm/ratelimit/algorithms.h"

namespace codex {

LimitTable::Counter* LimitTable::find(const StoreKey& key, const RateLimitRule& rule) {
  const auto [first, last] = counters_.equal_range(key);
  for (auto at = first; at != last; ++at) {
    if (at->second.rule() == rule) return &at->second;
  }
  return nullptr;
}

LimitTable::Counter& LimitTable::touch(const StoreKey& key, const RateLimitRule& rule, Instant now) {
  if (Counter* const known = find(key, rule)) return *known;
  const auto made = counters_.emplace(key, Counter(rule, phaseOf(key.text, rule)));
  Counter& counter = made->second;
  counter.born = stamp();
  counter.order = &idle_;
  counter.place = idle_.insert(idle_.end(), &made->first);
  each(key, [&](const Counter& other) {
    if (&other == &counter) return;
    counter.known = other.known;
    counter.block(other.known.until());
  });
  if (counters_.size() > capacity_) evictAnyBut(counter, now);
  return counter;
}

void LimitTable::rank(Counter& counter, bool denies) {
  Order& order = denies ? denying_ : idle_;
  order.splice(order.end(), *counter.order, counter.place);
  counter.order = &order;
}

void LimitTable::forget(const StoreKey& key) {
  lastForgotten_ = stamp();
  each(key, [&](Counter& counter) {
    counter.close();
    counter.forgottenAt = lastForgotten_;
    rank(counter, false);
  });
}

bool LimitTable::forgottenSince(const StoreKey& key, std::uint64_t stamp) {
  if (lastForgotten_ < stamp) return false;
  bool forgotten = false;
  each(key, [&](const Counter& counter) { forgotten |= counter.forgottenAt > stamp; });
  return forgotten;
}

void LimitTable::evictAnyBut(const Counter& kept, Instant now) {
  // Those refused longest ago stand first. A few are looked at, since a long window may stand before short ones.
  constexpr std::size_t kLookedAt = 8;
  std::size_t looked = 0;
  for (auto at = denying_.begin(); at != denying_.end() && looked < kLookedAt; ++at, ++looked) {
    if (holding(at)->second.endedBy(now)) return evict(at);
  }
  const bool keptIsOnlyIdle = idle_.size() == 1 && kept.order == &idle_;
  Order& order = idle_.empty() || keptIsOnlyIdle ? denying_ : idle_;
  if (!order.empty()) evict(order.begin());
}

void LimitTable::evict(Order::iterator place) {
  const Counters::iterator evicted = holding(place);
  evicted->second.order->erase(place);
  counters_.erase(evicted);
}

/// The entry whose own key stands there: others may have an equal one.
LimitTable::Counters::iterator LimitTable::holding(const Order::iterator& place) {
  auto [at, last] = counters_.equal_range(**place);
  while (&at->first != *place) ++at;
  return at;
}

}  // namespace codex
