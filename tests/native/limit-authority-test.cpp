#include <gtest/gtest.h>

#include <string>

#include "tests/native/limit-isolate.h"

// Who decides where it is not KV: the isolate's memory, or an object that knows everything.
namespace codex {
namespace {

using testing::FakeStore;
using testing::kGcraLogin;
using testing::kKey;
using testing::kKv;
using testing::kLogin;
using testing::kMemory;
using testing::kSlidingLogin;
using testing::kStart;
using testing::LimitIsolate;

constexpr RateLimitRule kEach[] = {kLogin, kSlidingLogin, kGcraLogin};
constexpr LimitPolicy kDurable{.authority = LimitAuthority::Durable};

// --- memory ---

TEST(MemoryAuthority, DecidesExactlyAndAsksNobody) {
  for (const RateLimitRule& rule : kEach) {
    FakeStore store;
    LimitIsolate isolate(store, kMemory);
    isolate.rule = rule;
    for (int i = 0; i < 200; ++i) {
      const RateLimitVerdict& verdict = isolate.begin().result();
      EXPECT_EQ(verdict.allowed, i < 5);
      EXPECT_TRUE(verdict.exact);
      EXPECT_EQ(verdict.scope, LimitScope::Isolate);
      EXPECT_TRUE(verdict.fromMemory);
      EXPECT_EQ(verdict.writeIn, std::nullopt);
    }
    EXPECT_EQ(store.operations(), 0U);
  }
}

TEST(KvAuthority, ClaimsTheColoAndNoExactness) {
  FakeStore store;
  LimitIsolate isolate(store);
  for (int i = 0; i < 6; ++i) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_FALSE(verdict.exact);
    EXPECT_EQ(verdict.scope, LimitScope::Colo);
    EXPECT_EQ(verdict.reason, i < 5 ? LimitReason::Ok : LimitReason::Limit);
  }
}

// --- shadow ---

TEST(Shadow, ReportsADenialAndNeverDenies) {
  for (const LimitPolicy& base : {kKv, kMemory, testing::kPlain}) {
    LimitPolicy policy = base;
    policy.shadow = true;
    FakeStore store;
    LimitIsolate isolate(store, policy);
    for (int i = 0; i < 5; ++i) EXPECT_EQ(isolate.check().reason, LimitReason::Ok);
    for (int i = 0; i < 3; ++i) {
      const RateLimitVerdict verdict = isolate.check();
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.reason, LimitReason::Shadow);
      EXPECT_EQ(verdict.retryAfter, Millis{0});
      EXPECT_EQ(verdict.remaining, 0);
      EXPECT_EQ(verdict.ticket, std::nullopt);
    }
    isolate.policy.shadow = false;
    EXPECT_FALSE(isolate.check().allowed) << "it decides all the same";
  }
}

TEST(Shadow, AllowsWhereTheStoreIsAwayAndTheCallerAskedToDeny) {
  FakeStore store;
  store.fail(KvVerb::Get, testing::Fault::Unavailable);
  LimitPolicy policy = kKv;
  policy.shadow = true;
  policy.onUnavailable = OnUnavailable::Deny;
  LimitIsolate isolate(store, policy);
  const RateLimitVerdict verdict = isolate.check();
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.error, ErrorCode::StoreUnavailable);
}

// --- objects ---

/// An object that knows everything, and an isolate that asks it.
class Asked {
 public:
  explicit Asked(const RateLimitRule& rule = kLogin, const LimitPolicy& decidedBy = kDurable)
      : policy(decidedBy), rule_(rule), phase_(phaseOf(kKey, rule)) {}

  RateLimitVerdict check(std::int64_t cost = 1) {
    const LimitAttempt attempt{.key = {0, kKey}, .rule = rule_, .cost = cost};
    if (const auto verdict = decideHere(table, attempt, policy, now)) return *verdict;
    if (away) return decideAlone(table, attempt, policy, ErrorCode::StoreUnavailable, now);
    ++requests;
    const RateLimitVerdict theirs = judge(object, rule_, phase_, cost, true, now);
    return settle(table, attempt, policy, theirs, object, now);
  }
  /// An attempt by way of another isolate.
  void elsewhere() { judge(object, rule_, phase_, 1, true, now); }

  LimitPolicy policy;
  LimitTable table{64, HashSeed{1, 2}};
  Attempts object;
  Instant now = kStart;
  bool away = false;
  int requests = 0;

 private:
  RateLimitRule rule_;
  std::int64_t phase_;
};

TEST(ObjectAuthority, IsAskedForEachAttemptThatMayPass) {
  for (const RateLimitRule& rule : kEach) {
    Asked asked(rule);
    for (std::int64_t left = 4; left >= 0; --left) {
      const RateLimitVerdict verdict = asked.check();
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.remaining, left);
      EXPECT_EQ(verdict.reason, LimitReason::Ok);
      EXPECT_TRUE(verdict.exact);
      EXPECT_EQ(verdict.scope, LimitScope::Global);
      EXPECT_FALSE(verdict.fromMemory);
      EXPECT_TRUE(verdict.ticket);
    }
    EXPECT_EQ(asked.requests, 5);
  }
}

