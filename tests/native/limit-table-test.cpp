#include "wasm/ratelimit/limit-table.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <string>

#include "tests/native/choices.h"
#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::Choices;
using testing::inRandomWays;

constexpr HashSeed kSeed{1, 2};

StoreKey named(const std::string& text) { return {0, text}; }

TEST(LimitTable, KnowsWhatItWasGiven) {
  LimitTable table(8, kSeed);
  EXPECT_EQ(table.find(named("a")), nullptr);
  LimitTable::Counter& made = table.touch(named("a"));
  EXPECT_EQ(table.find(named("a")), &made);
  EXPECT_EQ(&table.touch(named("a")), &made);
  EXPECT_EQ(table.size(), 1U);
}

TEST(LimitTable, KeepsNamespacesApart) {
  LimitTable table(8, kSeed);
  EXPECT_NE(&table.touch({0, "a"}), &table.touch({1, "a"}));
  EXPECT_EQ(table.size(), 2U);
}

TEST(LimitTable, EvictsTheLeastRecentlyRankedOfThoseThatDenyNobody) {
  LimitTable table(3, kSeed);
  for (const char* const name : {"a", "b", "c"}) table.rank(table.touch(named(name)), false);
  table.rank(table.touch(named("a")), false);
  table.touch(named("d"));
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.find(named("b")), nullptr);
  EXPECT_NE(table.find(named("a")), nullptr);
}

