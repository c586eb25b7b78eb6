#include "wasm/ratelimit/rate-limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/limit-bounds.h"
#include "tests/native/limit-isolate.h"

namespace codex {
namespace {

using testing::Admitted;
using testing::answerInAnyOrder;
using testing::Attempting;
using testing::Choices;
using testing::countIn;
using testing::FakeStore;
using testing::Fault;
using testing::inEveryWay;
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

constexpr RateLimitRule kEach[] = {kLogin, kSlidingLogin, kGcraLogin};

LimitPolicy on(OnUnavailable onUnavailable, LimitPolicy policy = kPlain) {
  policy.onUnavailable = onUnavailable;
  return policy;
}

// --- one attempt after the other ---

TEST(RateLimiter, AdmitsFiveAndDeniesTheSixthAttempt) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  for (std::int64_t left = 4; left >= 0; --left) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.remaining, left);
    EXPECT_EQ(verdict.limit, 5);
    EXPECT_EQ(verdict.resetAt, kEnd);
    EXPECT_EQ(verdict.retryAfter, Millis{0});
    EXPECT_EQ(verdict.reason, LimitReason::Ok);
    EXPECT_EQ(verdict.scope, LimitScope::Colo);
    EXPECT_EQ(verdict.error, std::nullopt);
  }
  EXPECT_EQ(store.at(kKey)->value, stored(5));
  EXPECT_EQ(store.at(kKey)->expiresAt, kStart + Seconds{905});
  store.advance(Millis{1000});
  const RateLimitVerdict sixth = isolate.check();
  EXPECT_FALSE(sixth.allowed);
  EXPECT_EQ(sixth.remaining, 0);
  EXPECT_EQ(sixth.retryAfter, kLogin.window - Millis{1000});
  EXPECT_EQ(sixth.reason, LimitReason::Limit);
}

TEST(RateLimiter, AsksNothingAboutACallerKnownToBeDenied) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 5; ++i) isolate.check();
  const std::size_t before = store.operations();
  const RateLimitVerdict denied = isolate.check();
  EXPECT_FALSE(denied.allowed);
  EXPECT_TRUE(denied.fromMemory);
  EXPECT_EQ(store.operations(), before);
}

TEST(RateLimiter, WritesNothingWhenItDenies) {
  FakeStore store;
  store.write(kKey, stored(5));
  LimitIsolate isolate(store, kPlain);
  const RateLimitVerdict denied = isolate.check();
  EXPECT_FALSE(denied.allowed);
  EXPECT_FALSE(denied.fromMemory);
  EXPECT_EQ(store.reads(), 1U);
  EXPECT_EQ(store.writes(), 0U);
  EXPECT_EQ(store.at(kKey)->value, stored(5));
}

TEST(RateLimiter, AdmitsAgainAtTheInstantItSaidAndNotAMillisecondEarlier) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 5; ++i) isolate.check();
  store.advance(Millis{1234});
  const Millis retryAfter = *isolate.check().retryAfter;
  store.advance(retryAfter - Millis{1});
  EXPECT_FALSE(isolate.check().allowed);
  store.advance(Millis{1});
  const RateLimitVerdict next = isolate.check();
  EXPECT_TRUE(next.allowed);
  EXPECT_EQ(next.remaining, 4);
  EXPECT_EQ(next.resetAt, kEnd + kLogin.window);
}

TEST(RateLimiter, WithLimitZeroDeniesForGoodAndAsksTheStoreOnce) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.rule = {0, Millis{1000}};
  for (int i = 0; i < 3; ++i) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.retryAfter, std::nullopt);
  }
  EXPECT_LE(store.operations(), 1U);
}

TEST(RateLimiter, CountsWindowsThatKvCouldNotExpire) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.rule = {1, Millis{1000}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(isolate.check().allowed) << "window " << i;
    store.advance(Millis{999});
    EXPECT_FALSE(isolate.check().allowed) << "window " << i;
    store.advance(Millis{1});
  }
}

