#include "wasm/session/session-cache.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/session-isolate.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::Fault;
using testing::fenceOf;
using testing::inEveryWay;
using testing::kLongestSession;
using testing::kMaxStale;
using testing::kStart;
using testing::Lag;
using testing::loadedAt;
using testing::SessionText;
using testing::ToSet;

using Isolate = testing::SessionIsolate;
using Call = Isolate::Call;

constexpr Millis kAnyAge = std::chrono::hours{24 * 365};
const StoreKey kSession{0, "session:token-of-alice"};
const StoreKey kWatermark{0, "urev:alice"};
const StoreKey kFence{0, fenceOf("token-of-alice")};
const std::string kIndex = "usess:alice:" + kFence.text.substr(5);

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
  EXPECT_EQ(store.keysRead(), 3U);
  EXPECT_EQ(store.writes() + store.deletes(), 0U);
}

TEST_F(SessionCache, ReadsAllThreeKeysAtOnceOfWhomItHasSeen) {
  isolate.get();
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  EXPECT_EQ(store.reads(), 3U);
  EXPECT_EQ(store.keysRead(), 6U);
}

TEST_F(SessionCache, NumbersTheKeysThatItReadsAtOnceAndNoOthers) {
  const auto number = [&] {
    isolate.beginGet();
    const std::uint64_t known = store.waiting(0).knownKeys;
    store.answerAll();
    return known;
  };
  EXPECT_EQ(number(), 0U) << "the user is not known yet";
  const std::uint64_t alices = number();
  EXPECT_NE(alices, 0U);
  EXPECT_EQ(number(), alices);
  stores({.sessionUserId = "bob", .userId = "bob"});
  EXPECT_EQ(number(), alices) << "the same keys: who the user is now shows only then";
  const std::uint64_t bobs = number();
  EXPECT_NE(bobs, 0U);
  EXPECT_NE(bobs, alices);
  stores({});
  isolate.get();
  EXPECT_GT(number(), bobs) << "a number is never used again";
}

// --- a record that is as it was ---

/// Alice's session is known, and has been found as it was once.
class KnownRecord : public SessionCache {
 protected:
  KnownRecord() {
    for (int reads = 0; reads < 3; ++reads) EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
    EXPECT_EQ(isolate.foundAgain(), 1U);
  }
  ~KnownRecord() override { EXPECT_EQ(isolate.foundAgain(), 2U) << "this was about a record found again"; }
};

TEST_F(KnownRecord, IsShownWithItsEndAndOffered) {
  const Call& get = isolate.beginGet();
  EXPECT_EQ(isolate.outcome(get), SessionOutcome::Hit);
  EXPECT_EQ(get.result().expiresAt, testing::kSessionEnd);
  EXPECT_TRUE(isolate.keep(get));
  EXPECT_TRUE(isolate.recalls());
}

TEST_F(KnownRecord, EndsAllTheSame) {
  store.advance(std::chrono::hours{24});
  EXPECT_EQ(isolate.get(kAnyAge), SessionOutcome::Miss);
}

TEST_F(KnownRecord, IsVoidByAWatermark) {
  store.write(kWatermark.text, encodeWatermark(kStart));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(KnownRecord, IsVoidByAFence) {
  store.write(kFence.text, encodeWatermark(kStart));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(KnownRecord, IsNotShownWhereAFenceCannotBeRead) {
  store.write(kFence.text, "not json");
  EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt);
}

TEST_F(KnownRecord, IsAsOldAsItsMetadataSays) {
  store.advance(kMaxStale + Millis{1});
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, ChecksARecordAnewThatHasChanged) {
  for (int reads = 0; reads < 3; ++reads) isolate.get();
  stores({.role = "admin"});
  EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt);
  stores({.sessionUserId = "bob", .userId = "bob"});
  store.write("urev:bob", encodeWatermark(kStart));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(isolate.foundAgain(), 1U);
}

TEST_F(SessionCache, OffersNothingToWhomeverKeepsNothing) {
  const Call& kept = isolate.beginGet();
  EXPECT_EQ(isolate.outcome(kept), SessionOutcome::Hit);
  EXPECT_TRUE(kept.result().offer);
  const Call& unkept = isolate.beginGet({.maxStale = kMaxStale, .offered = false});
  EXPECT_EQ(isolate.outcome(unkept), SessionOutcome::Hit);
  EXPECT_FALSE(unkept.result().offer);
}

