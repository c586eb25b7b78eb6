#include "wasm/cache/entry.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/native/instants.h"
#include "wasm/kv/limits.h"

namespace codex::entry {
namespace {

using codex::testing::kStart;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

Lifetime lifetimeOf(double ttlSeconds, bool keepsMetadata = true) {
  const auto result = lifetime(ttlSeconds, keepsMetadata);
  EXPECT_TRUE(result && *result) << ttlSeconds;
  return result && *result ? **result : Lifetime{};
}

TEST(Lifetime, IsWhatWasAskedForAndPhysicallyWhatKvAllows) {
  struct Case {
    double seconds;
    std::int64_t logicalMs;
    std::int64_t physical;
  };
  for (const Case& at : {Case{30, 30'000, 60},
                         {1, 1000, 60},
                         {0.001, 1, 60},
                         {0.0001, 1, 60},
                         {5e-324, 1, 60},
                         {59, 59'000, 60},
                         {59.001, 59'001, 61},
                         {60, 60'000, 61},
                         {300, 300'000, 301},
                         {1.5, 1500, 60},
                         {86'400.25, 86'400'250, 86'402}}) {
    const Lifetime lifetime = lifetimeOf(at.seconds);
    EXPECT_EQ(lifetime.logical, Millis{at.logicalMs}) << at.seconds;
    EXPECT_EQ(lifetime.physical, Seconds{at.physical}) << at.seconds;
  }
}

TEST(Lifetime, IsCutToWhatKvCanKeep) {
  for (const double seconds : {2'147'483'646.0, 2'147'483'647.0, 2'147'483'648.0, 1e12, 1e300}) {
    EXPECT_EQ(lifetimeOf(seconds).physical, kv::kMaxTtl) << seconds;
    EXPECT_LE(lifetimeOf(seconds).logical, kv::kMaxTtl) << seconds;
  }
}

TEST(Lifetime, IsKvsOwnWhereThereIsNoMetadata) {
  EXPECT_EQ(lifetimeOf(60, false).physical, Seconds{60});
  EXPECT_EQ(lifetimeOf(61, false).physical, Seconds{61});
  EXPECT_EQ(lifetimeOf(60.001, false).physical, Seconds{61});
  EXPECT_EQ(lifetimeOf(1, false).physical, Seconds{60});
}

TEST(Lifetime, IsNoneForZeroAndLess) {
  for (const double seconds : {0.0, -0.0, -1.0, -5e-324, -1e300}) {
    const auto result = lifetime(seconds, true);
    ASSERT_TRUE(result) << seconds;
    EXPECT_FALSE(*result) << seconds;
  }
}

TEST(Lifetime, RefusesWhatIsNoFiniteNumber) {
  for (const double seconds : {kNaN, kInfinity, -kInfinity}) {
    const auto result = lifetime(seconds, true);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::InvalidArgument);
  }
}

TEST(Envelope, IsStoredInShortJson) {
  EXPECT_EQ(encode({kStart, Millis{30'000}, ""}), R"({"c":1767225600000,"s":30000})");
  EXPECT_EQ(encode({kStart, Millis{1}, "AbC-_9"}), R"({"c":1767225600000,"s":1,"k":"AbC-_9"})");
}

TEST(Envelope, IsReadBack) {
  for (const Instant created : {kEarliest, Instant{}, kStart, kLatest}) {
    for (const char* const digest : {"", "RafH75XDQX6AA2L1Zyq6FtqAcmH-cSHzqBsKD7a5oFw"}) {
      const Envelope envelope{created, Millis{2'147'483'647'000}, digest};
      const std::optional<Envelope> read = decode(encode(envelope));
      ASSERT_TRUE(read);
      EXPECT_EQ(read->created, envelope.created);
      EXPECT_EQ(read->softTtl, envelope.softTtl);
      EXPECT_EQ(read->keyDigest, envelope.keyDigest);
    }
  }
}

TEST(Envelope, IsNothingInTheMetadataOfOthers) {
  for (const char* const metadata :
       {"", "null", "{}", "[]", "5", "\"c\"", R"({"c":1767225600000})", R"({"s":30000})", R"({"c":"1767225600000","s":30000})",
        R"({"c":1.5,"s":30000})", "not json", R"({"meta":{"c":1767225600000,"s":30000}})"}) {
    EXPECT_FALSE(decode(metadata)) << metadata;
  }
}

TEST(Envelope, PassesOverWhatItDoesNotKnow) {
  const auto envelope = decode(R"({"t":["a","b"],"c":1767225600000,"x":{"s":1},"s":30000,"k":5})");
  ASSERT_TRUE(envelope);
  EXPECT_EQ(envelope->softTtl, Millis{30'000});
  EXPECT_EQ(envelope->keyDigest, "");
}

TEST(Envelope, IsHeldToTheRangeOfADate) {
  const auto created = [](std::string_view metadata) { return decode(metadata).value_or(Envelope{}).created; };
  EXPECT_EQ(created(R"({"c":8640000000000001,"s":30000})"), kLatest);
  EXPECT_EQ(created(R"({"c":-9007199254740991,"s":30000})"), kEarliest);
  EXPECT_EQ(decode(R"({"c":8640000000000001,"s":30000,"k":"digest"})").value_or(Envelope{}).keyDigest, "digest");
}

TEST(Entry, IsFreshUpToItsSoftTtl) {
  const Envelope envelope{kStart, Millis{30'000}, ""};
  const auto state = [&](Millis age) { return stateOf(envelope, "", kStart + age); };
  EXPECT_EQ(state(Millis{0}), State::Fresh);
  EXPECT_EQ(state(Millis{30'000}), State::Fresh);
  EXPECT_EQ(state(Millis{30'001}), State::Miss);
  EXPECT_EQ(state(Millis{-5000}), State::Fresh) << "written by a clock that is ahead";
}

TEST(Entry, WithoutAnEnvelopeIsFreshForAsLongAsKvKeepsIt) { EXPECT_EQ(stateOf(std::nullopt, "", kLatest), State::Fresh); }

TEST(Entry, OfAnotherKeyIsAMiss) {
  const Envelope mine{kStart, Millis{30'000}, "digest"};
  EXPECT_EQ(stateOf(mine, "digest", kStart), State::Fresh);
  EXPECT_EQ(stateOf(mine, "another", kStart), State::Miss);
  EXPECT_EQ(stateOf(mine, "", kStart), State::Miss);
  EXPECT_EQ(stateOf(Envelope{kStart, Millis{30'000}, ""}, "digest", kStart), State::Miss);
  EXPECT_EQ(stateOf(std::nullopt, "digest", kStart), State::Miss) << "a plain put under a shortened key is nobody's";
}

TEST(Entry, StaysInRangeWhateverTheMetadataSays) {
  const auto envelope = [](std::int64_t created, std::int64_t softTtl) {
    return Envelope{Instant{Millis{created}}, Millis{softTtl}, ""};
  };
  constexpr std::int64_t kMost = 9'007'199'254'740'991;
  EXPECT_EQ(stateOf(envelope(-kMost, kMost), "", kLatest), State::Miss);
  EXPECT_EQ(stateOf(envelope(kMost, -kMost), "", kEarliest), State::Fresh);
  EXPECT_EQ(stateOf(envelope(0, -1), "", Instant{}), State::Miss);
}

}  // namespace
}  // namespace codex::entry
