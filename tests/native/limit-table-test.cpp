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

constexpr RateLimitRule kRule{5, Millis{1000}};
constexpr RateLimitRule kOther{9, Millis{1000}};
constexpr Instant kNow = testing::kStart;

StoreKey named(const std::string& text) { return {0, text}; }

/// A table of one rule, at one instant.
class Table : public LimitTable {
 public:
  explicit Table(std::size_t capacity) : LimitTable(capacity, kSeed) {}

  Counter* find(const StoreKey& key) { return LimitTable::find(key, kRule); }
  Counter& touch(const StoreKey& key, Instant now = kNow) { return LimitTable::touch(key, kRule, now); }
};

/// A counter that denies for as long as a test looks.
void deny(Table& table, const std::string& name) {
  LimitTable::Counter& counter = table.touch(named(name));
  counter.block(kLatest);
  table.rank(counter, true);
}

TEST(LimitTable, KnowsWhatItWasGiven) {
  Table table(8);
  EXPECT_EQ(table.find(named("a")), nullptr);
  LimitTable::Counter& made = table.touch(named("a"));
  EXPECT_EQ(table.find(named("a")), &made);
  EXPECT_EQ(&table.touch(named("a")), &made);
  EXPECT_EQ(table.size(), 1U);
}

TEST(LimitTable, KeepsNamespacesApart) {
  Table table(8);
  EXPECT_NE(&table.touch({0, "a"}), &table.touch({1, "a"}));
  EXPECT_EQ(table.size(), 2U);
}

TEST(LimitTable, EvictsTheLeastRecentlyRankedOfThoseThatDenyNobody) {
  Table table(3);
  for (const char* const name : {"a", "b", "c"}) table.rank(table.touch(named(name)), false);
  table.rank(table.touch(named("a")), false);
  table.touch(named("d"));
  EXPECT_EQ(table.size(), 3U);
  EXPECT_EQ(table.find(named("b")), nullptr);
  EXPECT_NE(table.find(named("a")), nullptr);
}

