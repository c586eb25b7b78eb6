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

SessionStamps at(Instant loadedAt) { return {.loadedAt = loadedAt}; }

TEST(SessionCopy, IsCurrentUntilItIsTooOld) {
  const Millis hour = std::chrono::hours{1};
  EXPECT_TRUE(isCurrent(at(kStart), {}, kStart + hour, hour));
  EXPECT_FALSE(isCurrent(at(kStart), {}, kStart + hour + Millis{1}, hour));
  EXPECT_TRUE(isCurrent(at(kStart), {}, kStart, Millis{0}));
  EXPECT_FALSE(isCurrent(at(kStart), {}, kStart + Millis{1}, Millis{0}));
}

TEST(SessionCopy, IsCurrentOnlyIfLoadedAfterTheLastRevocation) {
  const Millis hour = std::chrono::hours{1};
  for (const auto revoked : {&RevokedBefore::user, &RevokedBefore::token}) {
    const auto current = [&](Instant before) {
      RevokedBefore both;
      both.*revoked = before;
      return isCurrent(at(kStart), both, kStart, hour);
    };
    EXPECT_FALSE(current(kStart + Millis{1}));
    EXPECT_FALSE(current(kStart)) << "loaded at the watermark is revoked";
    EXPECT_TRUE(current(kStart - Millis{1}));
  }
}

TEST(SessionCopy, ThatIsExceptedFromAWatermarkIsNotFromAnythingElse) {
  const Millis hour = std::chrono::hours{1};
  const SessionStamps spared{.loadedAt = kStart + Millis{5}, .consultedAt = kStart};
  EXPECT_TRUE(isCurrent(spared, {.user = kStart + Millis{4}}, kStart, hour));
  EXPECT_FALSE(isCurrent(spared, {.token = kStart}, kStart, hour));
  EXPECT_FALSE(isCurrent(spared, {}, kStart + hour + Millis{1}, hour));
  const SessionStamps odd{.loadedAt = kStart, .consultedAt = kStart + hour};
  EXPECT_FALSE(isCurrent(odd, {}, kStart + hour + Millis{1}, hour)) << "no copy is younger than its load";
}

TEST(SessionCopy, ThatDoesNotKnowItsAgeIsCurrentWhereNothingWasRevoked) {
  EXPECT_TRUE(isCurrent({}, {}, kStart, Millis{0}));
  EXPECT_FALSE(isCurrent({}, {.user = kEarliest}, kStart, std::chrono::hours{1}));
  EXPECT_FALSE(isCurrent({}, {.token = kEarliest}, kStart, std::chrono::hours{1}));
}

TEST(SessionCopy, StaysInRangeWhateverTheMetadataSays) {
  constexpr Instant kLowest{Millis{-9'007'199'254'740'991}};
  constexpr Instant kHighest{Millis{9'007'199'254'740'991}};
  EXPECT_FALSE(isCurrent(at(kLowest), {}, kLatest, std::chrono::hours{1}));
  EXPECT_FALSE(isCurrent(at(kStart), {.user = kHighest}, kStart, std::chrono::hours{1}));
  EXPECT_FALSE(isCurrent(at(kHighest), {.user = kLowest}, kEarliest, Millis{0})) << "nobody has loaded anything tomorrow";
}

// --- an end that is put off ---

constexpr RollingTerms kTerms{std::chrono::hours{1}, Seconds{86'400}};

TEST(RolledExpiry, IsTheEndWantedUpToTheAgeAllowed) {
  const SessionStamps stamps = at(kStart);
  const Instant end = kStart + std::chrono::hours{2};
  const auto rolled = [&](Instant wanted) { return rolledExpiry(end, wanted, kStart, stamps, kTerms, kStart); };
  EXPECT_EQ(rolled(end + Millis{1}), end + Millis{1});
  EXPECT_EQ(rolled(end), std::nullopt);
  EXPECT_EQ(rolled(end - Millis{1}), std::nullopt);
  EXPECT_EQ(rolled(kLatest), kStart + std::chrono::hours{24});
}

TEST(RolledExpiry, StaysWhereNobodyKnowsTheAge) {
  const Instant end = kStart + std::chrono::hours{2};
  EXPECT_EQ(rolledExpiry(end, kLatest, std::nullopt, at(kStart), kTerms, kStart), std::nullopt);
  EXPECT_EQ(rolledExpiry(end, kLatest, std::nullopt, at(kStart), {kTerms.interval, {}}, kStart), kLatest);
}

TEST(RolledExpiry, IsPutOffOnceInAnInterval) {
  const Instant end = kStart + std::chrono::hours{2};
  const SessionStamps touched{.loadedAt = kStart, .touchedAt = kStart};
  const auto rolled = [&](Millis after) {
    return rolledExpiry(end, end + Millis{1}, kStart, touched, kTerms, kStart + after).has_value();
  };
  EXPECT_FALSE(rolled(kTerms.interval - Millis{1}));
  EXPECT_TRUE(rolled(kTerms.interval));
  const auto unstamped = [&](Millis by) { return rolledExpiry(end, end + by, kStart, {}, kTerms, kStart).has_value(); };
  EXPECT_FALSE(unstamped(kTerms.interval - Millis{1})) << "without metadata the end itself says when it was put off";
  EXPECT_TRUE(unstamped(kTerms.interval));
}

}  // namespace
}  // namespace codex
