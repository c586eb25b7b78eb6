#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "tests/native/limit-isolate.h"

// How often a counter is read from KV and written to it, and what becomes of what was counted in between.
namespace codex {
namespace {

using testing::Choices;
using testing::countIn;
using testing::FakeStore;
using testing::Fault;
using testing::inRandomWays;
using testing::kEnd;
using testing::kGcraLogin;
using testing::kInline;
using testing::kKey;
using testing::kKv;
using testing::kLogin;
using testing::kPlain;
using testing::kSlidingLogin;
using testing::kStart;
using testing::Lag;
using testing::LimitIsolate;
using testing::stored;

constexpr RateLimitRule kBusy{1'000'000, std::chrono::hours{1}};

TEST(LimitWrites, ReadAHotKeyOnceInThirtySecondsAndWriteItOnceASecond) {
  for (const LimitPolicy& policy : {kKv, kInline}) {
    FakeStore store;
    store.enforceWriteRate();
    LimitIsolate isolate(store, policy);
    isolate.rule = kBusy;
    for (int i = 0; i < 60'000; ++i) {
      ASSERT_TRUE(isolate.check().allowed);
      isolate.beginWrites();
      store.answerAll();
      store.advance(Millis{1});
    }
    EXPECT_EQ(store.reads(), 2U);
    EXPECT_LE(store.writes(), 61U);
    EXPECT_GE(store.writes(), 59U);
    EXPECT_EQ(store.rateLimited(), 0U);
    EXPECT_GE(*countIn(store), 59'000) << "and the store is no more than a second behind";
  }
}

TEST(LimitWrites, ReadAndWriteEachTimeOnAStoreThatIsNoKv) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.rule = kBusy;
  for (std::size_t i = 1; i <= 10; ++i) {
    isolate.check();
    EXPECT_EQ(store.reads(), i);
    EXPECT_EQ(store.writes(), i);
    EXPECT_EQ(countIn(store), static_cast<std::int64_t>(i));
  }
}

TEST(LimitWrites, AskForTheFirstCountAtOnceAndForLaterOnesASecondAfterIt) {
  FakeStore store;
  LimitIsolate isolate(store);
  EXPECT_EQ(isolate.check().writeIn, Millis{0});
  isolate.beginWrites();
  store.answerAll();
  EXPECT_EQ(countIn(store), 1);
  store.advance(Millis{300});
  EXPECT_EQ(isolate.check().writeIn, Millis{700});
  EXPECT_EQ(isolate.check().writeIn, std::nullopt) << "somebody has been asked";
  isolate.writeAll();
  EXPECT_EQ(store.now(), kStart + Millis{1000});
  EXPECT_EQ(countIn(store), 3);
}

TEST(LimitWrites, AskNobodyWhereTheHostCannotWriteLater) {
  FakeStore store;
  LimitIsolate isolate(store, kInline);
  EXPECT_EQ(isolate.check().writeIn, std::nullopt);
  EXPECT_EQ(countIn(store), 1);
  EXPECT_EQ(isolate.check().writeIn, std::nullopt);
  EXPECT_EQ(countIn(store), 1);
  store.advance(Millis{1000});
  isolate.check();
  EXPECT_EQ(countIn(store), 3) << "the next attempt took it along";
}

TEST(LimitWrites, ComeBackLaterWhereItIsNotTimeYet) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.check();
  isolate.writeAll();
  isolate.check();
  const testing::RunningCall<LimitWritten> early(
      store, [&](KvStore& kv) { return writeLimit(isolate.table(), kv, {0, kKey}, kLogin, store.now()); });
  EXPECT_EQ(early.result().writeIn, Millis{1000});
  EXPECT_EQ(store.writes(), 1U);
}

TEST(LimitWrites, AreNoneWhereThereIsNothingToWrite) {
  FakeStore store;
  LimitIsolate isolate(store);
  const auto write = [&](const RateLimitRule& rule) {
    const testing::RunningCall<LimitWritten> call(
        store, [&](KvStore& kv) { return writeLimit(isolate.table(), kv, {0, kKey}, rule, store.now()); });
    store.answerAll();
    EXPECT_EQ(call.result().writeIn, std::nullopt);
  };
  write(kLogin);
  isolate.peek();
  write(kLogin);
  write(kGcraLogin);
  EXPECT_EQ(store.writes(), 0U);
  isolate.check();
  store.advance(kLogin.window);
  write(kLogin);
  EXPECT_EQ(store.writes(), 0U) << "its window has ended";
}

TEST(LimitWrites, PassOnThePromiseOfARequestThatDied) {
  FakeStore store;
  LimitIsolate isolate(store);
  isolate.rule = kBusy;
  isolate.check();
  isolate.breakPromises();
  store.advance(Millis{1999});
  EXPECT_EQ(isolate.check().writeIn, std::nullopt) << "it may still be alive";
  store.advance(Millis{1});
  EXPECT_EQ(isolate.check().writeIn, Millis{0});
  isolate.writeAll();
  EXPECT_EQ(countIn(store), 3);
}

TEST(LimitWrites, PassOnAWriteWhoseRequestDiedInTheMiddle) {
  for (const bool lands : {false, true}) {
    FakeStore store;
    LimitIsolate isolate(store);
    isolate.rule = kBusy;
    isolate.check();
    isolate.beginWrites();
    ASSERT_EQ(store.waiting(), 1U);
    isolate.reclaimWaiting();
    if (lands) store.answerAll();
    store.advance(Millis{1000});
    EXPECT_EQ(isolate.check().writeIn, Millis{0}) << "nobody knows whether it landed";
    isolate.writeAll();
    EXPECT_EQ(countIn(store), 2);
  }
}

TEST(LimitWrites, KeepWhatA429Refused) {
  FakeStore store;
  store.enforceWriteRate();
  LimitIsolate here(store);
  LimitIsolate there(store);
  here.check();
  here.writeAll();
  there.check();
  there.check();
  there.beginWrites();
  store.answerAll();
  EXPECT_EQ(store.rateLimited(), 1U) << "somebody else counted this key within the second";
  ASSERT_EQ(there.promises().size(), 1U);
  EXPECT_EQ(there.promises().front(), kStart + Millis{1000});
  there.writeAll();
  EXPECT_EQ(countIn(store), 3);
}

TEST(LimitWrites, KeepWhatFailedForTheNextAttempt) {
  for (const Fault fault : {Fault::Unavailable, Fault::FailedButLanded}) {
    FakeStore store;
    store.fail(KvVerb::Put, fault);
    LimitIsolate isolate(store);
    isolate.check();
    isolate.writeAll();
    EXPECT_TRUE(isolate.promises().empty()) << "a store that is away is not asked again at once";
    store.fail(KvVerb::Put, Fault::None);
    store.advance(Millis{1000});
    isolate.check();
    isolate.writeAll();
    EXPECT_EQ(countIn(store), 2);
  }
}

TEST(LimitWrites, AskAgainWhereTheCallsOwnWriteMet429) {
  LimitPolicy policy = kKv;
  policy.onUnavailable = OnUnavailable::Deny;
  FakeStore store;
  store.fail(KvVerb::Put, Fault::RateLimited);
  LimitIsolate isolate(store, policy);
  const RateLimitVerdict verdict = isolate.check();
  EXPECT_TRUE(verdict.allowed) << "contention is no failure";
  EXPECT_EQ(verdict.writeIn, Millis{1000});
  store.fail(KvVerb::Put, Fault::None);
  isolate.writeAll();
  EXPECT_EQ(countIn(store), 1);
}

TEST(LimitWrites, AskForWhatCameBetweenTheWritesOfCalls) {
  LimitPolicy policy = kKv;
  policy.onUnavailable = OnUnavailable::Deny;
  FakeStore store;
  LimitIsolate isolate(store, policy);
  for (int i = 0; i < 3; ++i) isolate.begin();
  store.answerAll();
  EXPECT_EQ(isolate.admitted(), 3);
  EXPECT_EQ(store.writes(), 1U);
  ASSERT_EQ(isolate.promises().size(), 1U) << "two were not written with the first";
  isolate.writeAll();
  EXPECT_EQ(countIn(store), 3);
}

TEST(LimitWrites, AreNoneForADenial) {
  for (const RateLimitRule& rule : {kLogin, kSlidingLogin, kGcraLogin}) {
    FakeStore store;
    LimitIsolate isolate(store);
    isolate.rule = rule;
    for (int i = 0; i < 5; ++i) isolate.check();
    isolate.writeAll();
    const std::size_t before = store.operations();
    for (int i = 0; i < 100; ++i) {
      store.advance(Millis{300});
      EXPECT_FALSE(isolate.check().allowed);
      isolate.writeAll();
    }
    EXPECT_EQ(store.operations(), before);
  }
}

TEST(LimitWrites, NeverWriteAnAttemptThatWasDecidedWithoutReading) {
  FakeStore store;
  store.write(kKey, stored(4));
  store.fail(KvVerb::Get, Fault::Unavailable);
  LimitIsolate isolate(store);
  isolate.check();
  isolate.check();
  isolate.writeAll();
  EXPECT_EQ(countIn(store), 4) << "the count there may be higher than the one known here";
  store.fail(KvVerb::Get, Fault::None);
  EXPECT_FALSE(isolate.check().allowed);
  EXPECT_EQ(countIn(store), 4);
}

/// Isolates in several places, each of which sees the others late. None admits more than the limit, and once the store shows what
/// was written and each has read it, none admits anything more.
TEST(LimitWrites, LetIsolatesAgreeOnceEachHasRead) {
  for (const RateLimitRule& rule : {kLogin, kSlidingLogin, kGcraLogin}) {
    inRandomWays(150, [&](Choices& choices) {
      FakeStore store;
      store.lag(static_cast<Lag>(choices.among(3)));
      store.enforceWriteRate();
      std::deque<LimitIsolate> isolates;
      for (int place = 0; place < 4; ++place) {
        isolates.emplace_back(store, choices.among(2) == 0 ? kKv : kInline, place);
        isolates.back().rule = rule;
      }
      // Few enough attempts that not all isolates are full when the traffic ends.
      for (int i = 0; i < 12; ++i) {
        isolates[choices.among(isolates.size())].begin();
        if (choices.among(3) != 0) testing::answerInAnyOrder(store, choices);
        store.advance(Millis{static_cast<std::int64_t>(choices.among(300))});
        for (LimitIsolate& isolate : isolates) isolate.beginWrites();
      }
      testing::answerInAnyOrder(store, choices);
      for (LimitIsolate& isolate : isolates) {
        EXPECT_LE(isolate.admitted(), 5);
        isolate.writeAll();
      }
      std::int64_t inStore = 5;
      for (int round = 0; round < 2; ++round) {
        store.advance(Millis{61'000});
        for (LimitIsolate& isolate : isolates) {
          const std::int64_t remaining = isolate.peek().remaining;
          EXPECT_LE(remaining, inStore);
        }
        LimitIsolate fresh(store, kKv, 9);
        fresh.rule = rule;
        inStore = fresh.peek().remaining;
      }
      for (LimitIsolate& isolate : isolates) EXPECT_LE(isolate.peek().remaining, inStore) << "each knows all that stands there";
    });
  }
}

}  // namespace
}  // namespace codex
