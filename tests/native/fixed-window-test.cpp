#include "wasm/ratelimit/fixed-window.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/native/limit-traffic.h"

namespace codex::fixed_window {
namespace {

using codex::testing::anyRule;
using codex::testing::Choices;
using codex::testing::expectAgreement;
using codex::testing::expectContractOfAnyState;
using codex::testing::inRandomWays;
using codex::testing::kStart;
using codex::testing::unixMs;

constexpr RateLimitRule kLogin{5, std::chrono::minutes{15}};
constexpr Millis kTick{1};

LimitState counted(std::int64_t count, Instant resetAt) { return {.mark = unixMs(resetAt), .count = count}; }

TEST(FixedWindow, EndsAtTheInstantOfResetAt) {
  const LimitState state = counted(3, kStart + Millis{1000});
  EXPECT_EQ(live(state, kLogin, kStart + Millis{999}), state);
  EXPECT_EQ(live(state, kLogin, kStart + Millis{1000}), std::nullopt);
  EXPECT_EQ(live(state, kLogin, kStart + Millis{1001}), std::nullopt);
}

TEST(FixedWindow, MayEndAsLateAsAWindowOpenedNowAndNoLater) {
  const LimitState latest = counted(3, kStart + kLogin.window);
  const LimitState later = counted(3, kStart + kLogin.window + kTick);
  EXPECT_EQ(live(latest, kLogin, kStart), latest);
  EXPECT_EQ(live(later, kLogin, kStart), std::nullopt);
}

TEST(FixedWindow, TakesANegativeCountOrNoneForAbsent) {
  EXPECT_EQ(live(counted(-1, kStart + kTick), kLogin, kStart), std::nullopt);
  EXPECT_EQ(live(std::nullopt, kLogin, kStart), std::nullopt);
}

TEST(FixedWindow, StaysInRangeAtTheEdgesOfTime) {
  const RateLimitRule longest{1, kMaxWindow};
  EXPECT_EQ(live(counted(0, kLatest), longest, kEarliest), std::nullopt);
  EXPECT_EQ(decide(std::nullopt, longest, 1, kLatest).resetAt, kLatest + kMaxWindow);
}

TEST(FixedWindow, OpensAtTheFirstAttempt) {
  const LimitDecision first = decide(std::nullopt, kLogin, 1, kStart);
  EXPECT_TRUE(first.allowed);
  EXPECT_TRUE(first.opens);
  EXPECT_EQ(first.remaining, 4);
  EXPECT_EQ(first.resetAt, kStart + kLogin.window);
  EXPECT_EQ(first.retryAfter, Millis{0});
  EXPECT_EQ(first.next, counted(1, kStart + kLogin.window));
  EXPECT_FALSE(decide(first.next, kLogin, 1, kStart).opens);
}

TEST(FixedWindow, DeniesTheSixthAttempt) {
  const LimitState open = counted(4, kStart + Millis{60'000});
  const LimitDecision fifth = decide(open, kLogin, 1, kStart);
  EXPECT_TRUE(fifth.allowed);
  EXPECT_EQ(fifth.remaining, 0);
  const LimitDecision sixth = decide(fifth.next, kLogin, 1, kStart);
  EXPECT_FALSE(sixth.allowed);
  EXPECT_EQ(sixth.remaining, 0);
  EXPECT_EQ(sixth.retryAfter, Millis{60'000});
  EXPECT_EQ(sixth.next, fifth.next);
}

TEST(FixedWindow, WithLimitZeroDeniesEveryCost) {
  const RateLimitRule none{0, Millis{1000}};
  for (const std::int64_t cost : {std::int64_t{1}, std::int64_t{2}, kMaxLimit}) {
    const LimitDecision decision = decide(std::nullopt, none, cost, kStart);
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.remaining, 0);
    EXPECT_EQ(decision.retryAfter, std::nullopt) << "waiting never helps";
  }
}

TEST(FixedWindow, DeniesACostAboveTheLimitForGood) {
  const LimitDecision decision = decide(std::nullopt, kLogin, 6, kStart);
  EXPECT_FALSE(decision.allowed);
  EXPECT_EQ(decision.retryAfter, std::nullopt);
  EXPECT_EQ(decision.remaining, 5);
  EXPECT_TRUE(decide(std::nullopt, kLogin, 5, kStart).allowed);
}

TEST(FixedWindow, AlwaysAllowsNothing) {
  EXPECT_TRUE(decide(counted(5, kStart + kTick), kLogin, 0, kStart).allowed);
  EXPECT_TRUE(decide(counted(7, kStart + kTick), kLogin, 0, kStart).allowed);
  EXPECT_EQ(decide(counted(7, kStart + kTick), kLogin, 0, kStart).next.count, 7);
}

TEST(FixedWindow, CountsTheLargestNumbersWithoutOverflow) {
  const LimitState huge = counted(std::numeric_limits<std::int64_t>::max(), kStart + kTick);
  const RateLimitRule widest{kMaxLimit, Millis{1000}};
  EXPECT_FALSE(decide(huge, widest, 1, kStart).allowed);
  EXPECT_FALSE(decide(huge, widest, std::numeric_limits<std::int64_t>::max(), kStart).allowed);
  EXPECT_EQ(decide(huge, widest, 1, kStart).remaining, 0);
  EXPECT_TRUE(decide(std::nullopt, widest, kMaxLimit, kStart).allowed);
}

/// The definition: what has passed since the window opened, one after the other.
class Model {
 public:
  explicit Model(const RateLimitRule& rule) : rule_(rule) {}

  bool allows(std::int64_t cost, Instant now) { return cost == 0 || cost <= remaining(now); }
  void admit(std::int64_t cost, Instant now) {
    if (cost > 0) inWindow_.push_back({now, cost});
  }
  std::int64_t remaining(Instant now) {
    if (!inWindow_.empty() && now - inWindow_.front().at >= rule_.window) inWindow_.clear();
    std::int64_t left = rule_.limit;
    for (const Passed& passed : inWindow_) left -= passed.cost;
    return left;
  }

 private:
  struct Passed {
    Instant at;
    std::int64_t cost;
  };
  RateLimitRule rule_;
  std::vector<Passed> inWindow_;
};

TEST(FixedWindow, AgreesWithItsDefinitionOverRandomTraffic) {
  inRandomWays(400, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, LimitAlgorithm::FixedWindow);
    Model model(rule);
    expectAgreement(choices, model, rule, 0, 200);
  });
}

TEST(FixedWindow, KeepsTheContractWhateverStateItFinds) {
  inRandomWays(200, [](Choices& choices) { expectContractOfAnyState(choices, LimitAlgorithm::FixedWindow, 200); });
}

}  // namespace
}  // namespace codex::fixed_window
