#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "bindings/mailbox.h"
#include "bindings/reply.h"
#include "bindings/text-buffer.h"

// What the exports share: arguments are numbers; text stands in the text buffer, in the order of the lengths; every call
// leaves its outcome, or the operation it waits for, in the reply.
namespace codex::bindings {

/// What this instance remembers from call to call.
struct Isolate {
  explicit Isolate(HashSeed seed);

  LimitTable limits;
  Tier tier;
  SessionMemory sessions;
  Mailbox mailbox;  // last, so that it goes first: the calls in it use the others
};

/// Leaves alone what is there as long as the instance: to destroy it would take code that never runs.
struct Kept {
  Kept() = default;
  explicit(false) Kept(std::default_delete<Isolate>) {}
  void operator()(Isolate*) const {}
};

/// The one of this instance, made by `configure`.
extern std::unique_ptr<Isolate, Kept> isolate;

/// Who is calling: on which namespace, and when.
struct Caller {
  StoreId store = 0;
  Instant now = kEarliest;
  Instant deadline = kEarliest;
};
extern Caller caller;

Instant toInstant(double unixMs);

/// A duration of that count, at least 0 and at most what a `Date` can hold.
template <class Duration>
Duration toDuration(double count) {
  constexpr double kLongest = 8.64e15;
  return Duration{static_cast<std::int64_t>(std::clamp(count, 0.0, kLongest))};
}

inline int number(State state) { return static_cast<int>(state); }
/// The same, after what may have released payloads.
inline int leave(State state) {
  reply().set(Field::Released, isolate->tier.released().size());
  return number(state);
}
inline int refuse(const Error& error) { return number(reply().refuse(error)); }

/// Runs a coroutine made from the store of a new call. `keyIsInput`: its first operation is on the key that was written, as it
/// was written.
template <class Make>
int call(bool keyIsInput, Make make) {
  reply().set(Field::KeyIsInput, keyIsInput ? 1.0 : 0.0);
  KvStore& store = isolate->mailbox.open(caller.deadline);
  return leave(isolate->mailbox.run(make(store)));
}
/// The same where the first operation is on `key`, and nothing else was written if it is the input.
template <class Make>
int call(std::string_view key, Make make) {
  return call(key == textBuffer().read(), std::move(make));
}

/// The tier, for a client of the store that is called.
inline Memory memoryFor(Maker maker) { return {isolate->tier, caller.store, maker}; }

inline StoreKey inStore(std::string key) { return {caller.store, std::move(key)}; }

/// The facts of a session record, whose texts stand next in the buffer.
SessionFacts nextFacts(unsigned wellTyped, int token, int sessionUserId, int userId, int expiresAt, int role);
/// What the metadata of a copy says, NaN where it says nothing.
SessionStamps stampsOf(double loadedAt, double consultedAt, double touchedAt);

}  // namespace codex::bindings
