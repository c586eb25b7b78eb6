#include <gtest/gtest.h>

#include <string>

#include "tests/native/limit-isolate.h"

// What changes a counter or a block besides an attempt: refunds, blocks, resets.
namespace codex {
namespace {

using testing::answerInAnyOrder;
using testing::Choices;
using testing::countIn;
using testing::FakeStore;
using testing::Fault;
using testing::inEveryWay;
using testing::inRandomWays;
using testing::kBlockKey;
using testing::kEnd;
using testing::kGcraLogin;
using testing::kInline;
using testing::kKey;
using testing::kKv;
using testing::kLogin;
using testing::kMemory;
using testing::kPlain;
using testing::kSlidingLogin;
using testing::kStart;
using testing::Lag;
using testing::LimitIsolate;
using testing::stored;

constexpr RateLimitRule kEach[] = {kLogin, kSlidingLogin, kGcraLogin};
constexpr Millis kMinute{60'000};

// --- refunds ---

TEST(LimitRefund, GivesTheAttemptBackHereAndInTheStore) {
  for (const RateLimitRule& rule : kEach) {
    FakeStore store;
    LimitIsolate isolate(store);
    isolate.rule = rule;
    isolate.check();
    const RateLimitVerdict verdict = isolate.check(3);
    ASSERT_TRUE(verdict.ticket);
    isolate.writeAll();
    EXPECT_EQ(isolate.refund(*verdict.ticket, 3).writeIn, Millis{1000}) << "a second after the last write";
    EXPECT_EQ(isolate.peek().remaining, 4);
    isolate.writeAll();
    LimitIsolate other(store);
    other.rule = rule;
    EXPECT_EQ(other.peek().remaining, 4);
  }
}

TEST(LimitRefund, DoesNothingTwiceOrOnceTheWindowHasRolled) {
  FakeStore store;
  LimitIsolate isolate(store);
  const LimitTicket ticket = *isolate.check().ticket;
  isolate.writeAll();
  isolate.refund(ticket);
  isolate.writeAll();
  const std::size_t before = store.operations();
  EXPECT_EQ(isolate.refund(ticket).writeIn, std::nullopt);
  EXPECT_EQ(isolate.peek().remaining, 5);
  const LimitTicket last = *isolate.check().ticket;
  isolate.writeAll();
  store.advance(kLogin.window);
  EXPECT_EQ(isolate.refund(last).writeIn, std::nullopt);
  EXPECT_EQ(store.operations(), before + 1) << "the write of the one attempt";
}

TEST(LimitRefund, LetsADeniedCallerTryAgain) {
  FakeStore store;
  LimitIsolate isolate(store);
  RateLimitVerdict last = isolate.check();
  for (int i = 0; i < 4; ++i) last = isolate.check();
  EXPECT_FALSE(isolate.check().allowed);
  isolate.refund(*last.ticket);
  EXPECT_TRUE(isolate.check().allowed);
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(LimitRefund, NeedsNoStoreWhereMemoryDecides) {
  FakeStore store;
  LimitIsolate isolate(store, kMemory);
  const LimitTicket ticket = *isolate.check().ticket;
  EXPECT_EQ(isolate.refund(ticket).writeIn, std::nullopt);
  EXPECT_EQ(isolate.check().remaining, 4);
  EXPECT_EQ(store.operations(), 0U);
}

TEST(LimitRefund, OfWhatThisIsolateNeverCountedDoesNothing) {
  FakeStore store;
  LimitIsolate one(store);
  LimitIsolate other(store);
  const LimitTicket ticket = *one.check().ticket;
  one.writeAll();
  EXPECT_EQ(other.refund(ticket).writeIn, std::nullopt) << "it does not know the caller";
  EXPECT_EQ(other.peek().remaining, 4);
}

// --- blocks ---

TEST(LimitBlock, RefusesACallerHereAtOnce) {
  for (const LimitPolicy& policy : {kKv, kInline, kPlain, kMemory}) {
    FakeStore store;
    LimitIsolate isolate(store, policy);
    isolate.check();
    EXPECT_EQ(isolate.block(kMinute), kStart + kMinute);
    store.advance(Millis{1000});
    const RateLimitVerdict denied = isolate.check();
    EXPECT_FALSE(denied.allowed);
    EXPECT_EQ(denied.reason, LimitReason::Blocked);
    EXPECT_EQ(denied.retryAfter, kMinute - Millis{1000});
    EXPECT_EQ(denied.resetAt, kStart + kMinute);
    EXPECT_EQ(isolate.peek().reason, LimitReason::Blocked);
    store.advance(kMinute - Millis{1001});
    EXPECT_FALSE(isolate.check().allowed);
    store.advance(Millis{1});
    EXPECT_TRUE(isolate.check().allowed);
  }
}

TEST(LimitBlock, CostsNothingForACallerKnownToBeBlocked) {
  for (const bool seenBefore : {false, true}) {
    FakeStore store;
    LimitIsolate isolate(store);
    if (seenBefore) isolate.check();
    isolate.writeAll();
    isolate.block(kMinute * 60);
    const std::size_t before = store.operations();
    for (int i = 0; i < 100; ++i) {
      EXPECT_FALSE(isolate.check().allowed);
      store.advance(Millis{500});
    }
    EXPECT_EQ(store.operations(), before);
  }
}

TEST(LimitBlock, IsLookedUpAtMostOnceAMinute) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.block(kMinute * 60);
  const std::size_t before = store.operations();
  for (int i = 0; i < 3000; ++i) {
    EXPECT_FALSE(isolate.check().allowed);
    store.advance(Millis{100});
  }
  EXPECT_LE(store.operations() - before, 5U);
}

TEST(LimitBlock, IsKeptUnderAKeyOfItsOwnUntilItEnds) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.block(kMinute * 10);
  ASSERT_TRUE(store.at(kBlockKey));
  EXPECT_EQ(store.at(kBlockKey)->value, R"({"at":1767225600000,"until":1767226200000})");
  EXPECT_EQ(store.at(kBlockKey)->expiresAt, kStart + Seconds{605});
  EXPECT_FALSE(store.at(kKey)) << "a count that is written at the same moment must not undo it";
}

TEST(LimitBlock, IsSeenByAnotherIsolateOnceKvShowsIt) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  LimitIsolate here(store, kKv, 0);
  LimitIsolate there(store, kKv, 1);
  EXPECT_TRUE(there.check().allowed);
  here.block(kMinute * 60);
  EXPECT_TRUE(there.check().allowed);
  store.advance(kMinute);
  EXPECT_EQ(there.check().reason, LimitReason::Blocked);
}

TEST(LimitBlock, IsReadTogetherWithTheCounter) {
  FakeStore store;
  LimitIsolate one(store);
  one.block(kMinute);
  LimitIsolate other(store);
  const std::size_t reads = store.reads();
  const std::size_t keys = store.keysRead();
  EXPECT_EQ(other.check().reason, LimitReason::Blocked);
  EXPECT_EQ(store.reads(), reads + 1) << "one bulk read";
  EXPECT_EQ(store.keysRead(), keys + 2);
}

TEST(LimitBlock, HoldsHereThoughItCouldNotBeRecorded) {
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    FakeStore store;
    store.fail(KvVerb::Put, fault);
    LimitIsolate isolate(store);
    const Result<Instant> blocked = isolate.block(kMinute);
    ASSERT_FALSE(blocked);
    EXPECT_EQ(isolate.check().reason, LimitReason::Blocked);
  }
}

