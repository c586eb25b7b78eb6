#include "wasm/cache/cache.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/native/fake-store.h"
#include "tests/native/running-call.h"

namespace codex {
namespace {

using testing::FakeStore;
using testing::Fault;
using testing::kStart;

using Call = testing::RunningCall<CacheAnswer>;

const key::CacheKey kKey{"content:featured", {}};
const std::string kDigest = "RafH75XDQX6AA2L1Zyq6FtqAcmH-cSHzqBsKD7a5oFw";
const key::CacheKey kShortened{"kkk#RafH75XDQX6AA2L1Zyq6Ft", kDigest};

CacheAnswer lookUpIn(FakeStore& store, const key::CacheKey& key = kKey) {
  const Call call(store, [&](KvStore& kv) { return lookUp(kv, key); });
  store.answerAll();
  return call.result();
}
CacheAnswer storeIn(FakeStore& store, double ttlSeconds, const key::CacheKey& key = kKey) {
  const auto lifetime = entry::lifetime(ttlSeconds, true);
  const Call call(store, [&](KvStore& kv) { return storeEntry(kv, key, *lifetime, store.now()); }, "[1,2,3]");
  store.answerAll();
  return call.result();
}
CacheAnswer deleteIn(FakeStore& store, const key::CacheKey& key = kKey) {
  const Call call(store, [&](KvStore& kv) { return deleteEntry(kv, key); });
  store.answerAll();
  return call.result();
}

TEST(Cache, FindsWhatWasStored) {
  FakeStore store;
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
  EXPECT_EQ(storeIn(store, 300).outcome, CacheOutcome::Stored);
  EXPECT_EQ(store.at(kKey.text)->value, "[1,2,3]");
  EXPECT_EQ(store.at(kKey.text)->metadata, R"({"c":1767225600000,"s":300000})");
  EXPECT_EQ(store.at(kKey.text)->expiresAt, kStart + Seconds{301});
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
}

TEST(Cache, ForgetsWhenTheLogicalTtlIsOverThoughKvKeepsItLonger) {
  for (const double seconds : {0.001, 1.0, 30.0, 59.5}) {
    FakeStore store;
    EXPECT_EQ(storeIn(store, seconds).outcome, CacheOutcome::Stored);
    store.advance(Millis{static_cast<std::int64_t>(seconds * 1000)});
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
    store.advance(Millis{1});
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
    EXPECT_TRUE(store.at(kKey.text)) << "KV still has it";
  }
}

TEST(Cache, NeverOutlivesKv) {
  for (const double seconds : {60.0, 60.001, 86'400.0}) {
    FakeStore store;
    EXPECT_EQ(storeIn(store, seconds).outcome, CacheOutcome::Stored);
    store.advance(Millis{static_cast<std::int64_t>(seconds * 1000)});
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit) << "KV must not forget before the envelope says so";
  }
}

TEST(Cache, StoresForTheLongestThatKvCanKeep) {
  FakeStore store;
  EXPECT_EQ(storeIn(store, 1e300).outcome, CacheOutcome::Stored);
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
}

TEST(Cache, DeletesWhatAValueThatHasEndedReplaces) {
  for (const double seconds : {0.0, -1.0}) {
    FakeStore store;
    EXPECT_EQ(storeIn(store, 300).outcome, CacheOutcome::Stored);
    EXPECT_EQ(storeIn(store, seconds).outcome, CacheOutcome::Skipped);
    EXPECT_FALSE(store.at(kKey.text));
  }
}

TEST(Cache, FindsWhatAPlainPutStored) {
  FakeStore store;
  store.write(kKey.text, "5");
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
  store.write(kKey.text, "5", R"({"author":"somebody else"})");
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
}

TEST(Cache, TellsAShortenedKeyFromOneThatReadsTheSame) {
  FakeStore store;
  EXPECT_EQ(storeIn(store, 300, kShortened).outcome, CacheOutcome::Stored);
  EXPECT_EQ(lookUpIn(store, kShortened).outcome, CacheOutcome::Hit);
  EXPECT_EQ(lookUpIn(store, {kShortened.text, {}}).outcome, CacheOutcome::Miss);
  EXPECT_EQ(lookUpIn(store, {kShortened.text, "another" + kDigest.substr(7)}).outcome, CacheOutcome::Miss);
}

TEST(Cache, Deletes) {
  FakeStore store;
  EXPECT_EQ(storeIn(store, 300).outcome, CacheOutcome::Stored);
  EXPECT_EQ(deleteIn(store).outcome, CacheOutcome::Deleted);
  EXPECT_FALSE(store.at(kKey.text));
  EXPECT_EQ(deleteIn(store).outcome, CacheOutcome::Deleted) << "what is not there";
}

TEST(Cache, CostsOneOperationACall) {
  FakeStore store;
  storeIn(store, 300);
  lookUpIn(store);
  deleteIn(store);
  storeIn(store, 0);
  EXPECT_EQ(store.writes(), 1U);
  EXPECT_EQ(store.reads(), 1U);
  EXPECT_EQ(store.deletes(), 2U);
}

TEST(Cache, SaysHowTheStoreFailed) {
  for (const auto& [fault, code] : {std::pair{Fault::Unavailable, ErrorCode::StoreUnavailable},
                                    std::pair{Fault::RateLimited, ErrorCode::StoreRateLimited}}) {
    FakeStore store;
    for (const KvVerb verb : {KvVerb::Get, KvVerb::Put, KvVerb::Delete}) store.fail(verb, fault);
    for (const CacheAnswer& answer : {lookUpIn(store), storeIn(store, 300), storeIn(store, 0), deleteIn(store)}) {
      EXPECT_EQ(answer.outcome, CacheOutcome::Failed);
      EXPECT_EQ(answer.error, code);
    }
  }
}

}  // namespace
}  // namespace codex
