#include "wasm/memory/tier.h"

#include <algorithm>
#include <memory>

namespace codex {
namespace {

constexpr std::uint64_t kSmallShare = 10;
constexpr std::uint64_t kLargestShare = 8;
constexpr std::uint64_t kTombstonesShare = 16;
constexpr std::uint8_t kMostFrequent = 3;
constexpr std::uint8_t kPromotedAt = 2;

/// How long something that is under way when its key is replaced may take to arrive. A request's work ends within 30 s of
/// its answer (Cloudflare's documentation of waitUntil).
constexpr Millis kUnderWay{60'000};

}  // namespace

void Tier::raiseBound(std::uint64_t bytes) { bound_ = std::max(bound_, bytes); }

std::optional<TierHit> Tier::find(const TierKey& key, Instant now, Millis maxAge) {
  const Index at = locate(key, hashOf(key));
  if (at == LinkedTable::kNone) return std::nullopt;
  Entry& entry = entries_[at];
  if (entry.facts.expires <= now) {
    drop(at);
    return std::nullopt;
  }
  if (now < entry.remembered || now - entry.remembered > maxAge) return std::nullopt;
  if (entry.frequency < kMostFrequent) ++entry.frequency;
  return hit(at);
}

std::optional<TierHit> Tier::peek(const TierKey& key) const {
  const Index at = locate(key, hashOf(key));
  if (at == LinkedTable::kNone) return std::nullopt;
  return hit(at);
}

std::optional<Slot> Tier::put(const TierKey& key, const Arrival& arrival, const TierFacts& facts, std::uint64_t payloadBytes,
                              Instant now) {
  tombstones_.sweep(now);
  const std::uint64_t hash = hashOf(key);
  if (!tombstones_.admits(hash, arrival, now)) return std::nullopt;
  Index at = locate(key, hash);
  const bool known = at != LinkedTable::kNone;
  if (known && entries_[at].began > arrival.began) return std::nullopt;

  const std::uint64_t bytes = key.text.size() + payloadBytes + kEntryOverhead;
  if (facts.expires <= now || bytes > bound_ / kLargestShare) {
    if (known) drop(at);
    buryHash(hash, {.now = now, .through = Instant::min(), .until = now + kUnderWay}, arrival.began);
    return std::nullopt;
  }

  if (!known) {
    const bool returns = ghosts_.take(hash);
    makeRoom(bytes, now);
    at = add(key, hash);
    entries_[at].bytes = bytes;
    enqueue(at, returns);
  } else if (this->bytes() - entries_[at].bytes + bytes <= bound_) {
    queueOf(entries_[at]).bytes += bytes - entries_[at].bytes;
    entries_[at].bytes = bytes;
  } else {
    // Out of the way of the hand, which might take it: it queues up anew.
    const bool inMain = entries_[at].inMain;
    dequeue(at);
    makeRoom(bytes, now);
    entries_[at].bytes = bytes;
    enqueue(at, inMain);
  }
  Entry& entry = entries_[at];
  entry.began = arrival.began;
  entry.remembered = now;
  entry.facts = facts;
  return at;
}

void Tier::forget(const TierKey& key) {
  const Index at = locate(key, hashOf(key));
  if (at != LinkedTable::kNone) drop(at);
}

void Tier::bury(const TierKey& key, const Burial& burial) {
  forget(key);
  buryHash(hashOf(key), burial, stamp());
}

void Tier::buryPrefix(const TierKey& prefix, const Burial& burial) {
  forgetIf([&](const TierKey& key, const TierFacts&) {
    const bool matches = key.store == prefix.store && key.maker == prefix.maker && key.text.starts_with(prefix.text);
    if (matches) tombstones_.bury(hashOf(key), burial, stamp(), mostTombstones());
    return matches;
  });
  // A tombstone takes less than the entry that it stands for did: no room need be made.
  tombstones_.raiseMark(stamp());
}

bool Tier::buried(const TierKey& key, const Arrival& arrival, Instant now) const {
  return tombstones_.buries(hashOf(key), arrival, now);
}

bool Tier::admits(const TierKey& key, const Arrival& arrival, Instant now) const {
  return tombstones_.admits(hashOf(key), arrival, now);
}

void Tier::drained() {
  for (const Slot slot : released_) table_.free(slot);
  released_.clear();
}

std::uint64_t Tier::bytes() const {
  return small_.bytes + main_.bytes + ghosts_.count() * GhostQueue::kBytes + tombstones_.count() * Tombstones::kBytes;
}

std::uint64_t Tier::hashOf(const TierKey& key) const {
  return siphash({seed_.low ^ key.store, seed_.high ^ static_cast<std::uint64_t>(key.maker)}, key.text);
}

Tier::Index Tier::locate(const TierKey& key, std::uint64_t hash) const {
  Index at = table_.first(hash);
  while (at != LinkedTable::kNone && !entries_[at].is(key)) at = table_.next(at);
  return at;
}

std::size_t Tier::mostTombstones() const { return static_cast<std::size_t>(bound_ / kTombstonesShare / Tombstones::kBytes); }

Tier::Index Tier::add(const TierKey& key, std::uint64_t hash) {
  const Index at = table_.add(hash);
  if (at == entries_.size()) entries_.emplace_back();
  Entry& entry = entries_[at];
  entry.text = std::make_unique_for_overwrite<char[]>(key.text.size());
  std::copy(key.text.begin(), key.text.end(), entry.text.get());
  entry.textLength = static_cast<std::uint32_t>(key.text.size());
  entry.store = key.store;
  entry.maker = key.maker;
  entry.frequency = 0;
  return at;
}

void Tier::enqueue(Index at, bool inMain) {
  Entry& entry = entries_[at];
  entry.inMain = inMain;
  EntryQueue& queue = queueOf(entry);
  queue.bytes += entry.bytes;
  table_.append(queue.order, at);
}

void Tier::dequeue(Index at) {
  EntryQueue& queue = queueOf(entries_[at]);
  queue.bytes -= entries_[at].bytes;
  table_.remove(queue.order, at);
}

void Tier::drop(Index at) {
  // What began before it must not take its place.
  tombstones_.raiseMark(entries_[at].began);
  dequeue(at);
  table_.hide(at);
  entries_[at].text.reset();
  released_.push_back(at);
  ghosts_.trim(main_.order.count);
}

void Tier::makeRoom(std::uint64_t wanted, Instant now) {
  // Ends, since tombstones take a sixteenth at most, what is wanted an eighth, and ghosts go with the entries.
  while (bytes() + wanted > bound_) turnHand(now);
}

void Tier::turnHand(Instant now) {
  const bool small = small_.order.count > 0 && (small_.bytes >= bound_ / kSmallShare || main_.order.count == 0);
  const Index at = small ? small_.order.oldest : main_.order.oldest;
  Entry& entry = entries_[at];
  const bool expired = entry.facts.expires <= now;
  if (!expired && entry.frequency >= (small ? kPromotedAt : 1)) {
    dequeue(at);
    entry.frequency = small ? std::uint8_t{0} : static_cast<std::uint8_t>(entry.frequency - 1);
    enqueue(at, true);
    return;
  }
  drop(at);
  if (!small || expired) return;
  ghosts_.add(table_.hashOf(at));
  ghosts_.trim(main_.order.count);
}

void Tier::buryHash(std::uint64_t hash, const Burial& burial, Stamp stamp) {
  tombstones_.bury(hash, burial, stamp, mostTombstones());
  makeRoom(0, burial.now);
}

}  // namespace codex
