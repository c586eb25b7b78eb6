#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "wasm/memory/linked-table.h"
#include "wasm/time.h"

namespace codex {

/// Numbers what happens in this isolate, in order. Unlike a clock it never stands still and never goes back.
using Stamp = std::uint64_t;

/// How a value came here, for deciding whether something that happened meanwhile has made it void.
struct Arrival {
  /// `Tier::stamp()`, taken before the read, the load or the write that brought it began.
  Stamp began;
  /// What the value speaks for: when it was written, or its source consulted, as KV's metadata or the caller says; kEarliest
  /// where nobody says. kLatest for what this isolate itself made after `began`, whatever its clock shows.
  Instant made;
};

/// What a deletion makes void: whatever began before it, and, `until` then, whatever was made at or before `through`.
/// KV may show a deleted value for a minute and more, so `until` lies further ahead than that and than any memory age;
/// `through` lies ahead of the clock by what other isolates' clocks may be.
struct Burial {
  Instant now;
  Instant through;
  Instant until;
};

/// The keys deleted lately, by keyed hash, so that a read that was under way, or KV's own cache, does not bring an old value
/// back. Should two keys ever share a hash, one of them is not remembered for a while.
///
/// Bounded in number. What leaves raises a mark instead, which holds for every key: nothing that began before it enters
/// memory, and, when there were too many to keep, nothing made before it either, until the last of those left out has
/// ended. So overflow costs reads of KV and brings no old value back. A clock set back lengthens all this; it shortens
/// nothing but the burial of a key that is written again here meanwhile.
class Tombstones {
 public:
  /// What one tombstone is counted as.
  static constexpr std::size_t kBytes = 64;

  void bury(std::uint64_t hash, const Burial& burial, Stamp stamp, std::size_t most);

  /// Whether this very key was deleted after the value.
  bool buries(std::uint64_t hash, const Arrival& arrival, Instant now) const;
  /// Says that the key has a value again, made here at that instant: its deletion holds against older ones alone.
  void lift(std::uint64_t hash, Instant made);
  /// Whether the value may enter memory: it is not buried, and the marks let it pass.
  bool admits(std::uint64_t hash, const Arrival& arrival, Instant now) const;

  /// From now on nothing enters that began before `stamp`, whatever its key.
  void raiseMark(Stamp stamp);
  /// Lets the oldest go that have ended.
  void sweep(Instant now);

  std::size_t count() const { return order_.count; }

 private:
  struct Grave {
    Stamp stamp;
    Instant through;
    Instant until;

    void widen(const Grave& other);
    bool refuses(const Arrival& arrival, Instant now) const {
      return arrival.began < stamp || (now < until && arrival.made <= through);
    }
  };
  static_assert(sizeof(Grave) + LinkedTable::kNodeBytes <= kBytes);

  void dropOldest();

  LinkedTable table_;
  LinkedTable::Queue order_;
  std::vector<Grave> graves_;  // by index in the table
  Grave mark_{0, kEarliest, kEarliest};
};

}  // namespace codex
