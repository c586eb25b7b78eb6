// What the usual index, one list of tokens for each user, loses to races, and what is kept here, with every order in which
// operations can land and be answered.

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/session-isolate.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::fenceOf;
using testing::inEveryWay;
using testing::kMaxStale;
using testing::kStart;
using testing::Lag;
using testing::loadedAt;
using testing::SessionText;
using testing::ToSet;

using Isolate = testing::SessionIsolate;
using Call = Isolate::Call;

/// Answers everything, in every order; what was answered may have landed any time before.
void runOut(FakeStore& store, Choices& choices) {
  while (store.waiting() > 0) {
    const std::size_t next = choices.among(store.waiting());
    if (store.landed(next) || choices.among(2) == 0) {
      store.answer(next);
    } else {
      store.land(next);
    }
  }
}

/// The usual index: under `usess:{user}` a list of tokens, read, changed and written back. Sessions are believed as they stand.
class NaiveIndex {
 public:
  explicit NaiveIndex(FakeStore& store) : store_(store) {}

  Task<bool> login(KvStore& kv, std::string token) {
    const std::string key = "session:" + token;
    co_await kv.perform({.verb = KvVerb::Put, .key = key, .value = "{}", .ttl = Seconds{3600}});
    const KvAnswer read = co_await kv.perform({.verb = KvVerb::Get, .key = kIndex});
    nlohmann::json list = *read.outcome ? nlohmann::json::parse((**read.outcome).text) : nlohmann::json::array();
    list.push_back(token);
    const std::string text = list.dump();
    co_await kv.perform({.verb = KvVerb::Put, .key = kIndex, .value = text, .ttl = Seconds{3600}});
    co_return true;
  }

  Task<bool> revokeAll(KvStore& kv) {
    const KvAnswer read = co_await kv.perform({.verb = KvVerb::Get, .key = kIndex});
    if (!*read.outcome) co_return true;
    const nlohmann::json list = nlohmann::json::parse((**read.outcome).text);
    std::vector<std::string> keys;
    for (const auto& token : list) keys.push_back("session:" + token.get<std::string>());
    for (const std::string& key : keys) co_await kv.perform({.verb = KvVerb::Delete, .key = key});
    co_await kv.perform({.verb = KvVerb::Delete, .key = kIndex});
    co_return true;
  }

  testing::RunningCall<bool>& beginLogin(const std::string& token) {
    return begin([&](KvStore& kv) { return login(kv, token); });
  }
  testing::RunningCall<bool>& beginRevokeAll() {
    return begin([&](KvStore& kv) { return revokeAll(kv); });
  }
  bool shows(const std::string& token) const { return store_.at("session:" + token).has_value(); }

 private:
  static constexpr std::string_view kIndex = "usess:alice";

  template <class Make>
  testing::RunningCall<bool>& begin(Make make) {
    return *calls_.emplace_back(std::make_unique<testing::RunningCall<bool>>(store_, make));
  }

  FakeStore& store_;
  std::vector<std::unique_ptr<testing::RunningCall<bool>>> calls_;
};

/// Whether something happens in any way a scenario can go.
template <class Scenario>
bool happens(Scenario scenario) {
  bool happened = false;
  inEveryWay([&](Choices& choices) { happened |= scenario(choices); });
  return happened;
}

ToSet loginOf(const std::string& token) { return {.session = {.token = token}}; }
std::string indexOf(const std::string& token) { return "usess:alice:" + fenceOf(token).substr(5); }

// --- 1: two logins at once ---

TEST(SessionRaces, TwoLoginsAtOnceOverwriteEachOthersNaiveEntry) {
  EXPECT_TRUE(happens([](Choices& choices) {
    FakeStore store;
    NaiveIndex naive(store);
    naive.beginLogin("one");
    naive.beginLogin("two");
    runOut(store, choices);
    naive.beginRevokeAll();
    store.answerAll();
    return naive.shows("one") || naive.shows("two");
  }));
}

