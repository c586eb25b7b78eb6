#include "wasm/session/revocations.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::kStart;

constexpr HashSeed kSeed{1, 2};

StoreKey user(const std::string& name) { return {0, "urev:" + name}; }

TEST(Revocations, KnowsTheNewestWatermark) {
  Revocations revocations(4, kSeed);
  EXPECT_EQ(revocations.before(user("a")), std::nullopt);
  revocations.note(user("a"), kStart);
  EXPECT_EQ(revocations.before(user("a")), kStart);
  revocations.note(user("a"), kStart - Millis{1});
  EXPECT_EQ(revocations.before(user("a")), kStart) << "an old read does not undo a revocation";
  revocations.note(user("a"), kStart + Millis{1});
  EXPECT_EQ(revocations.before(user("a")), kStart + Millis{1});
}

TEST(Revocations, KeepsUsersAndNamespacesApart) {
  Revocations revocations(4, kSeed);
  revocations.note({0, "urev:a"}, kStart);
  EXPECT_EQ(revocations.before({0, "urev:b"}), std::nullopt);
  EXPECT_EQ(revocations.before({1, "urev:a"}), std::nullopt);
}

TEST(Revocations, LetsGoOfTheLongestUnseenFirst) {
  Revocations revocations(2, kSeed);
  revocations.note(user("a"), kStart);
  revocations.note(user("b"), kStart);
  revocations.note(user("a"), kStart - Millis{5});
  revocations.note(user("c"), kStart);
  EXPECT_EQ(revocations.before(user("b")), std::nullopt);
  EXPECT_EQ(revocations.before(user("a")), kStart);
  EXPECT_EQ(revocations.before(user("c")), kStart);
}

TEST(Revocations, KeepsItsBoundAndTheNewestThroughAFlood) {
  Revocations revocations(100, kSeed);
  for (int i = 0; i < 10'000; ++i) revocations.note(user(std::to_string(i)), kStart);
  for (int i = 0; i < 10'000; ++i) EXPECT_EQ(revocations.before(user(std::to_string(i))).has_value(), i >= 9'900) << i;
}

TEST(Revocations, EachReachesFartherThanTheOneBefore) {
  Revocations revocations(4, kSeed);
  EXPECT_EQ(revocations.next(user("a"), kStart), kStart + kClockSkew);
  for (const Millis ahead : {Millis{0}, Millis{1}, Millis{500}, Millis{1999}}) {
    revocations.note(user("a"), kStart + kClockSkew + ahead);
    EXPECT_EQ(revocations.next(user("a"), kStart), kStart + kClockSkew + ahead + Millis{1});
    EXPECT_EQ(revocations.next(user("a"), kStart + Millis{4000}), kStart + Millis{4000} + kClockSkew);
    EXPECT_EQ(revocations.next(user("b"), kStart), kStart + kClockSkew);
  }
}

TEST(Revocations, DoNotKeepUpOneThatAWrongClockMade) {
  for (const Instant wrong : {kStart + 2 * kClockSkew, kStart + std::chrono::hours{24}, kLatest}) {
    Revocations revocations(4, kSeed);
    revocations.note(user("a"), wrong);
    EXPECT_EQ(revocations.next(user("a"), kStart), kStart + kClockSkew);
  }
}

TEST(Watermark, IsStoredAsJson) {
  EXPECT_EQ(encodeWatermark(kStart), R"({"before":1767225600000})");
  for (const Instant before : {kEarliest, Instant{}, kStart, kLatest})
    EXPECT_EQ(decodeWatermark(encodeWatermark(before)), before);
}

TEST(Watermark, IsNothingWhereTheTextIsNone) {
  for (const char* const text : {"", "null", "5", "[]", "{}", "{", R"({"before":"1767225600000"})", R"({"before":null})",
                                 R"({"before":1.5})", R"({"before":1e300})", R"({"before":18446744073709551615})",
                                 R"({"after":1767225600000})", R"({"before":1767225600000)", "undefined"}) {
    EXPECT_EQ(decodeWatermark(text), std::nullopt) << text;
  }
}

TEST(Watermark, BeyondTheRangeOfADateVoidsAllOrNothing) {
  EXPECT_EQ(decodeWatermark(R"({"before":8640000000000001})"), kLatest);
  EXPECT_EQ(decodeWatermark(R"({"before":9007199254740991})"), kLatest);
  EXPECT_EQ(decodeWatermark(R"({"before":-8640000000000001})"), kEarliest);
}

}  // namespace
}  // namespace codex
