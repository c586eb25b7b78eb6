#include "tests/native/tier-model.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/repeats.h"
#include "tests/native/tier-host.h"

namespace codex {
namespace {

using testing::Choices;
using testing::inRandomWays;
using testing::kSanitized;
using testing::tenthIfSanitized;
using testing::TierHost;
using testing::TierModel;

/// The tier and its definition, side by side, told the same.
class Pair {
 public:
  explicit Pair(Choices& choices) : choices_(choices), host_(500 + choices.among(20'000), {choices.among(1'000), 7}) {
    model_.raiseBound(host_.tier.bound());
    largest_ = 1 + choices.among(host_.tier.bound() / 6);
    keys_ = 5 + choices.among(60);
    longestLife_ = choices.among(2) == 0 ? 200 : 20'000;
  }

  void step() {
    moveTheClock();
    const std::size_t what = choices_.among(100);
    if (what < 55) {
      find();
    } else if (what < 90) {
      put();
    } else if (what < 93) {
      bury();
    } else if (what < 97) {
      begun_.push_back(host_.tier.stamp());
      ++stamp_;
    } else if (what < 99) {
      const Key key = anyKey();
      host_.forget(key.inTier());
      model_.forget(key.name());
    } else if (choices_.among(10) > 0) {
      buryPrefix();
    } else {
      const std::uint64_t bound = host_.tier.bound() + choices_.among(100);
      host_.tier.raiseBound(bound);
      model_.raiseBound(bound);
    }
    ASSERT_EQ(host_.tier.bytes(), model_.bytes());
    ASSERT_EQ(host_.tier.entries(), model_.entries());
  }

  void compareAll() {
    for (std::size_t i = 0; i < keys_; ++i) {
      const Key key = keyOf(i);
      const std::optional<TierHit> hit = host_.tier.peek(key.inTier());
      ASSERT_EQ(hit ? std::optional(hit->bytes) : std::nullopt, model_.bytesOf(key.name())) << key.name();
    }
    ASSERT_EQ(host_.payloads(), model_.entries());
  }

  const TierModel& model() const { return model_; }

 private:
  struct Key {
    StoreId store;
    Maker maker;
    std::string text;

    TierKey inTier() const { return {store, maker, text}; }
    std::string name() const { return std::to_string(store) + (maker == Maker::Cache ? "c" : "s") + text; }
  };

  Key keyOf(std::size_t i) const {
    return {static_cast<StoreId>(i % 2), i % 3 == 0 ? Maker::Session : Maker::Cache,
            "k" + std::to_string(i % 7) + std::string(i, '.')};
  }
  /// Low ones more often than high ones, or nothing would ever be asked for twice.
  Key anyKey() { return keyOf(choices_.among(1 + choices_.among(keys_))); }
  Instant ago() { return host_.now - Millis{choices_.among(300)}; }