TEST(RateLimiter, WritesThroughTheWholeWindowWithATtlThatKvAccepts) {
  for (const std::int64_t left : {900'000, 60'001, 60'000, 59'999, 59'000, 1000, 1}) {
    FakeStore store;
    store.write(kKey, stored(1, kStart + Millis{left}));
    LimitIsolate isolate(store, kPlain);
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.resetAt, kStart + Millis{left});
    EXPECT_EQ(store.at(kKey)->value, stored(2, kStart + Millis{left}));
  }
}

TEST(RateLimiter, TakesWhatIsNoCountForAbsentAndOverwritesIt) {
  for (const char* const text :
       {"", "not json", "null", "5", R"({"count":"4","resetAt":1767226500000})", R"({"count":-1,"resetAt":1767226500000})",
        R"({"resetAt":1767226500000})", R"({"count":1e99,"resetAt":1767226500000})", "[[[[[[[[", "\xFF\xFE"}) {
    FakeStore store;
    store.write(kKey, text);
    LimitIsolate isolate(store, kPlain);
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed) << text;
    EXPECT_TRUE(verdict.corrupt) << text;
    EXPECT_EQ(verdict.remaining, 4) << text;
    EXPECT_EQ(store.at(kKey)->value, stored(1)) << text;
    EXPECT_FALSE(isolate.check().corrupt) << text;
  }
}

TEST(RateLimiter, IgnoresAWindowThatHasEndedOrEndsTooLate) {
  struct Case {
    Instant resetAt;
    std::int64_t remaining;
  };
  for (const Case& at :
       {Case{kStart, 4}, {kStart + Millis{1}, 0}, {kEnd, 0}, {kEnd + Millis{1}, 4}, {kLatest, 4}, {kEarliest, 4}}) {
    FakeStore store;
    store.write(kKey, stored(4, at.resetAt));
    LimitIsolate isolate(store, kPlain);
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_FALSE(verdict.corrupt);
    EXPECT_EQ(verdict.remaining, at.remaining) << testing::unixMs(at.resetAt);
  }
}

