#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tests/fuzz/fuzzer.h"
#include "wasm/kv/limits.h"
#include "wasm/session/iso-date.h"
#include "wasm/session/session-record.h"

// The input is `wrong|token|presented token|session.userId|user.id|role|expiresAt`, where `wrong` holds a letter for each
// field that has another type than it should, `a` for the first of SessionField.
namespace codex::fuzzing {
namespace {

constexpr auto kFields = static_cast<unsigned>(SessionField::Count);

std::uint32_t wellTyped(std::string_view wrong) {
  std::uint32_t bits = (1U << kFields) - 1;
  for (const char letter : wrong) {
    if (letter >= 'a' && letter < static_cast<char>('a' + kFields)) bits &= ~(1U << static_cast<unsigned>(letter - 'a'));
  }
  return bits;
}

void checkLifetime(Instant expiresAt) {
  constexpr Seconds kLongest = std::chrono::hours{24 * 30};
  for (const Instant now : {kEarliest, Instant{}, expiresAt - Millis{1}, expiresAt, kLatest}) {
    const std::optional<Seconds> ttl = sessionTtl(expiresAt, now, kLongest);
    require(ttl.has_value() == (now < expiresAt), "a session is stored exactly until it ends");
    if (!ttl) continue;
    require(*ttl >= kv::kMinTtl && *ttl <= kLongest, "a session is stored for as long as KV can and the options allow");
    require(*ttl == kLongest || now + *ttl >= expiresAt, "KV does not forget a session before it ends");
  }
}

}  // namespace

void check(std::string_view input) {
  SessionFacts facts;
  facts.wellTyped = wellTyped(takeText(input));
  const std::string token = asInputText(takeText(input));
  const std::string presented = asInputText(takeText(input));
  const std::string sessionUserId = asInputText(takeText(input));
  const std::string userId = asInputText(takeText(input));
  const std::string role = asInputText(takeText(input));
  facts.token = token;
  facts.sessionUserId.head = sessionUserId;
  facts.userId.head = userId;
  facts.role = role;
  facts.expiresAt = input;

  const bool knownRole = role == "customer" || role == "owner" || role == "creator";
  const bool one = !userId.empty() && userId == sessionUserId && token == presented;
  const std::optional<Instant> expiresAt = parseIsoDate(facts.expiresAt);
  const bool acceptable = facts.wellTyped == wellTyped("") && knownRole && one && expiresAt.has_value();

  const Result<Instant> checked = checkRecord(facts, presented);
  require(checked.has_value() == acceptable, "a record is accepted exactly when nothing is wrong with it");
  if (!checked) {
    require(checked.error().code == ErrorCode::InvalidArgument && !checked.error().reason.empty(), "a refusal says why");
    return;
  }
  require(*checked == *expiresAt, "a session ends when its record says");
  checkLifetime(*checked);
}

}  // namespace codex::fuzzing
