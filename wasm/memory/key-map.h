#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "wasm/memory/store-key.h"

namespace codex {

/// Finds entries by key, whatever else they hold: the part of a `KeyMap` that is the same for all values, compiled once. A
/// chained hash table of a power of two, keyed so that nobody can choose keys that meet.
class KeyIndex {
 public:
  struct Entry {
    const StoreKey key;
    std::size_t hash;
    Entry* next = nullptr;
  };

  explicit KeyIndex(HashSeed seed) : hashOf_{seed} {}

  std::size_t hash(const StoreKey& key) const { return hashOf_(key); }
  Entry* find(const StoreKey& key, std::size_t hash) const;
  /// Takes in an entry whose key is not there yet.
  void add(Entry& entry);
  void remove(const Entry& entry);
  /// Hands out the entries one by one, for good; null once there are none.
  Entry* take();

  std::size_t size() const { return size_; }

 private:
  Entry*& chain(std::size_t hash) { return chains_[hash & (chains_.size() - 1)]; }
  void grow();

  StoreKeyHash hashOf_;
  std::vector<Entry*> chains_;
  std::size_t size_ = 0;
};

/// What the isolate remembers by key. An entry stays in its place until it is erased.
template <class Value>
class KeyMap {
 public:
  struct Entry : KeyIndex::Entry {
    Value value = {};
  };

  explicit KeyMap(HashSeed seed) : index_(seed) {}
  KeyMap(const KeyMap&) = delete;
  KeyMap& operator=(const KeyMap&) = delete;
  ~KeyMap() {
    while (KeyIndex::Entry* const entry = index_.take()) delete static_cast<Entry*>(entry);
  }

  /// The entry of that key, or null.
  Entry* find(const StoreKey& key) const {
    if (index_.size() == 0) return nullptr;  // which spares the hash
    return static_cast<Entry*>(index_.find(key, index_.hash(key)));
  }

  /// The entry of that key, and whether it had to be made.
  std::pair<Entry*, bool> findOrAdd(const StoreKey& key) {
    const std::size_t hash = index_.hash(key);
    if (KeyIndex::Entry* const found = index_.find(key, hash)) return {static_cast<Entry*>(found), false};
    Entry* const made = new Entry{{.key = key, .hash = hash}};
    index_.add(*made);
    return {made, true};
  }

  void erase(Entry& entry) {
    index_.remove(entry);
    delete &entry;
  }

  std::size_t size() const { return index_.size(); }

 private:
  KeyIndex index_;
};

}  // namespace codex
