#include "wasm/ratelimit/sliding-window.h"

#include <gtest/gtest.h>

#include "tests/native/limit-traffic.h"

namespace codex::sliding_window {
namespace {

using codex::testing::anyRule;
using codex::testing::Choices;
using codex::testing::expectAgreement;
using codex::testing::expectContract;
using codex::testing::expectContractOfAnyState;
using codex::testing::inRandomWays;
using codex::testing::upTo;
using codex::testing::Wide;
using codex::testing::windowAt;

constexpr RateLimitRule kTen{10, Millis{1000}, LimitAlgorithm::SlidingWindow};

Instant ms(std::int64_t unixMs) { return Instant{Millis{unixMs}}; }

TEST(SlidingWindow, CountsTheWindowBeforeForThePartStillInSight) {
  struct Case {
    std::int64_t at;
    std::int64_t remaining;
  };
  // 8 passed in the window from 4000 on, 1 in the window from 5000 on.
  const LimitState state{5, 1, 8};
  for (const Case& one :
       {Case{5000, 1}, {5124, 1}, {5125, 2}, {5500, 5}, {5874, 7}, {5875, 8}, {5999, 8}, {6000, 9}, {7000, 10}}) {
    const LimitDecision decision = sliding_window::decide(state, kTen, 0, 0, ms(one.at));
    EXPECT_EQ(decision.remaining, one.remaining) << one.at;
  }
}

TEST(SlidingWindow, SaysWhenEnoughOfTheWindowBeforeIsOutOfSight) {
  const LimitState state{5, 2, 8};
  const LimitDecision denied = sliding_window::decide(state, kTen, 0, 1, ms(5000));
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.retryAfter, Millis{125}) << "8 * 875 / 1000 is 7";
  EXPECT_EQ(denied.resetAt, ms(7000)) << "the 2 count until the end of the next window";
}

TEST(SlidingWindow, SaysWhenEnoughOfThisWindowIsOutOfSightInTheNext) {
  const LimitState state{5, 10, 0};
  EXPECT_EQ(sliding_window::decide(state, kTen, 0, 1, ms(5400)).retryAfter, Millis{700}) << "10 * 900 / 1000 is 9";
  EXPECT_EQ(sliding_window::decide(state, kTen, 0, 10, ms(5400)).retryAfter, Millis{1600});
  EXPECT_EQ(sliding_window::decide(state, kTen, 0, 11, ms(5400)).retryAfter, std::nullopt);
}

TEST(SlidingWindow, KeepsACountForTheNextWindowAndNoLonger) {
  const LimitState state{5, 4, 3};
  EXPECT_EQ(rolled(state, kTen, 0, ms(5999)), state);
  EXPECT_EQ(rolled(state, kTen, 0, ms(6000)), (LimitState{6, 0, 4}));
  EXPECT_EQ(rolled(state, kTen, 0, ms(6999)), (LimitState{6, 0, 4}));
  EXPECT_EQ(rolled(state, kTen, 0, ms(7000)), std::nullopt);
}

TEST(SlidingWindow, TakesTheNextWindowForAClockThatWentBackAndALaterOneForNone) {
  const LimitState state{5, 4, 6};
  EXPECT_EQ(rolled(state, kTen, 0, ms(4000)), state);
  EXPECT_EQ(rolled(state, kTen, 0, ms(3999)), std::nullopt);
  EXPECT_EQ(sliding_window::decide(state, kTen, 0, 0, ms(4999)).remaining, 0)
      << "the window before counts whole until the window begins";
}

TEST(SlidingWindow, WaitsForTheWindowToBeginWhereTheClockWentBack) {
  const LimitState state{5, 4, 6};
  const LimitDecision denied = expectContract(state, kTen, 0, 3, ms(4900));
  EXPECT_EQ(denied.retryAfter, Millis{100 + 500}) << "6 * 500 / 1000 is 3";
  EXPECT_EQ(denied.resetAt, ms(7000));
}

TEST(SlidingWindow, LiesAcross1970AsAnywhere) {
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 0, 1, ms(-1)).next, (LimitState{-1, 1, 0}));
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 0, 1, ms(-1000)).next, (LimitState{-1, 1, 0}));
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 0, 1, ms(-1001)).next, (LimitState{-2, 1, 0}));
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 0, 1, ms(0)).next, (LimitState{0, 1, 0}));
}

TEST(SlidingWindow, IsShiftedByItsPhase) {
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 300, 1, ms(5699)).next.mark, 5);
  EXPECT_EQ(sliding_window::decide(std::nullopt, kTen, 300, 1, ms(5700)).next.mark, 6);
}

TEST(SlidingWindow, TakesCountsOutOfRangeForAbsent) {
  for (const std::int64_t count : {std::int64_t{-1}, kMaxLimit + 1}) {
    EXPECT_EQ(rolled(LimitState{5, count, 0}, kTen, 0, ms(5000)), std::nullopt);
    EXPECT_EQ(rolled(LimitState{5, 0, count}, kTen, 0, ms(5000)), std::nullopt);
  }
}

TEST(SlidingWindow, SaysWhenRefundsBeginAnew) {
  const LimitState state{5, 4, 3};
  EXPECT_TRUE(sliding_window::decide(std::nullopt, kTen, 0, 1, ms(5000)).opens);
  EXPECT_FALSE(sliding_window::decide(state, kTen, 0, 1, ms(5999)).opens);
  EXPECT_TRUE(sliding_window::decide(state, kTen, 0, 1, ms(6000)).opens);
}

/// The definition: everything that has passed, and what of it lies in this window and in the one before.
class Model {
 public:
  Model(const RateLimitRule& rule, std::int64_t phase) : rule_(rule), phase_(phase) {}

  bool allows(std::int64_t cost, Instant now) const { return cost == 0 || Wide{cost} * rule_.window.count() <= room(now); }
  void admit(std::int64_t cost, Instant now) { log_.push_back({windowAt(now, rule_, phase_), cost}); }
  std::int64_t remaining(Instant now) const {
    const Wide left = room(now);
    return left < 0 ? 0 : static_cast<std::int64_t>(left / rule_.window.count());
  }

 private:
  struct Passed {
    std::int64_t window;
    std::int64_t cost;
  };

  /// What may still pass, in parts of 1/window.
  Wide room(Instant now) const {
    const Wide length = rule_.window.count();
    const std::int64_t window = windowAt(now, rule_, phase_);
    const Wide elapsed = Wide{now.time_since_epoch().count()} + phase_ - window * length;
    Wide left = rule_.limit * length;
    for (const Passed& passed : log_) {
      if (passed.window == window) left -= passed.cost * length;
      if (passed.window == window - 1) left -= passed.cost * (length - elapsed);
    }
    return left;
  }

  RateLimitRule rule_;
  std::int64_t phase_;
  std::vector<Passed> log_;
};

TEST(SlidingWindow, AgreesWithItsDefinitionOverRandomTraffic) {
  inRandomWays(400, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, LimitAlgorithm::SlidingWindow);
    const std::int64_t phase = upTo(choices, rule.window.count() - 1);
    Model model(rule, phase);
    expectAgreement(choices, model, rule, phase, 200);
  });
}

TEST(SlidingWindow, KeepsTheContractWhateverStateItFinds) {
  inRandomWays(200, [](Choices& choices) { expectContractOfAnyState(choices, LimitAlgorithm::SlidingWindow, 200); });
}

}  // namespace
}  // namespace codex::sliding_window
