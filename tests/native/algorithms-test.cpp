#include "wasm/ratelimit/algorithms.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

#include "tests/native/limit-traffic.h"

namespace codex {
namespace {

using testing::anyRule;
using testing::Choices;
using testing::inRandomWays;
using testing::kStart;
using testing::unixMs;
using testing::upTo;

constexpr RateLimitRule kFixed{5, std::chrono::minutes{15}};
constexpr RateLimitRule kSliding{5, std::chrono::minutes{15}, LimitAlgorithm::SlidingWindow};
constexpr RateLimitRule kGcra{5, std::chrono::minutes{15}, LimitAlgorithm::Gcra};
constexpr RateLimitRule kEach[] = {kFixed, kSliding, kGcra};

LimitState counted(std::int64_t count, Instant resetAt) { return {.mark = unixMs(resetAt), .count = count}; }

TEST(Algorithms, StoreAFixedWindowAsTheSpecDoes) {
  EXPECT_EQ(encode(counted(4, kStart), kFixed), R"({"count":4,"resetAt":1767225600000})");
  EXPECT_EQ(encode(counted(0, kEarliest), kFixed), R"({"count":0,"resetAt":-8640000000000000})");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(encode(counted(most, kLatest), kFixed), R"({"count":9223372036854775807,"resetAt":8640000000000000})");
}

TEST(Algorithms, StoreEachTheirOwn) {
  EXPECT_EQ(encode({1963584, 4, 5}, kSliding), R"({"window":1963584,"count":4,"previous":5})");
  EXPECT_EQ(encode({-1, 0, 0}, kSliding), R"({"window":-1,"count":0,"previous":0})");
  EXPECT_EQ(encode({unixMs(kStart), 3}, kGcra), R"({"tat":1767225600000,"part":3})");
}

TEST(Algorithms, ReadWhatTheyStored) {
  for (const RateLimitRule& rule : kEach) {
    for (const std::int64_t mark : {unixMs(kEarliest), std::int64_t{0}, unixMs(kStart), unixMs(kLatest)}) {
      for (const std::int64_t count : {0, 1, 4}) {
        const LimitState state{mark, count, rule == kSliding ? 3 : 0};
        EXPECT_EQ(decode(encode(state, rule), rule), state);
      }
    }
  }
  EXPECT_EQ(decode(encode(counted(9'007'199'254'740'991, kStart), kFixed), kFixed), counted(9'007'199'254'740'991, kStart));
  EXPECT_EQ(decode(encode({7, kMaxLimit, kMaxLimit}, kSliding), kSliding), (LimitState{7, kMaxLimit, kMaxLimit}));
}

TEST(Algorithms, ReadNothingOfAnothersState) {
  for (const RateLimitRule& rule : kEach) {
    for (const RateLimitRule& other : kEach) {
      EXPECT_EQ(decode(encode({unixMs(kStart), 3, 0}, other), rule).has_value(), rule == other);
    }
  }
}

TEST(Algorithms, TakeNumbersOutOfRangeForAbsent) {
  for (const char* const text :
       {R"({"window":1,"count":1000000001,"previous":0})", R"({"window":1,"count":0,"previous":1000000001})",
        R"({"window":1,"count":-1,"previous":0})", R"({"window":1,"count":0,"previous":-1})", R"({"window":1,"count":0})"}) {
    EXPECT_EQ(decode(text, kSliding), std::nullopt) << text;
  }
  for (const char* const text :
       {R"({"tat":1767225600000,"part":5})", R"({"tat":1767225600000,"part":-1})", R"({"tat":8640000000000001,"part":0})",
        R"({"tat":1767225600000.5,"part":0})", R"({"tat":1767225600000})"}) {
    EXPECT_EQ(decode(text, kGcra), std::nullopt) << text;
  }
}

TEST(Algorithms, ReadWhatOthersStored) {
  const LimitState expected = counted(4, kStart);
  for (const char* const text : {
           R"({"resetAt":1767225600000,"count":4})",
           R"( { "count" : 4 , "resetAt" : 1767225600000 } )",
           R"({"count":4.0,"resetAt":1.7672256e12})",
           R"({"count":99,"count":4,"resetAt":1767225600000})",
           R"({"nested":{"count":7,"resetAt":8},"count":4,"resetAt":1767225600000,"more":[{"count":9}]})",
           R"({"\u0063ount":4,"resetAt":1767225600000})",
       }) {
    EXPECT_EQ(decode(text, kFixed), expected) << text;
  }
}

TEST(Algorithms, TakeWhatIsNoCountForAbsent) {
  for (const char* const text : {
           "",
           " ",
           "null",
           "4",
           "\"count\"",
           "[]",
           "{}",
           "{",
           "}",
           "undefined",
           "not json",
           R"({"count":4})",
           R"({"resetAt":1767225600000})",
           R"({"count":-1,"resetAt":1767225600000})",
           R"({"count":"4","resetAt":1767225600000})",
           R"({"count":4,"resetAt":"1767225600000"})",
           R"({"count":null,"resetAt":1767225600000})",
           R"({"count":true,"resetAt":1767225600000})",
           R"({"count":4.5,"resetAt":1767225600000})",
           R"({"count":4,"resetAt":1767225600000.5})",
           R"({"count":1e400,"resetAt":1767225600000})",
           R"({"count":9007199254740993,"resetAt":1767225600000})",
           R"({"count":18446744073709551615,"resetAt":1767225600000})",
           R"({"count":99999999999999999999999,"resetAt":1767225600000})",
           R"({"count":NaN,"resetAt":1767225600000})",
           R"({"count":04,"resetAt":1767225600000})",
           R"({"count":+4,"resetAt":1767225600000})",
           R"({"count":4,"resetAt":8640000000000001})",
           R"({"count":4,"resetAt":-8640000000000001})",
           R"({"count":4,"count":"5","resetAt":1767225600000})",
           R"({"nested":{"count":4,"resetAt":1767225600000}})",
           R"([{"count":4,"resetAt":1767225600000}])",
           R"({"count":[4],"resetAt":1767225600000})",
           R"({"count":{"count":4},"resetAt":1767225600000})",
           R"({"count":4,"resetAt":1767225600000)",
           R"({"count":4,"resetAt":1767225600000}})",
           R"({"count":4,"resetAt":1767225600000,})",
           R"({"count":4 "resetAt":1767225600000})",
       }) {
    EXPECT_EQ(decode(text, kFixed), std::nullopt) << text;
  }
}

TEST(Algorithms, KeepARecordPastItsEndAndNeverForLessThanKvAllows) {
  const auto ttl = [](Millis left) { return storedTtl(kStart + left, kStart); };
  EXPECT_EQ(ttl(Millis{1}), Seconds{65});
  EXPECT_EQ(ttl(Millis{59'999}), Seconds{65});
  EXPECT_EQ(ttl(Millis{60'000}), Seconds{65});
  EXPECT_EQ(ttl(Millis{60'001}), Seconds{66});
  EXPECT_EQ(ttl(std::chrono::minutes{15}), Seconds{905});
  EXPECT_EQ(ttl(kMaxWindow), Seconds{2'678'405});
  EXPECT_EQ(ttl(Millis{-1}), Seconds{65});
}

TEST(Algorithms, ShiftTheWindowsOfKeysEachByItsOwn) {
  std::set<std::int64_t> phases;
  for (int i = 0; i < 200; ++i) {
    const std::string key = "rl:login:" + std::to_string(i);
    const std::int64_t phase = phaseOf(key, kSliding);
    EXPECT_GE(phase, 0);
    EXPECT_LT(phase, kSliding.window.count());
    EXPECT_EQ(phase, phaseOf(key, kSliding)) << "the same wherever it is computed";
    phases.insert(phase);
    EXPECT_EQ(phaseOf(key, kFixed), 0);
    EXPECT_EQ(phaseOf(key, kGcra), 0);
  }
  EXPECT_GT(phases.size(), 190U);
}

/// What was counted at an instant and is taken back at the same one leaves nothing behind.
TEST(Algorithms, TakeBackExactlyWhatWasCounted) {
  inRandomWays(300, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, static_cast<LimitAlgorithm>(choices.among(3)));
    const std::int64_t phase =
        rule.algorithm == LimitAlgorithm::SlidingWindow ? upTo(choices, rule.window.count() - 1) : std::int64_t{0};
    std::optional<LimitState> state;
    Instant now = kStart;
    for (int step = 0; step < 50 && !::testing::Test::HasFailure(); ++step) {
      now += Millis{upTo(choices, rule.window.count()) / 4};
      const LimitDecision before = decide(state, rule, phase, 0, now);
      const std::int64_t cost = testing::anyCost(choices, rule, before.remaining);
      const LimitDecision counted = decide(state, rule, phase, cost, now);
      if (!counted.allowed) continue;
      const std::optional<LimitState> without = codex::without(counted.next, rule, phase, cost, now);
      const LimitDecision after = decide(without, rule, phase, 0, now);
      EXPECT_EQ(after.remaining, before.remaining);
      const bool nothingElse = before.remaining == (rule.limit == 0 ? 0 : rule.burst);
      EXPECT_TRUE(nothingElse || after.resetAt == before.resetAt);
      if (choices.among(2) == 0) state = counted.next;
    }
  });
}

TEST(Algorithms, TakeNothingBackOfWhatCountsNoLonger) {
  for (const RateLimitRule& rule : kEach) {
    const LimitState state = decide(std::nullopt, rule, 0, 3, kStart).next;
    EXPECT_NE(without(state, rule, 0, 1, kStart), std::nullopt);
    EXPECT_EQ(without(state, rule, 0, 1, kStart + rule.window), std::nullopt) << fingerprint(rule);
    EXPECT_EQ(without(std::nullopt, rule, 0, 1, kStart), std::nullopt);
  }
}

TEST(Algorithms, TakeBackNoMoreThanThereIs) {
  for (const RateLimitRule& rule : kEach) {
    const LimitState state = decide(std::nullopt, rule, 0, 3, kStart).next;
    EXPECT_EQ(decide(without(state, rule, 0, kMaxLimit, kStart), rule, 0, 0, kStart).remaining, 5);
  }
}

}  // namespace
}  // namespace codex
