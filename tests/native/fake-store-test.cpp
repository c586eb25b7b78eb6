#include "tests/native/fake-store.h"

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

#include "tests/native/running-call.h"

namespace codex::testing {
namespace {

struct Seen {
  Result<std::optional<std::string>> text;
  Instant now;
};

Task<Seen> ask(KvStore& store, KvRequest request, std::string key) {
  request.key = key;
  const KvAnswer answer = co_await store.perform(request);
  if (!answer.outcome) co_return Seen{std::unexpected(answer.outcome.error()), answer.now};
  if (!*answer.outcome) co_return Seen{std::optional<std::string>{}, answer.now};
  co_return Seen{std::optional(std::string((*answer.outcome)->text)), answer.now};
}

RunningCall<Seen> get(FakeStore& store, int place = 0) {
  return RunningCall<Seen>(store, [](KvStore& kv) { return ask(kv, {.verb = KvVerb::Get, .key = {}}, "k"); }, {}, place);
}
RunningCall<Seen> put(FakeStore& store, std::string_view value, Seconds ttl = Seconds{60}, int place = 0) {
  return RunningCall<Seen>(
      store, [&](KvStore& kv) { return ask(kv, {.verb = KvVerb::Put, .key = {}, .value = value, .ttl = ttl}, "k"); }, {},
      place);
}

std::string read(FakeStore& store, int place = 0) {
  const RunningCall<Seen> call = get(store, place);
  store.answerAll();
  return call.result().text ? call.result().text->value_or("absent") : "failed";
}
Result<std::optional<std::string>> write(FakeStore& store, std::string_view value, Seconds ttl = Seconds{60}) {
  const RunningCall<Seen> call = put(store, value, ttl);
  store.answerAll();
  return call.result().text;
}

TEST(FakeStore, KeepsAValueUntilItsTtlIsOver) {
  FakeStore store;
  EXPECT_TRUE(write(store, "1", Seconds{60}));
  store.advance(Millis{59'999});
  EXPECT_EQ(read(store), "1");
  store.advance(Millis{1});
  EXPECT_EQ(read(store), "absent");
}

TEST(FakeStore, LetsAWriteLandBeforeItIsAnswered) {
  FakeStore store;
  const RunningCall<Seen> call = put(store, "1");
  EXPECT_FALSE(store.at("k"));
  store.land(0);
  EXPECT_TRUE(store.at("k"));
  EXPECT_FALSE(call.done());
  store.answer(0);
  EXPECT_TRUE(call.done());
}

TEST(FakeStore, LetsTheWriteOfADeadCallLand) {
  FakeStore store;
  {
    const RunningCall<Seen> call = put(store, "1");
  }
  EXPECT_EQ(store.waiting(), 1U);
  store.answerAll();
  EXPECT_TRUE(store.at("k"));
}

TEST(FakeStore, Answers429ToASecondPutWithinASecond) {
  FakeStore store;
  store.enforceWriteRate();
  EXPECT_TRUE(write(store, "1"));
  store.advance(Millis{999});
  EXPECT_EQ(write(store, "2").error().code, ErrorCode::StoreRateLimited);
  EXPECT_EQ(read(store), "1");
  store.advance(Millis{1});
  EXPECT_TRUE(write(store, "3"));
  EXPECT_EQ(store.rateLimited(), 1U);
}

TEST(FakeStore, FailsWithOrWithoutHavingWritten) {
  FakeStore store;
  store.fail(KvVerb::Put, Fault::Unavailable);
  EXPECT_EQ(write(store, "1").error().code, ErrorCode::StoreUnavailable);
  EXPECT_EQ(read(store), "absent");
  store.fail(KvVerb::Put, Fault::FailedButLanded);
  EXPECT_EQ(write(store, "1").error().code, ErrorCode::StoreUnavailable);
  EXPECT_EQ(read(store), "1");
}

TEST(FakeStore, ShowsAWriteElsewhereOnceTheReadCachedThereIsOld) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  EXPECT_EQ(read(store, 1), "absent");
  EXPECT_TRUE(write(store, "1"));
  EXPECT_EQ(read(store, 0), "1");
  store.advance(Millis{59'999});
  EXPECT_EQ(read(store, 1), "absent");
  EXPECT_TRUE(write(store, "1"));
  store.advance(Millis{1});
  EXPECT_EQ(read(store, 1), "1");
}

TEST(FakeStore, ShowsAWriteElsewhereOnceItIsThereAndTheReadCachedThereIsOld) {
  FakeStore store;
  store.lag(Lag::Elsewhere);
  store.propagation(Millis{70'000});
  EXPECT_TRUE(write(store, "1"));
  EXPECT_EQ(read(store, 0), "1");
  store.advance(Millis{69'999});
  EXPECT_EQ(read(store, 1), "absent");
  store.advance(Millis{59'999});
  EXPECT_EQ(read(store, 1), "absent") << "as it was read";
  EXPECT_TRUE(write(store, "2", Seconds{600}));
  store.advance(Millis{69'999});
  EXPECT_EQ(read(store, 1), "absent") << "the older one has expired";
  store.advance(Millis{60'000});
  EXPECT_EQ(read(store, 1), "2");
  store.write("k", "3");
  store.advance(Millis{60'000});
  EXPECT_EQ(read(store, 1), "3") << "somebody else's is everywhere";
}

TEST(FakeStore, NeverShowsWhatHasExpiredFromACache) {
  FakeStore store;
  store.lag(Lag::Everywhere);
  EXPECT_TRUE(write(store, "1", Seconds{60}));
  store.advance(Millis{30'000});
  EXPECT_EQ(read(store), "1");
  store.advance(Millis{30'000});
  EXPECT_EQ(read(store), "absent");
}

TEST(FakeStore, FailsTheTestThatAsksForWhatKvRefuses) {
  EXPECT_NONFATAL_FAILURE(
      {
        FakeStore store;
        put(store, "1", Seconds{59});
      },
      "400");
  EXPECT_NONFATAL_FAILURE(
      {
        FakeStore store;
        RunningCall<Seen>(store, [](KvStore& kv) { return ask(kv, {.verb = KvVerb::Get, .key = {}}, std::string(513, 'k')); });
      },
      "414");
}

Task<std::string> askAlso(KvStore& store) {
  const std::array<std::string_view, 2> also = {"there", "gone"};
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Get, .key = "k", .also = also});
  if (!answer.outcome) co_return "failed";
  std::string seen = *answer.outcome ? std::string((*answer.outcome)->text) : "absent";
  for (const auto& text : answer.also) seen += ' ' + std::string(text.value_or("absent"));
  co_return seen;
}

TEST(FakeStore, ReadsFurtherKeysAtOnceAndBillsEach) {
  FakeStore store;
  store.write("there", "1");
  const RunningCall<std::string> call(store, askAlso);
  store.answerAll();
  EXPECT_EQ(call.result(), "absent 1 absent");
  EXPECT_EQ(store.reads(), 1U);
  EXPECT_EQ(store.keysRead(), 3U);
  store.fail(KvVerb::Get, Fault::Unavailable);
  const RunningCall<std::string> failing(store, askAlso);
  store.answerAll();
  EXPECT_EQ(failing.result(), "failed");
}

Task<Seen> changeKeyUnderWay(KvStore& store) {
  std::string key = "before";
  const KvAnswer first = co_await store.perform({.verb = KvVerb::Get, .key = key});
  key[0] = 'B';
  const KvAnswer second = co_await store.perform({.verb = KvVerb::Get, .key = key});
  co_return Seen{std::optional<std::string>{}, second.outcome ? second.now : first.now};
}

TEST(FakeStore, FailsTheTestWhoseKeyChangesUnderWay) {
  EXPECT_NONFATAL_FAILURE(
      {
        FakeStore store;
        RunningCall<Seen> call(store, changeKeyUnderWay);
        store.answer(0);
      },
      "a key changed");
}

}  // namespace
}  // namespace codex::testing
