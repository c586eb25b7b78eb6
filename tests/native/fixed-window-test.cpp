#include "wasm/ratelimit/fixed-window.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/instants.h"

namespace codex::fixed_window {
namespace {

using codex::testing::Choices;
using codex::testing::inRandomWays;
using codex::testing::kStart;

constexpr RateLimitRule kLogin{5, std::chrono::minutes{15}};
constexpr Millis kTick{1};

TEST(FixedWindow, EndsAtTheInstantOfResetAt) {
  const Count count{3, kStart + Millis{1000}};
  EXPECT_EQ(live(count, kLogin, kStart + Millis{999}), count);
  EXPECT_EQ(live(count, kLogin, kStart + Millis{1000}), std::nullopt);
  EXPECT_EQ(live(count, kLogin, kStart + Millis{1001}), std::nullopt);
}

TEST(FixedWindow, MayEndAsLateAsAWindowOpenedNowAndNoLater) {
  const Count latest{3, kStart + kLogin.window};
  const Count later{3, kStart + kLogin.window + kTick};
  EXPECT_EQ(live(latest, kLogin, kStart), latest);
  EXPECT_EQ(live(later, kLogin, kStart), std::nullopt);
}

TEST(FixedWindow, TakesANegativeCountOrNoneForAbsent) {
  EXPECT_EQ(live(Count{-1, kStart + kTick}, kLogin, kStart), std::nullopt);
  EXPECT_EQ(live(std::nullopt, kLogin, kStart), std::nullopt);
}

TEST(FixedWindow, StaysInRangeAtTheEdgesOfTime) {
  const RateLimitRule longest{1, kMaxWindow};
  EXPECT_EQ(live(Count{0, kLatest}, longest, kEarliest), std::nullopt);
  EXPECT_EQ(decide(std::nullopt, longest, 1, kLatest).resetAt, kLatest + kMaxWindow);
}

TEST(FixedWindow, OpensAtTheFirstAttempt) {
  const Decision first = decide(std::nullopt, kLogin, 1, kStart);
  EXPECT_TRUE(first.allowed);
  EXPECT_EQ(first.remaining, 4);
  EXPECT_EQ(first.resetAt, kStart + kLogin.window);
  EXPECT_EQ(first.retryAfter, Millis{0});
  EXPECT_EQ(first.next, (Count{1, kStart + kLogin.window}));
}

TEST(FixedWindow, DeniesTheSixthAttempt) {
  const Count open{4, kStart + Millis{60'000}};
  const Decision fifth = decide(open, kLogin, 1, kStart);
  EXPECT_TRUE(fifth.allowed);
  EXPECT_EQ(fifth.remaining, 0);
  const Decision sixth = decide(fifth.next, kLogin, 1, kStart);
  EXPECT_FALSE(sixth.allowed);
  EXPECT_EQ(sixth.remaining, 0);
  EXPECT_EQ(sixth.retryAfter, Millis{60'000});
  EXPECT_EQ(sixth.next, fifth.next);
}

TEST(FixedWindow, WithLimitZeroDeniesEveryCost) {
  const RateLimitRule none{0, Millis{1000}};
  for (const std::int64_t cost : {std::int64_t{1}, std::int64_t{2}, kMaxLimit}) {
    const Decision decision = decide(std::nullopt, none, cost, kStart);
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.remaining, 0);
    EXPECT_EQ(decision.retryAfter, std::nullopt) << "waiting never helps";
  }
}

TEST(FixedWindow, DeniesACostAboveTheLimitForGood) {
  const Decision decision = decide(std::nullopt, kLogin, 6, kStart);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retryAfter, std::nullopt);
  EXPECT_EQ(decision.remaining, 5);
  EXPECT_TRUE(decide(std::nullopt, kLogin, 5, kStart).allowed);
}

TEST(FixedWindow, AlwaysAllowsNothing) {
  EXPECT_TRUE(decide(Count{5, kStart + kTick}, kLogin, 0, kStart).allowed);
  EXPECT_TRUE(decide(Count{7, kStart + kTick}, kLogin, 0, kStart).allowed);
  EXPECT_EQ(decide(Count{7, kStart + kTick}, kLogin, 0, kStart).next.count, 7);
}

TEST(FixedWindow, CountsTheLargestNumbersWithoutOverflow) {
  const Count huge{std::numeric_limits<std::int64_t>::max(), kStart + kTick};
  const RateLimitRule widest{kMaxLimit, Millis{1000}};
  EXPECT_FALSE(decide(huge, widest, 1, kStart).allowed);
  EXPECT_FALSE(decide(huge, widest, std::numeric_limits<std::int64_t>::max(), kStart).allowed);
  EXPECT_EQ(decide(huge, widest, 1, kStart).remaining, 0);
  EXPECT_TRUE(decide(std::nullopt, widest, kMaxLimit, kStart).allowed);
}

TEST(FixedWindow, IsStoredAsTheSpecStoresIt) {
  EXPECT_EQ(encode({4, kStart}), R"({"count":4,"resetAt":1767225600000})");
  EXPECT_EQ(encode({0, kEarliest}), R"({"count":0,"resetAt":-8640000000000000})");
  const std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ(encode({most, kLatest}), R"({"count":9223372036854775807,"resetAt":8640000000000000})");
}

TEST(FixedWindow, ReadsWhatItStored) {
  for (const std::int64_t count : {0L, 1L, 4L, 1'000'000'000L, 9'007'199'254'740'991L}) {
    for (const Instant resetAt : {kEarliest, Instant{}, kStart, kLatest}) {
      EXPECT_EQ(decode(encode({count, resetAt})), (Count{count, resetAt}));
    }
  }
}

TEST(FixedWindow, ReadsWhatOthersStored) {
  const Count expected{4, kStart};
  for (const char* const text : {
           R"({"resetAt":1767225600000,"count":4})",
           R"( { "count" : 4 , "resetAt" : 1767225600000 } )",
           R"({"count":4.0,"resetAt":1.7672256e12})",
           R"({"count":99,"count":4,"resetAt":1767225600000})",
           R"({"nested":{"count":7,"resetAt":8},"count":4,"resetAt":1767225600000,"more":[{"count":9}]})",
           R"({"\u0063ount":4,"resetAt":1767225600000})",
       }) {
    EXPECT_EQ(decode(text), expected) << text;
  }
}

TEST(FixedWindow, TakesWhatIsNoCountForAbsent) {
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
    EXPECT_EQ(decode(text), std::nullopt) << text;
  }
}

TEST(FixedWindow, IsKeptPastItsEndAndNeverForLessThanKvAllows) {
  const auto ttl = [](Millis left) { return storedTtl(kStart + left, kStart); };
  EXPECT_EQ(ttl(Millis{1}), Seconds{65});
  EXPECT_EQ(ttl(Millis{59'999}), Seconds{65});
  EXPECT_EQ(ttl(Millis{60'000}), Seconds{65});
  EXPECT_EQ(ttl(Millis{60'001}), Seconds{66});
  EXPECT_EQ(ttl(std::chrono::minutes{15}), Seconds{905});
  EXPECT_EQ(ttl(kMaxWindow), Seconds{2'678'405});
  EXPECT_EQ(ttl(Millis{-1}), Seconds{65});
}

/// The definition, by brute force: what was admitted since the window opened, one by one.
class Model {
 public:
  explicit Model(RateLimitRule rule) : rule_(rule) {}

  void turnTo(Instant now) {
    if (!inWindow_.empty() && now - inWindow_.front() >= rule_.window) inWindow_.clear();
  }
  bool attempt(std::int64_t cost, Instant now) {
    if (used() + cost > rule_.limit) return false;
    for (std::int64_t i = 0; i < cost; ++i) inWindow_.push_back(now);
    return true;
  }
  std::int64_t used() const { return static_cast<std::int64_t>(inWindow_.size()); }

 private:
  RateLimitRule rule_;
  std::vector<Instant> inWindow_;
};

std::size_t mostInAnyInterval(const std::vector<Instant>& admitted, Millis length) {
  std::size_t most = 0;
  for (std::size_t first = 0, next = 0; first < admitted.size(); ++first) {
    while (next < admitted.size() && admitted[next] - admitted[first] < length) ++next;
    most = std::max(most, next - first);
  }
  return most;
}

bool passes(const std::optional<Count>& stored, const RateLimitRule& rule, std::int64_t cost, Instant now) {
  return decide(live(stored, rule, now), rule, cost, now).allowed;
}

/// C1 to C6 of one decision: what it says of the future is true to the millisecond and to the unit.
void expectTrueAndTight(const Decision& decision, const std::optional<Count>& before, const RateLimitRule& rule,
                        std::int64_t cost, Instant now) {
  const std::optional<Count> after = decision.allowed ? std::optional(decision.next) : before;
  EXPECT_TRUE(passes(after, rule, decision.remaining, now));
  EXPECT_FALSE(passes(after, rule, decision.remaining + 1, now));
  if (decision.allowed) {
    EXPECT_EQ(decision.retryAfter, Millis{0});
  } else if (cost > rule.limit) {
    EXPECT_EQ(decision.retryAfter, std::nullopt);
  } else {
    ASSERT_TRUE(decision.retryAfter);
    EXPECT_GT(*decision.retryAfter, Millis{0});
    EXPECT_TRUE(passes(after, rule, cost, now + *decision.retryAfter));
    EXPECT_FALSE(passes(after, rule, cost, now + *decision.retryAfter - kTick));
  }
  EXPECT_TRUE(decision.allowed || !live(before, rule, now) || decision.next == *before);
  EXPECT_TRUE(passes(after, rule, 0, now));
}

TEST(FixedWindow, AgreesWithItsDefinitionOverRandomTraffic) {
  inRandomWays(60, [](Choices& choices) {
    const RateLimitRule rule{static_cast<std::int64_t>(choices.among(12)),
                             Millis{static_cast<std::int64_t>(1 + choices.among(choices.among(2) == 0 ? 20 : 5000))}};
    Model model(rule);
    std::optional<Count> stored;
    std::vector<Instant> admitted;
    Instant now = kStart;
    const std::int64_t window = rule.window.count();
    for (int step = 0; step < 1000 && !::testing::Test::HasFailure(); ++step) {
      const std::int64_t jumps[] = {
          0,          0,      0,          1,
          window - 1, window, window + 1, static_cast<std::int64_t>(choices.among(static_cast<std::size_t>(window)))};
      now += Millis{jumps[choices.among(8)]};
      const std::int64_t cost = choices.among(3) == 0 ? static_cast<std::int64_t>(choices.among(15)) : 1;
      model.turnTo(now);
      const Decision decision = decide(live(stored, rule, now), rule, cost, now);
      expectTrueAndTight(decision, stored, rule, cost, now);
      EXPECT_EQ(decision.allowed, model.attempt(cost, now));
      EXPECT_EQ(decision.remaining, rule.limit - model.used());
      EXPECT_LE(model.used(), rule.limit);
      if (!decision.allowed || cost == 0) continue;
      // What is stored and read back is what was decided.
      stored = decode(encode(decision.next));
      EXPECT_EQ(stored, decision.next);
      admitted.insert(admitted.end(), static_cast<std::size_t>(cost), now);
    }
    EXPECT_LE(mostInAnyInterval(admitted, rule.window), static_cast<std::size_t>(2 * rule.limit));
  });
}

}  // namespace
}  // namespace codex::fixed_window
