#include "wasm/ratelimit/limit-counter.h"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <utility>

#include "tests/native/limit-traffic.h"

namespace codex {
namespace {

using testing::Admitted;
using testing::anyRule;
using testing::Choices;
using testing::inRandomWays;
using testing::kStart;
using testing::unixMs;
using testing::upTo;

constexpr RateLimitRule kRule{10, Millis{60'000}};
constexpr RateLimitRule kSliding{10, Millis{60'000}, LimitAlgorithm::SlidingWindow};
constexpr RateLimitRule kGcra{10, Millis{60'000}, LimitAlgorithm::Gcra};
constexpr Instant kEnd = kStart + kRule.window;

LimitState window(std::int64_t count, Instant resetAt = kEnd) { return {.mark = unixMs(resetAt), .count = count}; }

/// How much passes no more because of what is known.
std::int64_t used(LimitCounter& counter, Instant now = kStart) {
  return counter.rule().burst - counter.judge(0, false, now).remaining;
}

void admit(LimitCounter& counter, Instant now = kStart) { EXPECT_TRUE(counter.judge(1, true, now).allowed); }

void landed(LimitCounter& counter, const LimitCounter::Write& write) { counter.endWrite(write, true, false); }
void refused(LimitCounter& counter, const LimitCounter::Write& write) { counter.endWrite(write, false, true); }
void failed(LimitCounter& counter, const LimitCounter::Write& write) { counter.endWrite(write, true, true); }

TEST(LimitCounter, KnowsNothingAtFirst) {
  LimitCounter counter(kRule, 0);
  EXPECT_EQ(used(counter), 0);
  EXPECT_EQ(used(counter, kEarliest), 0);
  EXPECT_FALSE(counter.unwritten());
  EXPECT_FALSE(counter.denies(1, kStart));
  EXPECT_TRUE(counter.endedBy(kStart));
}

TEST(LimitCounter, AdoptsAWindowThatIsOpen) {
  LimitCounter counter(kRule, 0);
  counter.adopt(window(4), kStart);
  EXPECT_EQ(counter.attempts().state, window(4));
  EXPECT_FALSE(counter.unwritten());
}

TEST(LimitCounter, AdoptsNoWindowThatHasEndedOrEndsTooLate) {
  LimitCounter counter(kRule, 0);
  counter.adopt(window(4, kStart), kStart);
  counter.adopt(window(4, kEnd + Millis{1}), kStart);
  EXPECT_EQ(used(counter), 0);
  admit(counter);
  counter.adopt(window(9, kStart), kStart);
  EXPECT_EQ(used(counter), 1);
}

TEST(LimitCounter, EndsWithItsWindow) {
  LimitCounter counter(kRule, 0);
  counter.adopt(window(4), kStart);
  EXPECT_EQ(used(counter, kEnd - Millis{1}), 4);
  EXPECT_FALSE(counter.endedBy(kEnd - Millis{1}));
  EXPECT_EQ(used(counter, kEnd), 0);
  EXPECT_TRUE(counter.endedBy(kEnd));
}

TEST(LimitCounter, DoesNotEndWhileItBlocks) {
  LimitCounter counter(kRule, 0);
  counter.block(kStart + Millis{5});
  EXPECT_FALSE(counter.endedBy(kStart + Millis{4}));
  EXPECT_TRUE(counter.denies(1, kStart + Millis{4}));
  EXPECT_FALSE(counter.denies(0, kStart + Millis{4}));
  EXPECT_TRUE(counter.endedBy(kStart + Millis{5}));
}

TEST(LimitCounter, TakesTheEarlierEnd) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  counter.adopt(window(1, kEnd - Millis{500}), kStart);
  EXPECT_EQ(counter.judge(0, false, kStart).resetAt, kEnd - Millis{500});
  counter.adopt(window(1, kEnd - Millis{100}), kStart);
  EXPECT_EQ(counter.judge(0, false, kStart).resetAt, kEnd - Millis{500});
}

TEST(LimitCounter, AddsWhatOthersCountedToWhatWasAdmittedHere) {
  LimitCounter counter(kRule, 0);
  counter.adopt(window(2), kStart);
  admit(counter);
  counter.adopt(window(5), kStart);
  EXPECT_EQ(used(counter), 6) << "5 there, and 1 here that is not written yet";
}

TEST(LimitCounter, NeverCountsItsOwnWriteTwice) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  const LimitCounter::Write write = counter.beginWrite();
  EXPECT_EQ(write.state, window(1));
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 1) << "read while the write was under way";
  landed(counter, write);
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 1) << "read after it landed";
}

TEST(LimitCounter, NeverForgetsWhatWasAdmittedHereBecauseAReadIsOld) {
  LimitCounter counter(kRule, 0);
  for (int i = 0; i < 3; ++i) admit(counter);
  landed(counter, counter.beginWrite());
  for (const std::int64_t old : {0, 1, 2, 3}) {
    counter.adopt(window(old), kStart);
    EXPECT_EQ(used(counter), 3);
  }
}

TEST(LimitCounter, CountsAReadThatMayHoldAWriteUnderWayOnce) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  const LimitCounter::Write write = counter.beginWrite();
  counter.adopt(window(4), kStart);
  EXPECT_EQ(used(counter), 4) << "3 of others and this isolate's own, or 4 of others";
  landed(counter, write);
  counter.adopt(window(4), kStart);
  EXPECT_EQ(used(counter), 4);
}

TEST(LimitCounter, TakesARefusedWriteForNotWritten) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  refused(counter, counter.beginWrite());
  EXPECT_TRUE(counter.unwritten()) << "the delta is kept";
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 2) << "the 1 there is somebody else's";
}

TEST(LimitCounter, TakesAReadForOthersOnceItsOwnWriteTurnsOutRefused) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  const LimitCounter::Write write = counter.beginWrite();
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 1) << "which may be this isolate's own";
  refused(counter, write);
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 2) << "which cannot be its own any more";
}

