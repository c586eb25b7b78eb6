#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "wasm/memory/ghost-queue.h"
#include "wasm/memory/linked-table.h"
#include "wasm/memory/store-key.h"
#include "wasm/memory/tombstones.h"
#include "wasm/time.h"

namespace codex {

/// Which client an entry is for: a session never answers a cache's question, though they share a namespace and a key.
enum class Maker : std::uint8_t { Session, Cache };

/// What an entry is found by. The text is KV's key, whole.
struct TierKey {
  StoreId store;
  Maker maker;
  std::string_view text;
};

/// Where the host keeps a payload: an index into its own array.
using Slot = std::uint32_t;

/// What decides about an entry without asking the host.
struct TierFacts {
  /// From this instant on it is nobody's.
  Instant expires;
  /// Its maker's own: instants, durations, hashes, flags.
  std::array<std::int64_t, 6> words;
};

/// An entry that was found. Good until the next call that is not const.
struct TierHit {
  Slot slot;
  Instant remembered;
  std::uint64_t bytes;
  const TierFacts& facts;
};

/// What the isolate remembers of the stores' values: one for all clients of an instance, bounded in bytes, and evicting by
/// S3-FIFO (Yang and others, SOSP'23).
///
/// Payloads stay with the host, in an array of its own; the tier names the place. The host's part:
///
///     const began = stamp()                           before a read, a load or a write
///     if hit = find(key, now, age)                    payloads[hit.slot] is the value; hand out a copy
///     if slot = put(key, {began, made}, ...)          payloads[slot] = value
///     for slot of released()                          payloads[slot] = undefined
///     drained()
///
/// the last two after every call that is not const, and before a new payload is placed. Until then a released slot is not
/// given out again, so that no slot ever names another payload than its entry's.
///
/// New entries enter the small queue, a tenth of the bytes. Those asked for twice by the time its hand meets them move on to
/// the main queue, the others leave their hash among the ghosts, of which there are as many as main holds keys; a key that
/// comes back from there enters main at once. Main's hand evicts what was not asked for since it last came by, and lowers
/// the frequency, at most 3, of what it passes over. Entries that have expired go where a hand meets them, whatever their
/// frequency. A hit moves nothing: it is a search and a counter.
///
/// Nothing here is exact about time except `expires` and the age: instants only ever come from callers, several clocks may
/// be in use, and one that goes back makes misses and no stale hits.
class Tier {
 public:
  /// What an entry is counted as besides its key and its payload: its node, its facts, the allocation of its key, the
  /// host's array element and the header of its string.
  static constexpr std::uint64_t kEntryOverhead = 192;

  explicit Tier(HashSeed seed) : seed_(seed) {}
  Tier(const Tier&) = delete;
  Tier& operator=(const Tier&) = delete;

  /// Lets the tier hold this many bytes in all, if it may not hold more already. Before the first call it holds nothing.
  void raiseBound(std::uint64_t bytes);

  /// The stamp of what begins now.
  Stamp stamp() { return ++clock_; }

  /// The entry, if it has not expired and has been in memory no longer than `maxAge`. One that is too old for this asker
  /// stays for others. One that seems to come from the future is too old: the clock was set back.
  std::optional<TierHit> find(const TierKey& key, Instant now, Millis maxAge);
  /// The entry whatever its age, without counting as a question.
  std::optional<TierHit> peek(const TierKey& key) const;

  /// Remembers a value, in place of what was known under the key, and says where the host is to keep it. Nowhere if it
  /// must not be remembered: then what is known under the key stays where it is newer, and goes where the value is newer but
  /// has expired or is too large, which is more than an eighth of the bound.
  std::optional<Slot> put(const TierKey& key, const Arrival& arrival, const TierFacts& facts, std::uint64_t payloadBytes,
                          Instant now);

  /// Drops an entry, such as one that turned out to be bad. What is under way may bring it back.
  void forget(const TierKey& key);
  /// Drops the entries that `matches(key, facts)` is true of. Looks at every entry.
  template <class Matches>
  void forgetIf(Matches matches);

  /// Drops an entry because its value was deleted or replaced, and keeps what is older from coming back.
  void bury(const TierKey& key, const Burial& burial);
  /// Buries every entry whose key begins so, and lets nothing in that is under way. What KV still shows under keys that
  /// memory does not know must be buried key by key. Looks at every entry.
  void buryPrefix(const TierKey& prefix, const Burial& burial);
  /// Says that KV has a value of this key again, made here at that instant: its burial holds against older ones alone.
  void lift(const TierKey& key, Instant made) { tombstones_.lift(hashOf(key), made); }
  /// Whether the value of this key has been deleted here since, so that it must not be shown either.
  bool buried(const TierKey& key, const Arrival& arrival, Instant now) const;
  /// Whether a value of this key may enter.
  bool admits(const TierKey& key, const Arrival& arrival, Instant now) const;

  /// The slots whose payloads the host must drop. At most as many as there were entries.
  std::span<const Slot> released() const { return released_; }
  /// Says that it has.
  void drained();

  /// All that is counted: entries, ghosts and tombstones. Never above the bound.
  std::uint64_t bytes() const;
  std::uint64_t bound() const { return bound_; }
  std::size_t entries() const { return small_.order.count + main_.order.count; }
  /// How many slots there have ever been.
  std::size_t slots() const { return entries_.size(); }

 private:
  using Index = LinkedTable::Index;

  struct Entry {
    std::unique_ptr<char[]> text;  // none in a slot that is free
    std::uint32_t textLength;
    StoreId store;
    Maker maker;
    bool inMain;
    std::uint8_t frequency;
    Stamp began;
    Instant remembered;
    std::uint64_t bytes;
    TierFacts facts;

    std::string_view key() const { return {text.get(), textLength}; }
    bool is(const TierKey& other) const { return store == other.store && maker == other.maker && key() == other.text; }
  };
  static_assert(sizeof(Entry) + LinkedTable::kNodeBytes + 40 <= kEntryOverhead);

  struct EntryQueue {
    LinkedTable::Queue order;
    std::uint64_t bytes = 0;
  };

  std::uint64_t hashOf(const TierKey& key) const;
  Index locate(const TierKey& key, std::uint64_t hash) const;
  TierHit hit(Index at) const { return {at, entries_[at].remembered, entries_[at].bytes, entries_[at].facts}; }
  EntryQueue& queueOf(const Entry& entry) { return entry.inMain ? main_ : small_; }
  std::size_t mostTombstones() const;

  Index add(const TierKey& key, std::uint64_t hash);
  void enqueue(Index at, bool inMain);
  void dequeue(Index at);
  void drop(Index at);
  void makeRoom(std::uint64_t wanted, Instant now);
  void turnHand(Instant now);
  void buryHash(std::uint64_t hash, const Burial& burial, Stamp stamp);

  HashSeed seed_;
  std::uint64_t bound_ = 0;
  LinkedTable table_;
  std::vector<Entry> entries_;  // by index in the table, which is the slot
  EntryQueue small_;
  EntryQueue main_;
  GhostQueue ghosts_;
  Tombstones tombstones_;
  std::vector<Slot> released_;
  Stamp clock_ = 0;
};

template <class Matches>
void Tier::forgetIf(Matches matches) {
  for (Index at = 0; at < entries_.size(); ++at) {
    const Entry& entry = entries_[at];
    if (entry.text && matches(TierKey{entry.store, entry.maker, entry.key()}, entry.facts)) drop(at);
  }
}

}  // namespace codex