TEST_F(SessionCache, ReadsTheWatermarkOfTheUserThatTheTokenHasNow) {
  isolate.get();
  stores({.sessionUserId = "bob", .userId = "bob"});
  store.write("urev:bob", encodeWatermark(kStart));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  store.erase("urev:bob");
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Hit);
}

TEST_F(SessionCache, ReadsWatermarkAndFenceAsFreshAsKvWill) {
  isolate.beginGet();
  EXPECT_EQ(store.waiting(0).cacheTtl, Seconds{30});
  EXPECT_EQ(store.waiting(0).also, std::vector{kFence.text});
  store.answer(0);
  EXPECT_EQ(store.waiting(0).key, "urev:alice");
  EXPECT_EQ(store.waiting(0).cacheTtl, Seconds{30});
}

TEST_F(SessionCache, MissesWhatIsNotThereWithOneRead) {
  store.erase(kSession.text);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(store.reads(), 1U);
  EXPECT_EQ(store.keysRead(), 2U);
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
  store.advance(std::chrono::hours{24} - Millis{1});
  EXPECT_EQ(isolate.get(kAnyAge), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.get(kAnyAge), SessionOutcome::Miss);
}

TEST_F(SessionCache, DoesNotShowASessionThatEndsWhileItIsBeingRead) {
  store.advance(std::chrono::hours{24} - Millis{1});
  const Call& get = isolate.beginGet(kAnyAge);
  store.answer(0);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.outcome(get), SessionOutcome::Miss);
}

TEST_F(SessionCache, ShowsACopyUpToTheAgeThatIsAccepted) {
  store.advance(kMaxStale);
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(isolate.get(kMaxStale + Millis{1}), SessionOutcome::Hit);
}

TEST_F(SessionCache, DoesNotShowACopyThatGrowsTooOldWhileItIsBeingRead) {
  store.advance(kMaxStale);
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
    Isolate reader(store);
    const Call& first = reader.beginGet();
    store.answer(0);
    store.answer(0, fault);
    EXPECT_EQ(first.result().outcome, SessionOutcome::Failed);
    EXPECT_NE(first.result().error, std::nullopt);
    const Call& again = reader.beginGet();
    store.answer(0, fault);
    EXPECT_EQ(again.result().outcome, SessionOutcome::Failed);
  }
}

TEST_F(SessionCache, ShowsNothingWhereAWatermarkOrAFenceIsCorrupt) {
  for (const StoreKey& key : {kWatermark, kFence}) {
    for (const char* const text : {"", "not json", "{}", R"({"before":"now"})", "[]", "1767225600000"}) {
      store.write(key.text, text);
      EXPECT_EQ(isolate.get(), SessionOutcome::Corrupt) << text;
      EXPECT_EQ(Isolate(store).get(), SessionOutcome::Corrupt) << text;
    }
    store.erase(key.text);
  }
}

TEST_F(SessionCache, ShowsACopyLoadedAfterItsFence) {
  for (const Millis fence : {Millis{-1}, Millis{0}, Millis{1}}) {
    FakeStore fresh;
    Isolate reader(fresh);
    fresh.write(kSession.text, SessionText{}.json(), loadedAt(kStart));
    fresh.write(kFence.text, encodeWatermark(kStart + fence));
    EXPECT_EQ(reader.get(), fence.count() < 0 ? SessionOutcome::Hit : SessionOutcome::Miss) << fence.count();
  }
}

TEST_F(SessionCache, ShowsNoCopyThatClaimsToBeFromTheFuture) {
  stores({}, loadedAt(kStart + Seconds{10}));
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit) << "what clocks that differ make of a login after a revocation";
  stores({}, loadedAt(kStart + Seconds{10} + Millis{1}));
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, ShowsAnExceptedCopyAsOldAsItIs) {
  const std::string spared = R"({"l":)" + std::to_string(testing::unixMs(kStart + Millis{2001})) + R"(,"o":)" +
                             std::to_string(testing::unixMs(kStart)) + "}";
  stores({}, spared);
  store.write(kWatermark.text, encodeWatermark(kStart + Millis{2000}));
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit) << "it is excepted from the watermark";
  store.write(kFence.text, encodeWatermark(kStart));
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss) << "and not from its own fence";
  store.erase(kFence.text);
  store.advance(kMaxStale + Millis{1});
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss) << "nor younger than it is";
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
  EXPECT_EQ(store.at(kWatermark.text)->expiresAt, kStart + kLongestSession);
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
  EXPECT_EQ(record->expiresAt, testing::kSessionEnd);
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
                         {std::chrono::hours{24 * 365 * 100}, kLongestSession}}) {
    EXPECT_EQ(isolate.set({.expiresAt = kStart + at.left}), SessionOutcome::Stored);
    EXPECT_EQ(store.at(kSession.text)->expiresAt, kStart + at.ttl);
  }
  EXPECT_EQ(isolate.set({.expiresAt = kLatest}), SessionOutcome::Stored);
}