TEST(LimitBlock, HoldsForEveryRuleOfTheKey) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.rule = kGcraLogin;
  isolate.check();
  isolate.rule = kLogin;
  isolate.block(kMinute);
  isolate.rule = kGcraLogin;
  EXPECT_EQ(isolate.check().reason, LimitReason::Blocked);
  isolate.rule = kSlidingLogin;
  EXPECT_EQ(isolate.check().reason, LimitReason::Blocked) << "also for one not counted by before";
}

TEST(LimitBlock, IsLiftedHereAtOnceAndElsewhereOnceItIsLookedUp) {
  FakeStore store;
  LimitIsolate here(store);
  LimitIsolate there(store);
  here.block(kMinute * 60);
  EXPECT_FALSE(there.check().allowed);
  store.advance(kMinute);
  EXPECT_EQ(here.unblock(), store.now());
  EXPECT_FALSE(store.at(kBlockKey));
  EXPECT_TRUE(here.check().allowed);
  store.advance(kMinute);
  EXPECT_TRUE(there.check().allowed);
}

TEST(LimitBlock, IsNotBroughtBackByAReadThatShowsItStill) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    store.lag(Lag::Everywhere);
    LimitIsolate isolate(store, choices.among(2) == 0 ? kKv : kPlain);
    isolate.block(kMinute * 60);
    store.advance(kMinute);
    isolate.check();
    isolate.unblock();
    for (int i = 0; i < 4; ++i) {
      store.advance(Millis{10'000});
      EXPECT_TRUE(isolate.check().allowed);
    }
  });
}

TEST(LimitBlock, IsNotLiftedBeforeTheStoreSaysSo) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.block(kMinute);
  store.fail(KvVerb::Delete, Fault::Unavailable);
  const Result<Instant> lifted = isolate.unblock();
  ASSERT_FALSE(lifted);
  EXPECT_EQ(lifted.error().code, ErrorCode::StoreUnavailable);
}

TEST(LimitBlock, OutlivesAReset) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.block(kMinute);
  isolate.reset();
  EXPECT_EQ(isolate.check().reason, LimitReason::Blocked);
}

