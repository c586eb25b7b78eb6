#include "wasm/ratelimit/rate-limit-rule.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string>

namespace codex {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Result<RateLimitRule> fixed(double limit, double windowSeconds) {
  return rateLimitRule(limit, windowSeconds, LimitAlgorithm::FixedWindow, kNaN);
}
Result<RateLimitRule> gcra(double limit, double windowSeconds, double burst) {
  return rateLimitRule(limit, windowSeconds, LimitAlgorithm::Gcra, burst);
}

TEST(RateLimitRule, TakesEveryLimitFromZeroToABillion) {
  for (const double limit : {0.0, -0.0, 1.0, 5.0, 999'999'999.0, 1'000'000'000.0}) {
    const Result<RateLimitRule> rule = fixed(limit, 60);
    ASSERT_TRUE(rule) << limit;
    EXPECT_EQ(rule->limit, static_cast<std::int64_t>(limit));
  }
}

TEST(RateLimitRule, RefusesALimitThatIsNoSuchNumber) {
  for (const double limit : {-1.0, -0.5, 2.5, 1'000'000'000.5, 1'000'000'001.0, 1e300, kNaN, kInfinity, -kInfinity, 5e-324}) {
    const Result<RateLimitRule> rule = fixed(limit, 60);
    ASSERT_FALSE(rule) << limit;
    EXPECT_EQ(rule.error().code, ErrorCode::InvalidConfig);
    EXPECT_TRUE(rule.error().reason.starts_with("limit ")) << rule.error().reason;
  }
}

TEST(RateLimitRule, TakesWindowsInWholeMilliseconds) {
  struct Window {
    double seconds;
    std::int64_t ms;
  };
  for (const Window window : {Window{0.001, 1},
                              {1, 1000},
                              {0.06, 60},
                              {1.005, 1005},
                              {59.999, 59'999},
                              {900, 900'000},
                              {2'678'400, 2'678'400'000},
                              {2'678'399.999, 2'678'399'999}}) {
    const Result<RateLimitRule> rule = fixed(5, window.seconds);
    ASSERT_TRUE(rule) << window.seconds;
    EXPECT_EQ(rule->window, Millis{window.ms});
  }
}

TEST(RateLimitRule, TakesEveryMillisecondThatADecimalCanName) {
  for (std::int64_t ms = 1; ms <= 100'000; ++ms) {
    const Result<RateLimitRule> rule = fixed(5, static_cast<double>(ms) / 1000);
    ASSERT_TRUE(rule && rule->window == Millis{ms}) << ms;
  }
}

TEST(RateLimitRule, RefusesAWindowThatIsNoSuchDuration) {
  for (const double seconds :
       {0.0, -0.0, -1.0, 0.0004, 0.0005, 0.0015, 1.0005, 2'678'400.001, 1e12, 1e300, 5e-324, kNaN, kInfinity, -kInfinity}) {
    const Result<RateLimitRule> rule = fixed(5, seconds);
    ASSERT_FALSE(rule) << seconds;
    EXPECT_EQ(rule.error().code, ErrorCode::InvalidConfig);
    EXPECT_TRUE(rule.error().reason.starts_with("window ")) << rule.error().reason;
  }
}

TEST(RateLimitRule, NamesTheNumberItRefuses) {
  EXPECT_EQ(fixed(2.5, 60).error().actual, 2.5);
  EXPECT_EQ(fixed(5, -3).error().actual, -3);
  EXPECT_FALSE(fixed(kNaN, 60).error().hasActual());
}

TEST(RateLimitRule, HasABurstOfTheLimitUnlessTold) {
  for (const LimitAlgorithm algorithm : {LimitAlgorithm::FixedWindow, LimitAlgorithm::SlidingWindow, LimitAlgorithm::Gcra}) {
    const Result<RateLimitRule> rule = rateLimitRule(5, 60, algorithm, kNaN);
    ASSERT_TRUE(rule);
    EXPECT_EQ(rule->algorithm, algorithm);
    EXPECT_EQ(rule->burst, 5);
  }
  EXPECT_EQ(gcra(5, 60, 20)->burst, 20);
  EXPECT_EQ(gcra(0, 60, 20)->burst, 0) << "a limit of 0 lets nothing pass";
}

TEST(RateLimitRule, TakesABurstForGcraOnly) {
  for (const LimitAlgorithm algorithm : {LimitAlgorithm::FixedWindow, LimitAlgorithm::SlidingWindow}) {
    const Result<RateLimitRule> rule = rateLimitRule(5, 60, algorithm, 5);
    ASSERT_FALSE(rule);
    EXPECT_EQ(rule.error().code, ErrorCode::InvalidConfig);
  }
}

TEST(RateLimitRule, RefusesABurstThatIsNoSuchNumber) {
  for (const double burst : {0.0, -1.0, 2.5, 1'000'000'001.0, kInfinity, -kInfinity}) {
    const Result<RateLimitRule> rule = gcra(1'000'000'000, 60, burst);
    ASSERT_FALSE(rule) << burst;
    EXPECT_EQ(rule.error().code, ErrorCode::InvalidConfig);
    EXPECT_TRUE(rule.error().reason.starts_with("burst ")) << rule.error().reason;
  }
}

TEST(RateLimitRule, LetsABurstRefillWithin400Days) {
  EXPECT_TRUE(gcra(1, 86'400, 400));
  EXPECT_FALSE(gcra(1, 86'400, 401));
  EXPECT_TRUE(gcra(1, 0.001, 1'000'000'000));
  EXPECT_TRUE(gcra(1'000'000'000, 2'678'400, 1'000'000'000)) << "the largest product there is";
  EXPECT_TRUE(gcra(77'500'000, 2'678'400, 1'000'000'000));
  EXPECT_FALSE(gcra(77'499'999, 2'678'400, 1'000'000'000));
  EXPECT_TRUE(gcra(1, 2'678'400, 12));
  EXPECT_FALSE(gcra(1, 2'678'400, 13));
}

TEST(RateLimitRule, IsToldFromEveryOtherByItsFingerprint) {
  EXPECT_EQ(fingerprint(*fixed(5, 900)), "f:5:900000");
  EXPECT_EQ(fingerprint(*rateLimitRule(5, 900, LimitAlgorithm::SlidingWindow, kNaN)), "s:5:900000");
  EXPECT_EQ(fingerprint(*gcra(5, 900, kNaN)), "g:5:900000");
  EXPECT_EQ(fingerprint(*gcra(5, 900, 5)), "g:5:900000");
  EXPECT_EQ(fingerprint(*gcra(5, 900, 20)), "g:5:900000:20");
  std::set<std::string> prints;
  std::size_t rules = 0;
  for (const double limit : {0.0, 1.0, 5.0, 51.0, 1'000'000'000.0}) {
    for (const double window : {0.001, 0.9, 900.0, 2'678'400.0}) {
      for (const LimitAlgorithm algorithm :
           {LimitAlgorithm::FixedWindow, LimitAlgorithm::SlidingWindow, LimitAlgorithm::Gcra}) {
        prints.insert(fingerprint(*rateLimitRule(limit, window, algorithm, kNaN)));
        ++rules;
      }
    }
  }
  EXPECT_EQ(prints.size(), rules);
}

TEST(AttemptCost, IsAWholeNumberFromZeroToABillion) {
  for (const double cost : {0.0, -0.0, 1.0, 1'000'000'000.0}) EXPECT_EQ(attemptCost(cost), static_cast<std::int64_t>(cost));
  for (const double cost : {-1.0, 0.5, 1'000'000'001.0, kNaN, kInfinity, -kInfinity}) {
    const Result<std::int64_t> refused = attemptCost(cost);
    ASSERT_FALSE(refused) << cost;
    EXPECT_EQ(refused.error().code, ErrorCode::InvalidArgument);
  }
}

}  // namespace
}  // namespace codex