TEST(LimitCounter, TakesAFailedWriteForWrittenAndWritesItAgain) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  failed(counter, counter.beginWrite());
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 1);
  EXPECT_TRUE(counter.unwritten());
}

TEST(LimitCounter, HasSomethingToWriteFromTheAttemptToTheWrite) {
  LimitCounter counter(kRule, 0);
  counter.judge(1, false, kStart);
  counter.judge(0, true, kStart);
  EXPECT_FALSE(counter.unwritten()) << "nothing was counted";
  admit(counter);
  EXPECT_TRUE(counter.unwritten());
  const LimitCounter::Write write = counter.beginWrite();
  EXPECT_FALSE(counter.unwritten());
  admit(counter);
  landed(counter, write);
  EXPECT_TRUE(counter.unwritten()) << "the second came after";
}

TEST(LimitCounter, TakesBackWhatItIsAskedToAndWritesThat) {
  LimitCounter counter(kRule, 0);
  admit(counter);
  const LimitTicket ticket = *counter.judge(3, true, kStart).ticket;
  landed(counter, counter.beginWrite());
  EXPECT_TRUE(counter.refund(ticket, 3, kStart));
  EXPECT_EQ(used(counter), 1);
  EXPECT_TRUE(counter.unwritten());
  EXPECT_FALSE(counter.refund(ticket, 3, kStart));
  counter.adopt(window(4), kStart);
  EXPECT_EQ(used(counter), 1) << "the store does not show the refund yet";
}

TEST(LimitCounter, TakesNothingBackFromAnotherWindow) {
  LimitCounter counter(kRule, 0);
  const LimitTicket ticket = *counter.judge(1, true, kStart).ticket;
  admit(counter, kEnd);
  EXPECT_FALSE(counter.refund(ticket, 1, kEnd));
  EXPECT_EQ(used(counter, kEnd), 1);
}

