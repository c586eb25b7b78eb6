#include "wasm/ratelimit/rate-limiter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/fake-store.h"
#include "tests/native/running-call.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::Fault;
using testing::inEveryWay;
using testing::inRandomWays;
using testing::kStart;
using testing::Lag;
using testing::RunningCall;

constexpr RateLimitRule kLogin{5, std::chrono::minutes{15}};
constexpr Instant kEnd = kStart + kLogin.window;
const std::string kKey = "rl:login:203.0.113.7";

using Check = RunningCall<RateLimitVerdict>;
using Reset = RunningCall<Result<Instant>>;

/// An isolate in front of the fake: its table, and the calls in flight in it.
class Isolate {
 public:
  explicit Isolate(FakeStore& store, int place = 0) : store_(store), place_(place) {}

  Check& begin(RateLimitRule rule = kLogin, OnUnavailable onUnavailable = OnUnavailable::Local) {
    const auto make = [&](KvStore& kv) { return checkLimit(table_, kv, StoreKey{0, kKey}, rule, onUnavailable, store_.now()); };
    return *checks_.emplace_back(std::make_unique<Check>(store_, make, std::string(), place_));
  }
  RateLimitVerdict check(RateLimitRule rule = kLogin, OnUnavailable onUnavailable = OnUnavailable::Local) {
    const Check& check = begin(rule, onUnavailable);
    store_.answerAll();
    return check.result();
  }
  Reset& beginReset() {
    const auto make = [&](KvStore& kv) { return resetLimit(table_, kv, StoreKey{0, kKey}); };
    return *resets_.emplace_back(std::make_unique<Reset>(store_, make, std::string(), place_));
  }
  /// What happens to calls whose requests have died.
  void reclaim(std::size_t index) { checks_[index].reset(); }
  std::vector<std::size_t> alive() const {
    std::vector<std::size_t> indexes;
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      if (checks_[i] && !checks_[i]->done()) indexes.push_back(i);
    }
    return indexes;
  }
  void reclaimWaiting() {
    std::erase_if(checks_, [](const auto& check) { return check && !check->done(); });
  }

  LimitTable& table() { return table_; }
  std::int64_t admitted() const {
    return std::ranges::count_if(checks_, [](const auto& check) { return check && check->done() && check->result().allowed; });
  }
  const std::vector<std::unique_ptr<Check>>& checks() const { return checks_; }

 private:
  FakeStore& store_;
  int place_;
  LimitTable table_{64, HashSeed{1, 2}};
  std::vector<std::unique_ptr<Check>> checks_;
  std::vector<std::unique_ptr<Reset>> resets_;
};

std::string stored(std::int64_t count, Instant resetAt = kEnd) { return fixed_window::encode({count, resetAt}); }

std::optional<fixed_window::Count> countIn(const FakeStore& store) {
  const auto record = store.at(kKey);
  return record ? fixed_window::decode(record->value) : std::nullopt;
}

/// Answers what waits in an order of the choices' own, each operation landing at a moment of its own.
void answerInAnyOrder(FakeStore& store, Choices& choices) {
  while (store.waiting() > 0) {
    const std::size_t next = choices.among(store.waiting());
    if (store.landed(next) || choices.among(2) == 0) {
      store.answer(next);
    } else {
      store.land(next);
    }
  }
}

// --- one attempt after the other ---

TEST(RateLimiter, AdmitsFiveAndDeniesTheSixthAttempt) {
  FakeStore store;
  Isolate isolate(store);
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
  Isolate isolate(store);
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
  Isolate isolate(store);
  const RateLimitVerdict denied = isolate.check();
  EXPECT_FALSE(denied.allowed);
  EXPECT_FALSE(denied.fromMemory);
  EXPECT_EQ(store.reads(), 1U);
  EXPECT_EQ(store.writes(), 0U);
  EXPECT_EQ(store.at(kKey)->value, stored(5));
}