TEST(SessionRaces, TwoLoginsAtOnceAreBothListedAndBothRevoked) {
  const std::size_t ways = inEveryWay([](Choices& choices) {
    FakeStore store;
    Isolate here(store);
    Isolate elsewhere(store);
    here.beginSet(loginOf("one"));
    elsewhere.beginSet(loginOf("two"));
    runOut(store, choices);
    EXPECT_TRUE(store.at(indexOf("one")) && store.at(indexOf("two")));
    EXPECT_EQ(here.get(kMaxStale, "two"), SessionOutcome::Hit);
    here.revoke();
    for (Isolate* const isolate : {&here, &elsewhere}) {
      EXPECT_EQ(isolate->get(kMaxStale, "one"), SessionOutcome::Miss);
      EXPECT_EQ(isolate->get(kMaxStale, "two"), SessionOutcome::Miss);
    }
  });
  EXPECT_GT(ways, 10U);
}

// --- 2: an index that is missing or has expired ---

TEST(SessionRaces, WithoutItsNaiveIndexNoSessionIsFound) {
  FakeStore store;
  NaiveIndex naive(store);
  naive.beginLogin("one");
  store.answerAll();
  store.erase("usess:alice");
  naive.beginRevokeAll();
  store.answerAll();
  EXPECT_TRUE(naive.shows("one"));
}

TEST(SessionRaces, WithoutItsIndexASessionIsRevokedAllTheSame) {
  FakeStore store;
  Isolate here(store);
  here.set();
  store.erase(indexOf("token-of-alice"));
  Isolate(store).revoke();
  EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss);
}

// --- 3: a refresh in flight writes a session back ---

TEST(SessionRaces, ARefreshInFlightBringsBackWhatTheNaiveIndexRevoked) {
  EXPECT_TRUE(happens([](Choices& choices) {
    FakeStore store;
    NaiveIndex naive(store);
    naive.beginLogin("one");
    store.answerAll();
    naive.beginLogin("one");  // loaded before the revocation, written after it
    naive.beginRevokeAll();
    runOut(store, choices);
    return naive.shows("one");
  }));
}

TEST(SessionRaces, ARefreshInFlightBringsNothingBack) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    store.write("session:token-of-alice", SessionText{}.json(), loadedAt(kStart));
    Isolate here(store);
    Isolate elsewhere(store);
    elsewhere.beginSet({.loadedAt = kStart});
    here.beginRevoke();
    runOut(store, choices);
    EXPECT_EQ(here.get(), SessionOutcome::Miss);
    EXPECT_EQ(elsewhere.get(), SessionOutcome::Miss);
    EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss);
  });
}

TEST(SessionRaces, ALogoutIsNotOvertakenByALoadInFlightInAnotherIsolate) {
  const std::size_t ways = inEveryWay([](Choices& choices) {
    FakeStore store;
    store.write("session:token-of-alice", SessionText{}.json(), loadedAt(kStart));
    Isolate here(store);
    Isolate elsewhere(store);
    const Instant asked = store.now();
    here.beginDelete();
    // The database has answered the other isolate before the logout; what it gave is stored at any later time.
    for (std::size_t steps = choices.among(6); steps > 0 && store.waiting() > 0; --steps) store.answer(0);
    store.advance(Millis{500});
    elsewhere.beginSet({.loadedAt = asked});
    runOut(store, choices);
    EXPECT_EQ(here.get(), SessionOutcome::Miss);
    EXPECT_EQ(elsewhere.get(), SessionOutcome::Miss);
    EXPECT_EQ(Isolate(store).get(), SessionOutcome::Miss);
  });
  EXPECT_GT(ways, 20U);
}

// --- 4: a login races the revocation of all ---

