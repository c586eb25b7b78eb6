#include "wasm/memory/linked-table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "wasm/memory/siphash.h"

namespace codex {
namespace {

constexpr LinkedTable::Index kNone = LinkedTable::kNone;

std::vector<LinkedTable::Index> inOrder(const LinkedTable& table, const LinkedTable::Queue& queue) {
  std::vector<LinkedTable::Index> nodes;
  for (LinkedTable::Index at = queue.oldest; at != kNone; at = table.newerThan(at)) nodes.push_back(at);
  return nodes;
}

TEST(LinkedTable, FindsEveryNodeOfAHash) {
  LinkedTable table;
  EXPECT_EQ(table.first(7), kNone);
  const LinkedTable::Index one = table.add(7);
  const LinkedTable::Index inSameBucket = table.add(7 + (std::uint64_t{1} << 40));
  const LinkedTable::Index other = table.add(7);
  const LinkedTable::Index first = table.first(7);
  const LinkedTable::Index second = table.next(first);
  EXPECT_EQ(std::minmax(first, second), std::minmax(one, other));
  EXPECT_EQ(table.next(second), kNone);
  EXPECT_EQ(table.first(7 + (std::uint64_t{1} << 40)), inSameBucket);
  table.hide(one);
  EXPECT_EQ(table.first(7), other);
  EXPECT_EQ(table.next(other), kNone);
}

TEST(LinkedTable, GivesAFreedIndexOutAgainAndAHiddenOneNot) {
  LinkedTable table;
  const LinkedTable::Index one = table.add(1);
  table.hide(one);
  EXPECT_NE(table.add(2), one);
  table.free(one);
  EXPECT_EQ(table.add(3), one);
  EXPECT_EQ(table.slots(), 2U);
}

TEST(LinkedTable, KeepsQueuesInOrderWhateverLeaves) {
  LinkedTable table;
  LinkedTable::Queue queue;
  for (std::uint64_t hash = 0; hash < 4; ++hash) table.append(queue, table.add(hash));
  EXPECT_EQ(inOrder(table, queue), (std::vector<LinkedTable::Index>{0, 1, 2, 3}));
  table.remove(queue, 2);
  table.append(queue, 2);
  EXPECT_EQ(inOrder(table, queue), (std::vector<LinkedTable::Index>{0, 1, 3, 2}));
  table.remove(queue, 0);
  table.remove(queue, 2);
  EXPECT_EQ(inOrder(table, queue), (std::vector<LinkedTable::Index>{1, 3}));
  EXPECT_EQ(queue.count, 2U);
  table.remove(queue, 1);
  table.remove(queue, 3);
  EXPECT_EQ(queue.oldest, kNone);
  EXPECT_EQ(queue.newest, kNone);
}

TEST(LinkedTable, FindsAllOfManyAfterItsBucketsGrew) {
  LinkedTable table;
  for (std::uint64_t i = 0; i < 5'000; ++i) ASSERT_EQ(table.add(siphash({3, 4}, std::to_string(i))), i);
  for (std::uint64_t i = 0; i < 5'000; ++i) ASSERT_EQ(table.first(siphash({3, 4}, std::to_string(i))), i);
  EXPECT_GE(table.buckets(), 5'000U);
  EXPECT_LE(table.buckets(), 2 * 5'000U) << "what a node is counted as has two indices for the buckets";
}

std::size_t fullest(const std::vector<std::string>& keys, HashSeed seed, std::size_t buckets) {
  std::vector<std::size_t> nodes(buckets);
  for (const std::string& key : keys) ++nodes[siphash(seed, key) % buckets];
  return *std::ranges::max_element(nodes);
}

TEST(LinkedTable, IsNotFloodedByKeysChosenForAnotherSeed) {
  constexpr std::size_t kKeys = 1'000;
  constexpr std::size_t kBuckets = 1'024;
  constexpr HashSeed kGuessed{0, 0};
  std::vector<std::string> chosen;
  for (int i = 0; chosen.size() < kKeys; ++i) {
    std::string key = "key" + std::to_string(i);
    if (siphash(kGuessed, key) % kBuckets == 0) chosen.push_back(std::move(key));
  }
  EXPECT_EQ(fullest(chosen, kGuessed, kBuckets), kKeys) << "who knew the seed could put all into one bucket";
  // A thousand balls in a thousand bins at random: nine in one is likelier than not to be seen in no bin of 50,000.
  for (std::uint64_t bit = 0; bit < 50; ++bit) {
    EXPECT_LE(fullest(chosen, {std::uint64_t{1} << bit, 0}, kBuckets), 10U) << "seed bit " << bit;
  }
}

}  // namespace
}  // namespace codex