TEST(RateLimiter, AdmitsAgainAtTheInstantItSaidAndNotAMillisecondEarlier) {
  FakeStore store;
  Isolate isolate(store);
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
  Isolate isolate(store);
  for (int i = 0; i < 3; ++i) {
    const RateLimitVerdict verdict = isolate.check({0, Millis{1000}});
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.retryAfter, std::nullopt);
  }
  EXPECT_LE(store.operations(), 1U);
}

TEST(RateLimiter, CountsWindowsThatKvCouldNotExpire) {
  FakeStore store;
  Isolate isolate(store);
  const RateLimitRule second{1, Millis{1000}};
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(isolate.check(second).allowed) << "window " << i;
    store.advance(Millis{999});
    EXPECT_FALSE(isolate.check(second).allowed) << "window " << i;
    store.advance(Millis{1});
  }
}

TEST(RateLimiter, WritesThroughTheWholeWindowWithATtlThatKvAccepts) {
  for (const std::int64_t left : {900'000, 60'001, 60'000, 59'999, 59'000, 1000, 1}) {
    FakeStore store;
    store.write(kKey, stored(1, kStart + Millis{left}));
    Isolate isolate(store);
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
    Isolate isolate(store);
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
    Isolate isolate(store);
    const RateLimitVerdict verdict = isolate.check();
    EXPECT_TRUE(verdict.allowed);
    EXPECT_FALSE(verdict.corrupt);
    EXPECT_EQ(verdict.remaining, at.remaining) << testing::unixMs(at.resetAt);
  }
}

TEST(RateLimiter, TakesAHugeCountForOneThatIsFull) {
  FakeStore store;
  store.write(kKey, stored(9'007'199'254'740'991));
  Isolate isolate(store);
  EXPECT_FALSE(isolate.check().allowed);
  EXPECT_FALSE(isolate.check({kMaxLimit, kLogin.window}).allowed);
}

TEST(RateLimiter, DecidesByTheClockOfTheAnswer) {
  FakeStore store;
  store.write(kKey, stored(5));
  Isolate isolate(store);
  const Check& check = isolate.begin();
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
        Isolate isolate(store);
        for (std::size_t i = 0; i < attempts; ++i) isolate.begin(rule);
        answerInAnyOrder(store, choices);
        const std::int64_t expected = std::min(static_cast<std::int64_t>(attempts), limit);
        EXPECT_EQ(isolate.admitted(), expected);
        EXPECT_EQ(store.reads(), attempts);
        EXPECT_EQ(store.writes(), static_cast<std::size_t>(expected)) << "a denial writes nothing";
        EXPECT_EQ(isolate.check(rule).allowed, expected < limit) << "nothing was forgotten";
      });
      EXPECT_GE(ways, attempts) << attempts << " attempts, limit " << limit;
    }
  }
}

