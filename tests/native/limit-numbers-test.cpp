#include "bindings/limit-numbers.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/native/instants.h"

namespace codex::bindings {
namespace {

using codex::testing::kStart;
using codex::testing::unixMs;

TEST(LimitNumbers, BringBackWhatWasPut) {
  Attempts full;
  full.state = LimitState{unixMs(kStart), 999'999'999, kMaxLimit};
  full.opening = unixMs(kStart);
  full.sequence = std::numeric_limits<std::uint32_t>::max();
  full.refunded = 0x8000'0001U;
  full.blockedUntil = kLatest;
  Attempts past;
  past.state = LimitState{-1, 0, 0};
  for (const Attempts& attempts : {Attempts{}, full, past}) {
    for (const std::size_t first : {std::size_t{0}, std::size_t{7}}) {
      Numbers numbers;
      putAttempts(attempts, numbers, first);
      EXPECT_EQ(attemptsIn(numbers, first), attempts);
    }
  }
}

TEST(LimitNumbers, TakeNothingThatIsOutOfRange) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double value : {kInfinity, -kInfinity, std::numeric_limits<double>::quiet_NaN(), 1e300, -1e300, 9.1e15, -9.1e15}) {
    Numbers numbers;
    for (std::size_t i = 0; i < kAttemptsNumbers; ++i) numbers.address()[i] = value;
    const Attempts attempts = attemptsIn(numbers, 0);
    EXPECT_EQ(attempts.state, (LimitState{0, 0, 0}));
    EXPECT_EQ(attempts.opening, 0);
    EXPECT_EQ(attempts.sequence, 0U);
    EXPECT_EQ(attempts.refunded, 0U);
    EXPECT_GE(attempts.blockedUntil, kEarliest);
    EXPECT_LE(attempts.blockedUntil, kLatest);
    EXPECT_EQ(ticketOf(value, value).opening, 0);
    EXPECT_EQ(ticketOf(value, value).sequence, 0U);
  }
  EXPECT_EQ(ticketOf(1.5e12, -1).sequence, 0U);
}

}  // namespace
}  // namespace codex::bindings
