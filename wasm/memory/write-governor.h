#pragma once

#include <optional>

#include "wasm/time.h"

// When a value may be written to KV, which takes one write a second for each key
// (developers.cloudflare.com/kv/platform/limits). The waiting is the host's.
namespace codex::governor {

/// What an isolate knows of the writes of one key.
struct Pace {
  /// When KV answered the last one.
  Instant answered;
  /// Until when one that is under way counts as such: its request may have died.
  Instant claimedUntil;
};

/// How long a write has to wait for its turn: none while it may go. A clock that was set back lengthens no wait beyond
/// what it could have been.
Millis waitForTurn(const Pace& pace, Instant now);

/// Until when a write that begins now is claimed, given what a store operation may take.
Instant claimFrom(Instant now, Millis operationTimeout);

/// How long to wait before a write that failed is tried again; nothing to give up. `tries`: how often it has been tried;
/// `spent`: since it first began; `u`, uniform in [0, 1), spreads those that failed together.
std::optional<Millis> retryIn(bool rateLimited, int tries, Millis spent, double u);

}  // namespace codex::governor
