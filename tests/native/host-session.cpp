#include "tests/native/host-session.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>

#include "wasm/kv/key.h"

namespace codex::testing {
namespace {

using Json = nlohmann::json;

Json fieldOf(const Json& object, std::string_view name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? Json(nullptr) : *found;
}

std::string textOf(const Json& value) { return value.is_string() ? value.get_ref<const std::string&>() : std::string(); }

std::uint32_t bit(SessionField field, bool is) { return is ? 1U << static_cast<unsigned>(field) : 0U; }

/// Whole numbers that a double holds exactly.
SessionStamps stampsIn(const Json& metadata) {
  const auto stamp = [&](std::string_view name) -> std::optional<Instant> {
    const Json value = fieldOf(metadata, name);
    if (!value.is_number_integer()) return std::nullopt;
    const auto ms = value.get<double>();
    return std::abs(ms) <= 9'007'199'254'740'991 ? std::optional(instantOf(static_cast<std::int64_t>(ms))) : std::nullopt;
  };
  return {stamp("l"), stamp("o"), stamp("t")};
}

}  // namespace

HostSession::HostSession(std::string_view text, std::string_view metadata) {
  const Json record = Json::parse(text, nullptr, false);
  const Json session = fieldOf(record, "session");
  const Json user = fieldOf(record, "user");
  const auto string = [](const Json& object, std::string_view name) { return fieldOf(object, name).is_string(); };
  const auto stringOrNothing = [](const Json& object, std::string_view name) {
    return fieldOf(object, name).is_string() || fieldOf(object, name).is_null();
  };
  texts_ = {textOf(fieldOf(session, "token")), textOf(fieldOf(session, "userId")), textOf(fieldOf(user, "id")),
            textOf(fieldOf(session, "expiresAt")), textOf(fieldOf(user, "role"))};
  facts_ = {.wellTyped = bit(SessionField::SessionId, string(session, "id")) |
                         bit(SessionField::SessionUserId, string(session, "userId")) |
                         bit(SessionField::SessionToken, string(session, "token")) |
                         bit(SessionField::SessionExpiresAt, string(session, "expiresAt")) |
                         bit(SessionField::UserId, string(user, "id")) | bit(SessionField::UserEmail, string(user, "email")) |
                         bit(SessionField::UserName, string(user, "name")) | bit(SessionField::UserRole, string(user, "role")) |
                         bit(SessionField::UserEmailVerified, fieldOf(user, "emailVerified").is_boolean()) |
                         bit(SessionField::IpAddress, stringOrNothing(session, "ipAddress")) |
                         bit(SessionField::UserAgent, stringOrNothing(session, "userAgent")),
            .token = texts_[0],
            .sessionUserId = {texts_[1]},
            .userId = {texts_[2]},
            .expiresAt = texts_[3],
            .role = texts_[4],
            .stamps = stampsIn(Json::parse(metadata, nullptr, false))};
}

SessionFacts HostKnownSessions::facts(std::uint64_t number, std::string_view sessionKey, std::string_view watermarkKey,
                                      std::string_view text, const SessionFacts& facts) {
  if (number == 0) return facts;
  const auto known = known_.find(number);
  if (known != known_.end() && known->second.text == text) {
    ++foundAgain_;
    return {.stamps = facts.stamps, .knownEnd = known->second.end};
  }
  const std::string_view token = sessionKey.substr(key::kSessionPrefix.size());
  const Result<Instant> end = checkRecord(facts, token);
  if (end && key::forUserWatermark(facts.userId) == watermarkKey)
    known_.insert_or_assign(number, Known{std::string(text), *end});
  return facts;
}

std::string SessionText::json() const {
  const Json record = {
      {"session", {{"id", "s1"}, {"userId", sessionUserId}, {"token", token}, {"expiresAt", expiresAt}}},
      {"user", {{"id", userId}, {"email", "a@example.com"}, {"name", "Alice"}, {"role", role}, {"emailVerified", true}}}};
  return record.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace codex::testing
