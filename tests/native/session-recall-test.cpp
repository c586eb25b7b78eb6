#include "wasm/session/session-recall.h"

#include <gtest/gtest.h>

#include "tests/native/choices.h"
#include "tests/native/session-isolate.h"

namespace codex {
namespace {

using testing::Choices;
using testing::FakeStore;
using testing::inEveryWay;
using testing::kMaxStale;
using testing::SessionText;

using Isolate = testing::SessionIsolate;
using Call = Isolate::Call;

/// An isolate whose memory has Alice's session.
class SessionRecall : public ::testing::Test {
 protected:
  SessionRecall() {
    const Call& set = isolate.beginSet();
    store.answerAll();
    EXPECT_TRUE(isolate.keep(set));
  }

  FakeStore store;
  Isolate isolate{store};
};

TEST_F(SessionRecall, AnswersUpToItsAge) {
  EXPECT_TRUE(isolate.recalls());
  store.advance(Millis{2000});
  EXPECT_TRUE(isolate.recalls());
  store.advance(Millis{1});
  EXPECT_FALSE(isolate.recalls());
  EXPECT_TRUE(isolate.recalls(Millis{2001}));
}

TEST_F(SessionRecall, AnswersNoCopyOlderThanAccepted) {
  store.advance(Millis{1000});
  EXPECT_TRUE(isolate.recalls(Millis{2000}, Millis{1000}));
  EXPECT_FALSE(isolate.recalls(Millis{2000}, Millis{999}));
}

TEST_F(SessionRecall, AnswersNoSessionThatHasEnded) {
  const Call& set = isolate.beginSet({.expiresAt = store.now() + Millis{1000}});
  store.answerAll();
  EXPECT_TRUE(isolate.keep(set));
  store.advance(Millis{999});
  EXPECT_TRUE(isolate.recalls());
  store.advance(Millis{1});
  EXPECT_FALSE(isolate.recalls());
}

TEST_F(SessionRecall, ForgetsWhatIsRevokedHereAtOnce) {
  isolate.beginRevoke("bob");
  EXPECT_TRUE(isolate.recalls());
  isolate.beginRevoke();
  EXPECT_FALSE(isolate.recalls());
}

TEST_F(SessionRecall, ForgetsWhatIsLoggedOutHereAtOnce) {
  isolate.beginDelete("another token");
  EXPECT_TRUE(isolate.recalls());
  isolate.beginDelete();
  EXPECT_FALSE(isolate.recalls());
}

TEST_F(SessionRecall, IsOfferedWhatIsShownAndNothingElse) {
  const Call& hit = isolate.beginGet();
  store.answerAll();
  EXPECT_TRUE(hit.result().offer);
  const Call& tooOld = isolate.beginGet(Millis{-1});
  store.answerAll();
  EXPECT_FALSE(tooOld.result().offer);
}

TEST_F(SessionRecall, TakesNothingInThatWasUnderWayWhenItWasRevoked) {
  for (const bool all : {true, false}) {
    inEveryWay([&](Choices& choices) {
      FakeStore fresh;
      Isolate here(fresh);
      here.beginSet();
      fresh.answerAll();
      const Call& get = here.beginGet();
      const Call& set = here.beginSet({.loadedAt = fresh.now()});
      for (std::size_t steps = choices.among(4); steps > 0 && fresh.waiting() > 0; --steps) {
        fresh.answer(choices.among(fresh.waiting()));
        if (get.done()) here.keep(get);
        if (set.done()) here.keep(set);
      }
      const bool getWasDone = get.done();
      const bool setWasDone = set.done();
      all ? here.beginRevoke() : here.beginDelete();
      EXPECT_FALSE(here.recalls());
      while (fresh.waiting() > 0) fresh.answer(choices.among(fresh.waiting()));
      if (!getWasDone) here.keep(get);
      if (!setWasDone) here.keep(set);
      EXPECT_FALSE(here.recalls());
    });
  }
}

}  // namespace
}  // namespace codex