TEST(LimitTable, KeepsWhatDeniesThroughAFloodOfOthers) {
  Table table(100);
  deny(table, "denied");
  for (int i = 0; i < 10'000; ++i) table.rank(table.touch(named(std::to_string(i))), false);
  EXPECT_EQ(table.size(), 100U);
  EXPECT_NE(table.find(named("denied")), nullptr);
}

TEST(LimitTable, EvictsADenialThatIsOverBeforeACounterThatIsCounting) {
  Table table(3);
  const Instant now{Millis{1'000'000}};
  for (const char* const name : {"live", "over"}) {
    const Instant then = name == std::string("live") ? now + Millis{1} - kRule.window : now - kRule.window;
    LimitTable::Counter& counter = table.touch(named(name), then);
    counter.judge(5, true, then);
    table.rank(counter, true);
  }
  table.rank(table.touch(named("counting"), now), false);
  table.touch(named("new"), now);
  EXPECT_EQ(table.find(named("over")), nullptr);
  EXPECT_NE(table.find(named("live")), nullptr);
  EXPECT_NE(table.find(named("counting")), nullptr);
}

TEST(LimitTable, TellsACounterFromTheOneThatTookItsKey) {
  Table table(1);
  const std::uint64_t first = table.touch(named("a")).born;
  table.touch(named("b"));
  EXPECT_NE(table.touch(named("a")).born, first);
}

TEST(LimitTable, EvictsTheOldestDenialWhenAllOthersDenyToo) {
  Table table(2);
  deny(table, "a");
  deny(table, "b");
  LimitTable::Counter& fresh = table.touch(named("c"));
  EXPECT_EQ(table.find(named("c")), &fresh) << "the counter asked for is never the one to go";
  EXPECT_EQ(table.find(named("a")), nullptr);
  EXPECT_NE(table.find(named("b")), nullptr);
}

TEST(LimitTable, LetsACounterThatNoLongerDeniesGo) {
  Table table(2);
  deny(table, "a");
  table.rank(table.touch(named("a")), false);
  deny(table, "b");
  table.touch(named("c"));
  EXPECT_EQ(table.find(named("a")), nullptr);
}

TEST(LimitTable, HoldsOneCounterWhereThereIsRoomForOne) {
  Table table(1);
  for (const char* const name : {"a", "b", "c"}) {
    deny(table, name);
    EXPECT_NE(table.find(named(name)), nullptr);
    EXPECT_EQ(table.size(), 1U);
  }
}

TEST(LimitTable, TellsWhoBeganBeforeACounterWasForgotten) {
  Table table(8);
  table.touch(named("a"));
  table.touch(named("b"));
  const std::uint64_t before = table.stamp();
  EXPECT_FALSE(table.forgottenSince(named("a"), before));
  table.forget(named("a"));
  const std::uint64_t after = table.stamp();
  EXPECT_TRUE(table.forgottenSince(named("a"), before));
  EXPECT_FALSE(table.forgottenSince(named("a"), after));
  EXPECT_FALSE(table.forgottenSince(named("b"), before)) << "another counter's forgetting is none of its business";
}

TEST(LimitTable, ForgetsTheWindow) {
  Table table(8);
  LimitTable::Counter& counter = table.touch(named("a"));
  counter.judge(5, true, kNow);
  table.rank(counter, true);
  table.forget(named("a"));
  EXPECT_EQ(table.find(named("a"))->judge(0, false, kNow).remaining, 5);
}

TEST(LimitTable, EvictsWhatWasForgottenAsAnyThatDeniesNobody) {
  Table table(2);
  for (const char* const name : {"a", "b"}) {
    LimitTable::Counter& counter = table.touch(named(name));
    counter.judge(5, true, kNow);
    table.rank(counter, true);
  }
  table.forget(named("b"));
  table.touch(named("c"));
  EXPECT_NE(table.find(named("a")), nullptr);
  EXPECT_EQ(table.find(named("b")), nullptr);
}

// --- two rules, one key ---

TEST(LimitTable, KeepsRulesOfOneKeyApart) {
  Table table(8);
  LimitTable::Counter& one = table.touch(named("a"));
  LimitTable::Counter& other = table.LimitTable::touch(named("a"), kOther, kNow);
  EXPECT_NE(&one, &other);
  EXPECT_EQ(table.size(), 2U);
  one.judge(5, true, kNow);
  EXPECT_EQ(table.LimitTable::find(named("a"), kOther)->judge(0, false, kNow).remaining, 9);
  EXPECT_EQ(table.find(named("a")), &one);
  EXPECT_EQ(table.LimitTable::find(named("a"), RateLimitRule{5, Millis{1001}}), nullptr);
}

TEST(LimitTable, ForgetsAKeyByWhateverRule) {
  Table table(8);
  table.touch(named("a")).judge(5, true, kNow);
  table.LimitTable::touch(named("a"), kOther, kNow).judge(9, true, kNow);
  table.touch(named("b")).judge(5, true, kNow);
  table.forget(named("a"));
  int seen = 0;
  table.each(named("a"), [&](LimitTable::Counter& counter) {
    ++seen;
    EXPECT_FALSE(counter.denies(1, kNow));
  });
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(table.find(named("b"))->denies(1, kNow));
}

TEST(LimitTable, KnowsABlockByWhateverRule) {
  Table table(8);
  LimitTable::Counter& first = table.touch(named("a"));
  first.known.block({kNow, kNow + Millis{500}});
  first.block(kNow + Millis{500});
  EXPECT_TRUE(table.LimitTable::touch(named("a"), kOther, kNow).blocked(kNow));
  EXPECT_FALSE(table.touch(named("b")).blocked(kNow));
}

TEST(LimitTable, EvictsOneOfTwoRulesAndLeavesTheOther) {
  Table table(2);
  deny(table, "a");
  table.rank(table.LimitTable::touch(named("a"), kOther, kNow), false);
  table.touch(named("b"));
  EXPECT_NE(table.find(named("a")), nullptr);
  EXPECT_EQ(table.LimitTable::find(named("a"), kOther), nullptr);
  EXPECT_NE(table.find(named("b")), nullptr);
}

// --- blocks ---

TEST(LimitTable, KeepsAnActiveBlockBeforeAnIdleEntryAndDropsItOnceItIsOver) {
  Table table(20);
  LimitTable::Counter& blocked = table.touch(named("blocked"));
  blocked.block(kNow + Millis{5000});
  table.rank(blocked, true);
  Instant now = kNow;
  for (int i = 0; i < 1000; ++i) {
    LimitTable::Counter& counter = table.touch(named(std::to_string(i)), now);
    counter.judge(1, true, now);
    table.rank(counter, false);
  }
  ASSERT_NE(table.find(named("blocked")), nullptr);
  now += Millis{5000};
  table.touch(named("last"), now);
  EXPECT_EQ(table.find(named("blocked")), nullptr);
  EXPECT_NE(table.find(named("999")), nullptr);
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
    Table table(capacity);
    Model model(capacity);
    for (int step = 0; step < 2000 && !::testing::Test::HasFailure(); ++step) {
      const std::string name = std::to_string(choices.among(20));
      const bool denies = choices.among(3) == 0;
      if (denies) {
        deny(table, name);
      } else {
        table.rank(table.touch(named(name)), false);
      }
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
