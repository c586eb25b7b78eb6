#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace codex {

/// Nodes that are found by hash and stand in queues: what the entries, the ghosts and the tombstones of the memory tier have
/// in common. All stand in one slab and link by index, so that finding, queueing and dropping one allocates nothing.
///
/// A node is named by its index, under which its owner may keep more. The hash must be keyed (siphash.h): its low bits
/// choose the bucket, and whoever could choose those could make every search long.
class LinkedTable {
 public:
  using Index = std::uint32_t;
  static constexpr Index kNone = std::numeric_limits<Index>::max();

  /// In order of arrival. A node stands in one queue at most.
  struct Queue {
    Index oldest = kNone;
    Index newest = kNone;
    std::size_t count = 0;
  };

  /// A node that is found under the hash, in no queue yet. Its index is a freed one, or the next above all others.
  Index add(std::uint64_t hash);
  /// Hides a node from searches. Its index stays taken until it is freed.
  void hide(Index node);
  void free(Index node);

  /// The nodes of a hash, one after the other, in no particular order; kNone after the last.
  Index first(std::uint64_t hash) const;
  Index next(Index node) const;

  std::uint64_t hashOf(Index node) const { return nodes_[node].hash; }
  Index newerThan(Index node) const { return nodes_[node].newer; }

  void append(Queue& queue, Index node);
  void remove(Queue& queue, Index node);

  /// How many indices there have ever been.
  std::size_t slots() const { return nodes_.size(); }
  std::size_t buckets() const { return buckets_.size(); }

  /// What a node and its share of the buckets take.
  static constexpr std::size_t kNodeBytes = 32;

 private:
  struct Node {
    std::uint64_t hash;
    Index chained;  // in its bucket, or among the free
    Index older;
    Index newer;
  };
  static_assert(sizeof(Node) + 2 * sizeof(Index) <= kNodeBytes);

  Index& bucketOf(std::uint64_t hash) { return buckets_[hash & (buckets_.size() - 1)]; }
  Index withHash(std::uint64_t hash, Index from) const;
  void growBuckets();

  std::vector<Node> nodes_;
  std::vector<Index> buckets_;  // none, or a power of two of them
  std::size_t found_ = 0;       // how many nodes the buckets hold
  Index free_ = kNone;
};

}  // namespace codex
