#pragma once

#include <optional>

#include "wasm/kv/limits.h"
#include "wasm/time.h"

namespace codex {

/// When a counter was last read and written: KV caches what it shows for 30 s at least and takes one write a second for a key, so
/// more of either costs money and says nothing. A clock that went back makes both due.
class StorePace {
 public:
  bool readDue(Instant now) const { return past(readAt_, kv::kMinCacheTtl, now); }
  bool readOlderThan(Millis age, Instant now) const { return past(readAt_, age, now); }
  void noteRead(Instant now) { readAt_ = now; }

  /// How long the next write must still wait.
  Millis untilWrite(Instant now) const {
    return past(wroteAt_, kWriteInterval, now) ? Millis{0} : wroteAt_ + kWriteInterval - now;
  }
  void noteWrite(Instant now) { wroteAt_ = now; }

  /// Asks for the one who will write what was counted. Nothing where somebody has promised to, who may still be alive;
  /// otherwise the caller has promised, and hears how long to wait.
  std::optional<Millis> promiseWrite(Instant now) {
    if (promisedAt_ <= now && now < promisedUntil_) return std::nullopt;
    const Millis wait = untilWrite(now);
    promisedAt_ = now;
    promisedUntil_ = now + wait + kPatience;
    return wait;
  }
  /// The promise was kept, or will not be.
  void releasePromise() { promisedUntil_ = kEarliest; }

 private:
  static constexpr Millis kWriteInterval{1000};
  /// After so long a promise is taken for that of a request that has died.
  static constexpr Millis kPatience{2000};

  static bool past(Instant since, Millis interval, Instant now) { return now < since || now - since >= interval; }

  Instant readAt_ = kEarliest;
  Instant wroteAt_ = kEarliest;
  Instant promisedAt_ = kEarliest;
  Instant promisedUntil_ = kEarliest;
};

}  // namespace codex
