#include "wasm/memory/linked-table.h"

namespace codex {

LinkedTable::Index LinkedTable::add(std::uint64_t hash) {
  if (found_ == buckets_.size()) growBuckets();
  Index node = free_;
  if (node == kNone) {
    node = static_cast<Index>(nodes_.size());
    nodes_.emplace_back();
  } else {
    free_ = nodes_[node].chained;
  }
  Index& bucket = bucketOf(hash);
  nodes_[node] = {.hash = hash, .chained = bucket, .older = kNone, .newer = kNone};
  bucket = node;
  ++found_;
  return node;
}

void LinkedTable::hide(Index node) {
  Index* link = &bucketOf(nodes_[node].hash);
  while (*link != node) link = &nodes_[*link].chained;
  *link = nodes_[node].chained;
  --found_;
}

void LinkedTable::free(Index node) {
  nodes_[node].chained = free_;
  free_ = node;
}

LinkedTable::Index LinkedTable::first(std::uint64_t hash) const {
  if (buckets_.empty()) return kNone;
  return withHash(hash, buckets_[hash & (buckets_.size() - 1)]);
}

LinkedTable::Index LinkedTable::next(Index node) const { return withHash(nodes_[node].hash, nodes_[node].chained); }

LinkedTable::Index LinkedTable::withHash(std::uint64_t hash, Index from) const {
  while (from != kNone && nodes_[from].hash != hash) from = nodes_[from].chained;
  return from;
}

void LinkedTable::append(Queue& queue, Index node) {
  nodes_[node].older = queue.newest;
  nodes_[node].newer = kNone;
  (queue.newest == kNone ? queue.oldest : nodes_[queue.newest].newer) = node;
  queue.newest = node;
  ++queue.count;
}

void LinkedTable::remove(Queue& queue, Index node) {
  const auto [hash, chained, older, newer] = nodes_[node];
  (older == kNone ? queue.oldest : nodes_[older].newer) = newer;
  (newer == kNone ? queue.newest : nodes_[newer].older) = older;
  --queue.count;
}

void LinkedTable::growBuckets() {
  constexpr std::size_t kFewest = 16;
  std::vector<Index> old(buckets_.empty() ? kFewest : 2 * buckets_.size(), kNone);
  old.swap(buckets_);
  for (Index node : old) {
    while (node != kNone) {
      const Index following = nodes_[node].chained;
      Index& bucket = bucketOf(nodes_[node].hash);
      nodes_[node].chained = bucket;
      bucket = node;
      node = following;
    }
  }
}

}  // namespace codex
