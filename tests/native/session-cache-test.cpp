#include "wasm/session/session-cache.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/fake-store.h"
#include "tests/native/host-session.h"
#include "tests/native/running-call.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::Fault;
using testing::inEveryWay;
using testing::kStart;
using testing::Lag;
using testing::SessionText;
using testing::unixMs;

using Call = testing::RunningCall<SessionAnswer>;

constexpr SessionBounds kBounds{Seconds{2'592'000}, std::chrono::hours{1}};
const StoreKey kSession{0, "session:token-of-alice"};
const StoreKey kWatermark{0, "urev:alice"};
constexpr Instant kExpiry = kStart + std::chrono::hours{24};

std::string loadedAt(Instant instant) { return R"({"l":)" + std::to_string(unixMs(instant)) + "}"; }

/// An isolate in front of the fake: what it knows of revocations, and the calls in flight in it.
class Isolate {
 public:
  explicit Isolate(FakeStore& store, int place = 0) : store_(store), place_(place) {}

  Call& beginGet(SessionBounds bounds = kBounds, StoreKey session = kSession) {
    return begin([&](KvStore& kv) { return getSession(revocations_, kv, session, bounds); });
  }
  Call& beginSet(Instant expiresAt = kExpiry, SessionText session = {}) {
    return begin(
        [&](KvStore& kv) { return setSession(revocations_, kv, kSession, kWatermark, kBounds, expiresAt, store_.now()); },
        session.json());
  }
  Call& beginDelete() {
    return begin([&](KvStore& kv) { return deleteSession(kv, kSession); });
  }
  Call& beginRevoke() {
    return begin([&](KvStore& kv) { return revokeUser(revocations_, kv, kWatermark, kBounds, store_.now()); });
  }

  SessionOutcome get(SessionBounds bounds = kBounds, StoreKey session = kSession) { return outcome(beginGet(bounds, session)); }
  SessionOutcome set(Instant expiresAt = kExpiry, SessionText session = {}) { return outcome(beginSet(expiresAt, session)); }
  SessionOutcome revoke() { return outcome(beginRevoke()); }
  SessionOutcome remove() { return outcome(beginDelete()); }
  SessionOutcome outcome(const Call& call) {
    store_.answerAll();
    return call.result().outcome;
  }

 private:
  template <class Make>
  Call& begin(Make make, std::string payload = {}) {
    return *calls_.emplace_back(std::make_unique<Call>(store_, make, std::move(payload), place_));
  }

  FakeStore& store_;
  int place_;
  Revocations revocations_{64, HashSeed{1, 2}};
  std::vector<std::unique_ptr<Call>> calls_;
};

/// A store that holds Alice's session, loaded at the start.
class SessionCache : public ::testing::Test {
 protected:
  SessionCache() { stores({}); }

  void stores(const SessionText& session, const std::string& metadata = loadedAt(kStart)) {
    store.write(kSession.text, session.json(), metadata);
  }

  FakeStore store;
  Isolate isolate{store};
};

// --- what a read accepts ---

TEST_F(SessionCache, ShowsASessionThatKeepsEveryRule) {
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  EXPECT_EQ(store.reads(), 2U);
  EXPECT_EQ(store.writes() + store.deletes(), 0U);
}

TEST_F(SessionCache, ReadsTheWatermarkAsFreshAsKvWill) {
  isolate.beginGet();
  EXPECT_EQ(store.waiting(0).cacheTtl, std::nullopt);
  store.answer(0);
  EXPECT_EQ(store.waiting(0).key, "urev:alice");
  EXPECT_EQ(store.waiting(0).cacheTtl, Seconds{30});
}

TEST_F(SessionCache, MissesWhatIsNotThereWithOneRead) {
  store.erase(kSession.text);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(store.reads(), 1U);
}

TEST_F(SessionCache, TakesARecordOfTheWrongShapeForCorrupt) {
  for (const char* const text : {"", "null", "\"hello\"", "[]", "{}", "not json", R"({"session":{},"user":{}})"}) {
    store.write(kSession.text, text, loadedAt(kStart));
    EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt) << text;
  }
  for (const SessionText& session :
       {SessionText{.role = "admin"}, SessionText{.expiresAt = "soon"}, SessionText{.userId = ""}}) {
    stores(session);
    EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt) << session.json();
  }
}

TEST_F(SessionCache, NeverShowsAnotherTokensSession) {
  stores({.token = "token-of-bob"});
  EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt);
}

TEST_F(SessionCache, NeverShowsASessionOfTwoUsers) {
  stores({.sessionUserId = "bob"});
  EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt);
}

TEST_F(SessionCache, ShowsASessionUntilTheInstantItEnds) {
  const SessionBounds anyAge{kBounds.longest, std::chrono::hours{48}};
  store.advance(std::chrono::hours{24} - Millis{1});
  EXPECT_EQ(isolate.get(anyAge), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.get(anyAge), SessionOutcome::Miss);
}