TEST(LimitTable, KeepsWhatDeniesThroughAFloodOfOthers) {
  LimitTable table(100, kSeed);
  table.rank(table.touch(named("denied")), true);
  for (int i = 0; i < 10'000; ++i) table.rank(table.touch(named(std::to_string(i))), false);
  EXPECT_EQ(table.size(), 100U);
  EXPECT_NE(table.find(named("denied")), nullptr);
}

TEST(LimitTable, EvictsADenialThatIsOverBeforeACounterThatIsCounting) {
  LimitTable table(3, kSeed);
  const Instant now{Millis{1'000'000}};
  for (const char* const name : {"live", "over"}) {
    LimitTable::Counter& counter = table.touch(named(name), now);
    counter.count.count({5, name == std::string("live") ? now + Millis{1} : now});
    table.rank(counter, true);
  }
  table.rank(table.touch(named("counting"), now), false);
  table.touch(named("new"), now);
  EXPECT_EQ(table.find(named("over")), nullptr);
  EXPECT_NE(table.find(named("live")), nullptr);
  EXPECT_NE(table.find(named("counting")), nullptr);
}

TEST(LimitTable, TellsACounterFromTheOneThatTookItsKey) {
  LimitTable table(1, kSeed);
  const std::uint64_t first = table.touch(named("a")).born;
  table.touch(named("b"));
  EXPECT_NE(table.touch(named("a")).born, first);
}

TEST(LimitTable, EvictsTheOldestDenialWhenAllOthersDenyToo) {
  LimitTable table(2, kSeed);
  table.rank(table.touch(named("a")), true);
  table.rank(table.touch(named("b")), true);
  LimitTable::Counter& fresh = table.touch(named("c"));
  EXPECT_EQ(table.find(named("c")), &fresh) << "the counter asked for is never the one to go";
  EXPECT_EQ(table.find(named("a")), nullptr);
  EXPECT_NE(table.find(named("b")), nullptr);
}

TEST(LimitTable, LetsACounterThatNoLongerDeniesGo) {
  LimitTable table(2, kSeed);
  table.rank(table.touch(named("a")), true);
  table.rank(table.touch(named("a")), false);
  table.rank(table.touch(named("b")), true);
  table.touch(named("c"));
  EXPECT_EQ(table.find(named("a")), nullptr);
}

TEST(LimitTable, HoldsOneCounterWhereThereIsRoomForOne) {
  LimitTable table(1, kSeed);
  for (const char* const name : {"a", "b", "c"}) {
    LimitTable::Counter& counter = table.touch(named(name));
    table.rank(counter, true);
    EXPECT_EQ(table.find(named(name)), &counter);
    EXPECT_EQ(table.size(), 1U);
  }
}

TEST(LimitTable, FindsABookmarkedCounterWhateverWasEvictedMeanwhile) {
  LimitTable table(2, kSeed);
  LimitTable::Counter& a = table.touch(named("a"));
  const LimitTable::Bookmark bookmark = table.bookmark(&a);
  EXPECT_EQ(table.find(bookmark, named("a")), &a);
  table.touch(named("b"));
  table.touch(named("c"));
  EXPECT_EQ(table.find(bookmark, named("a")), nullptr);
  LimitTable::Counter& again = table.touch(named("a"));
  EXPECT_EQ(table.find(bookmark, named("a")), &again);
}

TEST(LimitTable, LooksUpABookmarkOfNothing) {
  LimitTable table(2, kSeed);
  const LimitTable::Bookmark bookmark = table.bookmark(nullptr);
  EXPECT_EQ(table.find(bookmark, named("a")), nullptr);
  LimitTable::Counter& a = table.touch(named("a"));
  EXPECT_EQ(table.find(bookmark, named("a")), &a);
}

TEST(LimitTable, TellsWhoBeganBeforeACounterWasForgotten) {
  LimitTable table(8, kSeed);
  const std::uint64_t before = table.stamp();
  EXPECT_FALSE(table.forgottenSince(named("a"), before));
  table.forget(named("a"));
  const std::uint64_t after = table.stamp();
  EXPECT_TRUE(table.forgottenSince(named("a"), before));
  EXPECT_FALSE(table.forgottenSince(named("a"), after));
  EXPECT_FALSE(table.forgottenSince(named("b"), before)) << "another counter's forgetting is none of its business";
}

TEST(LimitTable, ForgetsTheWindow) {
  constexpr RateLimitRule kRule{5, Millis{1000}};
  LimitTable table(8, kSeed);
  LimitTable::Counter& counter = table.touch(named("a"));
  counter.count.adopt({3, testing::kStart + Millis{500}}, kRule, testing::kStart);
  table.forget(named("a"));
  EXPECT_EQ(table.find(named("a"))->count.window(kRule, testing::kStart), std::nullopt);
}

/// The order of eviction, by brute force.
class Model {
 public:
  explicit Model(std::size_t capacity) : capacity_(capacity) {}

  void use(const std::string& name, bool denies) {
    const bool known = idle_.contains(name) || denying_.contains(name);
    if (!known && idle_.size() + denying_.size() == capacity_) {
      auto& from = idle_.empty() ? denying_ : idle_;
      auto oldest = from.begin();
      for (auto at = from.begin(); at != from.end(); ++at) {
        if (at->second < oldest->second) oldest = at;
      }
      from.erase(oldest);
    }
    idle_.erase(name);
    denying_.erase(name);
    (denies ? denying_ : idle_)[name] = ++clock_;
  }
  bool knows(const std::string& name) const { return idle_.contains(name) || denying_.contains(name); }

 private:
  std::size_t capacity_;
  std::map<std::string, int> idle_;
  std::map<std::string, int> denying_;
  int clock_ = 0;
};

TEST(LimitTable, AgreesWithItsDefinitionOverRandomUse) {
  inRandomWays(40, [](Choices& choices) {
    const std::size_t capacity = 1 + choices.among(12);
    LimitTable table(capacity, kSeed);
    Model model(capacity);
    for (int step = 0; step < 2000 && !::testing::Test::HasFailure(); ++step) {
      const std::string name = std::to_string(choices.among(20));
      const bool denies = choices.among(3) == 0;
      table.rank(table.touch(named(name)), denies);
      model.use(name, denies);
      for (int i = 0; i < 20; ++i) {
        const std::string any = std::to_string(i);
        ASSERT_EQ(table.find(named(any)) != nullptr, model.knows(any)) << "step " << step << ", counter " << any;
      }
    }
  });
}

}  // namespace
}  // namespace codex
