#include "wasm/ratelimit/attempts.h"

#include <gtest/gtest.h>

#include <deque>
#include <limits>
#include <vector>

#include "tests/native/limit-traffic.h"

namespace codex {
namespace {

using testing::Choices;
using testing::inRandomWays;
using testing::kStart;
using testing::unixMs;
using testing::upTo;

constexpr RateLimitRule kFixed{5, Millis{60'000}};
constexpr RateLimitRule kSliding{5, Millis{60'000}, LimitAlgorithm::SlidingWindow};
constexpr RateLimitRule kGcra{5, Millis{60'000}, LimitAlgorithm::Gcra};
constexpr RateLimitRule kEach[] = {kFixed, kSliding, kGcra};

RateLimitVerdict attempt(Attempts& attempts, const RateLimitRule& rule, std::int64_t cost = 1, Instant now = kStart) {
  return judge(attempts, rule, 0, cost, true, now);
}
RateLimitVerdict peek(Attempts attempts, const RateLimitRule& rule, std::int64_t cost = 1, Instant now = kStart) {
  return judge(attempts, rule, 0, cost, false, now);
}
bool takeBack(Attempts& attempts, const RateLimitRule& rule, const LimitTicket& ticket, std::int64_t cost = 1,
              Instant now = kStart) {
  const Attempts before = attempts;
  const bool taken = refund(attempts, rule, 0, ticket, cost, now);
  EXPECT_TRUE(taken || attempts == before) << "a refund that is none does nothing";
  return taken;
}

TEST(Attempts, GiveATicketForWhatTheyCount) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    const RateLimitVerdict first = attempt(attempts, rule);
    ASSERT_TRUE(first.ticket);
    EXPECT_GT(first.ticket->sequence, 0U);
    const RateLimitVerdict second = attempt(attempts, rule);
    EXPECT_EQ(second.ticket->opening, first.ticket->opening);
    EXPECT_NE(second.ticket->sequence, first.ticket->sequence);
  }
}

TEST(Attempts, ChangeNothingWhereTheyDenyOrOnlyLook) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    for (std::int64_t used = 0; used <= 5; ++used) {
      const Attempts before = attempts;
      for (const std::int64_t cost : {std::int64_t{0}, 5 - used + 1, std::int64_t{6}, kMaxLimit}) {
        const RateLimitVerdict verdict = attempt(attempts, rule, cost);
        EXPECT_EQ(verdict.allowed, cost == 0);
        EXPECT_EQ(verdict.ticket, std::nullopt);
        EXPECT_EQ(verdict.remaining, 5 - used);
        EXPECT_EQ(attempts, before) << "cost " << cost;
      }
      const RateLimitVerdict seen = judge(attempts, rule, 0, 1, false, kStart);
      EXPECT_EQ(attempts, before);
      EXPECT_EQ(seen.allowed, used < 5);
      EXPECT_EQ(seen.remaining, 5 - used) << "that of now";
      EXPECT_EQ(seen.ticket, std::nullopt);
      if (used < 5) attempt(attempts, rule);
    }
  }
}

TEST(Attempts, AnswerAPeekAsTheAttemptWouldBe) {
  inRandomWays(300, [](Choices& choices) {
    const RateLimitRule rule = testing::anyRule(choices, static_cast<LimitAlgorithm>(choices.among(3)));
    Attempts attempts;
    Instant now = kStart;
    for (int step = 0; step < 60 && !::testing::Test::HasFailure(); ++step) {
      now += Millis{upTo(choices, rule.window.count()) / 3};
      const std::int64_t cost = testing::anyCost(choices, rule, upTo(choices, rule.limit));
      const RateLimitVerdict seen = peek(attempts, rule, cost, now);
      const RateLimitVerdict verdict = attempt(attempts, rule, cost, now);
      EXPECT_EQ(seen.allowed, verdict.allowed);
      EXPECT_EQ(seen.retryAfter, verdict.retryAfter);
      EXPECT_EQ(seen.reason, verdict.reason);
      EXPECT_EQ(seen.remaining, verdict.remaining + (verdict.allowed ? cost : 0));
      EXPECT_EQ(verdict.ticket.has_value(), verdict.allowed && cost > 0);
    }
  });
}

// --- refunds ---

TEST(Attempts, TakeAnAttemptBackOnce) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    attempt(attempts, rule);
    const LimitTicket ticket = *attempt(attempts, rule, 3).ticket;
    EXPECT_EQ(peek(attempts, rule).remaining, 1);
    EXPECT_TRUE(takeBack(attempts, rule, ticket, 3));
    EXPECT_EQ(peek(attempts, rule).remaining, 4);
    EXPECT_FALSE(takeBack(attempts, rule, ticket, 3));
    attempt(attempts, rule);
    EXPECT_FALSE(takeBack(attempts, rule, ticket, 3)) << "nor after others";
    EXPECT_EQ(peek(attempts, rule).remaining, 3);
  }
}

TEST(Attempts, TakeNothingBackOnceTheWindowHasRolled) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    const LimitTicket ticket = *attempt(attempts, rule).ticket;
    EXPECT_FALSE(takeBack(attempts, rule, ticket, 1, kStart + rule.window));
    attempt(attempts, rule, 1, kStart + rule.window);
    EXPECT_FALSE(takeBack(attempts, rule, ticket, 1, kStart + rule.window));
  }
}