TEST_F(SessionCache, DeletesInsteadOfStoringASessionThatHasEnded) {
  for (const Instant ended : {kStart, kStart - Millis{1}, kEarliest}) {
    stores({});
    EXPECT_EQ(isolate.set({.expiresAt = ended}), SessionOutcome::Skipped);
    EXPECT_FALSE(store.at(kSession.text));
  }
  EXPECT_EQ(store.writes(), 0U);
}

TEST_F(SessionCache, SaysWhenASessionCouldNotBeStored) {
  store.fail(KvVerb::Put, Fault::RateLimited);
  store.fail(KvVerb::Delete, Fault::Unavailable);
  const Call& set = isolate.beginSet();
  const Call& setEnded = isolate.beginSet({.expiresAt = kStart});
  store.answerAll();
  EXPECT_EQ(set.result().outcome, SessionOutcome::Failed);
  EXPECT_EQ(set.result().error, ErrorCode::StoreRateLimited);
  EXPECT_EQ(setEnded.result().outcome, SessionOutcome::Failed);
}

TEST_F(SessionCache, ListsWhatItStores) {
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored);
  const auto entry = store.at(kIndex);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry->value, "token-of-alice");
  EXPECT_EQ(entry->metadata, R"({"e":1767312000000,"i":"s1"})");
  EXPECT_EQ(entry->expiresAt, testing::kSessionEnd);
}

TEST_F(SessionCache, DoesNotStoreWhatWasLoadedBeforeARevocationKnownHere) {
  store.erase(kSession.text);
  isolate.revoke();
  EXPECT_EQ(isolate.set({.loadedAt = kStart}), SessionOutcome::Skipped);
  EXPECT_EQ(isolate.set({.loadedAt = kStart + kClockSkew}), SessionOutcome::Skipped);
  EXPECT_FALSE(store.at(kSession.text));
  EXPECT_EQ(isolate.set({.loadedAt = kStart + kClockSkew + Millis{1}}), SessionOutcome::Stored);
}

TEST_F(SessionCache, DoesNotMakeACopyOfUnknownAgeANewOneByATouch) {
  stores({}, "");
  EXPECT_EQ(isolate.set({.touchedAt = kStart}), SessionOutcome::Stored);
  EXPECT_EQ(store.at(kSession.text)->metadata, R"({"t":1767225600000})");
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  Isolate elsewhere(store);
  elsewhere.revoke();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss)
      << "made by a clock that is behind, or shown late: it may be older than the touch";
  EXPECT_EQ(isolate.set({.touchedAt = kStart}), SessionOutcome::Skipped);
}

TEST_F(SessionCache, EndsAtOnceWhatARevocationOfTheSameInstantExcepted) {
  isolate.revoke();
  EXPECT_EQ(isolate.set({.loadedAt = kStart + kClockSkew + Millis{1}}), SessionOutcome::Stored) << "as an exception is";
  EXPECT_EQ(isolate.get(), SessionOutcome::Hit);
  isolate.revoke();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss);
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored) << "a login that follows";
  isolate.remove();
  EXPECT_EQ(isolate.set(), SessionOutcome::Stored);
  isolate.remove();
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

// --- logging out ---

TEST_F(SessionCache, DeletesASessionBehindAFence) {
  isolate.set();
  EXPECT_EQ(isolate.remove(), SessionOutcome::Deleted);
  EXPECT_FALSE(store.at(kSession.text));
  EXPECT_FALSE(store.at(kIndex));
  EXPECT_EQ(store.at(kFence.text)->value, R"({"before":1767225602000})");
  EXPECT_EQ(store.at(kFence.text)->expiresAt, kStart + kLongestSession);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss);
}

