#include <cmath>

#include "bindings/embind-exports.h"
#include "bindings/isolate.h"
#include "bindings/numbers.h"
#include "wasm/session/session-recall.h"

namespace codex::bindings {
namespace {

/// Why a session cannot be stored under this token.
Error notAToken(const InputText& token, TokenForm form) {
  constexpr std::size_t kMaxTokenBytes = 504;
  if (!token.whole() || token.head.size() > kMaxTokenBytes) {
    return {ErrorCode::KeyTooLong, "the token cannot be a key: it is longer than 504 bytes"};
  }
  if (form == TokenForm::Hashed && token.head.starts_with(key::kHashMark)) {
    return {ErrorCode::InvalidArgument, "a token must not begin with 'h:' under hashTokens"};
  }
  return {ErrorCode::InvalidArgument, "the token cannot be a key: it must be non-empty, well-formed Unicode"};
}

Error noUser() { return {ErrorCode::InvalidArgument, "userId must be a non-empty string"}; }

/// Puts up to when a revocation made now under that key reaches into the reply.
void setRevokedBefore(const StoreKey& key) {
  const Instant before = isolate->sessions.revocations.next(key, caller.now);
  reply().set(Field::RevokedBefore, static_cast<double>(before.time_since_epoch().count()));
}

SharedNames nextNames(const InputText& token, TokenForm form) {
  if (form != TokenForm::AlreadyHashed && token.whole()) {
    if (SharedNames known = isolate->sessions.known.find(caller.store, token.head, form)) return known;
  }
  return namesOf(caller.store, token, form);
}

int done(SessionOutcome outcome) {
  reply().set(Field::Outcome, static_cast<double>(outcome));
  reply().set(Field::Failure, -1.0);
  return number(State::Done);
}

/// `kept`: whether the host keeps in memory what is found.
int getSession(int token, int form, double maxStaleMs, bool kept) {
  SharedNames names = nextNames(textBuffer().next(token), static_cast<TokenForm>(form));
  if (!names) return done(SessionOutcome::Miss);
  return call(false, [&](KvStore& store) {
    return codex::getSession(isolate->sessions, store, std::move(names), {toDuration<Millis>(maxStaleMs), kept});
  });
}

/// Looks a session up in memory alone, without a call: its slot, or -1.
int recallSession(unsigned store, int token, double now, double maxAgeMs, double maxStaleMs) {
  textBuffer().rewind();
  const InputText text = textBuffer().next(token);
  if (!text.whole()) return -1;
  const std::optional<Slot> slot = codex::recallSession(isolate->tier, store, text.head, toInstant(now),
                                                        toDuration<Millis>(maxAgeMs), toDuration<Millis>(maxStaleMs));
  leave(State::Done);
  return slot ? static_cast<int>(*slot) : -1;
}

/// Where the numbers of a session that is to be stored stand: its stamps, and what is wanted where its end is to be put off.
enum class At : std::size_t { LoadedAt, ConsultedAt, TouchedAt, WantedEnd, CreatedAt, IntervalMs, LongestSeconds };

double given(At at) { return numbers().at(static_cast<std::size_t>(at)); }

std::optional<Instant> instantAt(At at) { return std::isnan(given(at)) ? std::nullopt : std::optional(toInstant(given(at))); }

/// Stores a session, with its end put off where the numbers say so; then that end stands in the reply, and the outcome is Skipped where
/// it stays. `id`: its id as JSON, which is empty where the store needs no index.
int setSession(int presentedToken, int form, unsigned wellTyped, int token, int sessionUserId, int userId, int expiresAt,
               int role, int id, double longestSeconds) {
  const InputText presented = textBuffer().next(presentedToken);
  const auto tokenForm = static_cast<TokenForm>(form);
  const SessionFacts facts = nextFacts(wellTyped, token, sessionUserId, userId, expiresAt, role);
  const std::string_view idJson = textBuffer().nextHead(id);
  const SharedNames known = nextNames(presented, tokenForm);
  if (!known) return refuse(notAToken(presented, tokenForm));
  const Result<Instant> end = checkRecord(facts, presented.head);
  if (!end) return refuse(end.error());
  SessionToStore session{.expiresAt = *end,
                         .stamps = {instantAt(At::LoadedAt), instantAt(At::ConsultedAt), instantAt(At::TouchedAt)},
                         .idJson = std::string(idJson)};
  if (const std::optional<Instant> wanted = instantAt(At::WantedEnd)) {
    const double longest = given(At::LongestSeconds);
    const RollingTerms terms{toDuration<Millis>(given(At::IntervalMs)),
                             std::isnan(longest) ? std::nullopt : std::optional(toDuration<Seconds>(longest))};
    const std::optional<Instant> rolled =
        rolledExpiry(*end, *wanted, instantAt(At::CreatedAt), session.stamps, terms, caller.now);
    if (!rolled) return done(SessionOutcome::Skipped);
    session.expiresAt = *rolled;
    session.stamps.touchedAt = caller.now;
    reply().set(Field::ExpiresAt, static_cast<double>(rolled->time_since_epoch().count()));
  }
  SharedNames names = namesWith(*known, inStore(key::forUserWatermark(facts.userId)));
  return call(false, [&](KvStore& store) {
    return codex::setSession(isolate->sessions, store, std::move(names), toDuration<Seconds>(longestSeconds),
                             std::move(session), caller.now);
  });
}

/// `indexed`: whether the store lists what it holds. `userId` is empty where it is not known.
int deleteSession(int token, int form, bool indexed, int userId, double longestSeconds) {
  SharedNames names = nextNames(textBuffer().next(token), static_cast<TokenForm>(form));
  const InputText user = textBuffer().next(userId);
  if (!names) return done(SessionOutcome::Deleted);
  if (!user.head.empty()) names = namesWith(*names, inStore(key::forUserWatermark(user)));
  return call(false, [&](KvStore& store) {
    return codex::deleteSession(isolate->sessions, store, std::move(names), toDuration<Seconds>(longestSeconds), indexed,
                                caller.now);
  });
}

int revokeUser(int userId, double longestSeconds) {
  const InputText user = textBuffer().next(userId);
  if (user.head.empty()) return refuse(noUser());
  StoreKey watermark = inStore(key::forUserWatermark(user));
  setRevokedBefore(watermark);
  return call(false, [&](KvStore& store) {
    return codex::revokeUser(isolate->sessions, store, std::move(watermark), toDuration<Seconds>(longestSeconds), caller.now);
  });
}

/// Deletes a revoked copy and its index entry, by their keys.
int dropSession(int session, int index) {
  std::string sessionKey(textBuffer().nextHead(session));
  std::string indexKey(textBuffer().nextHead(index));
  return call(false, [&](KvStore& store) { return codex::dropSession(store, std::move(sessionKey), std::move(indexKey)); });
}

/// Tells a key, with the number by which its object is chosen, and up to when a revocation made now would reach: `text` is a token for a
/// fence, a user's id for a watermark or what an index begins with, and for a session what an index entry holds, whose key ends with `digest`.
int nameSession(int kind, int text, int form, int digest) {
  const InputText input = textBuffer().next(text);
  const std::string_view ending = textBuffer().nextHead(digest);
  std::string name;
  switch (static_cast<SessionName>(kind)) {
    case SessionName::Fence: {
      const SharedNames names = nextNames(input, static_cast<TokenForm>(form));
      if (names) name = names->fence.text;
      break;
    }
    case SessionName::Watermark:
      name = key::forUserWatermark(input);
      break;
    case SessionName::Index:
      name = key::forIndex(key::forUserWatermark(input));
      break;
    case SessionName::Session:
      name = sessionKeyOf(input.head, ending);
      break;
  }
  const bool ofUser = kind == static_cast<int>(SessionName::Watermark) || kind == static_cast<int>(SessionName::Index);
  if (ofUser && input.head.empty()) return refuse(noUser());
  setRevokedBefore(inStore(name));
  reply().set(Field::Shard, static_cast<double>(siphash({}, name) & 0xFFFF'FFFFU));
  reply().keep(Field::NameAddress, Field::NameLength, std::move(name));
  return number(State::Done);
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(session) {
  using codex::bindings::function;

  function("getSession", &bindings::getSession);
  function("recallSession", &bindings::recallSession);
  function("setSession", &bindings::setSession);
  function("deleteSession", &bindings::deleteSession);
  function("revokeUser", &bindings::revokeUser);
  function("dropSession", &bindings::dropSession);
  function("nameSession", &nameSession);
}
