#include "wasm/ratelimit/rate-limit-rule.h"

#include <gtest/gtest.h>

#include <limits>

namespace codex {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(RateLimitRule, TakesEveryLimitFromZeroToABillion) {
  for (const double limit : {0.0, -0.0, 1.0, 5.0, 999'999'999.0, 1'000'000'000.0}) {
    const Result<RateLimitRule> rule = rateLimitRule(limit, 60);
    ASSERT_TRUE(rule) << limit;
    EXPECT_EQ(rule->limit, static_cast<std::int64_t>(limit));
  }
}

TEST(RateLimitRule, RefusesALimitThatIsNoSuchNumber) {
  for (const double limit : {-1.0, -0.5, 2.5, 1'000'000'000.5, 1'000'000'001.0, 1e300, kNaN, kInfinity, -kInfinity, 5e-324}) {
    const Result<RateLimitRule> rule = rateLimitRule(limit, 60);
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
    const Result<RateLimitRule> rule = rateLimitRule(5, window.seconds);
    ASSERT_TRUE(rule) << window.seconds;
    EXPECT_EQ(rule->window, Millis{window.ms});
  }
}

TEST(RateLimitRule, TakesEveryMillisecondThatADecimalCanName) {
  for (std::int64_t ms = 1; ms <= 100'000; ++ms) {
    const Result<RateLimitRule> rule = rateLimitRule(5, static_cast<double>(ms) / 1000);
    ASSERT_TRUE(rule && rule->window == Millis{ms}) << ms;
  }
}

TEST(RateLimitRule, RefusesAWindowThatIsNoSuchDuration) {
  for (const double seconds :
       {0.0, -0.0, -1.0, 0.0004, 0.0005, 0.0015, 1.0005, 2'678'400.001, 1e12, 1e300, 5e-324, kNaN, kInfinity, -kInfinity}) {
    const Result<RateLimitRule> rule = rateLimitRule(5, seconds);
    ASSERT_FALSE(rule) << seconds;
    EXPECT_EQ(rule.error().code, ErrorCode::InvalidConfig);
    EXPECT_TRUE(rule.error().reason.starts_with("window ")) << rule.error().reason;
  }
}

TEST(RateLimitRule, NamesTheNumberItRefuses) {
  EXPECT_EQ(rateLimitRule(2.5, 60).error().actual, 2.5);
  EXPECT_EQ(rateLimitRule(5, -3).error().actual, -3);
  EXPECT_FALSE(rateLimitRule(kNaN, 60).error().hasActual());
}

}  // namespace
}  // namespace codex
