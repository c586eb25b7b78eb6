#pragma once

#include <cstddef>
#include <cstdint>

#include "wasm/memory/linked-table.h"

namespace codex {

/// The keys that left the small queue of the tier lately without having been asked for again, oldest out first. One that
/// comes back has shown that it is worth more than its first stay.
///
/// Only hashes are kept: 64 keyed bits, so that nobody can make two keys share them, and should two ever do, one entry stands
/// in the wrong queue, which costs a little room and nothing else.
class GhostQueue {
 public:
  /// What one ghost is counted as.
  static constexpr std::size_t kBytes = LinkedTable::kNodeBytes;

  void add(std::uint64_t hash);
  /// Whether the key was here; it no longer is.
  bool take(std::uint64_t hash);
  /// Lets the oldest go until no more than `most` are left.
  void trim(std::size_t most);

  std::size_t count() const { return order_.count; }

 private:
  void drop(LinkedTable::Index ghost);

  LinkedTable table_;
  LinkedTable::Queue order_;
};

}  // namespace codex