TEST(RateLimiter, AdmitsExactlyTheLimitOfFiveAttemptsAnsweredInAnyOrder) {
  for (const std::int64_t limit : {2, 4}) {
    inEveryWay([&](Choices& choices) {
      FakeStore store;
      Isolate isolate(store);
      for (int i = 0; i < 5; ++i) isolate.begin({limit, Millis{60'000}});
      while (store.waiting() > 0) store.answer(choices.among(store.waiting()));
      EXPECT_EQ(isolate.admitted(), limit);
    });
  }
}

TEST(RateLimiter, AdmitsExactlyTheLimitWhateverEachWriteMeets) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    Isolate isolate(store);
    for (int i = 0; i < 3; ++i) isolate.begin({2, Millis{60'000}});
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
    Isolate isolate(store);
    const RateLimitRule rule{3, Millis{60'000}};
    for (int i = 0; i < 3; ++i) isolate.begin(rule);
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
    EXPECT_EQ(isolate.check(rule).remaining, std::max<std::int64_t>(0, rule.limit - decided - 1));
  });
}

TEST(RateLimiter, CountsNoAttemptThatItDeniesBecauseAWriteFailed) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    Isolate isolate(store);
    for (int i = 0; i < 3; ++i) isolate.begin(kLogin, OnUnavailable::Deny);
    while (store.waiting() > 0) {
      const std::size_t next = choices.among(store.waiting());
      constexpr Fault kFaults[] = {Fault::None, Fault::Unavailable, Fault::FailedButLanded};
      store.answer(next, kFaults[store.waiting(next).verb == KvVerb::Put ? choices.among(3) : 0]);
    }
    const std::int64_t admitted = isolate.admitted();
    EXPECT_EQ(isolate.check(kLogin, OnUnavailable::Deny).remaining, kLogin.limit - admitted - 1);
  });
}

TEST(RateLimiter, AdmitsExactlyTheLimitOfFiftyAtOnce) {
  inRandomWays(300, [](Choices& choices) {
    FakeStore store;
    if (choices.among(2) == 0) store.enforceWriteRate();
    Isolate isolate(store);
    for (int i = 0; i < 50; ++i) isolate.begin({20, Millis{60'000}});
    answerInAnyOrder(store, choices);
    EXPECT_EQ(isolate.admitted(), 20);
    EXPECT_FALSE(isolate.check({20, Millis{60'000}}).allowed);
  });
}

/// Everything at once: attempts come while others are under way, time passes, KV fails in every way, reads are stale, requests
/// die and their writes land late. What the isolate has admitted in a window is never above the limit.
TEST(RateLimiter, NeverAdmitsMoreThanTheLimitWhateverHappens) {
  inRandomWays(1500, [](Choices& choices) {
    const RateLimitRule rule{static_cast<std::int64_t>(1 + choices.among(8)),
                             Millis{static_cast<std::int64_t>(1 + choices.among(120'000))}};
    FakeStore store;
    store.lag(static_cast<Lag>(choices.among(3)));
    if (choices.among(2) == 0) store.enforceWriteRate();
    Isolate isolate(store);
    std::vector<std::pair<Instant, Instant>> admitted;  // when, and the end of the window it was counted in
    std::vector<bool> counted;
    for (int step = 0; step < 250; ++step) {
      switch (choices.among(10)) {
        case 0:
        case 1:
        case 2:
          isolate.begin(rule);
          break;
        case 3:
          store.advance(
              Millis{static_cast<std::int64_t>(choices.among(static_cast<std::size_t>(rule.window.count()) / 2 + 1))});
          break;
        case 4:
          if (!isolate.checks().empty()) isolate.reclaim(choices.among(isolate.checks().size()));
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
      counted.resize(isolate.checks().size());
      for (std::size_t i = 0; i < counted.size(); ++i) {
        const auto& check = isolate.checks()[i];
        if (counted[i] || !check || !check->done()) continue;
        counted[i] = true;
        if (check->result().allowed) admitted.emplace_back(store.now(), check->result().resetAt);
      }
    }
    std::ranges::sort(admitted, {}, [](const auto& one) { return one.second; });
    for (std::size_t i = 0; i + static_cast<std::size_t>(rule.limit) < admitted.size(); ++i) {
      const std::size_t last = i + static_cast<std::size_t>(rule.limit);
      EXPECT_NE(admitted[i].second, admitted[last].second) << "more than " << rule.limit << " in one window";
    }
  });
}

// --- a store in trouble ---

TEST(RateLimiter, Takes429ForContentionAndCountsTheAttempt) {
  FakeStore store;
  store.fail(KvVerb::Put, Fault::RateLimited);
  Isolate isolate(store);
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
  Isolate isolate(store);
  for (int i = 0; i < 3; ++i) isolate.check();
  EXPECT_EQ(store.rateLimited(), 2U);
  EXPECT_EQ(countIn(store)->count, 1);
  store.advance(Millis{1000});
  isolate.check();
  EXPECT_EQ(countIn(store)->count, 4);
}

TEST(RateLimiter, NeverWritesToAStoreItCannotRead) {
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    for (const OnUnavailable policy : {OnUnavailable::Local, OnUnavailable::Deny, OnUnavailable::Allow}) {
      FakeStore store;
      store.write(kKey, stored(4));
      store.fail(KvVerb::Get, fault);
      Isolate isolate(store);
      const RateLimitVerdict verdict = isolate.check(kLogin, policy);
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
  Isolate isolate(store);
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
  Isolate isolate(store);
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
    Isolate isolate(store);
    for (int i = 0; i < 20; ++i) {
      const RateLimitVerdict verdict = isolate.check(kLogin, OnUnavailable::Deny);
      EXPECT_FALSE(verdict.allowed);
      EXPECT_EQ(verdict.remaining, 0);
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_GT(verdict.retryAfter, Millis{0});
    }
    store.fail(verb, Fault::None);
    for (int i = 0; i < 5; ++i) {
      EXPECT_TRUE(isolate.check(kLogin, OnUnavailable::Deny).allowed) << "an attempt that was denied must not be counted";
    }
    EXPECT_FALSE(isolate.check(kLogin, OnUnavailable::Deny).allowed);
  }
}

TEST(RateLimiter, AllowsWhileTheStoreCannotBeReadWhereAskedTo) {
  FakeStore store;
  store.fail(KvVerb::Get, Fault::Unavailable);
  Isolate isolate(store);
  for (int i = 0; i < 20; ++i) {
    const RateLimitVerdict verdict = isolate.check(kLogin, OnUnavailable::Allow);
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
      Isolate isolate(store);
      const RateLimitVerdict verdict = isolate.check(kLogin, policy);
      EXPECT_TRUE(verdict.allowed);
      EXPECT_EQ(verdict.reason, LimitReason::Degraded);
      EXPECT_EQ(verdict.scope, LimitScope::Isolate);
      EXPECT_EQ(verdict.error, ErrorCode::StoreUnavailable);
      EXPECT_EQ(verdict.remaining, 4);
      store.fail(KvVerb::Put, Fault::None);
      EXPECT_EQ(isolate.check(kLogin, policy).remaining, 3) << "counted once, whether or not it landed";
    }
  }
}

TEST(RateLimiter, KeepsItsCountWhenKvNeverAnswers) {
  for (const int answered : {0, 1}) {
    FakeStore store;
    Isolate isolate(store);
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
  Isolate isolate(store);
  isolate.begin();
  store.answer(0);
  isolate.reclaimWaiting();
  store.answerAll();
  EXPECT_EQ(countIn(store)->count, 1) << "the write of the dead call landed";
  store.write(kKey, stored(3));
  EXPECT_EQ(isolate.check().remaining, 1) << "3 there, this isolate's own among them, and 1 now";
}

TEST(RateLimiter, TellsOthersCountsFromItsOwnAfterACallDiedInTheMiddleOfItsWrite) {
  FakeStore store;
  Isolate isolate(store);
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
  Isolate one(store);
  Isolate other(store);
  EXPECT_EQ(one.check().remaining, 4);
  EXPECT_EQ(other.check().remaining, 3);
  EXPECT_EQ(one.check().remaining, 2);
  EXPECT_EQ(other.check().remaining, 1);
  EXPECT_EQ(one.check().remaining, 0);
  EXPECT_FALSE(other.check().allowed);
  EXPECT_FALSE(one.check().allowed);
  EXPECT_EQ(countIn(store)->count, 5);
}

TEST(RateLimiter, AgreesWithAnotherIsolateOnTheEndOfTheWindow) {
  FakeStore store;
  Isolate one(store);
  Isolate other(store);
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
    Isolate isolates[] = {Isolate(store), Isolate(store), Isolate(store)};
    std::int64_t admitted = 0;
    for (int i = 0; i < 12; ++i) {
      store.advance(Millis{static_cast<std::int64_t>(choices.among(1000))});
      admitted += isolates[choices.among(3)].check().allowed ? 1 : 0;
      EXPECT_EQ(countIn(store)->count, admitted);
    }
    EXPECT_EQ(admitted, 5);
  });
}

TEST(RateLimiter, AdmitsAtMostTheLimitForEachIsolateThatSeesNoOther) {
  inRandomWays(100, [](Choices& choices) {
    FakeStore store;
    store.lag(choices.among(2) == 0 ? Lag::Elsewhere : Lag::Everywhere);
    store.enforceWriteRate();
    std::deque<Isolate> isolates;
    for (int place = 0; place < 4; ++place) isolates.emplace_back(store, place);
    for (int i = 0; i < 60; ++i) {
      isolates[choices.among(isolates.size())].begin();
      if (choices.among(3) != 0) answerInAnyOrder(store, choices);
      store.advance(Millis{static_cast<std::int64_t>(choices.among(300))});
    }
    answerInAnyOrder(store, choices);
    for (const Isolate& isolate : isolates) EXPECT_LE(isolate.admitted(), kLogin.limit);
  });
}

TEST(RateLimiter, LearnsOfOthersOnceKvShowsThem) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  Isolate here(store, 0);
  Isolate there(store, 1);
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
    const Check call(store,
                     [&](KvStore& kv) { return checkLimit(table, kv, {id, kKey}, kLogin, OnUnavailable::Local, kStart); });
    store.answerAll();
    return call.result();
  };
  for (int i = 0; i < 5; ++i) check(one, 0);
  EXPECT_FALSE(check(one, 0).allowed);
  EXPECT_TRUE(check(other, 1).allowed);
}

// --- reset ---

TEST(RateLimiter, AdmitsAgainAfterAReset) {
  FakeStore store;
  Isolate isolate(store);
  for (int i = 0; i < 6; ++i) isolate.check();
  const Reset& reset = isolate.beginReset();
  store.answerAll();
  EXPECT_TRUE(reset.result());
  EXPECT_FALSE(store.at(kKey));
  EXPECT_EQ(isolate.check().remaining, 4);
}

TEST(RateLimiter, SaysWhenAResetFailed) {
  FakeStore store;
  store.write(kKey, stored(5));
  store.fail(KvVerb::Delete, Fault::Unavailable);
  Isolate isolate(store);
  const Reset& reset = isolate.beginReset();
  store.answerAll();
  ASSERT_FALSE(reset.result());
  EXPECT_EQ(reset.result().error().code, ErrorCode::StoreUnavailable);
  EXPECT_FALSE(isolate.check().allowed) << "the store still says so";
}

/// A reset at any moment of the attempts' lives. Returns whether any of them was still under way.
bool resetMeets(std::size_t attempts, Choices& choices) {
  FakeStore store;
  store.write(kKey, stored(3));
  Isolate isolate(store);
  for (std::size_t i = 0; i < attempts; ++i) isolate.begin();
  for (std::size_t steps = choices.among(2 * attempts + 1); steps > 0 && store.waiting() > 0; --steps) {
    store.answer(choices.among(store.waiting()));
  }
  const bool overtaken = store.waiting() > 0;
  const Reset& reset = isolate.beginReset();
  answerInAnyOrder(store, choices);
  EXPECT_TRUE(reset.result());
  EXPECT_FALSE(store.at(kKey));
  EXPECT_GE(isolate.check().remaining, 4 - static_cast<std::int64_t>(attempts))
      << "the attempts may count in the new window, what came before may not";
  return overtaken;
}

TEST(RateLimiter, LeavesNothingOfAnAttemptThatAResetOvertook) {
  std::size_t overtaken = 0;
  inEveryWay([&](Choices& choices) { overtaken += resetMeets(1, choices) ? 1U : 0U; });
  EXPECT_GT(overtaken, 20U);
}

TEST(RateLimiter, LeavesNothingOfSeveralAttemptsThatAResetOvertook) {
  inRandomWays(3000, [](Choices& choices) { resetMeets(2 + choices.among(2), choices); });
}

TEST(RateLimiter, LeavesNothingOfAWriteThatFailedAndLandedAfterAReset) {
  FakeStore store;
  Isolate isolate(store);
  isolate.begin();
  store.answer(0);
  const Reset& reset = isolate.beginReset();
  store.answer(1);
  EXPECT_TRUE(reset.result());
  store.answer(0, Fault::FailedButLanded);
  store.answerAll();
  EXPECT_FALSE(store.at(kKey));
}

TEST(RateLimiter, CountsAttemptsThatFollowAReset) {
  FakeStore store;
  Isolate isolate(store);
  for (int i = 0; i < 3; ++i) isolate.check();
  isolate.beginReset();
  store.answerAll();
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(isolate.check().allowed);
  EXPECT_FALSE(isolate.check().allowed);
}

}  // namespace
}  // namespace codex