TEST(RateLimiter, TakesAHugeCountForOneThatIsFull) {
  FakeStore store;
  store.write(kKey, stored(9'007'199'254'740'991));
  LimitIsolate isolate(store, kPlain);
  EXPECT_FALSE(isolate.check().allowed);
  isolate.rule = {kMaxLimit, kLogin.window};
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(RateLimiter, DecidesByTheClockOfTheAnswer) {
  FakeStore store;
  store.write(kKey, stored(5));
  LimitIsolate isolate(store, kPlain);
  const Attempting& check = isolate.begin();
  store.advance(kLogin.window);
  store.answerAll();
  EXPECT_TRUE(check.result().allowed) << "the window ended while KV was being asked";
}

// --- many attempts at once ---

TEST(RateLimiter, AdmitsExactlyTheLimitInEveryInterleaving) {
  for (const std::size_t attempts : {1U, 2U, 3U}) {
    for (const std::int64_t limit : {1, 2}) {
      const RateLimitRule rule{limit, Millis{60'000}};
      const std::size_t ways = inEveryWay([&](Choices& choices) {
        FakeStore store;
        LimitIsolate isolate(store, kPlain);
        isolate.rule = rule;
        for (std::size_t i = 0; i < attempts; ++i) isolate.begin();
        answerInAnyOrder(store, choices);
        const std::int64_t expected = std::min(static_cast<std::int64_t>(attempts), limit);
        EXPECT_EQ(isolate.admitted(), expected);
        EXPECT_EQ(store.reads(), attempts);
        EXPECT_EQ(store.writes(), static_cast<std::size_t>(expected)) << "a denial writes nothing";
        EXPECT_EQ(isolate.check().allowed, expected < limit) << "nothing was forgotten";
      });
      EXPECT_GE(ways, attempts) << attempts << " attempts, limit " << limit;
    }
  }
}

TEST(RateLimiter, AdmitsExactlyTheLimitOfFiveAttemptsAnsweredInAnyOrder) {
  for (const std::int64_t limit : {2, 4}) {
    inEveryWay([&](Choices& choices) {
      FakeStore store;
      LimitIsolate isolate(store, kPlain);
      isolate.rule = {limit, Millis{60'000}};
      for (int i = 0; i < 5; ++i) isolate.begin();
      while (store.waiting() > 0) store.answer(choices.among(store.waiting()));
      EXPECT_EQ(isolate.admitted(), limit);
    });
  }
}

TEST(RateLimiter, AdmitsExactlyTheLimitWhateverEachWriteMeets) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    LimitIsolate isolate(store, kPlain);
    isolate.rule = {2, Millis{60'000}};
    for (int i = 0; i < 3; ++i) isolate.begin();
    while (store.waiting() > 0) {
      const std::size_t next = choices.among(store.waiting());
      constexpr Fault kFaults[] = {Fault::None, Fault::RateLimited, Fault::Unavailable, Fault::FailedButLanded};
      const bool write = store.waiting(next).verb == KvVerb::Put;
      store.answer(next, kFaults[write ? choices.among(4) : 0]);
    }
    EXPECT_EQ(isolate.admitted(), 2);
  });
}

TEST(RateLimiter, CountsAnAttemptThatDiesFromTheAnswerToItsReadOn) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    LimitIsolate isolate(store, kPlain);
    isolate.rule = {3, Millis{60'000}};
    for (int i = 0; i < 3; ++i) isolate.begin();
    std::int64_t decided = 0;
    while (store.waiting() > 0) {
      // One of the operations is answered, or one of the requests dies.
      const std::vector<std::size_t> alive = isolate.alive();
      const std::size_t next = choices.among(store.waiting() + alive.size());
      if (next >= store.waiting()) {
        isolate.reclaim(alive[next - store.waiting()]);
        continue;
      }
      decided += store.waiting(next).verb == KvVerb::Get && store.awaited(next) ? 1 : 0;
      store.answer(next);
    }
    EXPECT_EQ(isolate.check().remaining, std::max<std::int64_t>(0, isolate.rule.limit - decided - 1));
  });
}

TEST(RateLimiter, CountsNoAttemptThatItDeniesBecauseAWriteFailed) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    LimitIsolate isolate(store, on(OnUnavailable::Deny));
    for (int i = 0; i < 3; ++i) isolate.begin();
    while (store.waiting() > 0) {
      const std::size_t next = choices.among(store.waiting());
      constexpr Fault kFaults[] = {Fault::None, Fault::Unavailable, Fault::FailedButLanded};
      store.answer(next, kFaults[store.waiting(next).verb == KvVerb::Put ? choices.among(3) : 0]);
    }
    const std::int64_t admitted = isolate.admitted();
    EXPECT_EQ(isolate.check().remaining, kLogin.limit - admitted - 1);
  });
}

TEST(RateLimiter, AdmitsExactlyTheLimitOfFiftyAtOnce) {
  inRandomWays(300, [](Choices& choices) {
    FakeStore store;
    if (choices.among(2) == 0) store.enforceWriteRate();
    LimitIsolate isolate(store, kPlain);
    isolate.rule = {20, Millis{60'000}};
    for (int i = 0; i < 50; ++i) isolate.begin();
    answerInAnyOrder(store, choices);
    EXPECT_EQ(isolate.admitted(), 20);
    EXPECT_FALSE(isolate.check().allowed);
  });
}

/// Everything at once: attempts of any cost come while others are under way, time passes, KV fails in every way, reads are stale,
/// requests die and their writes land late. What the isolate has admitted is never above the bound.
TEST(RateLimiter, NeverAdmitsMoreThanTheLimitWhateverHappens) {
  inRandomWays(1500, [](Choices& choices) {
    const auto upTo = [&](std::size_t most) { return static_cast<std::int64_t>(choices.among(most + 1)); };
    FakeStore store;
    store.lag(static_cast<Lag>(choices.among(3)));
    if (choices.among(2) == 0) store.enforceWriteRate();
    LimitIsolate isolate(store, LimitPolicy{.governed = choices.among(2) == 0, .defers = choices.among(2) == 0});
    isolate.rule = {1 + upTo(7), Millis{1 + upTo(119'999)}, static_cast<LimitAlgorithm>(choices.among(3))};
    if (isolate.rule.algorithm == LimitAlgorithm::Gcra) isolate.rule.burst = 1 + upTo(7);
    std::vector<Admitted> log;
    std::vector<std::int64_t> costs;
    std::vector<bool> counted;
    for (int step = 0; step < 250; ++step) {
      switch (choices.among(12)) {
        case 0:
        case 1:
        case 2:
          costs.push_back(choices.among(3) == 0 ? upTo(3) : 1);
          isolate.begin(costs.back());
          break;
        case 3:
          store.advance(Millis{upTo(static_cast<std::size_t>(isolate.rule.window.count()) / 2)});
          break;
        case 4:
          if (!isolate.attempts().empty()) isolate.reclaim(choices.among(isolate.attempts().size()));
          break;
        case 5:
          isolate.beginWrites();
          if (isolate.writes() > 0 && choices.among(4) == 0) isolate.reclaimWrite(choices.among(isolate.writes()));
          break;
        default:
          if (store.waiting() == 0) break;
          const std::size_t next = choices.among(store.waiting());
          const std::size_t fault = choices.among(12);
          if (choices.among(3) == 0) {
            store.land(next);
          } else {
            store.answer(next, fault < 4 ? static_cast<Fault>(fault) : Fault::None);
          }
      }
      counted.resize(isolate.attempts().size());
      for (std::size_t i = 0; i < counted.size(); ++i) {
        const auto& attempt = isolate.attempts()[i];
        if (counted[i] || !attempt || !attempt->done()) continue;
        counted[i] = true;
        const RateLimitVerdict& verdict = attempt->result();
        if (verdict.allowed) log.push_back({store.now(), costs[i], verdict.resetAt});
      }
    }
    // Where the call itself writes, its verdict comes later than its decision, and only the window tells when that was.
    if (isolate.policy.governed && isolate.policy.defers) {
      return testing::expectWithinBound(log, isolate.rule, phaseOf(kKey, isolate.rule));
    }
    if (isolate.rule.algorithm != LimitAlgorithm::FixedWindow) return;
    std::map<Instant, std::int64_t> inWindow;
    for (const Admitted& one : log) EXPECT_LE(inWindow[one.resetAt] += one.cost, isolate.rule.limit);
  });
}

TEST(RateLimiter, AdmitsExactlyTheLimitOfTwoHundredAtOnceOnKv) {
  for (const RateLimitRule& rule : kEach) {
    for (const LimitPolicy& policy : {kKv, kInline, kPlain}) {
      inRandomWays(20, [&](Choices& choices) {
        FakeStore store;
        constexpr Fault kFaults[] = {Fault::None, Fault::RateLimited, Fault::Unavailable, Fault::FailedButLanded};
        store.fail(KvVerb::Put, kFaults[choices.among(4)]);
        store.fail(KvVerb::Get, kFaults[choices.among(3)]);
        store.lag(static_cast<Lag>(choices.among(3)));
        LimitIsolate isolate(store, policy);
        isolate.rule = rule;
        for (int i = 0; i < 200; ++i) isolate.begin();
        answerInAnyOrder(store, choices);
        EXPECT_EQ(isolate.admitted(), 5);
        isolate.writeAll();
        EXPECT_FALSE(isolate.check().allowed);
      });
    }
  }
}

/// KV never answers: nobody is decided, and once the calls are given up nothing has been admitted or forgotten.
TEST(RateLimiter, AdmitsExactlyTheLimitThroughAStoreThatHangs) {
  for (const RateLimitRule& rule : kEach) {
    FakeStore store;
    LimitIsolate isolate(store);
    isolate.rule = rule;
    for (int i = 0; i < 200; ++i) isolate.begin();
    EXPECT_EQ(isolate.admitted(), 0);
    for (std::size_t i = 0; i < 200; ++i) store.answer(0, Fault::Unavailable);
    EXPECT_EQ(isolate.admitted(), 5);
  }
}

// --- a store in trouble ---

TEST(RateLimiter, Takes429ForContentionAndCountsTheAttempt) {
  FakeStore store;
  store.fail(KvVerb::Put, Fault::RateLimited);
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 5; ++i) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.reason, LimitReason::Ok);
    EXPECT_EQ(verdict.scope, LimitScope::Colo);
    EXPECT_EQ(verdict.error, std::nullopt);
  }
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(RateLimiter, WritesWhatA429KeptBackWithTheNextAttempt) {
  FakeStore store;
  store.enforceWriteRate();
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 3; ++i) isolate.check();
  EXPECT_EQ(store.rateLimited(), 2U);
  EXPECT_EQ(countIn(store), 1);
  store.advance(Millis{1000});
  isolate.check();
  EXPECT_EQ(countIn(store), 4);
}

TEST(RateLimiter, NeverWritesToAStoreItCannotRead) {
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    for (const OnUnavailable policy : {OnUnavailable::Local, OnUnavailable::Deny, OnUnavailable::Allow}) {
      FakeStore store;
      store.write(kKey, stored(4));
      store.fail(KvVerb::Get, fault);
      LimitIsolate isolate(store, on(policy));
      const RateLimitVerdict verdict = isolate.check();
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_EQ(verdict.scope, LimitScope::Isolate);
      EXPECT_EQ(verdict.error, fault == Fault::RateLimited ? ErrorCode::StoreRateLimited : ErrorCode::StoreUnavailable);
      EXPECT_EQ(store.writes(), 0U);
      EXPECT_EQ(store.at(kKey)->value, stored(4));
    }
  }
}

TEST(RateLimiter, LimitsByItselfWhileTheStoreIsAway) {
  FakeStore store;
  store.fail(KvVerb::Get, Fault::Unavailable);
  LimitIsolate isolate(store, kPlain);
  for (int i = 0; i < 5; ++i) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.reason, LimitReason::Degraded);
  }
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(RateLimiter, CountsOnWithWhatItAdmittedWhileTheStoreWasAway) {
  FakeStore store;
  store.write(kKey, stored(2));
  store.fail(KvVerb::Get, Fault::Unavailable);
  LimitIsolate isolate(store, kPlain);
  isolate.check();
  isolate.check();
  store.fail(KvVerb::Get, Fault::None);
  const RateLimitVerdict verdict = isolate.check();
  EXPECT_TRUE(verdict.allowed);
  EXPECT_EQ(verdict.remaining, 0) << "2 by others, 3 here";
  EXPECT_FALSE(isolate.check().allowed);
}

TEST(RateLimiter, DeniesWhileTheStoreIsAwayWhereAskedTo) {
  for (const KvVerb verb : {KvVerb::Get, KvVerb::Put}) {
    FakeStore store;
    store.fail(verb, Fault::Unavailable);
    LimitIsolate isolate(store, on(OnUnavailable::Deny));
    for (int i = 0; i < 20; ++i) {
      const RateLimitVerdict verdict = isolate.check();
      EXPECT_FALSE(verdict.allowed);
      EXPECT_EQ(verdict.remaining, 0);
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_GT(verdict.retryAfter, Millis{0});
    }
    store.fail(verb, Fault::None);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(isolate.check().allowed) << "an attempt that was denied must not be counted";
    }
    EXPECT_FALSE(isolate.check().allowed);
  }
}

TEST(RateLimiter, AllowsWhileTheStoreCannotBeReadWhereAskedTo) {
  FakeStore store;
  store.fail(KvVerb::Get, Fault::Unavailable);
  LimitIsolate isolate(store, on(OnUnavailable::Allow));
  for (int i = 0; i < 20; ++i) {
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_EQ(verdict.reason, LimitReason::Degraded);
    EXPECT_EQ(verdict.retryAfter, Millis{0});
  }
}

TEST(RateLimiter, SaysSoWhenAnAttemptCouldNotBeWritten) {
  for (const OnUnavailable policy : {OnUnavailable::Local, OnUnavailable::Allow}) {
    for (const Fault fault : {Fault::Unavailable, Fault::FailedButLanded}) {
      FakeStore store;
      store.fail(KvVerb::Put, fault);
      LimitIsolate isolate(store, on(policy));
      const RateLimitVerdict verdict = isolate.check();
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_EQ(verdict.scope, LimitScope::Isolate);
      EXPECT_EQ(verdict.error, ErrorCode::StoreUnavailable);
      EXPECT_EQ(verdict.remaining, 4);
      store.fail(KvVerb::Put, Fault::None);
      EXPECT_EQ(isolate.check().remaining, 3) << "counted once, whether or not it landed";
    }
  }
}

TEST(RateLimiter, KeepsItsCountWhenKvNeverAnswers) {
  for (const int answered : {0, 1}) {
    FakeStore store;
    LimitIsolate isolate(store, kPlain);
    for (int i = 0; i < 5; ++i) {
      isolate.begin();
      for (int n = 0; n < answered; ++n) store.answer(store.waiting() - 1);
    }
    isolate.reclaimWaiting();
    const std::int64_t expected = answered == 0 ? 4 : -1;
    const RateLimitVerdict after = isolate.check();
    EXPECT_EQ(after.allowed, expected >= 0);
    EXPECT_EQ(after.remaining, std::max<std::int64_t>(expected, 0)) << "an attempt is admitted once its read is answered";
  }
}

TEST(RateLimiter, GoesOnAdoptingAfterACallDiedInTheMiddleOfItsWrite) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.begin();
  store.answer(0);
  isolate.reclaimWaiting();
  store.answerAll();
  EXPECT_EQ(countIn(store), 1) << "the write of the dead call landed";
  store.write(kKey, stored(3));
  EXPECT_EQ(isolate.check().remaining, 1) << "3 there, this isolate's own among them, and 1 now";
}