TEST_F(SessionCache, WritesTheFenceBeforeItDeletes) {
  isolate.beginDelete();
  ASSERT_EQ(store.waiting(), 1U);
  EXPECT_EQ(store.waiting(0).key, kFence.text);
}

TEST_F(SessionCache, FindsTheIndexEntryOfASessionItHasNotSeen) {
  isolate.set();
  Isolate elsewhere(store);
  EXPECT_EQ(elsewhere.remove(), SessionOutcome::Deleted);
  EXPECT_FALSE(store.at(kIndex));
}

TEST_F(SessionCache, SaysWhenALogoutWasNotRecordedAndOnlyThen) {
  store.fail(KvVerb::Delete, Fault::Unavailable);
  store.fail(KvVerb::Get, Fault::Unavailable);
  EXPECT_EQ(isolate.remove(), SessionOutcome::Deleted) << "the copy is void";
  for (const Fault fault : {Fault::Unavailable, Fault::RateLimited}) {
    store.fail(KvVerb::Put, fault);
    const Call& remove = isolate.beginDelete();
    store.answerAll();
    EXPECT_EQ(remove.result().outcome, SessionOutcome::Failed);
    EXPECT_NE(remove.result().error, std::nullopt);
  }
  store.fail(KvVerb::Get, Fault::None);
  EXPECT_EQ(isolate.get(), SessionOutcome::Miss) << "here it is in force all the same";
}

TEST_F(SessionCache, DropsACopyWithItsIndexEntry) {
  isolate.set();
  EXPECT_EQ(isolate.outcome(isolate.beginDrop(kSession.text, kIndex)), SessionOutcome::Deleted);
  EXPECT_EQ(store.size(), 0U);
  store.fail(KvVerb::Delete, Fault::Unavailable);
  EXPECT_EQ(isolate.outcome(isolate.beginDrop(kSession.text, kIndex)), SessionOutcome::Failed);
}

// --- tokens that are hashed ---

class HashedSessionCache : public SessionCache {
 protected:
  const std::string hashedKey = key::forHashedSession(base64url(sha256("token-of-alice")));
  Isolate hashed{store, 0, TokenForm::Hashed};
};

TEST_F(HashedSessionCache, StoresUnderTheHashAndListsIt) {
  store.erase(kSession.text);
  EXPECT_EQ(hashed.set(), SessionOutcome::Stored);
  EXPECT_TRUE(store.at(hashedKey));
  EXPECT_FALSE(store.at(kSession.text));
  EXPECT_EQ("session:h:" + store.at(kIndex)->value, hashedKey);
  EXPECT_EQ(sessionKeyOf(store.at(kIndex)->value, kFence.text.substr(5)), hashedKey);
  EXPECT_EQ(hashed.get(), SessionOutcome::Hit);
}

TEST_F(HashedSessionCache, FindsWhatWasStoredUnderTheToken) {
  EXPECT_EQ(hashed.get(), SessionOutcome::Hit);
  EXPECT_EQ(store.keysRead(), 4U);
  store.write(kFence.text, encodeWatermark(kStart));
  EXPECT_EQ(hashed.get(), SessionOutcome::Miss);
}

TEST_F(HashedSessionCache, DeletesBothForms) {
  hashed.set();
  EXPECT_EQ(hashed.remove(), SessionOutcome::Deleted);
  EXPECT_FALSE(store.at(hashedKey));
  EXPECT_FALSE(store.at(kSession.text));
  EXPECT_FALSE(store.at(kIndex));
}

TEST_F(HashedSessionCache, KnowsNoTokenThatLooksLikeAHash) {
  EXPECT_FALSE(namesOf(0, {"h:token"}, TokenForm::Hashed));
  EXPECT_TRUE(namesOf(0, {"h:token"}, TokenForm::Plain));
}

TEST_F(SessionCache, KeepsUsersWithOddNamesApart) {
  stores({.sessionUserId = "a:b", .userId = "a:b"});
  isolate.beginGet();
  store.answer(0);
  EXPECT_EQ(store.waiting(0).key, "urev:a%3Ab");
  store.answerAll();
  isolate.set({.session = {.sessionUserId = "a:b", .userId = "a:b"}});
  EXPECT_TRUE(store.at("usess:a%3Ab:" + kFence.text.substr(5)));
}

}  // namespace
}  // namespace codex
