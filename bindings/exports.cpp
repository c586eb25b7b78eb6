// Everything the shim can call. Arguments are numbers; text stands in the text buffer, in the order of the lengths; every
// call leaves its outcome, or the operation it waits for, in the reply.

#include <emscripten/bind.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "bindings/mailbox.h"
#include "bindings/reply.h"
#include "bindings/text-buffer.h"

namespace codex::bindings {
namespace {

constexpr std::size_t kLimitCounters = 16'384;
constexpr std::size_t kKnownRevocations = 4'096;

/// What this instance remembers from call to call.
struct Isolate {
  explicit Isolate(HashSeed seed) : limits(kLimitCounters, seed), revocations(kKnownRevocations, seed) {}

  LimitTable limits;
  Revocations revocations;
  Mailbox mailbox;  // last, so that it goes first: the calls in it use the others
};

std::unique_ptr<Isolate> isolate;
std::uint32_t instanceNumber = 0;

/// Who is calling: on which namespace, and when.
struct Caller {
  StoreId store = 0;
  Instant now = kEarliest;
  Instant deadline = kEarliest;
};
Caller caller;

Instant toInstant(double unixMs) {
  if (std::isnan(unixMs)) return kEarliest;
  const double bounded = std::clamp(unixMs, static_cast<double>(kEarliest.time_since_epoch().count()),
                                    static_cast<double>(kLatest.time_since_epoch().count()));
  return Instant{Millis{static_cast<std::int64_t>(bounded)}};
}

template <class Duration>
Duration toDuration(double count) {
  constexpr double kLongest = 8.64e15;
  return Duration{static_cast<std::int64_t>(std::clamp(count, 0.0, kLongest))};
}

int number(State state) { return static_cast<int>(state); }
int refuse(const Error& error) { return number(reply().refuse(error)); }

/// Runs a coroutine made from the store of a new call, whose first operation is on `key`.
template <class Make>
int call(std::string_view key, Make make) {
  reply().set(Field::KeyIsInput, key == textBuffer().read() ? 1.0 : 0.0);
  KvStore& store = isolate->mailbox.open(caller.deadline);
  return number(isolate->mailbox.run(make(store)));
}

StoreKey inStore(std::string key) { return {caller.store, std::move(key)}; }

// --- the instance ---

void configure(unsigned instance, unsigned seed0, unsigned seed1, unsigned seed2, unsigned seed3) {
  instanceNumber = instance;
  const auto join = [](unsigned high, unsigned low) { return (std::uint64_t{high} << 32) | low; };
  isolate = std::make_unique<Isolate>(HashSeed{join(seed0, seed1), join(seed2, seed3)});
}

/// Shows one of the pieces of a stored counter, for the host to keep.
void counterPiece(unsigned index) { reply().set(Field::ValueAddress, Field::ValueLength, fixed_window::kPieces.at(index)); }

unsigned replyAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(reply().address())); }
unsigned textAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(textBuffer().address())); }
void absorb(unsigned offset, unsigned length, bool last) { textBuffer().absorb(offset, length, last); }
unsigned callsWaiting() { return static_cast<unsigned>(isolate->mailbox.callsWaiting()); }
unsigned answersDropped() { return isolate->mailbox.answersDropped(); }

/// How long a call may go unanswered before its request is taken for dead: twice what the host waits for an operation, and
/// a second for its own work.
Instant deadlineFrom(Instant wall, double operationTimeoutMs) {
  return wall + 2 * toDuration<Millis>(operationTimeoutMs) + Millis{1000};
}

/// Precedes every call. `now` is the clock that decides, `wall` the host's real one.
void enter(unsigned store, double now, double wall, double operationTimeoutMs) {
  textBuffer().clear();
  caller = {store, toInstant(now), deadlineFrom(toInstant(wall), operationTimeoutMs)};
  isolate->mailbox.sweep(toInstant(wall));
}

// --- answers ---

/// The host's word for how an operation went: an HTTP status as KV gives it, or one of these.
constexpr int kOk = 200;
constexpr int kTooManyRequests = 429;

Result<std::optional<KvRecord>> outcomeOf(int status, const std::optional<KvRecord>& record) {
  if (status == kOk) return record;
  if (status == kTooManyRequests) {
    return std::unexpected(Error{ErrorCode::StoreRateLimited, "KV answered 429: this key was written less than a second ago"});
  }
  return std::unexpected(Error{ErrorCode::StoreUnavailable, "KV failed or did not answer in time"});
}

int answer(unsigned slot, unsigned generation, unsigned instance, const KvAnswer& answer, double wall, double timeoutMs) {
  if (instance != instanceNumber) return number(State::Dropped);
  return number(isolate->mailbox.answer({slot, generation}, deadlineFrom(toInstant(wall), timeoutMs), answer));
}