TEST(RateLimiter, TellsOthersCountsFromItsOwnAfterACallDiedInTheMiddleOfItsWrite) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.begin();
  store.answer(0);
  isolate.reclaimWaiting();
  store.answerAll();
  store.fail(KvVerb::Put, Fault::RateLimited);
  EXPECT_EQ(isolate.check().remaining, 3) << "1 written by the dead call, 1 that KV refused to take";
  store.write(kKey, stored(3));
  EXPECT_EQ(isolate.check().remaining, 0) << "3 there, the 1 refused, and 1 now";
}

// --- other isolates ---

TEST(RateLimiter, AdoptsWhatAnotherIsolateCounted) {
  FakeStore store;
  LimitIsolate one(store, kPlain);
  LimitIsolate other(store, kPlain);
  EXPECT_EQ(one.check().remaining, 4);
  EXPECT_EQ(other.check().remaining, 3);
  EXPECT_EQ(one.check().remaining, 2);
  EXPECT_EQ(other.check().remaining, 1);
  EXPECT_EQ(one.check().remaining, 0);
  EXPECT_FALSE(other.check().allowed);
  EXPECT_FALSE(one.check().allowed);
  EXPECT_EQ(countIn(store), 5);
}

TEST(RateLimiter, AgreesWithAnotherIsolateOnTheEndOfTheWindow) {
  FakeStore store;
  LimitIsolate one(store, kPlain);
  LimitIsolate other(store, kPlain);
  one.begin();
  store.advance(Millis{700});
  other.begin();
  store.land(0);
  store.land(1);
  store.answer(1);
  store.answer(0);
  store.answerAll();
  const Instant end = one.check().resetAt;
  EXPECT_EQ(other.check().resetAt, end);
}