TEST(LimitCounter, ForgetsItsWindowWhenClosed) {
  LimitCounter counter(kRule, 0);
  const LimitTicket ticket = *counter.judge(1, true, kStart).ticket;
  const LimitCounter::Write late = counter.beginWrite();
  admit(counter);
  counter.close();
  EXPECT_EQ(used(counter), 0);
  EXPECT_FALSE(counter.unwritten());
  admit(counter);
  EXPECT_FALSE(counter.refund(ticket, 1, kStart)) << "the ticket is of what was forgotten";
  landed(counter, late);
  counter.adopt(window(1), kStart);
  EXPECT_EQ(used(counter), 2) << "the 1 there is not known to be this window's";
}

TEST(LimitCounter, StartsEachWindowFromNothing) {
  LimitCounter counter(kRule, 0);
  for (int i = 0; i < 7; ++i) admit(counter);
  landed(counter, counter.beginWrite());
  admit(counter, kEnd);
  EXPECT_EQ(used(counter, kEnd), 1);
  counter.adopt(window(3, kEnd + kRule.window), kEnd);
  EXPECT_EQ(used(counter, kEnd), 4) << "the 7 written in the last window must not hide others' 3";
}

TEST(LimitCounter, LetsALateWriteOfALastWindowSayNothingOfThisOne) {
  LimitCounter counter(kRule, 0);
  for (int i = 0; i < 7; ++i) admit(counter);
  const LimitCounter::Write late = counter.beginWrite();
  admit(counter, kEnd);
  landed(counter, counter.beginWrite());
  failed(counter, late);
  EXPECT_FALSE(counter.unwritten());
  counter.adopt(window(3, kEnd + kRule.window), kEnd);
  EXPECT_EQ(used(counter, kEnd), 3) << "its own 1 and 2 of others";
}

