#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "wasm/memory/tier.h"

namespace codex::testing {

/// The tier by its definition: lists that are searched from end to end, whole keys everywhere, and every sum made anew.
class TierModel {
 public:
  struct Entry {
    std::string key;  // store, maker and text in one
    std::uint64_t bytes = 0;
    Stamp began = 0;
    Instant remembered = {};
    Instant expires = {};
    int frequency = 0;
  };

  void raiseBound(std::uint64_t bytes) { bound_ = std::max(bound_, bytes); }

  bool find(const std::string& key, Instant now, Millis maxAge) {
    Entry* const entry = known(key);
    if (entry == nullptr) return false;
    if (entry->expires <= now) {
      drop(key);
      return false;
    }
    if (entry->remembered > now || entry->remembered + maxAge < now) return false;
    entry->frequency = std::min(entry->frequency + 1, 3);
    return true;
  }

  bool put(const std::string& key, std::uint64_t textBytes, const Arrival& arrival, Instant expires, std::uint64_t payloadBytes,
           Instant now) {
    sweep(now);
    if (refuses(mark_, arrival, now) || buried(key, arrival, now)) return false;
    Entry* const before = known(key);
    if (before != nullptr && before->began > arrival.began) return false;
    Entry entry{key, textBytes + payloadBytes + Tier::kEntryOverhead, arrival.began, now, expires};
    if (expires <= now || entry.bytes * 8 > bound_) {
      if (before != nullptr) drop(key);
      bury(key, {now, Instant::min(), now + Millis{60'000}}, arrival.began);
      return false;
    }
    if (before == nullptr) {
      std::vector<Entry>& queue = std::erase(ghosts_, key) > 0 ? main_ : small_;
      makeRoom(entry.bytes, now);
      queue.push_back(entry);
      return true;
    }
    entry.frequency = before->frequency;
    if (bytes() - before->bytes + entry.bytes <= bound_) {
      *before = entry;
      return true;
    }
    const bool inMain = holds(main_, key);
    for (std::vector<Entry>* const queue : {&small_, &main_}) std::erase_if(*queue, IsOf{key});
    makeRoom(entry.bytes, now);
    (inMain ? main_ : small_).push_back(entry);
    return true;
  }

  void forget(const std::string& key) {
    if (known(key) != nullptr) drop(key);
  }
  void bury(const std::string& key, const Burial& burial, Stamp stamp) {
    forget(key);
    inter(key, burial, stamp);
    makeRoom(0, burial.now);
  }
  /// `keys` are those that the prefix matches, in the order of their slots, and `stamp` the last that was given out.
  void buryAll(const std::vector<std::string>& keys, const Burial& burial, Stamp& stamp) {
    for (const std::string& key : keys) {
      inter(key, burial, ++stamp);
      drop(key);
    }
    mark_.stamp = std::max(mark_.stamp, ++stamp);
  }

  bool buried(const std::string& key, const Arrival& arrival, Instant now) const {
    return std::ranges::any_of(graves_, [&](const Grave& grave) { return grave.key == key && refuses(grave, arrival, now); });
  }
  std::uint64_t bytes() const {
    std::uint64_t sum = 32 * ghosts_.size() + 64 * graves_.size();
    for (const Entry& entry : small_) sum += entry.bytes;
    for (const Entry& entry : main_) sum += entry.bytes;
    return sum;
  }
  std::size_t entries() const { return small_.size() + main_.size(); }
  std::optional<std::uint64_t> bytesOf(const std::string& key) const {
    const Entry* const entry = const_cast<TierModel*>(this)->known(key);
    return entry == nullptr ? std::nullopt : std::optional(entry->bytes);
  }

  /// What has happened, so that a test can tell that it has seen everything.
  struct Seen {
    int promoted = 0, reinserted = 0, evictedFromSmall = 0, evictedFromMain = 0, expiredUnderHand = 0, overflowed = 0;
  };
  Seen seen;

 private:
  struct Grave {
    std::string key;
    Stamp stamp = 0;
    Instant through = kEarliest;
    Instant until = kEarliest;
  };

  struct IsOf {
    const std::string& key;
    bool operator()(const Entry& entry) const { return entry.key == key; }
  };
  static bool holds(const std::vector<Entry>& queue, const std::string& key) { return std::ranges::any_of(queue, IsOf{key}); }
  static bool refuses(const Grave& grave, const Arrival& arrival, Instant now) {
    return arrival.began < grave.stamp || (arrival.made <= grave.through && now < grave.until);
  }
  static void widen(Grave& grave, const Grave& by) {
    grave.stamp = std::max(grave.stamp, by.stamp);
    grave.through = std::max(grave.through, by.through);
    grave.until = std::max(grave.until, by.until);
  }

  Entry* known(const std::string& key) {
    for (std::vector<Entry>* const queue : {&small_, &main_}) {
      const auto found = std::ranges::find_if(*queue, IsOf{key});
      if (found != queue->end()) return &*found;
    }
    return nullptr;
  }
  // The key by value: it may be the dropped entry's own.
  void drop(const std::string key) {
    mark_.stamp = std::max(mark_.stamp, known(key)->began);
    for (std::vector<Entry>* const queue : {&small_, &main_}) std::erase_if(*queue, IsOf{key});
    trimGhosts();
  }
  void trimGhosts() {
    while (ghosts_.size() > main_.size()) ghosts_.erase(ghosts_.begin());
  }
  void makeRoom(std::uint64_t wanted, Instant now) {
    while (bytes() + wanted > bound_) {
      std::uint64_t smallBytes = 0;
      for (const Entry& entry : small_) smallBytes += entry.bytes;
      const bool small = !small_.empty() && (main_.empty() || smallBytes >= bound_ / 10);
      std::vector<Entry>& queue = small ? small_ : main_;
      Entry oldest = queue.front();
      const bool expired = oldest.expires <= now;
      const int stays = small ? 2 : 1;
      if (!expired && oldest.frequency >= stays) {
        ++(small ? seen.promoted : seen.reinserted);
        queue.erase(queue.begin());
        oldest.frequency = small ? 0 : oldest.frequency - 1;
        main_.push_back(oldest);
      } else {
        ++(expired ? seen.expiredUnderHand : small ? seen.evictedFromSmall : seen.evictedFromMain);
        drop(oldest.key);
        if (small && !expired) ghosts_.push_back(oldest.key);
        trimGhosts();
      }
    }
  }
  void sweep(Instant now) {
    while (!graves_.empty() && graves_.front().until <= now) {
      mark_.stamp = std::max(mark_.stamp, graves_.front().stamp);
      graves_.erase(graves_.begin());
    }
  }
  void inter(const std::string& key, const Burial& burial, Stamp stamp) {
    sweep(burial.now);
    Grave grave{key, stamp, burial.through, burial.until};
    const auto found = std::ranges::find(graves_, key, &Grave::key);
    if (found != graves_.end()) {
      widen(grave, *found);
      graves_.erase(found);
    }
    graves_.push_back(grave);
    while (graves_.size() * 64 * 16 > bound_) {
      ++seen.overflowed;
      widen(mark_, graves_.front());
      graves_.erase(graves_.begin());
    }
  }

  std::uint64_t bound_ = 0;
  std::vector<Entry> small_;  // oldest first, like all of them
  std::vector<Entry> main_;
  std::vector<std::string> ghosts_;
  std::vector<Grave> graves_;
  Grave mark_;
};

}  // namespace codex::testing