TEST(Attempts, TakeNothingBackForATicketOfAnother) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    const LimitTicket ticket = *attempt(attempts, rule).ticket;
    attempt(attempts, rule);
    const std::uint32_t last = std::numeric_limits<std::uint32_t>::max();
    for (const LimitTicket& none :
         {LimitTicket{ticket.opening - 1, 1}, LimitTicket{ticket.opening + 1, 1}, LimitTicket{ticket.opening, 0},
          LimitTicket{ticket.opening, 3}, LimitTicket{ticket.opening, last}, LimitTicket{0, 0}, LimitTicket{0, 1}}) {
      EXPECT_FALSE(takeBack(attempts, rule, none)) << none.opening << ' ' << none.sequence;
    }
    Attempts fresh;
    EXPECT_FALSE(takeBack(fresh, rule, {0, 0}));
    EXPECT_FALSE(takeBack(fresh, rule, {0, 1}));
  }
}

TEST(Attempts, TakeBackTheLast32) {
  RateLimitRule rule = kFixed;
  for (const LimitAlgorithm algorithm : {LimitAlgorithm::FixedWindow, LimitAlgorithm::SlidingWindow, LimitAlgorithm::Gcra}) {
    rule = {100, Millis{60'000}, algorithm};
    Attempts attempts;
    std::deque<LimitTicket> tickets;
    for (int i = 0; i < 40; ++i) tickets.push_front(*attempt(attempts, rule).ticket);
    EXPECT_FALSE(takeBack(attempts, rule, tickets[kRefundable])) << "the 33rd last";
    for (std::size_t i = 0; i < kRefundable; ++i) EXPECT_TRUE(takeBack(attempts, rule, tickets[i])) << i;
    for (const LimitTicket& ticket : tickets) EXPECT_FALSE(takeBack(attempts, rule, ticket));
    EXPECT_EQ(peek(attempts, rule).remaining, 100 - 8);
  }
}

TEST(Attempts, TakeNothingWrongBackWhereTheSequenceWraps) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    attempt(attempts, rule);
    attempts.sequence = std::numeric_limits<std::uint32_t>::max() - 1;
    const LimitTicket last = *attempt(attempts, rule).ticket;
    EXPECT_TRUE(takeBack(attempts, rule, last));
    EXPECT_EQ(last.sequence, std::numeric_limits<std::uint32_t>::max());
    attempt(attempts, rule);
    EXPECT_FALSE(takeBack(attempts, rule, last));
    const LimitTicket next = *attempt(attempts, rule).ticket;
    EXPECT_EQ(next.sequence, 1U);
    EXPECT_FALSE(takeBack(attempts, rule, last));
    EXPECT_TRUE(takeBack(attempts, rule, next));
    EXPECT_FALSE(takeBack(attempts, rule, next));
  }
}

TEST(Attempts, NeverNameTwoOpeningsAlike) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    std::int64_t last = std::numeric_limits<std::int64_t>::min();
    // The clock stands still or goes back, and what was counted is gone each time.
    for (const Instant now : {kStart, kStart, kStart - Millis{500}, kStart - rule.window * 3, kStart}) {
      attempts.state.reset();
      const std::int64_t opening = attempt(attempts, rule, 1, now).ticket->opening;
      EXPECT_GT(opening, last);
      last = opening;
    }
    EXPECT_GE(last, unixMs(kStart));
  }
}

