#pragma once

#include <cstdint>
#include <optional>

#include "wasm/error.h"
#include "wasm/time.h"

namespace codex {

/// Why a verdict is what it is.
enum class LimitReason {
  Ok,
  Limit,
  Blocked,   // somebody has blocked the caller
  Degraded,  // the authority could not be asked
  Shadow,    // it would have been a denial, and the caller only wants to know
};

/// Whose attempts a verdict has counted: this isolate's, those of the place whose KV answered, or everybody's.
enum class LimitScope { Isolate, Colo, Global };

/// Names an attempt that was counted, so that it can be taken back.
struct LimitTicket {
  std::int64_t opening;
  std::uint32_t sequence;
};

struct RateLimitVerdict {
  bool allowed;
  std::int64_t limit;
  std::int64_t remaining;            // the largest cost that would pass now
  Instant resetAt;                   // from then on nothing counts any more, if nothing else passes
  std::optional<Millis> retryAfter;  // 0 when allowed; nothing when waiting will never help
  LimitReason reason;
  LimitScope scope = LimitScope::Isolate;
  bool exact = false;
  bool fromMemory = true;                  // decided without asking the authority
  bool corrupt = false;                    // the store held something that is no counter
  std::optional<ErrorCode> error = {};     // what the authority failed with
  std::optional<LimitTicket> ticket = {};  // of an attempt that was counted
  std::optional<Millis> writeIn = {};      // after that long the host is to have the counter written
  std::uint32_t place = 0;                 // of the counter that decided, for `LimitTable::at`
  std::uint64_t born = 0;
};

}  // namespace codex
