#include "wasm/memory/key-map.h"

#include <utility>

namespace codex {

KeyIndex::Entry* KeyIndex::find(const StoreKey& key, std::size_t hash) const {
  if (size_ == 0) return nullptr;
  Entry* entry = chains_[hash & (chains_.size() - 1)];
  while (entry != nullptr && (entry->hash != hash || entry->key != key)) entry = entry->next;
  return entry;
}

void KeyIndex::add(Entry& entry) {
  if (size_ >= chains_.size()) grow();
  entry.next = std::exchange(chain(entry.hash), &entry);
  ++size_;
}

void KeyIndex::remove(const Entry& entry) {
  Entry** at = &chain(entry.hash);
  while (*at != &entry) at = &(*at)->next;
  *at = entry.next;
  --size_;
}

KeyIndex::Entry* KeyIndex::take() {
  for (; !chains_.empty(); chains_.pop_back()) {
    if (Entry* const entry = chains_.back()) {
      chains_.back() = entry->next;
      --size_;
      return entry;
    }
  }
  return nullptr;
}

void KeyIndex::grow() {
  constexpr std::size_t kFirst = 16;
  std::vector<Entry*> old(chains_.empty() ? kFirst : 2 * chains_.size());
  old.swap(chains_);
  for (Entry* entry : old) {
    while (entry != nullptr) {
      Entry* const rest = std::exchange(entry->next, chain(entry->hash));
      chain(entry->hash) = entry;
      entry = rest;
    }
  }
}

}  // namespace codex