TEST(LimitCounter, HoldsNoCountAboveTheLargestLimit) {
  LimitCounter counter({kMaxLimit, kRule.window}, 0);
  admit(counter);
  counter.adopt(window(9'007'199'254'740'991), kStart);
  EXPECT_EQ(used(counter), kMaxLimit);
  counter.adopt(window(9'007'199'254'740'991), kStart);
  EXPECT_TRUE(counter.denies(1, kStart));
}

// --- windows that slide ---

constexpr std::int64_t kWindow = 29'453'760;  // in which kStart lies, at its beginning

TEST(LimitCounter, AddsInEachOfTheWindowsThatSlide) {
  LimitCounter counter(kSliding, 0);
  counter.adopt({kWindow, 2, 6}, kStart + Millis{30'000});
  EXPECT_EQ(used(counter, kStart + Millis{30'000}), 5);
  admit(counter, kStart + Millis{30'000});
  counter.adopt({kWindow, 3, 4}, kStart + Millis{30'000});
  EXPECT_EQ(counter.attempts().state, (LimitState{kWindow, 4, 6}));
}

TEST(LimitCounter, TakesARecordOfTheWindowBeforeForThat) {
  LimitCounter counter(kSliding, 0);
  admit(counter, kEnd);
  counter.adopt({kWindow, 8, 9}, kEnd);
  EXPECT_EQ(counter.attempts().state, (LimitState{kWindow + 1, 1, 8}));
}

TEST(LimitCounter, CarriesWhatItCountedItselfIntoTheNextWindow) {
  LimitCounter counter(kSliding, 0);
  for (int i = 0; i < 6; ++i) admit(counter, kStart);
  landed(counter, counter.beginWrite());
  counter.adopt({kWindow + 1, 2, 3}, kEnd);
  EXPECT_EQ(counter.attempts().state, (LimitState{kWindow + 1, 2, 6}));
  admit(counter, kEnd);
  counter.adopt({kWindow + 1, 3, 3}, kEnd);
  EXPECT_EQ(counter.attempts().state, (LimitState{kWindow + 1, 4, 6})) << "2 and 1 of others, 1 here";
}

TEST(LimitCounter, LosesNothingWhereAnotherClockIsAlreadyInTheNextWindow) {
  LimitCounter counter(kSliding, 0);
  const Instant justBefore = kEnd - Millis{10};
  for (int i = 0; i < 6; ++i) admit(counter, justBefore);
  counter.adopt({kWindow + 1, 1, 3}, justBefore);
  EXPECT_EQ(counter.attempts().state, (LimitState{kWindow + 1, 1, 6}));
  EXPECT_EQ(used(counter, justBefore), 7);
  LimitCounter early(kSliding, 0);
  early.adopt({kWindow - 1, 8, 0}, kStart);
  early.adopt({kWindow + 1, 0, 0}, kStart + Millis{15'000});
  EXPECT_EQ(used(early, kStart + Millis{15'000}), 6) << "three quarters of 8 still count";
  LimitCounter ahead(kSliding, 0);
  admit(ahead, kEnd);
  ahead.judge(0, false, justBefore);
  ahead.adopt({kWindow, 4, 9}, justBefore);
  EXPECT_EQ(ahead.attempts().state, (LimitState{kWindow + 1, 1, 4})) << "its own clock went back";
}

// --- the later of two TATs ---

TEST(LimitCounter, TakesTheLaterTat) {
  LimitCounter counter(kGcra, 0);
  admit(counter);
  admit(counter);
  counter.adopt({.mark = unixMs(kStart) + 6000}, kStart);
  EXPECT_EQ(used(counter), 2) << "an earlier one";
  counter.adopt({.mark = unixMs(kStart) + 30'000}, kStart);
  EXPECT_EQ(used(counter), 5);
  counter.adopt({.mark = unixMs(kStart) + 30'000}, kStart);
  EXPECT_EQ(used(counter), 5);
}

TEST(LimitCounter, AdoptsNoTatThatNoClockOfOursWrote) {
  LimitCounter counter(kGcra, 0);
  admit(counter);
  for (const std::int64_t mark : {unixMs(kStart) + 65'001, unixMs(kLatest), unixMs(kEarliest), unixMs(kStart) - 1}) {
    counter.adopt({.mark = mark}, kStart);
    EXPECT_EQ(used(counter), 1);
  }
}

// --- what holds whatever is read ---

/// Old records, others', and nonsense: what this isolate has admitted itself never gets above the bound. Windows that slide
/// lie where they lie; one that others opened earlier ends earlier, so a fixed one is held against the opening it was counted in.
TEST(LimitCounter, NeverAdmitsMoreThanTheLimitWhateverIsRead) {
  inRandomWays(1200, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, static_cast<LimitAlgorithm>(choices.among(3)));
    const bool slides = rule.algorithm == LimitAlgorithm::SlidingWindow;
    const std::int64_t phase = slides ? upTo(choices, rule.window.count() - 1) : std::int64_t{0};
    LimitCounter counter(rule, phase);
    std::deque<LimitCounter::Write> writes;
    std::vector<Admitted> log;
    std::int64_t opening = 0;
    std::int64_t inOpening = 0;
    Instant now = kStart;
    std::int64_t remaining = rule.limit;
    for (int step = 0; step < 150 && !::testing::Test::HasFailure(); ++step) {
      switch (choices.among(6)) {
        case 0:
          now += Millis{upTo(choices, rule.window.count()) / 2};
          break;
        case 1:
          if (const auto state = testing::anyState(choices, rule, phase, now)) counter.adopt(*state, now);
          break;
        case 2:
          if (counter.unwritten()) writes.push_back(counter.beginWrite());
          break;
        case 3:
          if (writes.empty()) break;
          counter.endWrite(writes.front(), choices.among(2) == 0, choices.among(2) == 0);
          writes.pop_front();
          break;
        default:
          const std::int64_t cost = testing::anyCost(choices, rule, remaining);
          const RateLimitVerdict verdict = counter.judge(cost, true, now);
          remaining = verdict.remaining;
          if (!verdict.ticket) break;
          log.push_back({now, cost, verdict.resetAt});
          inOpening = (verdict.ticket->opening == opening ? inOpening : 0) + cost;
          opening = verdict.ticket->opening;
          EXPECT_TRUE(rule.algorithm == LimitAlgorithm::Gcra || inOpening <= rule.limit);
      }
    }
    if (rule.algorithm != LimitAlgorithm::FixedWindow) testing::expectWithinBound(log, rule, phase);
  });
}

/// A store as everybody sees it, and isolates that take turns: read, decide, write. They count as one.
TEST(LimitCounter, CountsExactlyWhereIsolatesTakeTurns) {
  inRandomWays(600, [](Choices& choices) {
    const RateLimitRule rule = anyRule(choices, static_cast<LimitAlgorithm>(choices.among(3)));
    const bool slides = rule.algorithm == LimitAlgorithm::SlidingWindow;
    const std::int64_t phase = slides ? upTo(choices, rule.window.count() - 1) : std::int64_t{0};
    const LimitCounter fresh(rule, phase);
    std::array<LimitCounter, 3> isolates = {fresh, fresh, fresh};
    std::optional<LimitState> store;
    std::optional<LimitState> one;
    Instant now = kStart;
    for (int turn = 0; turn < 100 && !::testing::Test::HasFailure(); ++turn) {
      SCOPED_TRACE(::testing::Message() << fingerprint(rule) << ", turn " << turn);
      now += Millis{choices.among(2) == 0 ? 0 : upTo(choices, rule.window.count()) / 3};
      LimitCounter& here = isolates[choices.among(isolates.size())];
      if (store) here.adopt(*store, now);
      const std::int64_t cost = testing::anyCost(choices, rule, decide(one, rule, phase, 0, now).remaining);
      const LimitDecision expected = decide(one, rule, phase, cost, now);
      const RateLimitVerdict verdict = here.judge(cost, true, now);
      EXPECT_EQ(verdict.allowed, expected.allowed);
      EXPECT_EQ(verdict.remaining, expected.remaining);
      EXPECT_EQ(verdict.retryAfter, expected.retryAfter);
      if (!verdict.ticket) continue;
      one = expected.next;
      const LimitCounter::Write write = here.beginWrite();
      store = write.state;
      landed(here, write);
    }
  });
}

/// Two isolates that count one window at once, with reads and writes under way in every order and every write ending in every way.
/// Neither ever knows less than it has counted itself, or more than both have.
TEST(LimitCounter, CountsNothingTwiceWhateverTheOrder) {
  struct UnderWay {
    LimitCounter::Write write;
    bool stands = false;
  };
  struct Isolate {
    LimitCounter counter{{1'000'000, Millis{60'000}}, 0};
    std::int64_t admitted = 0;
    std::deque<UnderWay> writes;
    std::deque<LimitState> reads;
  };
  inRandomWays(4000, [](Choices& choices) {
    std::array<Isolate, 2> isolates;
    std::optional<LimitState> store;
    for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) {
      Isolate& here = isolates[choices.among(2)];
      switch (choices.among(6)) {
        case 0:
          admit(here.counter);
          ++here.admitted;
          break;
        case 1:
          if (here.counter.unwritten()) here.writes.push_back({here.counter.beginWrite()});
          break;
        case 2:
          if (here.writes.empty()) break;
          store = here.writes.front().write.state;
          here.writes.front().stands = true;
          break;
        case 3: {
          if (here.writes.empty()) break;
          const UnderWay ended = here.writes.front();
          here.writes.pop_front();
          const bool failure = choices.among(3) == 0;
          if (!ended.stands && !failure) {
            refused(here.counter, ended.write);
          } else if (failure) {
            failed(here.counter, ended.write);
          } else {
            landed(here.counter, ended.write);
          }
          break;
        }
        case 4:
          if (store) here.reads.push_back(*store);
          break;
        default:
          if (here.reads.empty()) break;
          here.counter.adopt(here.reads.front(), kStart);
          here.reads.pop_front();
      }
      const std::int64_t both = isolates[0].admitted + isolates[1].admitted;
      for (Isolate& isolate : isolates) {
        const std::int64_t count = used(isolate.counter);
        EXPECT_GE(count, isolate.admitted) << "step " << step;
        EXPECT_LE(count, both) << "step " << step;
      }
    }
  });
}

}  // namespace
}  // namespace codex
