// What memory shows of entries, in whatever order reads, writes and deletions of this isolate and of others arrive.

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/fake-store.h"
#include "tests/native/running-call.h"
#include "wasm/cache/cache.h"
#include "wasm/cache/recall.h"

namespace codex {
namespace {

using testing::FakeStore;
using testing::Fault;

using Call = testing::RunningCall<CacheAnswer>;

const key::CacheKey kKey{"content:featured", {}};
constexpr Millis kAge{10'000};

/// One isolate with memory, on a store that others use too.
class CacheMemory : public ::testing::Test {
 protected:
  CacheMemory() { tier.raiseBound(100'000); }

  Memory memory() { return {tier, 0, Maker::Cache}; }
  Group group(const std::string& tags = {}) { return {"e::", tags}; }

  Call read() {
    return Call(store, [&](KvStore& kv) { return lookUp(kv, memory(), kKey, group()); });
  }
  Call write(double ttl = 300, const std::string& tags = {}, bool loaded = false, Stamp began = 0) {
    NewEntry entry{.key = kKey,
                   .group = group(tags),
                   .lifetime = *entry::lifetime({.ttl = ttl, .stale = 20}, false, true),
                   .loaded = loaded,
                   .began = began};
    return Call(store, [&](KvStore& kv) { return storeEntry(kv, memory(), entry, store.now()); }, "1");
  }
  Call erase() {
    return Call(store, [&](KvStore& kv) { return deleteEntry(kv, memory(), kKey, store.now()); });
  }
  Call invalidate(const std::string& tag, std::int64_t epoch) {
    return Call(store, [&](KvStore& kv) { return invalidateTag(kv, memory(), group(tag + "::"), epoch, store.now()); });
  }

  /// Does what the host does when a call has ended.
  CacheOutcome finish(const Call& call) {
    if (call.result().offer) kept = take(tier, *call.result().offer, 10);
    tier.drained();
    return call.result().outcome;
  }
  CacheOutcome run(const Call& call) {
    store.answerAll();
    return finish(call);
  }

  std::optional<entry::State> found(Millis age = kAge, double early = 0) {
    const auto recalled = recall(memory(), kKey.text, store.now(), age, early);
    tier.drained();
    return recalled ? std::optional(recalled->state) : std::nullopt;
  }

  FakeStore store;
  Tier tier{HashSeed{1, 2}};
  std::optional<Slot> kept;
};

TEST_F(CacheMemory, HasWhatWasReadForItsAge) {
  run(write());
  tier.forget(memory().key(kKey.text));
  EXPECT_EQ(run(read()), CacheOutcome::Hit);
  EXPECT_EQ(found(), entry::State::Fresh);
  store.advance(kAge);
  EXPECT_EQ(found(), entry::State::Fresh);
  store.advance(Millis{1});
  EXPECT_EQ(found(), std::nullopt);
}

TEST_F(CacheMemory, HasWhatWasWrittenOnceItHasLanded) {
  const Call writing = write();
  EXPECT_EQ(found(), std::nullopt);
  run(writing);
  EXPECT_EQ(found(), entry::State::Fresh);
}

TEST_F(CacheMemory, DoesNotHaveWhatCouldNotBeWrittenUnlessItWasLoaded) {
  run(write());
  store.fail(KvVerb::Put, Fault::Unavailable);
  run(write());
  EXPECT_EQ(found(), std::nullopt) << "nobody can say which of them KV has";
  run(write(300, {}, true));
  EXPECT_EQ(found(), entry::State::Fresh);
}

TEST_F(CacheMemory, HeedsTheLogicalEndWhateverItsOwnAge) {
  run(write(1));
  store.advance(Millis{1000});
  EXPECT_EQ(found(Millis{3'600'000}), entry::State::Fresh);
  store.advance(Millis{1});
  EXPECT_EQ(found(Millis{3'600'000}), entry::State::Stale);
  store.advance(Millis{20'000});
  EXPECT_EQ(found(Millis{3'600'000}), std::nullopt);
}

TEST_F(CacheMemory, RefreshesEarlyOnlyWhoeverAsksForItAndKnowsTheLoad) {
  run(write(10));
  EXPECT_EQ(found(kAge, 100), entry::State::Fresh) << "nobody knows how long it takes";
  NewEntry slow{.key = kKey,
                .group = group(),
                .lifetime = *entry::lifetime({.ttl = 10}, false, true),
                .loadTime = Millis{1000},
                .loaded = true};
  run(Call(store, [&](KvStore& kv) { return storeEntry(kv, memory(), slow, store.now()); }, "1"));
  store.advance(Millis{9000});
  EXPECT_EQ(found(kAge, 0), entry::State::Fresh);
  EXPECT_EQ(found(kAge, 0.9), entry::State::Fresh);
  EXPECT_EQ(found(kAge, 1), entry::State::Stale);
}

TEST_F(CacheMemory, IsNotGivenBackByAReadThatADeletionOvertook) {
  run(write());
  const Call reading = read();
  run(erase());
  finish(reading);
  EXPECT_EQ(found(), std::nullopt);
}

TEST_F(CacheMemory, TakesNothingThatKvStillShowsOfADeletedEntry) {
  run(write());
  const auto old = store.at(kKey.text);
  run(erase());
  store.write(kKey.text, old->value, old->metadata);
  store.advance(Millis{30'000});
  EXPECT_EQ(run(read()), CacheOutcome::Miss) << "made before the deletion";
  EXPECT_EQ(found(), std::nullopt);
  run(write());
  EXPECT_EQ(run(read()), CacheOutcome::Hit);
}

TEST_F(CacheMemory, ShowsWhatIsWrittenRightAfterADeletion) {
  run(erase());
  run(write());
  EXPECT_EQ(found(), entry::State::Fresh);
  store.advance(kAge + Millis{1});
  EXPECT_EQ(run(read()), CacheOutcome::Hit) << "its own deletion must not hold against it";
}

TEST_F(CacheMemory, ShowsButDoesNotRememberWhatAPlainPutWritesAfterADeletion) {
  run(erase());
  store.write(kKey.text, "5");
  EXPECT_EQ(run(read()), CacheOutcome::Hit);
  EXPECT_EQ(found(), std::nullopt) << "nobody can say when it was written";
}

TEST_F(CacheMemory, DropsAWriteThatADeletionOvertook) {
  const Call writing = write();
  run(erase());
  finish(writing);
  EXPECT_EQ(found(), std::nullopt);
}

TEST_F(CacheMemory, PrefersWhatItWroteToWhatAReadBroughtMeanwhile) {
  run(write());
  const Call writing = write();
  const Call reading = read();
  store.answer(1);
  finish(reading);
  const std::optional<Slot> before = kept;
  kept.reset();
  run(writing);
  EXPECT_TRUE(kept) << "the later value takes the place of the earlier";
  EXPECT_EQ(kept, before);
}

TEST_F(CacheMemory, DropsALoadThatADeletionOvertook) {
  const Call reading = read();
  store.answerAll();
  EXPECT_EQ(finish(reading), CacheOutcome::Miss);
  run(erase());
  run(write(300, {}, true, reading.result().began));
  EXPECT_EQ(found(), std::nullopt);
}

TEST_F(CacheMemory, VoidsAGroupAtOnceAndWhatKvStillShowsOfIt) {
  run(write(300, "a::b::"));
  EXPECT_EQ(found(), entry::State::Fresh);
  const auto old = store.at(kKey.text);
  store.advance(Millis{5});
  const Call voiding = invalidate("b", 7);
  EXPECT_EQ(found(), std::nullopt) << "at once";
  run(voiding);
  store.erase("e::b");  // as KV's edge may still show it
  EXPECT_EQ(run(read()), CacheOutcome::Miss);
  EXPECT_EQ(found(), std::nullopt);
  run(write(300, "a::b::"));
  EXPECT_EQ(found(), entry::State::Fresh) << "what is made after it is good";
  run(invalidate("c", 8));
  EXPECT_EQ(found(), entry::State::Fresh) << "another's group";
}

TEST_F(CacheMemory, NeverShowsADeletedValueInAnyOrderOfAnswers) {
  const std::size_t ways = testing::inEveryWay([](testing::Choices& choices) {
    FakeStore shuffled;
    Tier fresh{HashSeed{1, 2}};
    fresh.raiseBound(100'000);
    const Memory remembered{fresh, 0, Maker::Cache};
    const NewEntry entry{.key = kKey, .group = {"e::", {}}, .lifetime = *entry::lifetime({.ttl = 300}, false, true)};
    const Call first(shuffled, [&](KvStore& kv) { return storeEntry(kv, remembered, entry, shuffled.now()); }, "1");
    shuffled.answerAll();
    take(fresh, *first.result().offer, 10);

    const auto reading = [&](KvStore& kv) { return lookUp(kv, remembered, kKey, {"e::", {}}); };
    const Call early(shuffled, reading);
    const Call writing(shuffled, [&](KvStore& kv) { return storeEntry(kv, remembered, entry, shuffled.now()); }, "2");
    const Call erasing(shuffled, [&](KvStore& kv) { return deleteEntry(kv, remembered, kKey, shuffled.now()); });
    const Call late(shuffled, reading);
    std::vector<const Call*> calls = {&early, &writing, &late};
    while (shuffled.waiting() > 0) {
      shuffled.answer(choices.among(shuffled.waiting()));
      std::erase_if(calls, [&](const Call* call) {
        if (call->done() && call->result().offer) take(fresh, *call->result().offer, 10);
        return call->done();
      });
    }
    EXPECT_FALSE(recall(remembered, kKey.text, shuffled.now(), kAge, 0));
  });
  EXPECT_GE(ways, 24U);
}

}  // namespace
}  // namespace codex
