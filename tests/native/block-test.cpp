#include "wasm/ratelimit/block.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::kStart;

constexpr Millis kMinute{60'000};

TEST(Block, LastsMoreThanNothingAndAtMost400Days) {
  EXPECT_EQ(blockLength(0.0001), Millis{1}) << "rounded up";
  EXPECT_EQ(blockLength(60), kMinute);
  EXPECT_EQ(blockLength(34'560'000), kMaxBlock);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const double seconds : {0.0, -0.0, -1.0, 34'560'000.001, 1e300, kInfinity, -kInfinity, std::nan("")}) {
    const Result<Millis> length = blockLength(seconds);
    ASSERT_FALSE(length) << seconds;
    EXPECT_EQ(length.error().code, ErrorCode::InvalidArgument);
  }
}

TEST(Block, ReadsWhatItStored) {
  for (const Block& block : {Block{kStart, kStart + kMinute}, Block{kStart, kStart + kMaxBlock}, Block{kEarliest, kEarliest},
                             Block{kLatest - kMinute, kLatest}}) {
    const auto read = decodeBlock(encodeBlock(block));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->made, block.made);
    EXPECT_EQ(read->until, block.until);
  }
  EXPECT_EQ(encodeBlock({kStart, kStart + kMinute}), R"({"at":1767225600000,"until":1767225660000})");
}

TEST(Block, TakesWhatIsNoneForAbsent) {
  for (const char* const text :
       {"", "not json", "null", "{}", R"({"at":1767225600000})", R"({"until":1767225600000})",
        R"({"at":"1767225600000","until":1767225660000})", R"({"at":1767225660000,"until":1767225600000})",
        R"({"at":0,"until":34560000001})", R"({"at":-8640000000000001,"until":0})",
        R"({"at":8640000000000000,"until":8640000000000001})"}) {
    EXPECT_FALSE(decodeBlock(text)) << text;
  }
}

TEST(KnownBlock, IsTheOneMadeLast) {
  KnownBlock known;
  known.block({kStart, kStart + kMinute});
  known.adopt(Block{kStart - Millis{1}, kStart + kMinute * 9}, kStart);
  EXPECT_EQ(known.until(), kStart + kMinute);
  known.adopt(Block{kStart + Millis{1}, kStart + Millis{500}}, kStart + Millis{1});
  EXPECT_EQ(known.until(), kStart + Millis{500});
}

TEST(KnownBlock, IsNotBroughtBackByAnOldRead) {
  KnownBlock known;
  const Block block{kStart, kStart + kMaxBlock};
  known.adopt(block, kStart);
  known.lift(kStart + Millis{10});
  for (const Millis later : {Millis{10}, Millis{1000}, kMinute, kMinute * 60}) {
    known.adopt(block, kStart + later);
    EXPECT_EQ(known.until(), kEarliest);
  }
  known.adopt(Block{kStart + Millis{11}, kStart + kMinute}, kStart + Millis{20});
  EXPECT_EQ(known.until(), kStart + kMinute) << "another, made since";
}

TEST(KnownBlock, IsLiftedAlsoWhereTheClockThatMadeItIsAhead) {
  KnownBlock known;
  const Block ahead{kStart + Millis{3000}, kStart + kMinute};
  known.adopt(ahead, kStart);
  known.lift(kStart);
  known.adopt(ahead, kStart + Millis{10});
  EXPECT_EQ(known.until(), kEarliest);
}

TEST(KnownBlock, IsOverWhenTheStoreHasShownNoneForLongEnough) {
  KnownBlock known;
  known.block({kStart, kStart + kMaxBlock});
  known.adopt(std::nullopt, kStart + Millis{90'000});
  EXPECT_EQ(known.until(), kStart + kMaxBlock) << "the store may not show it yet";
  known.adopt(std::nullopt, kStart + Millis{90'001});
  EXPECT_EQ(known.until(), kEarliest);
}

TEST(KnownBlock, IsNoneThatEndsLaterThanOneMadeNow) {
  KnownBlock known;
  known.adopt(Block{kLatest - kMinute, kLatest}, kStart);
  EXPECT_EQ(known.until(), kEarliest) << "a skewed clock or an attacker has written it";
  known.adopt(Block{kStart, kStart + kMaxBlock}, kStart);
  EXPECT_EQ(known.until(), kStart + kMaxBlock);
}

}  // namespace
}  // namespace codex