/// Answers an operation. `found`: whether the key was there; then its metadata stands in the buffer, and before it its text
/// where the operation asked for that.
int resume(unsigned slot, unsigned generation, unsigned instance, int status, bool found, int textLength, int metadataLength,
           double now, double wall, double operationTimeoutMs) {
  TextBuffer& buffer = textBuffer();
  buffer.rewind();
  std::optional<KvRecord> record;
  if (found) record = KvRecord{.text = buffer.nextHead(textLength), .metadata = buffer.nextHead(metadataLength)};
  return answer(slot, generation, instance, {outcomeOf(status, record), toInstant(now)}, wall, operationTimeoutMs);
}

SessionFacts nextFacts(unsigned wellTyped, int token, int sessionUserId, int userId, int expiresAt, int role) {
  TextBuffer& buffer = textBuffer();
  SessionFacts facts{.wellTyped = wellTyped};
  facts.token = buffer.nextHead(token);
  facts.sessionUserId = buffer.next(sessionUserId);
  facts.userId = buffer.next(userId);
  facts.expiresAt = buffer.nextHead(expiresAt);
  facts.role = buffer.nextHead(role);
  return facts;
}

/// Answers the reading of a session that was found.
int resumeSession(unsigned slot, unsigned generation, unsigned instance, unsigned wellTyped, int token, int sessionUserId,
                  int userId, int expiresAt, int role, int metadataLength, double now, double wall, double operationTimeoutMs) {
  textBuffer().rewind();
  const SessionFacts facts = nextFacts(wellTyped, token, sessionUserId, userId, expiresAt, role);
  const KvRecord record{.metadata = textBuffer().nextHead(metadataLength), .session = &facts};
  return answer(slot, generation, instance, {std::optional(record), toInstant(now)}, wall, operationTimeoutMs);
}

// --- rate limits ---

int checkLimit(int prefix, int identifier, double limit, double windowSeconds, int onUnavailable) {
  const Result<RateLimitRule> rule = rateLimitRule(limit, windowSeconds);
  if (!rule) return refuse(rule.error());
  const InputText prefixText = textBuffer().next(prefix);
  Result<std::string> key = key::forLimit(prefixText.head, textBuffer().next(identifier));
  if (!key) return refuse(key.error());
  return call(*key, [&](KvStore& store) {
    return codex::checkLimit(isolate->limits, store, inStore(std::move(*key)), *rule, static_cast<OnUnavailable>(onUnavailable),
                             caller.now);
  });
}

int resetLimit(int prefix, int identifier) {
  const InputText prefixText = textBuffer().next(prefix);
  Result<std::string> key = key::forLimit(prefixText.head, textBuffer().next(identifier));
  if (!key) return refuse(key.error());
  return call(*key, [&](KvStore& store) { return codex::resetLimit(isolate->limits, store, inStore(std::move(*key))); });
}

// --- sessions ---

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

// --- cache ---

/// Checks a key without doing anything with it.
int checkKey(int key) {
  const Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  return cacheKey ? number(State::Done) : refuse(cacheKey.error());
}

/// `ttlSeconds` is what the value will be stored for if it has to be loaded, so that a TTL that can never work is refused
/// before anything is read.
int lookUpEntry(int key, double ttlSeconds) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  const auto lifetime = entry::lifetime(ttlSeconds, true);
  if (!lifetime) return refuse(lifetime.error());
  return call(cacheKey->text, [&](KvStore& store) { return lookUp(store, std::move(*cacheKey)); });
}

int storeEntry(int key, double ttlSeconds, bool keepsMetadata) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  const auto lifetime = entry::lifetime(ttlSeconds, keepsMetadata);
  if (!lifetime) return refuse(lifetime.error());
  return call(cacheKey->text,
              [&](KvStore& store) { return codex::storeEntry(store, std::move(*cacheKey), *lifetime, caller.now); });
}