/// Tickets in any order, some twice: each takes back its own attempt while it counts, and none ever another's.
TEST(Attempts, CountWhatPassedAndWasNotTakenBack) {
  struct Held {
    LimitTicket ticket;
    std::int64_t cost;
    Instant at;
    bool takenBack = false;
  };
  inRandomWays(300, [](Choices& choices) {
    const RateLimitRule rule{1 + upTo(choices, 60), Millis{1000}};
    Attempts attempts;
    std::vector<Held> window;
    Instant end = kEarliest;
    Instant now = kStart;
    for (int step = 0; step < 200 && !::testing::Test::HasFailure(); ++step) {
      if (choices.among(10) == 0) now += Millis{upTo(choices, 700)};
      if (now >= end) window.clear();
      if (choices.among(3) != 0 || window.empty()) {
        const std::int64_t cost = 1 + upTo(choices, 2);
        const RateLimitVerdict verdict = attempt(attempts, rule, cost, now);
        end = verdict.ticket ? verdict.resetAt : end;
        if (verdict.ticket) window.push_back({*verdict.ticket, cost, now});
      } else {
        const std::size_t index = choices.among(window.size());
        Held& held = window[index];
        const bool among = window.size() - index <= kRefundable;
        EXPECT_EQ(takeBack(attempts, rule, held.ticket, held.cost, now), among && !held.takenBack);
        held.takenBack = held.takenBack || among;
      }
      std::int64_t counted = 0;
      for (const Held& held : window) counted += held.takenBack ? 0 : held.cost;
      EXPECT_EQ(peek(attempts, rule, 1, now).remaining, rule.limit - counted);
    }
  });
}

// --- blocks ---

TEST(Attempts, ComeAfterABlock) {
  for (const RateLimitRule& rule : kEach) {
    Attempts attempts;
    attempt(attempts, rule);
    attempts.blockedUntil = kStart + Millis{5000};
    const Attempts before = attempts;
    const RateLimitVerdict denied = attempt(attempts, rule, 1, kStart + Millis{1000});
    EXPECT_FALSE(denied.allowed);
    EXPECT_EQ(denied.reason, LimitReason::Blocked);
    EXPECT_EQ(denied.remaining, 0);
    EXPECT_EQ(denied.retryAfter, Millis{4000});
    EXPECT_EQ(denied.resetAt, kStart + Millis{5000});
    EXPECT_EQ(denied.ticket, std::nullopt);
    EXPECT_TRUE(attempt(attempts, rule, 0, kStart + Millis{1000}).allowed) << "a cost of 0 always passes";
    EXPECT_EQ(attempts, before);
    EXPECT_FALSE(attempt(attempts, rule, 1, kStart + Millis{4999}).allowed);
    EXPECT_TRUE(attempt(attempts, rule, 1, kStart + Millis{5000}).allowed);
  }
}

TEST(Attempts, OfABlockedCallerPassWhenTheySayAndNotBefore) {
  inRandomWays(300, [](Choices& choices) {
    const RateLimitRule rule = testing::anyRule(choices, static_cast<LimitAlgorithm>(choices.among(3)));
    Attempts attempts;
    for (std::size_t made = choices.among(12); made > 0; --made) attempt(attempts, rule, 1 + upTo(choices, rule.limit));
    attempts.blockedUntil = kStart + Millis{1 + upTo(choices, 2 * rule.window.count())};
    const std::int64_t cost = std::min(kMaxLimit, 1 + upTo(choices, rule.burst));
    const std::optional<Millis> wait = attempt(attempts, rule, cost).retryAfter;
    ASSERT_EQ(wait.has_value(), rule.limit > 0 && cost <= rule.burst);
    if (!wait) return;
    EXPECT_TRUE(peek(attempts, rule, cost, kStart + *wait).allowed);
    EXPECT_FALSE(peek(attempts, rule, cost, kStart + *wait - Millis{1}).allowed);
  });
}

TEST(Attempts, AreBlockedToTheEdgesOfTime) {
  Attempts attempts;
  attempts.blockedUntil = kLatest;
  EXPECT_EQ(attempt(attempts, kFixed, 1, kEarliest).retryAfter, kLatest - kEarliest);
  attempts.blockedUntil = kEarliest;
  EXPECT_TRUE(attempt(attempts, kFixed, 1, kEarliest).allowed);
}

}  // namespace
}  // namespace codex
