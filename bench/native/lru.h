#pragma once

#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

namespace codex::bench {

/// What one writes first: least recently used goes first, bounded in bytes. A key costs its length, its payload and
/// `overhead`.
class Lru {
 public:
  Lru(std::uint64_t bound, std::uint64_t overhead) : bound_(bound), overhead_(overhead) {}

  bool find(std::string_view key) {
    const auto found = known_.find(key);
    if (found == known_.end()) return false;
    order_.splice(order_.begin(), order_, found->second);
    return true;
  }

  void put(std::string_view key, std::uint64_t payloadBytes) {
    const std::uint64_t bytes = key.size() + payloadBytes + overhead_;
    const auto found = known_.find(key);
    if (found == known_.end()) {
      order_.push_front({std::string(key), bytes});
      known_.emplace(order_.front().key, order_.begin());
    } else {
      bytes_ -= found->second->bytes;
      found->second->bytes = bytes;
      order_.splice(order_.begin(), order_, found->second);
    }
    bytes_ += bytes;
    while (bytes_ > bound_) {
      bytes_ -= order_.back().bytes;
      known_.erase(order_.back().key);
      order_.pop_back();
    }
  }

 private:
  struct Entry {
    std::string key;
    std::uint64_t bytes;
  };

  std::uint64_t bound_;
  std::uint64_t overhead_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> order_;  // most recently used first
  std::unordered_map<std::string_view, std::list<Entry>::iterator> known_;
};

}  // namespace codex::bench
