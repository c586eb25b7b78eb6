#include "bindings/embind-exports.h"
#include "bindings/isolate.h"

namespace codex::bindings {
namespace {

/// Why a session cannot be stored under this token.
Error notAToken(const InputText& token) {
  constexpr std::size_t kMaxTokenBytes = 504;
  if (!token.whole() || token.head.size() > kMaxTokenBytes) {
    return {ErrorCode::KeyTooLong, "the token cannot be a key: it is longer than 504 bytes"};
  }
  return {ErrorCode::InvalidArgument, "the token cannot be a key: it must be non-empty, well-formed Unicode"};
}

SessionBounds bounds(double longestSeconds, double maxStaleMs) {
  return {toDuration<Seconds>(longestSeconds), toDuration<Millis>(maxStaleMs)};
}

int done(SessionOutcome outcome) {
  reply().set(Field::Outcome, static_cast<double>(outcome));
  reply().set(Field::Failure, -1.0);
  return number(State::Done);
}

int getSession(int token, double longestSeconds, double maxStaleMs) {
  std::optional<std::string> key = key::forSession(textBuffer().next(token));
  if (!key) return done(SessionOutcome::Miss);
  return call(*key, [&](KvStore& store) {
    return codex::getSession(isolate->revocations, store, inStore(std::move(*key)), bounds(longestSeconds, maxStaleMs));
  });
}

int setSession(int presentedToken, unsigned wellTyped, int token, int sessionUserId, int userId, int expiresAt, int role,
               double longestSeconds, double maxStaleMs) {
  const InputText presented = textBuffer().next(presentedToken);
  std::optional<std::string> key = key::forSession(presented);
  const SessionFacts facts = nextFacts(wellTyped, token, sessionUserId, userId, expiresAt, role);
  if (!key) return refuse(notAToken(presented));
  const Result<Instant> end = checkRecord(facts, presented.head);
  if (!end) return refuse(end.error());
  return call(*key, [&](KvStore& store) {
    return codex::setSession(isolate->revocations, store, inStore(std::move(*key)),
                             inStore(key::forUserWatermark(facts.userId)), bounds(longestSeconds, maxStaleMs), *end,
                             caller.now);
  });
}

int deleteSession(int token) {
  std::optional<std::string> key = key::forSession(textBuffer().next(token));
  if (!key) return done(SessionOutcome::Deleted);
  return call(*key, [&](KvStore& store) { return codex::deleteSession(store, inStore(std::move(*key))); });
}

int revokeUser(int userId, double longestSeconds, double maxStaleMs) {
  const InputText user = textBuffer().next(userId);
  if (user.head.empty()) return refuse({ErrorCode::InvalidArgument, "userId must be a non-empty string"});
  reply().set(Field::RevokedBefore, static_cast<double>((caller.now + kClockSkew).time_since_epoch().count()));
  std::string key = key::forUserWatermark(user);
  return call(key, [&](KvStore& store) {
    return codex::revokeUser(isolate->revocations, store, inStore(std::move(key)), bounds(longestSeconds, maxStaleMs),
                             caller.now);
  });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(session) {
  using codex::bindings::function;

  function("getSession", &bindings::getSession);
  function("setSession", &bindings::setSession);
  function("deleteSession", &bindings::deleteSession);
  function("revokeUser", &bindings::revokeUser);
}
