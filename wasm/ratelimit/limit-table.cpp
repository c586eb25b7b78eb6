#include "wasm/ratelimit/limit-table.h"

#include <utility>

#include "wasm/ratelimit/algorithms.h"

namespace codex {

void LimitTable::Order::append(Counter& counter) {
  counter.order = this;
  counter.before = last;
  counter.after = nullptr;
  (last == nullptr ? first : last->after) = &counter;
  last = &counter;
}

void LimitTable::Order::remove(Counter& counter) {
  (counter.before == nullptr ? first : counter.before->after) = counter.after;
  (counter.after == nullptr ? last : counter.after->before) = counter.before;
}

LimitTable::Counter* LimitTable::find(const StoreKey& key, const RateLimitRule& rule) const {
  const Entry* const entry = keys_.find(key);
  Counter* counter = entry == nullptr ? nullptr : entry->value.first.get();
  while (counter != nullptr && counter->rule() != rule) counter = counter->sibling.get();
  return counter;
}

LimitTable::Counter* LimitTable::at(std::uint32_t place, std::uint64_t born) const {
  Counter* const counter = place < places_.size() ? places_[place] : nullptr;
  return counter != nullptr && counter->born == born ? counter : nullptr;
}

LimitTable::Counter& LimitTable::touch(const StoreKey& key, const RateLimitRule& rule, Instant now) {
  if (Counter* const known = find(key, rule)) return *known;
  auto made = std::make_unique<Counter>(rule, phaseOf(key.text, rule));
  Counter& counter = *made;
  Entry& entry = *keys_.findOrAdd(key).first;
  if (const Counter* const other = entry.value.first.get()) {
    counter.known = other->known;
    counter.block(other->known.until());
  }
  counter.entry = &entry;
  counter.born = stamp();
  if (freePlaces_.empty()) {
    counter.place = static_cast<std::uint32_t>(places_.size());
    places_.push_back(&counter);
  } else {
    counter.place = freePlaces_.back();
    freePlaces_.pop_back();
    places_[counter.place] = &counter;
  }
  counter.sibling = std::exchange(entry.value.first, std::move(made));
  idle_.append(counter);
  if (++size_ > capacity_) evictAnyBut(counter, now);
  return counter;
}

void LimitTable::rank(Counter& counter, bool denies) {
  Order& order = denies ? denying_ : idle_;
  if (order.last == &counter) return;
  counter.order->remove(counter);
  order.append(counter);
}

void LimitTable::forget(const StoreKey& key) {
  lastForgotten_ = stamp();
  each(key, [&](Counter& counter) {
    counter.close();
    counter.forgottenAt = lastForgotten_;
    rank(counter, false);
  });
}

bool LimitTable::forgottenSince(const StoreKey& key, std::uint64_t stamp) const {
  if (lastForgotten_ < stamp) return false;
  bool forgotten = false;
  each(key, [&](const Counter& counter) { forgotten |= counter.forgottenAt > stamp; });
  return forgotten;
}

void LimitTable::evictAnyBut(const Counter& kept, Instant now) {
  // Those refused longest ago stand first. A few are looked at, since a long window may stand before short ones.
  constexpr std::size_t kLookedAt = 8;
  Counter* denying = denying_.first;
  for (std::size_t looked = 0; denying != nullptr && looked < kLookedAt; ++looked, denying = denying->after) {
    if (denying->endedBy(now)) return evict(*denying);
  }
  Counter* const idle = idle_.first == &kept ? kept.after : idle_.first;
  if (Counter* const least = idle != nullptr ? idle : denying_.first) evict(*least);
}

void LimitTable::evict(Counter& counter) {
  counter.order->remove(counter);
  places_[counter.place] = nullptr;
  freePlaces_.push_back(counter.place);
  --size_;
  Entry& entry = *counter.entry;
  std::unique_ptr<Counter>* at = &entry.value.first;
  while (at->get() != &counter) at = &(*at)->sibling;
  std::unique_ptr<Counter> evicted = std::move(*at);
  *at = std::move(evicted->sibling);
  if (entry.value.first == nullptr) keys_.erase(entry);
}

}  // namespace codex