  void moveTheClock() {
    const std::size_t how = choices_.among(1'000);
    host_.now += Millis{choices_.among(10)};
    if (how == 0) host_.now -= Millis{choices_.among(500)};
    if (how == 1) host_.now += Millis{choices_.among(2'000)};
  }
  Arrival anyArrival() {
    ++stamp_;
    const Stamp now = host_.tier.stamp();
    const bool old = !begun_.empty() && choices_.among(4) == 0;
    const Stamp began = old ? begun_[begun_.size() - 1 - choices_.among(std::min<std::size_t>(begun_.size(), 8))] : now;
    return {began, choices_.among(2) == 0 ? kLatest : choices_.among(8) == 0 ? kEarliest : ago()};
  }
  Burial anyBurial() { return {host_.now, host_.now + Millis{choices_.among(5)}, host_.now + Millis{choices_.among(400)}}; }

  void find() {
    const Key key = anyKey();
    const Millis age{choices_.among(2) == 0 ? 10'000 : 50};
    ASSERT_EQ(host_.find(key.inTier(), age), model_.find(key.name(), host_.now, age)) << key.name();
    const Arrival arrival{stamp_, ago()};
    ASSERT_EQ(host_.tier.buried(key.inTier(), arrival, host_.now), model_.buried(key.name(), arrival, host_.now));
  }
  void put() {
    const Key key = anyKey();
    const Arrival arrival = anyArrival();
    const std::uint64_t payload = choices_.among(largest_);
    const Instant expires = host_.now + Millis{choices_.among(longestLife_)};
    const bool expected = model_.put(key.name(), key.text.size(), arrival, expires, payload, host_.now);
    ASSERT_EQ(host_.put(key.inTier(), payload, arrival, expires), expected) << key.name();
  }
  void bury() {
    const Key key = anyKey();
    const Burial burial = anyBurial();
    host_.tier.bury(key.inTier(), burial);
    host_.drain();
    model_.bury(key.name(), burial, ++stamp_);
  }
  void buryPrefix() {
    Key key = anyKey();
    key.text = "k" + std::to_string(choices_.among(7));
    const Burial burial = anyBurial();
    std::map<Slot, std::string> matching;
    for (std::size_t i = 0; i < keys_; ++i) {
      const std::string name = keyOf(i).name();
      if (name.starts_with(key.name()) && model_.bytesOf(name)) matching[host_.tier.peek(keyOf(i).inTier())->slot] = name;
    }
    host_.tier.buryPrefix(key.inTier(), burial);
    host_.drain();
    std::vector<std::string> inOrder;
    for (const auto& [slot, name] : matching) inOrder.push_back(name);
    model_.buryAll(inOrder, burial, stamp_);
    ASSERT_EQ(host_.tier.stamp(), ++stamp_);
  }

  Choices& choices_;
  TierHost host_;
  TierModel model_;
  std::uint64_t largest_ = 0;
  std::size_t keys_ = 0;
  std::size_t longestLife_ = 0;
  std::vector<Stamp> begun_;
  Stamp stamp_ = 0;  // what the tier's own counter stands at
};

TEST(Tier, AgreesWithItsDefinitionOverTwoMillionSteps) {
  TierModel::Seen seen;
  inRandomWays(tenthIfSanitized(400), [&](Choices& choices) {
    Pair pair(choices);
    for (int step = 0; step < 5'000 && !::testing::Test::HasFailure(); ++step) {
      SCOPED_TRACE(step);
      pair.step();
      if (step % 50 == 0) pair.compareAll();
    }
    const TierModel::Seen& here = pair.model().seen;
    seen.promoted += here.promoted;
    seen.reinserted += here.reinserted;
    seen.evictedFromSmall += here.evictedFromSmall;
    seen.evictedFromMain += here.evictedFromMain;
    seen.expiredUnderHand += here.expiredUnderHand;
    seen.overflowed += here.overflowed;
  });
  // The rarest need many steps in a row, of which a tenth of the worlds takes less than a tenth.
  constexpr int kOften = kSanitized ? 150 : 5'000;
  for (const int times :
       {seen.promoted, seen.reinserted, seen.evictedFromSmall, seen.evictedFromMain, seen.expiredUnderHand, seen.overflowed}) {
    EXPECT_GT(times, kOften) << "the steps taken do not lead everywhere";
  }
}

TEST(Tier, StaysFlatOverTenMillionOperations) {
  constexpr int kOperations = tenthIfSanitized(10'000'000);
  constexpr std::uint64_t kBound = 1024 * 1024;
  Tier tier({1, 2});
  tier.raiseBound(kBound);
  std::minstd_rand random(1);
  Instant now = testing::kStart;
  std::size_t slots = 0;
  std::size_t payloads = 0;
  std::size_t hits = 0;
  std::string text;
  for (int i = 0; i < kOperations; ++i) {
    if (i == kOperations / 10) slots = tier.slots();
    if (i % 16 == 0) now += Millis{1};
    // The product of two makes low numbers likelier than high ones.
    const std::size_t object = random() % 1'000 * (random() % 1'000) / 100;
    text.assign("content:published:");
    text += static_cast<char>('a' + object % 26);
    text.append(1 + object / 26 % 40, static_cast<char>('a' + object / 1'040));
    const TierKey key{0, Maker::Cache, text};
    if (i % 64 == 0) {
      tier.bury(key, {now, now, now + Millis{60'000}});
    } else if (tier.find(key, now, Millis{10'000})) {
      ++hits;
    } else if (tier.put(key, {tier.stamp(), kLatest}, {now + Millis{30'000}, {}}, 100 + object % 2'000, now)) {
      ++payloads;
    }
    payloads -= tier.released().size();
    tier.drained();
    ASSERT_LE(tier.bytes(), kBound);
  }
  EXPECT_GT(hits, kOperations / 10U);
  EXPECT_LE(tier.slots(), slots + slots / 20) << "the slab has found its size in the first tenth";
  EXPECT_LE(tier.entries(), kBound / Tier::kEntryOverhead);
}

}  // namespace
}  // namespace codex