TEST_F(SessionCache, DoesNotShowASessionThatEndsWhileItIsBeingRead) {
  const SessionBounds anyAge{kBounds.longest, std::chrono::hours{48}};
  store.advance(std::chrono::hours{24} - Millis{1});
  const Call& get = isolate.beginGet(anyAge);
  store.answer(0);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.outcome(get), SessionOutcome::Miss);
}

TEST_F(SessionCache, ShowsACopyUpToTheAgeThatIsAccepted) {
  store.advance(kBounds.maxStale);
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(isolate.get({kBounds.longest, kBounds.maxStale + Millis{1}}), SessionOutcome::Hit);
}

TEST_F(SessionCache, DoesNotShowACopyThatGrowsTooOldWhileItIsBeingRead) {
  store.advance(kBounds.maxStale);
  const Call& get = isolate.beginGet();
  store.answer(0);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.outcome(get), SessionOutcome::Miss);
}

TEST_F(SessionCache, ShowsACopyLoadedAfterTheWatermark) {
  struct Case {
    Millis watermark;
    SessionOutcome outcome;
  };
  for (const Case& at :
       {Case{Millis{-1}, SessionOutcome::Hit}, {Millis{0}, SessionOutcome::Miss}, {Millis{1}, SessionOutcome::Miss}}) {
    FakeStore fresh;
    Isolate reader(fresh);
    fresh.write(kSession.text, SessionText{}.json(), loadedAt(kStart));
    fresh.write(kWatermark.text, encodeWatermark(kStart + at.watermark));
    EXPECT_EQ(reader.get(), at.outcome) << at.watermark.count();
  }
}

TEST_F(SessionCache, ShowsACopyOfUnknownAgeWhereNothingWasRevoked) {
  for (const char* const metadata : {"", "{}", "null", R"({"l":"1767225600000"})", R"({"l":1.5})", R"({"other":1})", "[1]"}) {
    FakeStore fresh;
    Isolate reader(fresh);
    fresh.write(kSession.text, SessionText{}.json(), metadata);
    EXPECT_EQ(reader.get(), SessionOutcome::Hit) << metadata;
    fresh.write(kWatermark.text, encodeWatermark(kStart - std::chrono::hours{24 * 365}));
    EXPECT_EQ(reader.get(), SessionOutcome::Miss) << metadata;
  }
}

TEST_F(SessionCache, ShowsNothingWhereTheWatermarkCannotBeRead) {
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    const Call& get = isolate.beginGet();
    store.answer(0);
    store.answer(0, fault);
    EXPECT_EQ(get.result().outcome, SessionOutcome::Failed);
    EXPECT_NE(get.result().error, std::nullopt);
  }
}

TEST_F(SessionCache, ShowsNothingWhereTheWatermarkIsCorrupt) {
  for (const char* const text : {"", "not json", "{}", R"({"before":"now"})", "[]", "1767225600000"}) {
    store.write(kWatermark.text, text);
    EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt) << text;
  }
}

TEST_F(SessionCache, SaysWhenTheSessionCannotBeRead) {
  store.fail(KvVerb::Get, Fault::Unavailable);
  const Call& get = isolate.beginGet();
  store.answerAll();
  EXPECT_EQ(get.result().outcome, SessionOutcome::Failed);
  EXPECT_EQ(get.result().error, ErrorCode::StoreUnavailable);
  EXPECT_EQ(store.reads(), 1U);
}

TEST_F(SessionCache, RemembersAWatermarkThatKvNoLongerShows) {
  store.write(kWatermark.text, encodeWatermark(kStart));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  store.erase(kWatermark.text);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, SparesTheWatermarkOfACopyKnownToBeRevoked) {
  EXPECT_EQ(isolate.revoke(), SessionOutcome::Deleted);
  const std::size_t before = store.reads();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(store.reads(), before + 1);
}

// --- revoking ---

TEST_F(SessionCache, RevokesEverySessionLoadedUpToNow) {
  EXPECT_EQ(isolate.revoke(), SessionOutcome::Deleted);
  EXPECT_EQ(store.at(kWatermark.text)->value, R"({"before":1767225602000})") << "two seconds ahead, for other clocks";
  EXPECT_EQ(store.at(kWatermark.text)->expiresAt, kStart + kBounds.longest);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss) << "and in every other isolate that sees the watermark";
}