TEST(ObjectAuthority, IsNotAskedAboutACallerKnownToBeDeniedForTenSeconds) {
  for (const RateLimitRule& rule : kEach) {
    Asked asked(rule);
    for (int i = 0; i < 5; ++i) asked.check();
    for (int i = 0; i < 100; ++i) {
      const RateLimitVerdict denied = asked.check();
      EXPECT_FALSE(denied.allowed);
      EXPECT_TRUE(denied.fromMemory);
      EXPECT_TRUE(denied.exact);
      EXPECT_EQ(denied.scope, LimitScope::Global);
      asked.now += Millis{99};
    }
    EXPECT_EQ(asked.requests, 5);
    asked.now = kStart + Millis{10'000};
    EXPECT_FALSE(asked.check().allowed);
    EXPECT_EQ(asked.requests, 6) << "somebody may have lifted it";
    asked.object = {};
    asked.now += Millis{10'000};
    EXPECT_TRUE(asked.check().allowed);
  }
}

TEST(ObjectAuthority, IsAskedAgainAsSoonAsTheDenialIsOver) {
  Asked asked({5, Millis{3000}});
  for (int i = 0; i < 5; ++i) asked.check();
  asked.now += Millis{2999};
  EXPECT_FALSE(asked.check().allowed);
  EXPECT_EQ(asked.requests, 5);
  asked.now += Millis{1};
  EXPECT_TRUE(asked.check().allowed);
  EXPECT_EQ(asked.requests, 6);
}

TEST(ObjectAuthority, TellsOfABlock) {
  Asked asked;
  asked.object.blockedUntil = kStart + Millis{60'000};
  EXPECT_EQ(asked.check().reason, LimitReason::Blocked);
  EXPECT_EQ(asked.check().reason, LimitReason::Blocked);
  EXPECT_EQ(asked.requests, 1);
  asked.object.blockedUntil = kEarliest;
  asked.now += Millis{10'000};
  EXPECT_TRUE(asked.check().allowed);
}

TEST(ObjectAuthority, IsNotAskedAboutACallerBlockedHereJustNow) {
  FakeStore store;
  LimitIsolate isolate(store, kDurable);
  isolate.block(Millis{60'000});
  const RateLimitVerdict denied = isolate.check();
  EXPECT_EQ(denied.reason, LimitReason::Blocked);
  EXPECT_TRUE(denied.fromMemory);
  EXPECT_EQ(store.operations(), 0U);
}

TEST(ObjectAuthority, KnowsWhatOthersCounted) {
  Asked asked;
  asked.check();
  for (int i = 0; i < 4; ++i) asked.elsewhere();
  EXPECT_FALSE(asked.check().allowed);
}

TEST(ObjectAuthority, ThatDoesNotWriteDownIsNotExact) {
  LimitPolicy fast = kDurable;
  fast.authority = LimitAuthority::Fast;
  Asked asked(kLogin, fast);
  const RateLimitVerdict verdict = asked.check();
  EXPECT_FALSE(verdict.exact);
  EXPECT_EQ(verdict.scope, LimitScope::Global);
}

TEST(ObjectAuthority, IsRepresentedByTheIsolateWhileItIsAway) {
  for (const RateLimitRule& rule : kEach) {
    Asked asked(rule);
    asked.check();
    asked.check();
    asked.away = true;
    for (std::int64_t left = 2; left >= 0; --left) {
      const RateLimitVerdict verdict = asked.check();
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.remaining, left) << "it goes on where the object left off";
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_EQ(verdict.scope, LimitScope::Isolate);
      EXPECT_FALSE(verdict.exact);
      EXPECT_EQ(verdict.error, ErrorCode::StoreUnavailable);
      EXPECT_EQ(verdict.writeIn, std::nullopt);
    }
    EXPECT_FALSE(asked.check().allowed);
    asked.away = false;
    asked.now += Millis{10'000};
    EXPECT_TRUE(asked.check().allowed) << "the object has heard of none of them";
  }
}

TEST(ObjectAuthority, IsReplacedByWhatTheCallerAskedFor) {
  LimitPolicy policy = kDurable;
  policy.onUnavailable = OnUnavailable::Deny;
  Asked denying(kLogin, policy);
  denying.away = true;
  policy.onUnavailable = OnUnavailable::Allow;
  Asked allowing(kLogin, policy);
  allowing.away = true;
  for (int i = 0; i < 20; ++i) {
    const RateLimitVerdict denied = denying.check();
    EXPECT_FALSE(denied.allowed);
    EXPECT_EQ(denied.reason, LimitReason::Degraded);
    EXPECT_EQ(denied.remaining, 0);
    EXPECT_GT(denied.retryAfter, Millis{0});
    const RateLimitVerdict allowed = allowing.check();
    EXPECT_TRUE(allowed.allowed);
    EXPECT_EQ(allowed.reason, LimitReason::Degraded);
    EXPECT_EQ(allowed.retryAfter, Millis{0});
  }
  denying.away = allowing.away = false;
  EXPECT_EQ(denying.check().remaining, 4) << "nothing was counted meanwhile";
  EXPECT_EQ(allowing.check().remaining, 4);
}

TEST(ObjectAuthority, LeavesNothingForKvToWrite) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.check();
  LimitAttempt attempt = isolate.named();
  Attempts blocked;
  blocked.blockedUntil = kStart + Millis{60'000};
  // A client of an object shares the key, and its object knows of a block and of no attempt.
  settle(isolate.table(), attempt, kDurable,
         {.allowed = false,
          .limit = 5,
          .remaining = 0,
          .resetAt = blocked.blockedUntil,
          .retryAfter = Millis{60'000},
          .reason = LimitReason::Blocked},
         blocked, kStart);
  isolate.beginWrites();
  store.answerAll();
  EXPECT_EQ(store.writes(), 0U);
}

}  // namespace
}  // namespace codex