int deleteEntry(int key) {
  Result<key::CacheKey> cacheKey = key::forCache(textBuffer().next(key));
  if (!cacheKey) return refuse(cacheKey.error());
  return call(cacheKey->text, [&](KvStore& store) { return codex::deleteEntry(store, std::move(*cacheKey)); });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(codex_core) {
  using emscripten::constant;
  using emscripten::enum_;
  using emscripten::enum_value_type;
  using emscripten::function;

  enum_<State>("State", enum_value_type::number)
      .value("Done", State::Done)
      .value("Waiting", State::Waiting)
      .value("Refused", State::Refused)
      .value("Dropped", State::Dropped);
  enum_<Field>("Field", enum_value_type::number)
      .value("Slot", Field::Slot)
      .value("Generation", Field::Generation)
      .value("Verb", Field::Verb)
      .value("Kind", Field::Kind)
      .value("KeyAddress", Field::KeyAddress)
      .value("KeyLength", Field::KeyLength)
      .value("KeyIsInput", Field::KeyIsInput)
      .value("Pieces", Field::Pieces)
      .value("Number0", Field::Number0)
      .value("Number1", Field::Number1)
      .value("ValueAddress", Field::ValueAddress)
      .value("ValueLength", Field::ValueLength)
      .value("MetadataAddress", Field::MetadataAddress)
      .value("MetadataLength", Field::MetadataLength)
      .value("TtlSeconds", Field::TtlSeconds)
      .value("CacheTtlSeconds", Field::CacheTtlSeconds)
      .value("Outcome", Field::Outcome)
      .value("Failure", Field::Failure)
      .value("Allowed", Field::Allowed)
      .value("Limit", Field::Limit)
      .value("Remaining", Field::Remaining)
      .value("ResetAt", Field::ResetAt)
      .value("RetryAfterMs", Field::RetryAfterMs)
      .value("Reason", Field::Reason)
      .value("Scope", Field::Scope)
      .value("FromMemory", Field::FromMemory)
      .value("Corrupt", Field::Corrupt)
      .value("RevokedBefore", Field::RevokedBefore)
      .value("ReasonAddress", Field::ReasonAddress)
      .value("ReasonLength", Field::ReasonLength)
      .value("Actual", Field::Actual)
      .value("Count", Field::Count);
  enum_<KvVerb>("Verb", enum_value_type::number)
      .value("Get", KvVerb::Get)
      .value("Put", KvVerb::Put)
      .value("Delete", KvVerb::Delete);
  enum_<KvValue>("Kind", enum_value_type::number)
      .value("Text", KvValue::Text)
      .value("Payload", KvValue::Payload)
      .value("Session", KvValue::Session);
  enum_<ErrorCode>("ErrorCode", enum_value_type::number)
      .value("invalid-argument", ErrorCode::InvalidArgument)
      .value("invalid-config", ErrorCode::InvalidConfig)
      .value("key-too-long", ErrorCode::KeyTooLong)
      .value("value-too-large", ErrorCode::ValueTooLarge)
      .value("store-unavailable", ErrorCode::StoreUnavailable)
      .value("store-rate-limited", ErrorCode::StoreRateLimited)
      .value("not-supported", ErrorCode::NotSupported)
      .value("aborted", ErrorCode::Aborted)
      .value("core-failed", ErrorCode::CoreFailed);
  enum_<SessionOutcome>("SessionOutcome", enum_value_type::number)
      .value("hit", SessionOutcome::Hit)
      .value("miss", SessionOutcome::Miss)
      .value("corrupt", SessionOutcome::Corrupt)
      .value("stored", SessionOutcome::Stored)
      .value("skipped", SessionOutcome::Skipped)
      .value("deleted", SessionOutcome::Deleted)
      .value("failed", SessionOutcome::Failed);
  enum_<SessionField>("SessionField", enum_value_type::number)
      .value("SessionId", SessionField::SessionId)
      .value("SessionUserId", SessionField::SessionUserId)
      .value("SessionToken", SessionField::SessionToken)
      .value("SessionExpiresAt", SessionField::SessionExpiresAt)
      .value("UserId", SessionField::UserId)
      .value("UserEmail", SessionField::UserEmail)
      .value("UserName", SessionField::UserName)
      .value("UserRole", SessionField::UserRole)
      .value("UserEmailVerified", SessionField::UserEmailVerified)
      .value("IpAddress", SessionField::IpAddress)
      .value("UserAgent", SessionField::UserAgent);
  enum_<CacheOutcome>("CacheOutcome", enum_value_type::number)
      .value("hit", CacheOutcome::Hit)
      .value("miss", CacheOutcome::Miss)
      .value("stored", CacheOutcome::Stored)
      .value("skipped", CacheOutcome::Skipped)
      .value("deleted", CacheOutcome::Deleted)
      .value("failed", CacheOutcome::Failed);
  enum_<LimitReason>("Reason", enum_value_type::number)
      .value("ok", LimitReason::Ok)
      .value("limit", LimitReason::Limit)
      .value("degraded", LimitReason::Degraded);
  enum_<LimitScope>("Scope", enum_value_type::number).value("isolate", LimitScope::Isolate).value("colo", LimitScope::Colo);
  enum_<OnUnavailable>("OnUnavailable", enum_value_type::number)
      .value("local", OnUnavailable::Local)
      .value("deny", OnUnavailable::Deny)
      .value("allow", OnUnavailable::Allow);

  constant("wholeUnits", static_cast<unsigned>(TextBuffer::kWholeUnits));

  function("configure", &configure);
  function("counterPiece", &counterPiece);
  function("replyAddress", &replyAddress);
  function("textAddress", &textAddress);
  function("absorb", &absorb);
  function("callsWaiting", &callsWaiting);
  function("answersDropped", &answersDropped);
  function("enter", &enter);
  function("resume", &resume);
  function("resumeSession", &resumeSession);
  function("checkLimit", &bindings::checkLimit);
  function("resetLimit", &bindings::resetLimit);
  function("getSession", &bindings::getSession);
  function("setSession", &bindings::setSession);
  function("deleteSession", &bindings::deleteSession);
  function("revokeUser", &bindings::revokeUser);
  function("checkKey", &checkKey);
  function("lookUpEntry", &lookUpEntry);
  function("storeEntry", &bindings::storeEntry);
  function("deleteEntry", &bindings::deleteEntry);
}