TEST(RateLimiter, NeverLowersWhatAnotherIsolateWroteWhereTheyTakeTurns) {
  inRandomWays(200, [](Choices& choices) {
    FakeStore store;
    LimitIsolate isolates[] = {LimitIsolate(store, kPlain), LimitIsolate(store, kPlain), LimitIsolate(store, kPlain)};
    std::int64_t admitted = 0;
    for (int i = 0; i < 12; ++i) {
      store.advance(Millis{static_cast<std::int64_t>(choices.among(1000))});
      admitted += isolates[choices.among(3)].check().allowed ? 1 : 0;
      EXPECT_EQ(countIn(store), admitted);
    }
    EXPECT_EQ(admitted, 5);
  });
}

TEST(RateLimiter, AdmitsAtMostTheLimitForEachIsolateThatSeesNoOther) {
  inRandomWays(100, [](Choices& choices) {
    FakeStore store;
    store.lag(choices.among(2) == 0 ? Lag::Elsewhere : Lag::Everywhere);
    store.enforceWriteRate();
    std::deque<LimitIsolate> isolates;
    for (int place = 0; place < 4; ++place) isolates.emplace_back(store, kPlain, place);
    for (int i = 0; i < 60; ++i) {
      isolates[choices.among(isolates.size())].begin();
      if (choices.among(3) != 0) answerInAnyOrder(store, choices);
      store.advance(Millis{static_cast<std::int64_t>(choices.among(300))});
    }
    answerInAnyOrder(store, choices);
    for (const LimitIsolate& isolate : isolates) EXPECT_LE(isolate.admitted(), kLogin.limit);
  });
}

