// The instance itself, and the answers to its operations.

#include <cmath>

#include "bindings/embind-exports.h"
#include "bindings/further-keys.h"
#include "bindings/isolate.h"

namespace codex::bindings {
namespace {

std::uint32_t instanceNumber = 0;

void configure(unsigned instance, unsigned seed0, unsigned seed1, unsigned seed2, unsigned seed3) {
  instanceNumber = instance;
  const auto join = [](unsigned high, unsigned low) { return (std::uint64_t{high} << 32) | low; };
  isolate = std::make_unique<Isolate>(HashSeed{join(seed0, seed1), join(seed2, seed3)});
}

unsigned replyAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(reply().address())); }
unsigned textAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(textBuffer().address())); }
void absorb(unsigned offset, unsigned length, bool last) { textBuffer().absorb(offset, length, last); }
unsigned furtherKeysAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(furtherKeys().address())); }
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
  offered.reset();
  caller = {store, toInstant(now), deadlineFrom(toInstant(wall), operationTimeoutMs)};
  isolate->mailbox.sweep(toInstant(wall));
}

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
  offered.reset();
  if (instance != instanceNumber) return leave(State::Dropped);
  return leave(isolate->mailbox.answer({slot, generation}, deadlineFrom(toInstant(wall), timeoutMs), answer));
}

/// Answers an operation. `found`: whether the key was there; then its metadata stands in the buffer, and before it its text
/// where the operation asked for that. After these stand the texts of as many further keys as were read.
int resume(unsigned slot, unsigned generation, unsigned instance, int status, bool found, int textLength, int metadataLength,
           unsigned further, double now, double wall, double operationTimeoutMs) {
  TextBuffer& buffer = textBuffer();
  buffer.rewind();
  std::optional<KvRecord> record;
  if (found) record = KvRecord{.text = buffer.nextHead(textLength), .metadata = buffer.nextHead(metadataLength)};
  return answer(slot, generation, instance, {outcomeOf(status, record), toInstant(now), furtherKeys().take(further, buffer)},
                wall, operationTimeoutMs);
}

/// Answers the reading of a session that was found, with the facts of its record and the stamps of its metadata. `knownEnd`: where the
/// record is the one that a read of the same keys has shown before, when it ends, and its texts need not be written; else NaN.
int resumeSession(unsigned slot, unsigned generation, unsigned instance, unsigned wellTyped, int token, int sessionUserId,
                  int userId, int expiresAt, int role, double knownEnd, double loadedAt, double consultedAt, double touchedAt,
                  unsigned further, double now, double wall, double operationTimeoutMs) {
  TextBuffer& buffer = textBuffer();
  buffer.rewind();
  SessionFacts facts = nextFacts(wellTyped, token, sessionUserId, userId, expiresAt, role);
  facts.stamps = stampsOf(loadedAt, consultedAt, touchedAt);
  if (!std::isnan(knownEnd)) facts.knownEnd = toInstant(knownEnd);
  const KvRecord record{.session = &facts};
  return answer(slot, generation, instance, {std::optional(record), toInstant(now), furtherKeys().take(further, buffer)}, wall,
                operationTimeoutMs);
}

/// Answers the reading of a cache entry that was found, with the numbers and texts of its metadata.
int resumeEntry(unsigned slot, unsigned generation, unsigned instance, double created, double fresh, double stale, double error,
                double loadTime, double negative, double version, int tags, int keyDigest, unsigned further, double now,
                double wall, double operationTimeoutMs) {
  TextBuffer& buffer = textBuffer();
  buffer.rewind();
  const entry::Facts facts{.created = created,
                           .fresh = fresh,
                           .stale = stale,
                           .error = error,
                           .loadTime = loadTime,
                           .negative = negative,
                           .version = version,
                           .tags = buffer.nextHead(tags),
                           .keyDigest = buffer.nextHead(keyDigest)};
  const KvRecord record{.entry = &facts};
  return answer(slot, generation, instance, {std::optional(record), toInstant(now), furtherKeys().take(further, buffer)}, wall,
                operationTimeoutMs);
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(instance) {
  using codex::bindings::function;
  using emscripten::constant;

  constant("wholeUnits", static_cast<unsigned>(TextBuffer::kWholeUnits));

  function("configure", &configure);
  function("replyAddress", &replyAddress);
  function("textAddress", &textAddress);
  function("furtherKeysAddress", &furtherKeysAddress);
  function("absorb", &absorb);
  function("callsWaiting", &callsWaiting);
  function("answersDropped", &answersDropped);
  function("enter", &enter);
  function("resume", &resume);
  function("resumeSession", &resumeSession);
  function("resumeEntry", &resumeEntry);
}
