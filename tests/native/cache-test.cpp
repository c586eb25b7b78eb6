#include "wasm/cache/cache.h"

#include <gtest/gtest.h>

#include <list>
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

const Group kUntagged{"e::", {}};
Group tagged(std::string tags) { return {"e::", std::move(tags)}; }

/// Of an isolate that has just begun: what is tested here is what KV says.
Memory memory() {
  static std::list<Tier> begun;
  return {begun.emplace_back(HashSeed{1, 2}), 0, Maker::Cache};
}

CacheAnswer lookUpIn(FakeStore& store, const key::CacheKey& key = kKey, const Group& group = kUntagged) {
  const Call call(store, [&](KvStore& kv) { return lookUp(kv, memory(), key, group); });
  store.answerAll();
  return call.result();
}
CacheAnswer storeIn(FakeStore& store, const NewEntry& entry) {
  const Call call(store, [&](KvStore& kv) { return storeEntry(kv, memory(), entry, store.now()); }, "[1,2,3]");
  store.answerAll();
  return call.result();
}
CacheAnswer storeIn(FakeStore& store, double ttlSeconds, const key::CacheKey& key = kKey, const Group& group = kUntagged) {
  return storeIn(store, {.key = key, .group = group, .lifetime = *entry::lifetime({.ttl = ttlSeconds}, false, true)});
}
CacheAnswer deleteIn(FakeStore& store, const key::CacheKey& key = kKey) {
  const Call call(store, [&](KvStore& kv) { return deleteEntry(kv, memory(), key, store.now()); });
  store.answerAll();
  return call.result();
}
CacheAnswer invalidateIn(FakeStore& store, const std::string& tag, std::int64_t epoch) {
  const Call call(store, [&](KvStore& kv) { return invalidateTag(kv, memory(), tagged(tag + "::"), epoch, store.now()); });
  store.answerAll();
  return call.result();
}
CacheAnswer readEpochsIn(FakeStore& store, const std::string& tags) {
  const Call call(store, [&](KvStore& kv) { return readEpochs(kv, memory(), tagged(tags)); });
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

TEST(Cache, TellsWhatItFound) {
  FakeStore store;
  storeIn(store, {.key = kKey,
                  .group = kUntagged,
                  .lifetime = *entry::lifetime({.ttl = 30, .stale = 10, .error = 20}, false, true),
                  .loadTime = Millis{77},
                  .negative = true});
  EXPECT_EQ(store.at(kKey.text)->metadata, R"({"c":1767225600000,"s":30000,"g":10000,"e":20000,"d":77,"n":1})");
  const auto at = [&](std::int64_t ms) {
    store.advance(kStart + Millis{ms} - store.now());
    return lookUpIn(store);
  };
  EXPECT_EQ(at(30'000).outcome, CacheOutcome::Hit);
  const CacheAnswer stale = at(30'001);
  EXPECT_EQ(stale.outcome, CacheOutcome::Stale);
  EXPECT_EQ(stale.state, entry::State::Stale);
  EXPECT_EQ(stale.age, Millis{30'001});
  EXPECT_EQ(stale.windows, (entry::Windows{Millis{30'000}, Millis{10'000}, Millis{20'000}}));
  EXPECT_EQ(stale.loadTime, Millis{77});
  EXPECT_EQ(at(40'001).outcome, CacheOutcome::Miss);
  EXPECT_EQ(at(40'001).state, entry::State::ErrorOnly);
  EXPECT_EQ(at(60'000).state, entry::State::ErrorOnly);
  EXPECT_EQ(at(60'001).state, entry::State::Miss);
}

TEST(Groups, KeepTheEpochsOfTheirTagsWithTheEntry) {
  FakeStore store;
  invalidateIn(store, "b", 77);
  EXPECT_EQ(store.at("e::b")->value, "77");
  EXPECT_EQ(store.at("e::b")->expiresAt, kStart + Seconds{2'147'483'647}) << "it must outlive every entry";
  storeIn(store, 300, kKey, tagged("a::b::"));
  EXPECT_EQ(store.at(kKey.text)->metadata, R"({"c":1767225600000,"s":300000,"t":"a::b:77:"})");
}

TEST(Groups, AreVoidOnceATagIsInvalidated) {
  for (const char* const tag : {"a", "b"}) {
    FakeStore store;
    storeIn(store, 300, kKey, tagged("a::b::"));
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit);
    EXPECT_EQ(lookUpIn(store, kKey, tagged("a::b::")).outcome, CacheOutcome::Hit);
    invalidateIn(store, "c", 1);
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit) << "another tag";
    invalidateIn(store, tag, 2);
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
    EXPECT_EQ(lookUpIn(store, kKey, tagged("a::b::")).outcome, CacheOutcome::Miss);
    EXPECT_EQ(lookUpIn(store, kKey, tagged("a::")).outcome, CacheOutcome::Miss) << "also for who names some of its tags";
    storeIn(store, 300, kKey, tagged("a::b::"));
    EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Hit) << "made under the new epochs";
  }
}

TEST(Groups, OfWhatWasMadeBeforeTheInvalidationAreVoidHoweverLateItIsStored) {
  FakeStore store;
  invalidateIn(store, "a", 1);
  const CacheAnswer before = lookUpIn(store, kKey, tagged("a::"));
  EXPECT_EQ(before.tags, "a:1:");
  invalidateIn(store, "a", 2);
  storeIn(
      store,
      {.key = kKey, .group = tagged(before.tags), .epochsRead = true, .lifetime = *entry::lifetime({.ttl = 300}, false, true)});
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
}

TEST(Groups, AreReadTogetherWithTheValueWhereTheyAreNamedAndAfterItElsewhere) {
  FakeStore store;
  storeIn(store, 300, kKey, tagged("a::b::"));
  EXPECT_EQ(store.reads(), 1U) << "the epochs";
  const auto readsOf = [&](const Group& group) {
    const std::size_t reads = store.reads();
    const std::size_t keys = store.keysRead();
    EXPECT_EQ(lookUpIn(store, kKey, group).outcome, CacheOutcome::Hit);
    return std::pair{store.reads() - reads, store.keysRead() - keys};
  };
  EXPECT_EQ(readsOf(tagged("a::b::")), (std::pair<std::size_t, std::size_t>{1, 3}));
  EXPECT_EQ(readsOf(kUntagged), (std::pair<std::size_t, std::size_t>{2, 3}));
  EXPECT_EQ(readsOf(tagged("a::c::")), (std::pair<std::size_t, std::size_t>{2, 4})) << "one it did not know of";
}

TEST(Groups, ReadEpochsWithTheShortestCacheTtlAndUntaggedValuesWithKvsOwn) {
  FakeStore store;
  const Call tagless(store, [&](KvStore& kv) { return lookUp(kv, memory(), kKey, kUntagged); });
  EXPECT_FALSE(store.waiting(0).cacheTtl);
  store.answerAll();
  const Call named(store, [&](KvStore& kv) { return lookUp(kv, memory(), kKey, tagged("a::")); });
  EXPECT_EQ(store.waiting(0).cacheTtl, Seconds{30});
  store.answerAll();
}

TEST(Groups, ThatCannotBeReadAreVoid) {
  FakeStore store;
  storeIn(store, 300, kKey, tagged("a::"));
  const Call call(store, [&](KvStore& kv) { return lookUp(kv, memory(), kKey, kUntagged); });
  store.answer(0);
  store.answer(0, Fault::Unavailable);
  EXPECT_EQ(call.result().outcome, CacheOutcome::Failed);
  EXPECT_EQ(call.result().state, entry::State::Miss) << "whatever the value";
  EXPECT_EQ(call.result().error, ErrorCode::StoreUnavailable);
}

TEST(Groups, ThatCannotBeReadAreNotStored) {
  FakeStore store;
  store.fail(KvVerb::Get, Fault::Unavailable);
  EXPECT_EQ(storeIn(store, 300, kKey, tagged("a::")).outcome, CacheOutcome::Failed);
  EXPECT_FALSE(store.at(kKey.text));
}

TEST(Groups, OfMoreTagsThanWeEverStoreAreVoid) {
  FakeStore store;
  std::string tags;
  for (int i = 0; i < 101; ++i) tags += "a" + std::to_string(i) + "::";
  store.write(kKey.text, "5", R"({"c":1767225600000,"s":300000,"t":")" + tags + "\"}");
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
  store.write(kKey.text, "5", R"({"c":1767225600000,"s":300000,"t":"nonsense"})");
  EXPECT_EQ(lookUpIn(store).outcome, CacheOutcome::Miss);
}

TEST(Groups, AreListedOfAnEntryThatNobodyNamedThemFor) {
  FakeStore store;
  invalidateIn(store, "b", 5);
  storeIn(store, 300, kKey, tagged("a::b::"));
  EXPECT_EQ(lookUpIn(store).tags, "a::b:5:");
  EXPECT_EQ(readEpochsIn(store, "b::a::").tags, "b:5:a::");
}

TEST(Groups, SayHowTheStoreFailed) {
  FakeStore store;
  for (const KvVerb verb : {KvVerb::Get, KvVerb::Put}) store.fail(verb, Fault::RateLimited);
  EXPECT_EQ(invalidateIn(store, "a", 1).error, ErrorCode::StoreRateLimited);
  EXPECT_EQ(readEpochsIn(store, "a::").error, ErrorCode::StoreRateLimited);
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