TEST(RateLimiter, LearnsOfOthersOnceKvShowsThem) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  LimitIsolate here(store, kPlain, 0);
  LimitIsolate there(store, kPlain, 1);
  EXPECT_EQ(there.check().remaining, 4) << "and KV keeps showing this place that the key is absent or as it wrote it";
  for (int i = 0; i < 4; ++i) here.check();
  store.advance(Millis{60'000});
  EXPECT_FALSE(there.check().allowed);
}

TEST(RateLimiter, KeepsNamespacesApart) {
  FakeStore one;
  FakeStore other;
  LimitTable table(64, HashSeed{1, 2});
  const auto check = [&](FakeStore& store, StoreId id) {
    const LimitAttempt attempt{.key = {id, kKey}, .blockKey = testing::kBlockKey, .rule = kLogin};
    const testing::RunningCall<RateLimitVerdict> call(
        store, [&](KvStore& kv) { return checkLimit(table, kv, attempt, kPlain, kStart); });
    store.answerAll();
    return call.result();
  };
  for (int i = 0; i < 5; ++i) check(one, 0);
  EXPECT_FALSE(check(one, 0).allowed);
  EXPECT_TRUE(check(other, 1).allowed);
}

// --- whose record it is ---

TEST(RateLimiter, StoresTheSpecsFormAndByWhichRuleItCounted) {
  FakeStore store;
  LimitIsolate isolate(store, kPlain);
  isolate.check();
  EXPECT_EQ(store.at(kKey)->value, R"({"count":1,"resetAt":1767226500000})");
  EXPECT_EQ(store.at(kKey)->metadata, R"({"p":"f:5:900000"})");
}

TEST(RateLimiter, StoresWhatEachAlgorithmReadsAgain) {
  for (const RateLimitRule& rule : kEach) {
    FakeStore store;
    LimitIsolate one(store, kPlain);
    LimitIsolate other(store, kPlain);
    one.rule = other.rule = rule;
    for (std::int64_t left = 4; left >= 0; --left) {
      const RateLimitVerdict verdict = (left % 2 == 0 ? one : other).check();
      EXPECT_EQ(verdict.remaining, left);
      EXPECT_FALSE(verdict.corrupt);
      EXPECT_EQ(store.at(kKey)->metadata, R"({"p":")" + fingerprint(rule) + R"("})");
    }
    EXPECT_FALSE(one.check().allowed);
    EXPECT_FALSE(other.check().allowed);
  }
}

TEST(RateLimiter, DoesNotInheritTheRecordOfAnotherRule) {
  for (const char* const print : {"f:6:900000", "f:5:900001", "s:5:900000", "g:5:900000", "g:5:900000:6", ""}) {
    FakeStore store;
    store.write(kKey, stored(5), std::string(R"({"p":")") + print + R"("})");
    LimitIsolate isolate(store, kPlain);
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed) << print;
    EXPECT_EQ(verdict.remaining, 4) << print;
    EXPECT_FALSE(verdict.corrupt) << "it is somebody's";
    EXPECT_EQ(store.at(kKey)->metadata, R"({"p":"f:5:900000"})");
  }
}

TEST(RateLimiter, AcceptsARecordThatDoesNotSayByWhichRule) {
  for (const char* const metadata : {"", "{}", R"({"p":5})", R"({"other":"f:6:1"})", "[]", R"({"p":"f:5:900000"})"}) {
    FakeStore store;
    store.write(kKey, stored(4), metadata);
    LimitIsolate isolate(store, kPlain);
    EXPECT_EQ(isolate.check().remaining, 0) << metadata;
    EXPECT_FALSE(isolate.check().allowed) << metadata;
  }
}

TEST(RateLimiter, KeepsTwoRulesOfOneKeyFromUndoingEachOtherInMemory) {
  FakeStore store;
  LimitIsolate isolate(store);
  for (int i = 0; i < 5; ++i) isolate.check();
  isolate.rule = {3, std::chrono::minutes{1}};
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(isolate.check().allowed);
  EXPECT_FALSE(isolate.check().allowed);
  isolate.rule = kLogin;
  EXPECT_FALSE(isolate.check().allowed);
}

// --- costs and looks ---

TEST(RateLimiter, CountsWhatAnAttemptCosts) {
  for (const RateLimitRule& rule : kEach) {
    FakeStore store;
    LimitIsolate isolate(store, kPlain);
    isolate.rule = rule;
    EXPECT_EQ(isolate.check(3).remaining, 2);
    EXPECT_FALSE(isolate.check(3).allowed);
    EXPECT_EQ(isolate.check(2).remaining, 0);
    EXPECT_TRUE(isolate.check(0).allowed);
    EXPECT_EQ(isolate.check(6).retryAfter, std::nullopt);
    EXPECT_EQ(store.writes(), 2U);
  }
}

TEST(RateLimiter, WritesNothingForAPeekOrACostOfNothing) {
  for (const LimitPolicy& policy : {kKv, kInline, kPlain}) {
    FakeStore store;
    store.write(kKey, stored(3));
    LimitIsolate isolate(store, policy);
    const RateLimitVerdict seen = isolate.peek();
    EXPECT_TRUE(seen.allowed);
    EXPECT_EQ(seen.remaining, 2);
    EXPECT_EQ(seen.ticket, std::nullopt);
    EXPECT_EQ(seen.writeIn, std::nullopt);
    isolate.check(0);
    EXPECT_EQ(isolate.peek().remaining, 2);
    EXPECT_EQ(store.writes(), 0U);
    isolate.check(2);
    isolate.writeAll();
    EXPECT_FALSE(isolate.peek().allowed);
    EXPECT_EQ(store.writes(), 1U);
  }
}

/// A denial that stands at the end of its window is not the time to write what a 429 kept back.
TEST(RateLimiter, WritesNothingWithADenialThoughSomethingWasKeptBack) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    LimitIsolate isolate(store, kPlain);
    isolate.rule = {1, Millis{60'000}};
    isolate.begin();
    isolate.begin();
    store.answer(0);
    const std::size_t write = store.waiting() - 1;
    store.answer(write, choices.among(2) == 0 ? Fault::RateLimited : Fault::Unavailable);
    store.answerAll();
    EXPECT_EQ(isolate.admitted(), 1);
    EXPECT_EQ(store.writes(), 1U);
  });
}

}  // namespace
}  // namespace codex