TEST(LimitBlock, ThatIsNoBlockIsAbsent) {
  for (const char* const text :
       {"", "not json", "{}", R"({"at":1767225600000,"until":8640000000000000})",
        R"({"at":8639999900000000,"until":8640000000000000})", R"({"at":1767225500000,"until":1767225600000})"}) {
    FakeStore store;
    store.write(kBlockKey, text);
    LimitIsolate isolate(store);
    EXPECT_TRUE(isolate.check().allowed) << text;
  }
}

// --- resets ---

TEST(LimitReset, AdmitsAgainAfterAReset) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 6; ++i) isolate.check();
  const auto& reset = isolate.beginReset();
  store.answerAll();
  EXPECT_TRUE(reset.result());
  EXPECT_FALSE(store.at(kKey));
  EXPECT_EQ(isolate.check().remaining, 4);
}

TEST(LimitReset, SaysWhenAResetFailed) {
  FakeStore store;
  store.write(kKey, stored(5));
  store.fail(KvVerb::Delete, Fault::Unavailable);
  LimitIsolate isolate(store, kPlain);
  const auto& reset = isolate.beginReset();
  store.answerAll();
  ASSERT_FALSE(reset.result());
  EXPECT_EQ(reset.result().error().code, ErrorCode::StoreUnavailable);
  EXPECT_FALSE(isolate.check().allowed) << "the store still says so";
}

/// A reset at any moment of the attempts' lives. Returns whether any of them was still under way.
bool resetMeets(std::size_t attempts, Choices& choices) {
  FakeStore store;
  store.write(kKey, stored(3));
  LimitIsolate isolate(store, kPlain);
  for (std::size_t i = 0; i < attempts; ++i) isolate.begin();
  for (std::size_t steps = choices.among(2 * attempts + 1); steps > 0 && store.waiting() > 0; --steps) {
    store.answer(choices.among(store.waiting()));
  }
  const bool overtaken = store.waiting() > 0;
  const auto& reset = isolate.beginReset();
  answerInAnyOrder(store, choices);
  EXPECT_TRUE(reset.result());
  const auto most = static_cast<std::int64_t>(attempts);
  EXPECT_LE(countIn(store).value_or(0), most) << "the attempts may count in the new window, what came before may not";
  EXPECT_GE(isolate.check().remaining, 4 - most);
  return overtaken;
}

TEST(LimitReset, LeavesNothingOfAnAttemptThatAResetOvertook) {
  std::size_t overtaken = 0;
  inEveryWay([&](Choices& choices) { overtaken += resetMeets(1, choices) ? 1U : 0U; });
  EXPECT_GT(overtaken, 20U);
}

TEST(LimitReset, LeavesNothingOfSeveralAttemptsThatAResetOvertook) {
  inRandomWays(3000, [](Choices& choices) { resetMeets(2 + choices.among(2), choices); });
}

TEST(LimitReset, LeavesNothingOfAWriteThatFailedAndLandedAfterAReset) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.begin();
  store.answer(0);
  const auto& reset = isolate.beginReset();
  store.answer(1);
  EXPECT_TRUE(reset.result());
  store.answer(0, Fault::FailedButLanded);
  store.answerAll();
  EXPECT_FALSE(store.at(kKey));
}

TEST(LimitReset, CountsAttemptsThatFollowAReset) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 3; ++i) isolate.check();
  isolate.beginReset();
  store.answerAll();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(isolate.check().allowed);
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(LimitReset, CostsOneDeleteOrNoneWhereMemoryDecides) {
  for (const LimitPolicy& policy : {kKv, kMemory}) {
    FakeStore store;
    LimitIsolate isolate(store, policy);
    for (int i = 0; i < 6; ++i) isolate.check();
    EXPECT_TRUE(isolate.reset());
    EXPECT_EQ(store.deletes(), policy.authority == LimitAuthority::Kv ? 1U : 0U);
    EXPECT_EQ(isolate.check().remaining, 4);
  }
}

TEST(LimitReset, LeavesNoTicketAndNoPromise) {
  FakeStore store;
  LimitIsolate isolate(store);
  const LimitTicket ticket = *isolate.check().ticket;
  isolate.check();
  EXPECT_TRUE(isolate.reset());
  isolate.writeAll();
  EXPECT_EQ(store.writes(), 0U) << "what was promised is forgotten";
  isolate.check();
  EXPECT_EQ(isolate.refund(ticket).writeIn, std::nullopt);
  EXPECT_EQ(isolate.peek().remaining, 4);
  isolate.writeAll();
}

TEST(LimitReset, ForgetsByWhateverRule) {
  FakeStore store;
  LimitIsolate isolate(store);
  for (const RateLimitRule& rule : kEach) {
    isolate.rule = rule;
    for (int i = 0; i < 6; ++i) isolate.check();
  }
  EXPECT_TRUE(isolate.reset());
  for (const RateLimitRule& rule : kEach) {
    isolate.rule = rule;
    EXPECT_EQ(isolate.check().remaining, 4);
  }
}

}  // namespace
}  // namespace codex
