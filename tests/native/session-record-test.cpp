#include "wasm/session/session-record.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/native/host-session.h"
#include "tests/native/instants.h"

namespace codex {
namespace {

using testing::HostSession;
using testing::kStart;
using testing::SessionText;

constexpr auto kFields = static_cast<unsigned>(SessionField::Count);
constexpr std::uint32_t kAllTyped = (1U << kFields) - 1;

SessionFacts goodFacts() {
  return {.wellTyped = kAllTyped,
          .token = "tok",
          .sessionUserId = {"alice"},
          .userId = {"alice"},
          .expiresAt = "2026-01-02T00:00:00.000Z",
          .role = "customer"};
}

std::string_view reasonFor(const SessionFacts& facts, std::string_view token = "tok") {
  const Result<Instant> checked = checkRecord(facts, token);
  if (checked) return "accepted";
  EXPECT_EQ(checked.error().code, ErrorCode::InvalidArgument);
  return checked.error().reason;
}

TEST(SessionRecord, IsAcceptedWithTheInstantAtWhichItEnds) {
  EXPECT_EQ(checkRecord(goodFacts(), "tok"), kStart + std::chrono::hours{24});
}

TEST(SessionRecord, NamesTheFieldThatHasNotItsType) {
  constexpr std::string_view kNames[] = {
      "session.id ", "session.userId ", "session.token ",      "session.expiresAt ", "user.id ",          "user.email ",
      "user.name ",  "user.role ",      "user.emailVerified ", "session.ipAddress ", "session.userAgent "};
  static_assert(std::size(kNames) == kFields);
  for (unsigned field = 0; field < kFields; ++field) {
    SessionFacts facts = goodFacts();
    facts.wellTyped &= ~(1U << field);
    EXPECT_TRUE(reasonFor(facts).starts_with(kNames[field])) << reasonFor(facts);
    facts.wellTyped = kAllTyped & ~((1U << kFields) - (1U << field));
    EXPECT_TRUE(reasonFor(facts).starts_with(kNames[field])) << "the first that is wrong is named";
  }
}

TEST(SessionRecord, IgnoresBitsThatNameNoField) {
  SessionFacts facts = goodFacts();
  facts.wellTyped = 0xFFFFFFFF;
  EXPECT_TRUE(checkRecord(facts, "tok"));
  facts.wellTyped = ~kAllTyped;
  EXPECT_FALSE(checkRecord(facts, "tok"));
}

TEST(SessionRecord, HasOneOfTheSpecsRoles) {
  for (const char* const role : {"customer", "owner", "creator"}) {
    SessionFacts facts = goodFacts();
    facts.role = role;
    EXPECT_TRUE(checkRecord(facts, "tok")) << role;
  }
  for (const char* const role : {"", "admin", "Customer", "owner ", "creators"}) {
    SessionFacts facts = goodFacts();
    facts.role = role;
    EXPECT_TRUE(reasonFor(facts).starts_with("user.role ")) << role;
  }
}

TEST(SessionRecord, BelongsToOneUser) {
  SessionFacts facts = goodFacts();
  facts.sessionUserId = {"bob"};
  EXPECT_EQ(reasonFor(facts), "session.userId and user.id must be the same user");
  facts.sessionUserId = {"alice", sha256("alice and more")};
  EXPECT_EQ(reasonFor(facts), "session.userId and user.id must be the same user");
  facts.sessionUserId = {""};
  facts.userId = {""};
  EXPECT_EQ(reasonFor(facts), "user.id must be a non-empty string");
}

TEST(SessionRecord, BelongsToTheTokenPresented) {
  for (const std::string_view token : {"", "to", "toks", "Tok", "tok ", "tol"}) {
    EXPECT_EQ(reasonFor(goodFacts(), token), "session.token must be the token it is stored under") << token;
  }
}

TEST(SessionRecord, EndsAtADate) {
  for (const char* const date : {"", "soon", "2026-13-01", "1767225600000", "NaN", "2026-02-30"}) {
    SessionFacts facts = goodFacts();
    facts.expiresAt = date;
    EXPECT_EQ(reasonFor(facts), "session.expiresAt must be an ISO 8601 date") << date;
  }
}

TEST(SessionRecord, IsAcceptedAsTheSpecStoresIt) {
  const HostSession session(SessionText{}.json());
  EXPECT_TRUE(checkRecord(session.facts(), SessionText{}.token));
}

TEST(SessionRecord, IsNothingThatTheSpecDoesNotStore) {
  for (const char* const text : {"", "null", "\"hello\"", "5", "[]", "{}", "not json", R"({"session":null,"user":null})",
                                 R"({"session":[],"user":"u"})", R"({"session":{"token":"tok"}})"}) {
    EXPECT_FALSE(checkRecord(HostSession(text).facts(), "tok")) << text;
  }
}

TEST(Secret, IsTheSameOnlyByteForByte) {
  EXPECT_TRUE(sameSecret("", ""));
  EXPECT_TRUE(sameSecret("secret", "secret"));
  EXPECT_TRUE(sameSecret(std::string_view("a\0b", 3), std::string_view("a\0b", 3)));
  EXPECT_FALSE(sameSecret(std::string_view("a\0b", 3), std::string_view("a\0c", 3)));
  EXPECT_FALSE(sameSecret("secret", "secret "));
  EXPECT_FALSE(sameSecret("", "s"));
  const std::string secret(64, 's');
  for (std::size_t at = 0; at < secret.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string other = secret;
      other[at] = static_cast<char>(other[at] ^ (1 << bit));
      EXPECT_FALSE(sameSecret(secret, other));
    }
  }
}

TEST(SessionTtl, LastsUntilTheSessionEndsWithinWhatKvAllows) {
  const Seconds longest{2'592'000};
  const auto ttl = [&](Millis left) { return sessionTtl(kStart + left, kStart, longest); };
  EXPECT_EQ(ttl(Millis{-1}), std::nullopt);
  EXPECT_EQ(ttl(Millis{0}), std::nullopt);
  EXPECT_EQ(ttl(Millis{1}), Seconds{60});
  EXPECT_EQ(ttl(Millis{60'000}), Seconds{60});
  EXPECT_EQ(ttl(Millis{60'001}), Seconds{61});
  EXPECT_EQ(ttl(longest), longest);
  EXPECT_EQ(ttl(longest + Millis{1}), longest);
  EXPECT_EQ(sessionTtl(kLatest, kEarliest, longest), longest);
  EXPECT_EQ(sessionTtl(kEarliest, kLatest, longest), std::nullopt);
}

TEST(SessionCopy, IsCurrentUntilItIsTooOld) {
  const Millis hour = std::chrono::hours{1};
  EXPECT_TRUE(isCurrent(kStart, std::nullopt, kStart + hour, hour));
  EXPECT_FALSE(isCurrent(kStart, std::nullopt, kStart + hour + Millis{1}, hour));
  EXPECT_TRUE(isCurrent(kStart, std::nullopt, kStart, Millis{0}));
  EXPECT_FALSE(isCurrent(kStart, std::nullopt, kStart + Millis{1}, Millis{0}));
}

TEST(SessionCopy, IsCurrentOnlyIfLoadedAfterTheLastRevocation) {
  const Millis hour = std::chrono::hours{1};
  EXPECT_FALSE(isCurrent(kStart, kStart + Millis{1}, kStart, hour));
  EXPECT_FALSE(isCurrent(kStart, kStart, kStart, hour)) << "loaded at the watermark is revoked";
  EXPECT_TRUE(isCurrent(kStart, kStart - Millis{1}, kStart, hour));
}

TEST(SessionCopy, ThatDoesNotKnowItsAgeIsCurrentWhereNothingWasRevoked) {
  EXPECT_TRUE(isCurrent(std::nullopt, std::nullopt, kStart, Millis{0}));
  EXPECT_FALSE(isCurrent(std::nullopt, kEarliest, kStart, std::chrono::hours{1}));
}

TEST(SessionCopy, StaysInRangeWhateverTheMetadataSays) {
  constexpr Instant kLowest{Millis{-9'007'199'254'740'991}};
  constexpr Instant kHighest{Millis{9'007'199'254'740'991}};
  EXPECT_FALSE(isCurrent(kLowest, std::nullopt, kLatest, std::chrono::hours{1}));
  EXPECT_FALSE(isCurrent(kStart, kHighest, kStart, std::chrono::hours{1}));
  EXPECT_TRUE(isCurrent(kHighest, kLowest, kEarliest, Millis{0}));
}

}  // namespace
}  // namespace codex
