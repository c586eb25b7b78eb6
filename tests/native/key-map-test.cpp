#include "wasm/memory/key-map.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>

#include "tests/native/choices.h"

namespace codex {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;

constexpr HashSeed kSeed{1, 2};

TEST(KeyMap, HoldsWhatWasAddedUntilItIsErased) {
  KeyMap<int> map(kSeed);
  const StoreKey key{1, "rl:login:203.0.113.7"};
  EXPECT_EQ(map.find(key), nullptr);
  const auto [added, made] = map.findOrAdd(key);
  EXPECT_TRUE(made);
  EXPECT_EQ(added->key, key);
  EXPECT_EQ(added->value, 0);
  added->value = 5;
  EXPECT_EQ(map.findOrAdd(key), std::pair(added, false));
  EXPECT_EQ(map.find(key)->value, 5);
  map.erase(*added);
  EXPECT_EQ(map.find(key), nullptr);
  EXPECT_EQ(map.size(), 0U);
}

TEST(KeyMap, TellsNamespacesApart) {
  KeyMap<int> map(kSeed);
  map.findOrAdd({1, "key"}).first->value = 1;
  map.findOrAdd({2, "key"}).first->value = 2;
  EXPECT_EQ(map.find({1, "key"})->value, 1);
  EXPECT_EQ(map.find({2, "key"})->value, 2);
  EXPECT_EQ(map.find({3, "key"}), nullptr);
}

TEST(KeyMap, LeavesEntriesInTheirPlaceAsItGrows) {
  KeyMap<int> map(kSeed);
  const KeyMap<int>::Entry* const first = map.findOrAdd({0, "first"}).first;
  for (int i = 0; i < 10'000; ++i) map.findOrAdd({0, std::to_string(i)}).first->value = i;
  EXPECT_EQ(map.find({0, "first"}), first);
  for (int i = 0; i < 10'000; ++i) ASSERT_EQ(map.find({0, std::to_string(i)})->value, i);
  EXPECT_EQ(map.size(), 10'001U);
}

TEST(KeyMap, EndsItsEntriesWithItself) {
  const auto witness = std::make_shared<int>();
  {
    KeyMap<std::shared_ptr<int>> map(kSeed);
    for (int i = 0; i < 100; ++i) map.findOrAdd({0, std::to_string(i)}).first->value = witness;
    map.erase(*map.find({0, "7"}));
    EXPECT_EQ(witness.use_count(), 100);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(KeyMap, DoesAsAMapDoes) {
  inRandomWays(200, [](Choices& choices) {
    KeyMap<std::size_t> map({choices.among(1000), choices.among(1000)});
    std::map<std::string, std::size_t> expected;
    for (std::size_t i = 0; i < 500; ++i) {
      const StoreKey key{0, std::to_string(choices.among(80))};
      const auto known = expected.find(key.text);
      switch (choices.among(3)) {
        case 0:
          map.findOrAdd(key).first->value = i;
          expected[key.text] = i;
          break;
        case 1:
          if (auto* const entry = map.find(key)) map.erase(*entry);
          expected.erase(key.text);
          break;
        default:
          const auto* const entry = map.find(key);
          ASSERT_EQ(entry != nullptr, known != expected.end());
          if (entry != nullptr) ASSERT_EQ(entry->value, known->second);
      }
      ASSERT_EQ(map.size(), expected.size());
    }
  });
}

}  // namespace
}  // namespace codex
