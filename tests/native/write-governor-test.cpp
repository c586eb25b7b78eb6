#include "wasm/memory/write-governor.h"

#include <gtest/gtest.h>

#include "tests/native/instants.h"

namespace codex::governor {
namespace {

using testing::kStart;

constexpr Pace kNever{kEarliest, kEarliest};

TEST(WriteGovernor, LetsTheFirstWriteGo) { EXPECT_EQ(waitForTurn(kNever, kStart), Millis{0}); }

TEST(WriteGovernor, HoldsTheNextOneUntilASecondAfterTheLast) {
  const Pace pace{kStart, kEarliest};
  EXPECT_EQ(waitForTurn(pace, kStart), Millis{1000});
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{1}), Millis{999});
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{999}), Millis{1});
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{1000}), Millis{0});
}

TEST(WriteGovernor, HoldsItWhileOneIsUnderWayUntilItsClaimExpires) {
  const Pace pace{kStart, claimFrom(kStart, Millis{3000})};
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{1500}), Millis{2500});
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{3999}), Millis{1});
  EXPECT_EQ(waitForTurn(pace, kStart + Millis{4000}), Millis{0}) << "its request has died";
  EXPECT_LE(claimFrom(kStart, Millis{2'147'483'647}), kStart + Millis{25'000});
}

TEST(WriteGovernor, IsNotHeldUpByAClockThatWasSetBack) {
  const Pace pace{kStart, claimFrom(kStart, Millis{3000})};
  EXPECT_EQ(waitForTurn(pace, kStart - Millis{1}), Millis{4001}) << "a claim may still be true";
  EXPECT_EQ(waitForTurn(pace, kStart - Millis{3'600'000}), Millis{0});
}

TEST(WriteGovernor, TriesAgainEverLaterAndGivesUp) {
  EXPECT_EQ(retryIn(true, 1, Millis{0}, 0), Millis{1000});
  EXPECT_EQ(retryIn(true, 2, Millis{1000}, 0), Millis{2000});
  EXPECT_EQ(retryIn(true, 3, Millis{3000}, 0), Millis{4000});
  EXPECT_EQ(retryIn(true, 4, Millis{7000}, 0), std::nullopt);
  EXPECT_EQ(retryIn(false, 1, Millis{0}, 0), Millis{200});
  EXPECT_EQ(retryIn(false, 3, Millis{0}, 0), Millis{800});
}

TEST(WriteGovernor, SpreadsThoseThatFailedTogether) {
  EXPECT_EQ(retryIn(true, 1, Millis{0}, 0.5), Millis{1250});
  EXPECT_EQ(retryIn(true, 1, Millis{0}, 0.999), Millis{1499});
}

TEST(WriteGovernor, EndsWithinTheTimeThatARequestHas) {
  EXPECT_EQ(retryIn(true, 1, Millis{24'000}, 0), Millis{1000});
  EXPECT_EQ(retryIn(true, 1, Millis{24'001}, 0), std::nullopt);
  EXPECT_EQ(retryIn(true, 1, Millis{24'000}, 0.1), std::nullopt);
}

}  // namespace
}  // namespace codex::governor
