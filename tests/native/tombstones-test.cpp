#include "wasm/memory/tombstones.h"

#include <gtest/gtest.h>

#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::kStart;

constexpr Millis kLasting{60'000};
constexpr std::size_t kMost = 3;

Burial at(Instant now) { return {now, now, now + kLasting}; }
/// What begins after everything here, but shows what was made then.
Arrival shown(Instant made) { return {1'000, made}; }
/// What began then, and nothing else is known of.
Arrival begun(Stamp began) { return {began, kLatest}; }

TEST(Tombstones, TellWhatBeganBeforeADeletionFromWhatBeganAfter) {
  Tombstones tombstones;
  tombstones.bury(1, at(kStart), 10, kMost);
  EXPECT_TRUE(tombstones.buries(1, begun(9), kStart));
  EXPECT_FALSE(tombstones.buries(1, begun(11), kStart));
  EXPECT_FALSE(tombstones.buries(2, begun(9), kStart));
}

TEST(Tombstones, TellWhatWasMadeBeforeADeletionUntilTheyEnd) {
  Tombstones tombstones;
  tombstones.bury(1, at(kStart), 10, kMost);
  EXPECT_FALSE(tombstones.admits(1, shown(kStart), kStart));
  EXPECT_TRUE(tombstones.admits(1, shown(kStart + Millis{1}), kStart));
  EXPECT_FALSE(tombstones.admits(1, shown(kStart), kStart + kLasting - Millis{1}));
  EXPECT_TRUE(tombstones.admits(1, shown(kStart), kStart + kLasting));
}

TEST(Tombstones, CountAKeyOnceAndKeepTheWiderOfItsDeletions) {
  Tombstones tombstones;
  tombstones.bury(1, at(kStart + Millis{100}), 10, kMost);
  tombstones.bury(1, {kStart, kStart, kStart + Millis{1}}, 11, kMost);
  EXPECT_EQ(tombstones.count(), 1U);
  EXPECT_TRUE(tombstones.buries(1, begun(10), kStart)) << "the later deletion counts";
  EXPECT_TRUE(tombstones.buries(1, shown(kStart + Millis{100}), kStart + kLasting)) << "and the wider reach";
}

TEST(Tombstones, AreSweptWhenTheyHaveEnded) {
  Tombstones tombstones;
  tombstones.bury(1, at(kStart), 10, kMost);
  tombstones.bury(2, at(kStart + Millis{5}), 11, kMost);
  tombstones.sweep(kStart + kLasting);
  EXPECT_EQ(tombstones.count(), 1U);
  EXPECT_FALSE(tombstones.admits(1, begun(9), kStart + kLasting)) << "what was under way all the time still does not enter";
  EXPECT_TRUE(tombstones.admits(1, begun(10), kStart + kLasting));
}

TEST(Tombstones, LetNothingOldInWhenThereAreTooMany) {
  Tombstones tombstones;
  for (Stamp key = 1; key <= 4; ++key) tombstones.bury(key, at(kStart + Millis{key}), 10 * key, kMost);
  EXPECT_EQ(tombstones.count(), kMost);
  const Instant now = kStart + Millis{10};
  EXPECT_FALSE(tombstones.buries(1, shown(kStart), now)) << "nobody knows any more that this one was deleted";
  EXPECT_FALSE(tombstones.admits(1, shown(kStart), now)) << "so nothing as old enters";
  EXPECT_FALSE(tombstones.admits(99, shown(kStart + Millis{1}), now));
  EXPECT_FALSE(tombstones.admits(99, begun(9), now));
  EXPECT_TRUE(tombstones.admits(99, shown(kStart + Millis{2}), now));
  EXPECT_TRUE(tombstones.admits(99, begun(10), now));
  EXPECT_TRUE(tombstones.admits(99, shown(kStart), kStart + Millis{1} + kLasting)) << "until it would have ended";
}

TEST(Tombstones, PushOutTheOneDeletedLongestAgo) {
  Tombstones tombstones;
  for (const std::uint64_t key : {1U, 2U, 3U, 1U, 4U}) tombstones.bury(key, at(kStart), 10, kMost);
  EXPECT_TRUE(tombstones.buries(1, begun(9), kStart));
  EXPECT_FALSE(tombstones.buries(2, begun(9), kStart));
}

TEST(Tombstones, LastLongerAndNeverShorterWhenTheClockGoesBack) {
  Tombstones tombstones;
  tombstones.bury(1, at(kStart), 10, kMost);
  const Instant earlier = kStart - Millis{3'600'000};
  tombstones.bury(2, at(earlier), 11, kMost);
  tombstones.sweep(earlier);
  EXPECT_EQ(tombstones.count(), 2U);
  EXPECT_FALSE(tombstones.admits(1, shown(earlier), earlier));
}

}  // namespace
}  // namespace codex