TEST(SessionRaces, ALoginRacingANaiveRevocationMayStayOrGoWhicheverWayItMeant) {
  // What came first stays in some orders: its entry is written back, or was not there yet when it was looked for.
  EXPECT_TRUE(happens([](Choices& choices) {
    FakeStore store;
    NaiveIndex naive(store);
    naive.beginLogin("before");
    naive.beginRevokeAll();
    runOut(store, choices);
    return naive.shows("before");
  }));
}

TEST(SessionRaces, ALoginThatBeganBeforeTheRevocationGoesAndOneAfterItStays) {
  inEveryWay([](Choices& choices) {
    FakeStore store;
    Isolate here(store);
    Isolate elsewhere(store);
    elsewhere.beginSet(loginOf("before"));
    here.beginRevoke();
    here.beginSet(loginOf("after"));
    runOut(store, choices);
    for (Isolate* const isolate : {&here, &elsewhere}) {
      EXPECT_EQ(isolate->get(kMaxStale, "before"), SessionOutcome::Miss);
      EXPECT_EQ(isolate->get(kMaxStale, "after"), SessionOutcome::Hit);
    }
  });
}

// --- bounds ---

/// Whether an isolate answers from its memory, or else from KV, which it then remembers.
bool answers(FakeStore& store, Isolate& isolate) {
  if (isolate.recalls()) return true;
  const Call& get = isolate.beginGet();
  store.answerAll();
  return isolate.keep(get);
}

/// Reads a session elsewhere until it is refused, while KV is as late as it usually is; returns how long after it was revoked.
/// `cachedFor`: how long KV there has cached what it shows.
template <class Revoke>
Millis refusedAfter(Millis cachedFor, Revoke revoke) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  store.propagation(Seconds{60});
  Isolate here(store);
  Isolate elsewhere(store, 1);
  here.set();
  store.advance(Seconds{60});
  EXPECT_TRUE(answers(store, elsewhere));
  store.advance(cachedFor);
  revoke(here);
  const Instant revokedAt = store.now();
  constexpr Seconds kMost{3600};
  while (answers(store, elsewhere) && store.now() - revokedAt < kMost) store.advance(Millis{100});
  return store.now() - revokedAt;
}

TEST(SessionRaces, ARevocationIsSeenElsewhereWithinTheUsualFigure) {
  constexpr Millis kUsual{92'000};
  Millis longest{0};
  for (Millis cachedFor{0}; cachedFor <= Seconds{30}; cachedFor += Millis{300}) {
    const Millis all = refusedAfter(cachedFor, [](Isolate& here) { here.revoke(); });
    const Millis one = refusedAfter(cachedFor, [](Isolate& here) { here.remove(); });
    longest = std::max({longest, all, one});
  }
  EXPECT_LE(longest, kUsual);
  EXPECT_GT(longest, Millis{90'000}) << "memory is a part of it";
}

TEST(SessionRaces, NoCopyOutlivesMaxStaleWhateverKvShows) {
  FakeStore store;
  Isolate here(store);
  Isolate elsewhere(store, 1);
  here.set();
  here.revoke();
  // The watermark never shows elsewhere.
  store.erase("urev:alice");
  store.advance(kMaxStale);
  EXPECT_EQ(elsewhere.get(), SessionOutcome::Hit);
  store.advance(Millis{1});
  EXPECT_EQ(elsewhere.get(), SessionOutcome::Miss);
}

TEST(SessionRaces, AnUnreadableAnswerRevokesAndNeverShows) {
  for (const testing::Fault fault : {testing::Fault::Unavailable, testing::Fault::RateLimited}) {
    for (std::size_t step = 0; step < 2; ++step) {
      FakeStore store;
      Isolate here(store);
      Isolate elsewhere(store);
      here.set();
      here.revoke();
      const Call& get = elsewhere.beginGet();
      for (std::size_t answered = 0; store.waiting() > 0; ++answered) {
        if (answered == step) {
          store.answer(0, fault);
        } else {
          store.answer(0);
        }
      }
      EXPECT_NE(get.result().outcome, SessionOutcome::Hit);
    }
  }
}

}  // namespace
}  // namespace codex
