#include "wasm/memory/tier.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/native/tier-host.h"

namespace codex {
namespace {

using testing::kStart;
using testing::TierHost;

TierKey named(std::string_view text) { return TierHost::cached(text); }

/// With a key of one byte, 1,000 bytes.
constexpr std::uint64_t kPayload = 1'000 - 1 - Tier::kEntryOverhead;
/// Room for ten of these and a dozen ghosts. One of them is less than the small queue's share, and two are more.
constexpr std::uint64_t kTen = 10'400;

/// The keys, of one letter each, that the tier holds.
std::string held(const TierHost& host) {
  std::string all;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    if (host.holds(named({&letter, 1}))) all += letter;
  }
  return all;
}

void putEach(TierHost& host, std::string_view letters) {
  for (const char letter : letters) EXPECT_TRUE(host.put(named({&letter, 1}), kPayload)) << letter;
}

void findEach(TierHost& host, std::string_view letters) {
  for (const char letter : letters) EXPECT_TRUE(host.find(named({&letter, 1}))) << letter;
}

TEST(Tier, HoldsNothingBeforeItIsGivenRoom) {
  TierHost host(0);
  EXPECT_FALSE(host.put(named("a"), 0));
  EXPECT_FALSE(host.find(named("a")));
  host.bury(named("a"));
  EXPECT_EQ(host.tier.bytes(), 0U);
  host.tier.raiseBound(kTen);
  host.tier.raiseBound(1);
  EXPECT_EQ(host.tier.bound(), kTen);
  EXPECT_TRUE(host.put(named("a"), 0));
}

TEST(Tier, FindsWhatWasPutWithWhatItsMakerSaid) {
  TierHost host(kTen);
  const TierFacts facts{kStart + Millis{5'000}, {1, -2, 3, -4, 5, -6}};
  const std::optional<Slot> slot = host.tier.put(named("key"), {host.tier.stamp(), kLatest}, facts, 100, kStart);
  const std::optional<TierHit> hit = host.tier.find(named("key"), kStart + Millis{7}, Millis{7});
  ASSERT_TRUE(hit && slot);
  EXPECT_EQ(hit->slot, *slot);
  EXPECT_EQ(hit->remembered, kStart);
  EXPECT_EQ(hit->bytes, 3 + 100 + Tier::kEntryOverhead);
  EXPECT_EQ(hit->facts.words, facts.words);
}

TEST(Tier, KeepsNamespacesAndClientsApart) {
  TierHost host(kTen);
  ASSERT_TRUE(host.put({0, Maker::Cache, "session:t"}, 10));
  EXPECT_FALSE(host.find({0, Maker::Session, "session:t"}));
  EXPECT_FALSE(host.find({1, Maker::Cache, "session:t"}));
  host.bury({0, Maker::Session, "session:t"});
  host.forget({1, Maker::Cache, "session:t"});
  host.bury({1, Maker::Cache, "session:t"});
  EXPECT_TRUE(host.find({0, Maker::Cache, "session:t"}));
  const Arrival shown{host.tier.stamp(), kStart};
  EXPECT_FALSE(host.tier.buried({0, Maker::Cache, "session:t"}, shown, host.now));
  EXPECT_TRUE(host.tier.buried({0, Maker::Session, "session:t"}, shown, host.now));
}

TEST(Tier, CountsKeyPayloadAndOverhead) {
  TierHost host(kTen);
  host.put(named("four"), 100);
  EXPECT_EQ(host.tier.bytes(), 4 + 100 + Tier::kEntryOverhead);
  host.put(named("four"), 50);
  EXPECT_EQ(host.tier.bytes(), 4 + 50 + Tier::kEntryOverhead);
  host.forget(named("four"));
  EXPECT_EQ(host.tier.bytes(), 0U);
  host.bury(named("four"));
  EXPECT_EQ(host.tier.bytes(), Tombstones::kBytes);
}

TEST(Tier, TakesNothingAboveAnEighth) {
  TierHost host(8 * 1'000);
  EXPECT_TRUE(host.put(named("a"), kPayload));
  EXPECT_FALSE(host.put(named("b"), kPayload + 1));
  EXPECT_TRUE(host.find(named("a")));
  EXPECT_FALSE(host.put(named("a"), kPayload + 1)) << "and forgets the value that the large one replaces";
  EXPECT_FALSE(host.find(named("a")));
  EXPECT_FALSE(host.put(named("b"), std::uint64_t{1} << 53));
}

// Eviction, worked by hand from the definition.

TEST(Tier, EvictsTheOldestOfTheSmallQueueWithoutAGhostWhileMainIsEmpty) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  EXPECT_EQ(host.tier.bytes(), 10'000U);
  putEach(host, "k");
  EXPECT_EQ(held(host), "bcdefghijk");
  EXPECT_EQ(host.tier.bytes(), 10'000U);
}

TEST(Tier, PromotesFromSmallWhatWasAskedForTwice) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  findEach(host, "abb");
  putEach(host, "k");  // a, asked for once, goes; main is empty, so it leaves no ghost
  EXPECT_EQ(held(host), "bcdefghijk");
  EXPECT_EQ(host.tier.bytes(), 10'000U);
  putEach(host, "l");  // b moves to main, c goes and leaves a ghost
  EXPECT_EQ(held(host), "bdefghijkl");
  EXPECT_EQ(host.tier.bytes(), 10'000U + GhostQueue::kBytes);
  putEach(host, "mnopqrstu");  // all of small goes by, b stays
  EXPECT_EQ(held(host), "bmnopqrstu");
  EXPECT_EQ(host.tier.bytes(), 10'000U + GhostQueue::kBytes) << "as many ghosts as main holds keys";
}

TEST(Tier, LetsAGhostEnterMain) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  findEach(host, "aa");
  putEach(host, "k");  // a to main, b a ghost
  putEach(host, "b");  // c goes; main is a, b; the ghost is c
  EXPECT_EQ(held(host), "abdefghijk");
  putEach(host, "lmnopqrs");  // d to k go by
  EXPECT_EQ(held(host), "ablmnopqrs") << "never asked for, b outlives all of small";
  EXPECT_EQ(host.tier.bytes(), 10'000U + 2 * GhostQueue::kBytes);
}

TEST(Tier, ForgetsAGhostThatOthersHavePushedOut) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  findEach(host, "aa");
  putEach(host, "kl");  // a to main; b, then c went, and main has room for one ghost
  putEach(host, "b");   // enters small
  putEach(host, "mnopqrstu");
  EXPECT_EQ(held(host), "amnopqrstu");
}

TEST(Tier, EvictsFromMainWhatWasNotAskedForAndLowersTheRest) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  findEach(host, "aabbccddeeffgghhiijj");
  putEach(host, "k");  // a to i move to main, which leaves small below its share; a goes from main
  EXPECT_EQ(held(host), "bcdefghijk");
  EXPECT_EQ(host.tier.bytes(), 10'000U) << "what leaves main leaves no ghost";
  findEach(host, "bbbbbc");
  putEach(host, "l");  // j to main; b (3, the most, to 2) and c (1 to 0) pass; d goes
  EXPECT_EQ(held(host), "bcefghijkl");
  findEach(host, "kkllefghij");
  putEach(host, "m");  // k to main; e to j pass (1 to 0); b passes (2 to 1); c goes
  EXPECT_EQ(held(host), "befghijklm");
  findEach(host, "mm");
  putEach(host, "n");  // l to main; k was promoted at 0, and goes before e, whose turn comes after
  EXPECT_EQ(held(host), "befghijlmn");
  findEach(host, "nn");
  putEach(host, "o");  // m to main; e goes
  EXPECT_EQ(held(host), "bfghijlmno");
}

TEST(Tier, AsksTheExpiredToLeaveFirstWhereItsHandMeetsThem) {
  TierHost host(kTen);
  putEach(host, "ab");
  EXPECT_TRUE(host.put(named("c"), kPayload, {}, kStart + Millis{10}));
  putEach(host, "defghij");
  findEach(host, "aabbcc");
  host.now += Millis{10};
  putEach(host, "k");  // a and b move to main; c has expired, and goes however often it was asked for
  EXPECT_EQ(held(host), "abdefghijk");
  EXPECT_EQ(host.tier.bytes(), 10'000U) << "and leaves no ghost";
}

TEST(Tier, KeepsThePlaceOfWhatIsReplaced) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  putEach(host, "a");
  putEach(host, "k");
  EXPECT_EQ(held(host), "bcdefghijk") << "being put again is no question";
}

TEST(Tier, KeepsAtLeastWhatWasJustPut) {
  TierHost host(kTen);
  putEach(host, "abcdefghij");
  ASSERT_TRUE(host.put(named("a"), kPayload + 300)) << "grows by what there is room for";
  EXPECT_EQ(held(host), "abcdefghij");
  ASSERT_TRUE(host.put(named("b"), kPayload + 300)) << "stands where the hand will begin, and must not be what goes";
  EXPECT_EQ(held(host), "bcdefghij");
  EXPECT_EQ(host.tier.bytes(), 9'300U);
}

// Time.

TEST(Tier, IsAMissForWhomItIsTooOld) {
  TierHost host(kTen);
  putEach(host, "a");
  host.now += Millis{2'000};
  EXPECT_TRUE(host.find(named("a"), Millis{2'000}));
  host.now += Millis{1};
  EXPECT_FALSE(host.find(named("a"), Millis{2'000}));
  EXPECT_TRUE(host.find(named("a"), Millis{10'000})) << "others may still have it";
  putEach(host, "a");
  EXPECT_TRUE(host.find(named("a"), Millis{0}));
}

TEST(Tier, EndsWhatExpiresToTheMillisecond) {
  TierHost host(kTen);
  ASSERT_TRUE(host.put(named("a"), 1, {}, kStart + Millis{5}));
  host.now += Millis{4};
  EXPECT_TRUE(host.find(named("a")));
  host.now += Millis{1};
  EXPECT_FALSE(host.find(named("a")));
  EXPECT_EQ(host.tier.entries(), 0U);
  EXPECT_FALSE(host.put(named("a"), 1, {}, host.now)) << "what has expired does not enter";
}

TEST(Tier, MissesWhatSeemsToComeFromTheFuture) {
  TierHost host(kTen);
  putEach(host, "a");
  host.now -= Millis{1};
  EXPECT_FALSE(host.find(named("a")));
  putEach(host, "a");
  EXPECT_TRUE(host.find(named("a")));
}

TEST(Tier, StandsTheWidestInstants) {
  TierHost host(kTen);
  host.now = kLatest;
  EXPECT_TRUE(host.put(named("a"), 1, {}, kLatest + Millis{1}));
  host.now = kEarliest;
  EXPECT_FALSE(host.find(named("a"), Millis{0}));
  EXPECT_TRUE(host.put(named("b"), 1));
  host.now = kLatest - Millis{1};
  EXPECT_TRUE(host.find(named("b"), Millis::max()));
}

// Deletions, and what is under way meanwhile.

TEST(Tier, DoesNotLetAReadBringBackWhatWasDeletedMeanwhile) {
  TierHost host(kTen);
  const Arrival read{host.tier.stamp(), kEarliest};
  host.bury(named("a"));
  EXPECT_TRUE(host.tier.buried(named("a"), read, host.now));
  EXPECT_FALSE(host.put(named("a"), 1, read));
  host.now += Millis{3'600'000};
  EXPECT_FALSE(host.put(named("a"), 1, read)) << "however long it takes";
}

TEST(Tier, DoesNotLetKvShowAgainWhatWasDeleted) {
  TierHost host(kTen);
  host.now = kStart + Millis{1'000};
  host.bury(named("a"), Millis{60'000});
  const auto shown = [&](Instant made) { return Arrival{host.tier.stamp(), made}; };
  EXPECT_FALSE(host.put(named("a"), 1, shown(kStart)));
  EXPECT_FALSE(host.put(named("a"), 1, shown(host.now)));
  EXPECT_FALSE(host.put(named("a"), 1, shown(kEarliest))) << "nobody knows when it was made";
  EXPECT_TRUE(host.put(named("b"), 1, shown(kStart))) << "another key";
  EXPECT_TRUE(host.put(named("a"), 1, shown(host.now + Millis{1}))) << "written since";
  host.forget(named("a"));
  host.now += Millis{60'000};
  EXPECT_TRUE(host.put(named("a"), 1, shown(kStart))) << "the tombstone's time is over";
}

TEST(Tier, RemembersWhatIsWrittenAfterADeletionInTheSameMillisecond) {
  TierHost host(kTen);
  putEach(host, "a");
  host.bury(named("a"));
  EXPECT_FALSE(host.find(named("a")));
  putEach(host, "a");
  EXPECT_TRUE(host.find(named("a")));
  EXPECT_FALSE(host.tier.buried(named("a"), {host.tier.stamp(), kLatest}, host.now));
}

TEST(Tier, RemembersAWriteThoughTheClockWentBackSinceTheDeletion) {
  TierHost host(kTen);
  host.bury(named("a"));
  host.now -= Millis{3'600'000};
  EXPECT_TRUE(host.put(named("a"), 1));
  EXPECT_FALSE(host.put(named("a"), 1, Arrival{host.tier.stamp(), host.now})) << "nor does that let old values in";
}

TEST(Tier, DoesNotLetAReadReplaceWhatWasWrittenMeanwhile) {
  TierHost host(kTen);
  const Arrival read{host.tier.stamp(), kStart};
  putEach(host, "a");
  EXPECT_FALSE(host.put(named("a"), 2, read));
  EXPECT_EQ(host.tier.peek(named("a"))->bytes, 1'000U);
}

TEST(Tier, DoesNotLetAReadReplaceWhatWasWrittenMeanwhileAndEvicted) {
  TierHost host(kTen);
  const Arrival read{host.tier.stamp(), kStart};
  putEach(host, "abcdefghijk");
  ASSERT_EQ(held(host), "bcdefghijk");
  EXPECT_FALSE(host.put(named("a"), 2, read));
}

TEST(Tier, DoesNotLetAReadReplaceWhatWasWrittenMeanwhileAndHasExpired) {
  TierHost host(kTen);
  const Arrival read{host.tier.stamp(), kStart};
  ASSERT_TRUE(host.put(named("a"), 1, {}, kStart + Millis{10}));
  host.now += Millis{10};
  EXPECT_FALSE(host.find(named("a")));
  EXPECT_FALSE(host.put(named("a"), 2, read));
}

TEST(Tier, DoesNotLetAReadTakeThePlaceOfAWriteTooLargeToRemember) {
  TierHost host(kTen);
  const Arrival read{host.tier.stamp(), kStart};
  const Arrival unrelated{host.tier.stamp(), kStart};
  EXPECT_FALSE(host.put(named("a"), kTen));
  EXPECT_FALSE(host.put(named("a"), 2, read));
  EXPECT_TRUE(host.put(named("b"), 2, unrelated)) << "other keys are left alone";
  EXPECT_TRUE(host.put(named("a"), 2, Arrival{host.tier.stamp(), kEarliest})) << "what begins later may";
}

TEST(Tier, BuriesByPrefix) {
  TierHost host(kTen);
  const Arrival underWay{host.tier.stamp(), kStart};
  for (const char* const key : {"user:1", "user:2", "use", "user", "user:"}) ASSERT_TRUE(host.put(named(key), 1)) << key;
  ASSERT_TRUE(host.put({1, Maker::Cache, "user:1"}, 1));
  ASSERT_TRUE(host.put({0, Maker::Session, "user:1"}, 1));
  host.tier.buryPrefix(named("user:"), {host.now, host.now, host.now + Millis{60'000}});
  host.drain();
  for (const char* const key : {"user:1", "user:2", "user:"}) {
    EXPECT_FALSE(host.holds(named(key))) << key;
    EXPECT_FALSE(host.put(named(key), 1, Arrival{host.tier.stamp(), kStart})) << key;
  }
  EXPECT_TRUE(host.holds(named("use")));
  EXPECT_TRUE(host.holds(named("user")));
  EXPECT_TRUE(host.holds({1, Maker::Cache, "user:1"}));
  EXPECT_TRUE(host.holds({0, Maker::Session, "user:1"}));
  EXPECT_FALSE(host.put(named("user:3"), 1, underWay)) << "memory did not know it, but it may have been deleted";
  EXPECT_TRUE(host.put(named("user:3"), 1, Arrival{host.tier.stamp(), kStart}));
  EXPECT_EQ(host.payloads(), host.tier.entries());
}

TEST(Tier, ForgetsWhatMatches) {
  TierHost host(kTen);
  for (std::int64_t user = 0; user < 6; ++user) {
    const std::string token = "t" + std::to_string(user);
    const TierFacts facts{kLatest, {user % 2}};
    ASSERT_TRUE(host.tier.put({0, Maker::Session, token}, {host.tier.stamp(), kStart}, facts, 10, kStart));
  }
  host.tier.forgetIf(
      [](const TierKey& key, const TierFacts& facts) { return key.maker == Maker::Session && facts.words[0] == 1; });
  EXPECT_EQ(host.tier.released().size(), 3U);
  EXPECT_EQ(host.tier.entries(), 3U);
  EXPECT_TRUE(host.tier.peek({0, Maker::Session, "t0"}));
  EXPECT_FALSE(host.tier.peek({0, Maker::Session, "t1"}));
}

// Slots.

TEST(Tier, GivesNoSlotOutAgainBeforeItsPayloadWasDropped) {
  Tier tier({1, 2});
  tier.raiseBound(kTen);
  const auto put = [&](std::string_view text) {
    return *tier.put(named(text), {tier.stamp(), kLatest}, {kLatest, {}}, 1, kStart);
  };
  const Slot first = put("a");
  tier.forget(named("a"));
  ASSERT_EQ(tier.released().size(), 1U);
  EXPECT_EQ(tier.released()[0], first);
  EXPECT_NE(put("b"), first);
  tier.drained();
  EXPECT_TRUE(tier.released().empty());
  EXPECT_EQ(put("c"), first);
  EXPECT_EQ(put("c"), first) << "a value put in place of another keeps its slot";
  EXPECT_TRUE(tier.released().empty());
}

}  // namespace
}  // namespace codex
