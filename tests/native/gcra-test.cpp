#include "wasm/ratelimit/gcra.h"

#include <gtest/gtest.h>

#include "tests/native/limit-traffic.h"

namespace codex::gcra {
namespace {

using codex::testing::anyRule;
using codex::testing::Choices;
using codex::testing::expectAgreement;
using codex::testing::expectContract;
using codex::testing::expectContractOfAnyState;
using codex::testing::inRandomWays;
using codex::testing::kStart;
using codex::testing::unixMs;
using codex::testing::Wide;

RateLimitRule ruled(std::int64_t limit, Millis window, std::int64_t burst) {
  return {limit, window, LimitAlgorithm::Gcra, burst};
}

LimitState tat(Instant at, std::int64_t part = 0) { return {.mark = unixMs(at), .count = part}; }

TEST(Gcra, AdmitsTheBurstAtOnceAndThenOneAfterTheOther) {
  const RateLimitRule rule = ruled(10, Millis{1000}, 3);  // one in 100 ms
  std::optional<LimitState> state;
  for (std::int64_t left = 2; left >= 0; --left) {
    const LimitDecision passed = decide(state, rule, 1, kStart);
    EXPECT_TRUE(passed.allowed);
    EXPECT_EQ(passed.remaining, left);
    EXPECT_EQ(passed.resetAt, kStart + Millis{100 * (3 - left)});
    state = passed.next;
  }
  const LimitDecision denied = decide(state, rule, 1, kStart);
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retryAfter, Millis{100});
  EXPECT_EQ(denied.next, *state);
  EXPECT_FALSE(decide(state, rule, 1, kStart + Millis{99}).allowed);
  EXPECT_TRUE(decide(state, rule, 1, kStart + Millis{100}).allowed);
  EXPECT_EQ(decide(state, rule, 3, kStart).retryAfter, Millis{300});
  EXPECT_EQ(decide(state, rule, 4, kStart).retryAfter, std::nullopt);
}

TEST(Gcra, LosesNoFractionOfAMillisecond) {
  const RateLimitRule rule = ruled(3, Millis{1000}, 1);  // one in 333 1/3 ms
  const LimitDecision first = decide(std::nullopt, rule, 1, kStart);
  EXPECT_EQ(first.next, tat(kStart + Millis{333}, 1));
  EXPECT_EQ(first.resetAt, kStart + Millis{334}) << "rounded up, so that nobody comes back too early";
  EXPECT_FALSE(decide(first.next, rule, 1, kStart + Millis{333}).allowed);
  EXPECT_TRUE(decide(first.next, rule, 1, kStart + Millis{334}).allowed);
}

TEST(Gcra, WithLimitZeroDeniesEveryCost) {
  const RateLimitRule none = ruled(0, Millis{1000}, 0);
  for (const std::int64_t cost : {std::int64_t{1}, kMaxLimit}) {
    const LimitDecision decision = expectContract(tat(kStart), none, 0, cost, kStart);
    EXPECT_FALSE(decision.allowed);
    EXPECT_EQ(decision.retryAfter, std::nullopt);
  }
  EXPECT_TRUE(expectContract(std::nullopt, none, 0, 0, kStart).allowed);
}

TEST(Gcra, TakesATatThatNoClockOfOursWroteForAbsent) {
  const RateLimitRule rule = ruled(5, Millis{1000}, 5);
  const auto known = [&](const LimitState& state) { return ahead(state, rule, kStart) > 0; };
  EXPECT_TRUE(known(tat(kStart + Millis{1000})));
  EXPECT_TRUE(known(tat(kStart + Millis{6000}))) << "the clocks of two places differ";
  EXPECT_FALSE(known(tat(kStart + Millis{6001})));
  EXPECT_FALSE(known(tat(kStart + Millis{1000}, -1)));
  EXPECT_FALSE(known(tat(kStart + Millis{1000}, 5)));
  EXPECT_TRUE(known(tat(kStart + Millis{1000}, 4)));
  EXPECT_FALSE(known(tat(kStart - Millis{1}, 4)));
  EXPECT_FALSE(known(tat(kLatest)));
}

TEST(Gcra, WaitsForATatOfAnotherClockAsLongAsItTakes) {
  const RateLimitRule rule = ruled(5, Millis{1000}, 5);
  const LimitDecision denied = expectContract(tat(kStart + Millis{4000}), rule, 0, 1, kStart);
  EXPECT_EQ(denied.remaining, 0);
  EXPECT_EQ(denied.retryAfter, Millis{3200});
}

TEST(Gcra, ForgetsWhatHasRefilled) {
  const RateLimitRule rule = ruled(5, Millis{1000}, 5);
  const LimitState full = decide(std::nullopt, rule, 5, kStart).next;
  EXPECT_FALSE(decide(full, rule, 1, kStart + Millis{199}).opens);
  EXPECT_TRUE(decide(full, rule, 1, kStart + Millis{1000}).opens);
  EXPECT_EQ(decide(full, rule, 0, kStart + Millis{1000}).remaining, 5);
}

/// The definition, in time scaled by the limit so that nothing is divided, in 128 bits.
class Model {
 public:
  explicit Model(const RateLimitRule& rule) : rule_(rule) {}

  bool allows(std::int64_t cost, Instant now) const {
    return cost == 0 || (rule_.limit > 0 && level(now) + Wide{cost} * rule_.window.count() <= most());
  }
  void admit(std::int64_t cost, Instant now) { tat_ = scaled(now) + level(now) + Wide{cost} * rule_.window.count(); }
  std::int64_t remaining(Instant now) const {
    return rule_.limit == 0 ? 0 : static_cast<std::int64_t>((most() - level(now)) / rule_.window.count());
  }

 private:
  Wide scaled(Instant at) const { return Wide{unixMs(at)} * rule_.limit; }
  Wide most() const { return Wide{rule_.burst} * rule_.window.count(); }
  Wide level(Instant now) const { return tat_ ? std::max<Wide>(0, *tat_ - scaled(now)) : 0; }

  RateLimitRule rule_;
  std::optional<Wide> tat_;
};

TEST(Gcra, AgreesWithItsDefinitionOverRandomTraffic) {
  inRandomWays(400, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, LimitAlgorithm::Gcra);
    Model model(rule);
    expectAgreement(choices, model, rule, 0, 200);
  });
}

TEST(Gcra, KeepsTheContractWhateverStateItFinds) {
  inRandomWays(200, [](Choices& choices) { expectContractOfAnyState(choices, LimitAlgorithm::Gcra, 200); });
}

TEST(Gcra, HoldsABurstThatRefillsForFourHundredDays) {
  for (const RateLimitRule& rule : {ruled(1, Millis{1}, kMaxLimit), ruled(1, kMaxWindow, 12),
                                    ruled(kMaxLimit, kMaxWindow, kMaxLimit), ruled(77'500'000, kMaxWindow, kMaxLimit)}) {
    for (const Instant now : {kEarliest, Instant{}, kStart, kLatest}) {
      const LimitDecision full = expectContract(std::nullopt, rule, 0, rule.burst, now);
      EXPECT_TRUE(full.allowed);
      EXPECT_LE(full.resetAt - now, kMaxRefill + Millis{1});
      const LimitDecision denied = expectContract(full.next, rule, 0, rule.burst, now);
      EXPECT_FALSE(denied.allowed);
      EXPECT_EQ(now + *denied.retryAfter, full.resetAt);
    }
  }
}

}  // namespace
}  // namespace codex::gcra