TEST_F(SessionCache, IsRevokedHereEvenWhileKvStillShowsNoWatermark) {
  store.lag(Lag::Everywhere);
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  isolate.revoke();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, IsRevokedElsewhereOnceTheCachedReadThereIsOld) {
  store.lag(Lag::Elsewhere);
  Isolate elsewhere(store, 1);
  EXPECT_EQ(elsewhere.get(), SessionOutcome::Hit);
  isolate.revoke();
  store.advance(Seconds{30} - Millis{1});
  EXPECT_EQ(elsewhere.get(), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(elsewhere.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, SaysWhenARevocationWasNotRecorded) {
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    store.fail(KvVerb::Put, fault);
    EXPECT_EQ(isolate.revoke(), SessionOutcome::Failed);
    EXPECT_EQ(isolate.get(), SessionOutcome::Miss) << "here it is in force all the same";
  }
}

TEST_F(SessionCache, IsNotShownOnceARevocationHasBegunWhateverTheOrder) {
  std::size_t overlapped = 0;
  inEveryWay([&](Choices& choices) {
    FakeStore fresh;
    fresh.write(kSession.text, SessionText{}.json(), loadedAt(kStart));
    Isolate here(fresh);
    const Call& get = here.beginGet();
    for (std::size_t steps = choices.among(3); steps > 0 && fresh.waiting() > 0; --steps) {
      if (choices.among(2) == 0) fresh.land(0);
      fresh.answer(0);
    }
    const bool shownBefore = get.done() && get.result().outcome == SessionOutcome::Hit;
    overlapped += get.done() ? 0U : 1U;
    here.beginRevoke();
    while (fresh.waiting() > 0) {
      const std::size_t next = choices.among(fresh.waiting());
      if (fresh.landed(next) || choices.among(2) == 0) {
        fresh.answer(next);
      } else {
        fresh.land(next);
      }
    }
    EXPECT_TRUE(shownBefore || get.result().outcome == SessionOutcome::Miss);
    EXPECT_EQ(here.get(), SessionOutcome::Miss);
  });
  EXPECT_GT(overlapped, 10U);
}

TEST_F(SessionCache, IsNotBroughtBackByALoginThatWasUnderWayWhenAllWereRevoked) {
  inEveryWay([](Choices& choices) {
    FakeStore fresh;
    Isolate here(fresh);
    Isolate elsewhere(fresh);
    here.beginSet();
    elsewhere.beginRevoke();
    while (fresh.waiting() > 0) fresh.answer(choices.among(fresh.waiting()));
    EXPECT_EQ(here.get(), SessionOutcome::Miss);
    EXPECT_EQ(elsewhere.get(), SessionOutcome::Miss);
  });
}

// --- storing ---

TEST_F(SessionCache, StoresASessionWithTheInstantItWasLoaded) {
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored);
  const auto record = store.at(kSession.text);
  EXPECT_EQ(record->value, SessionText{}.json());
  EXPECT_EQ(record->metadata, R"({"l":1767225600000})");
  EXPECT_EQ(record->expiresAt, kExpiry);
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
}

TEST_F(SessionCache, StoresASessionThatFollowsARevocation) {
  isolate.revoke();
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored);
  EXPECT_EQ(store.at(kSession.text)->metadata, R"({"l":1767225602001})") << "one past the watermark";
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Hit);
}

TEST_F(SessionCache, StoresASessionThatFollowsARevocationSeenElsewhere) {
  Isolate elsewhere(store);
  elsewhere.revoke();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored);
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
}

TEST_F(SessionCache, KeepsASessionNoLongerThanItLastsWithinWhatKvAllows) {
  struct Case {
    Millis left;
    Seconds ttl;
  };
  for (const Case& at : {Case{Millis{1}, Seconds{60}},
                         {Millis{59'999}, Seconds{60}},
                         {Millis{61'001}, Seconds{62}},
                         {std::chrono::hours{24 * 365 * 100}, kBounds.longest}}) {
    EXPECT_EQ(isolate.set(kStart + at.left), SessionOutcome::Stored);
    EXPECT_EQ(store.at(kSession.text)->expiresAt, kStart + at.ttl);
  }
  EXPECT_EQ(isolate.set(kLatest), SessionOutcome::Stored);
}

TEST_F(SessionCache, DeletesInsteadOfStoringASessionThatHasEnded) {
  for (const Instant ended : {kStart, kStart - Millis{1}, kEarliest}) {
    stores({});
    EXPECT_EQ(isolate.set(ended), SessionOutcome::Skipped);
    EXPECT_FALSE(store.at(kSession.text));
  }
  EXPECT_EQ(store.writes(), 0U);
}

TEST_F(SessionCache, SaysWhenASessionCouldNotBeStoredOrDeleted) {
  store.fail(KvVerb::Put, Fault::RateLimited);
  store.fail(KvVerb::Delete, Fault::Unavailable);
  const Call& set = isolate.beginSet();
  const Call& setEnded = isolate.beginSet(kStart);
  const Call& remove = isolate.beginDelete();
  store.answerAll();
  EXPECT_EQ(set.result().outcome, SessionOutcome::Failed);
  EXPECT_EQ(set.result().error, ErrorCode::StoreRateLimited);
  EXPECT_EQ(setEnded.result().outcome, SessionOutcome::Failed);
  EXPECT_EQ(remove.result().outcome, SessionOutcome::Failed);
  EXPECT_EQ(remove.result().error, ErrorCode::StoreUnavailable);
}

TEST_F(SessionCache, DeletesASession) {
  EXPECT_EQ(isolate.remove(), SessionOutcome::Deleted);
  EXPECT_FALSE(store.at(kSession.text));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, KeepsUsersWithOddNamesApart) {
  stores({.sessionUserId = "a:b", .userId = "a:b"});
  isolate.beginGet();
  store.answer(0);
  EXPECT_EQ(store.waiting(0).key, "urev:a%3Ab");
  store.answerAll();
}

}  // namespace
}  // namespace codex
