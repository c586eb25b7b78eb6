#include "wasm/ratelimit/shared-count.h"

#include <gtest/gtest.h>

#include <array>

#include "tests/native/choices.h"
#include "tests/native/instants.h"

namespace codex {
namespace {

using fixed_window::Count;
using testing::Choices;
using testing::inRandomWays;
using testing::kStart;

constexpr RateLimitRule kRule{10, Millis{60'000}};
constexpr Instant kEnd = kStart + kRule.window;

std::int64_t countOf(const SharedCount& shared, Instant now = kStart) {
  const std::optional<Count> window = shared.window(kRule, now);
  return window ? window->count : -1;
}

/// Admits one attempt here.
void admit(SharedCount& shared, Instant now = kStart) {
  shared.count(fixed_window::decide(shared.window(kRule, now), kRule, 1, now).next);
}

TEST(SharedCount, KnowsNoWindowAtFirst) {
  const SharedCount shared;
  EXPECT_EQ(shared.window(kRule, kStart), std::nullopt);
  EXPECT_EQ(shared.window(kRule, kEarliest), std::nullopt);
}

TEST(SharedCount, AdoptsAWindowThatIsOpen) {
  SharedCount shared;
  shared.adopt({4, kEnd}, kRule, kStart);
  EXPECT_EQ(shared.window(kRule, kStart), (Count{4, kEnd}));
}

TEST(SharedCount, AdoptsNoWindowThatHasEndedOrEndsTooLate) {
  SharedCount shared;
  shared.adopt({4, kStart}, kRule, kStart);
  shared.adopt({4, kEnd + Millis{1}}, kRule, kStart);
  EXPECT_EQ(countOf(shared), -1);
  admit(shared);
  shared.adopt({9, kStart}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 1);
}

TEST(SharedCount, EndsWithItsWindow) {
  SharedCount shared;
  shared.adopt({4, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared, kEnd - Millis{1}), 4);
  EXPECT_EQ(countOf(shared, kEnd), -1);
}

TEST(SharedCount, TakesTheEarlierEnd) {
  SharedCount shared;
  admit(shared);
  shared.adopt({1, kEnd - Millis{500}}, kRule, kStart);
  EXPECT_EQ(shared.window(kRule, kStart)->resetAt, kEnd - Millis{500});
  shared.adopt({1, kEnd - Millis{100}}, kRule, kStart);
  EXPECT_EQ(shared.window(kRule, kStart)->resetAt, kEnd - Millis{500});
}

TEST(SharedCount, AddsWhatOthersCountedToWhatWasAdmittedHere) {
  SharedCount shared;
  shared.adopt({2, kEnd}, kRule, kStart);
  admit(shared);
  shared.adopt({5, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 6) << "5 there, and 1 here that is not written yet";
}

TEST(SharedCount, NeverCountsItsOwnWriteTwice) {
  SharedCount shared;
  admit(shared);
  const SharedCount::Write write = shared.beginWrite();
  EXPECT_EQ(write.count, (Count{1, kEnd}));
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 1) << "read while the write was under way";
  shared.endWrite(write, false);
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 1) << "read after it landed";
}

TEST(SharedCount, NeverForgetsWhatWasAdmittedHereBecauseAReadIsOld) {
  SharedCount shared;
  for (int i = 0; i < 3; ++i) admit(shared);
  shared.endWrite(shared.beginWrite(), false);
  for (const std::int64_t old : {0, 1, 2, 3}) {
    shared.adopt({old, kEnd}, kRule, kStart);
    EXPECT_EQ(countOf(shared), 3);
  }
}

TEST(SharedCount, CountsAReadThatMayHoldAWriteUnderWayOnce) {
  SharedCount shared;
  admit(shared);
  const SharedCount::Write write = shared.beginWrite();
  shared.adopt({4, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 4) << "3 of others and this isolate's own, or 4 of others";
  shared.endWrite(write, false);
  shared.adopt({4, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 4);
}

TEST(SharedCount, TakesARefusedWriteForNotWritten) {
  SharedCount shared;
  admit(shared);
  shared.endWrite(shared.beginWrite(), true);
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 2) << "the 1 there is somebody else's";
}

TEST(SharedCount, TakesAReadForOthersOnceItsOwnWriteTurnsOutRefused) {
  SharedCount shared;
  admit(shared);
  const SharedCount::Write write = shared.beginWrite();
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 1) << "which may be this isolate's own";
  shared.endWrite(write, true);
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 2) << "which cannot be its own any more";
}

TEST(SharedCount, TakesAFailedWriteForWritten) {
  SharedCount shared;
  admit(shared);
  shared.endWrite(shared.beginWrite(), false);
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 1);
}

TEST(SharedCount, TakesBackWhatItIsAskedTo) {
  SharedCount shared;
  admit(shared);
  admit(shared);
  const SharedCount::Write write = shared.beginWrite();
  shared.endWrite(write, false);
  shared.refund(write, 1);
  EXPECT_EQ(countOf(shared), 1);
  shared.refund(write, 100);
  EXPECT_EQ(countOf(shared), 0);
}

TEST(SharedCount, TakesNothingBackFromAnotherWindow) {
  SharedCount shared;
  admit(shared);
  const SharedCount::Write write = shared.beginWrite();
  admit(shared, kEnd);
  shared.endWrite(write, false);
  shared.refund(write, 1);
  EXPECT_EQ(countOf(shared, kEnd), 1);
}

TEST(SharedCount, ForgetsItsWindowWhenClosed) {
  SharedCount shared;
  admit(shared);
  const SharedCount::Write late = shared.beginWrite();
  shared.close();
  EXPECT_EQ(countOf(shared), -1);
  admit(shared);
  shared.endWrite(late, false);
  shared.adopt({1, kEnd}, kRule, kStart);
  EXPECT_EQ(countOf(shared), 2) << "the 1 there is not known to be this window's";
}

TEST(SharedCount, StartsEachWindowFromNothing) {
  SharedCount shared;
  for (int i = 0; i < 7; ++i) admit(shared);
  shared.endWrite(shared.beginWrite(), false);
  admit(shared, kEnd);
  EXPECT_EQ(countOf(shared, kEnd), 1);
  shared.adopt({3, kEnd + kRule.window}, kRule, kEnd);
  EXPECT_EQ(countOf(shared, kEnd), 4) << "the 7 written in the last window must not hide others' 3";
}

TEST(SharedCount, EndsAWriteThatNobodyBegan) {
  SharedCount shared;
  shared.endWrite({{3, kEnd}, 7}, false);
  admit(shared);
  EXPECT_EQ(countOf(shared), 1);
}

/// The store as everybody sees it, and isolates that take turns: read, decide, write.
TEST(SharedCount, CountsExactlyWhereIsolatesTakeTurns) {
  inRandomWays(300, [](Choices& choices) {
    std::array<SharedCount, 3> isolates;
    std::optional<Count> store;
    Instant now = kStart;
    Instant end = kEarliest;
    std::int64_t admitted = 0;
    for (int turn = 0; turn < 200 && !::testing::Test::HasFailure(); ++turn) {
      now += Millis{static_cast<std::int64_t>(choices.among(2) == 0 ? 0 : choices.among(4000))};
      if (now >= end) admitted = 0;
      SharedCount& here = isolates[choices.among(isolates.size())];
      if (store) here.adopt(*store, kRule, now);
      const fixed_window::Decision decision = fixed_window::decide(here.window(kRule, now), kRule, 1, now);
      EXPECT_EQ(decision.allowed, admitted < kRule.limit);
      if (!decision.allowed) continue;
      here.count(decision.next);
      end = decision.resetAt;
      ++admitted;
      const SharedCount::Write write = here.beginWrite();
      store = write.count;
      here.endWrite(write, false);
    }
  });
}

}  // namespace
}  // namespace codex
