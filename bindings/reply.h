#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/error.h"
#include "wasm/memory/memory.h"
#include "wasm/ratelimit/rate-limiter.h"

namespace codex::bindings {

/// What an export leaves behind.
enum class State {
  Done,     // the call has ended; its outcome stands in the reply
  Waiting,  // the call waits for the operation that stands in the reply
  Ask,      // a limit's authority is to be asked; it is no store, and the call has ended
  Refused,  // the call was wrong; nothing was done
  Dropped,  // no call waits under that name any more; the answer was thrown away
};

/// Where each number of a reply stands. Every number is a double: counts, lengths, addresses and Unix milliseconds are whole
/// numbers below 2^53.
enum class Field {
  // Waiting: the call's name, and the operation.
  Slot,
  Generation,
  Verb,
  Kind,
  KeyAddress,
  KeyLength,
  KeyIsInput,  // of a call's first operation, and of an address: it is the text that was written, as it was written
  ValueAddress,
  ValueLength,
  MetadataAddress,
  MetadataLength,
  TtlSeconds,
  CacheTtlSeconds,  // 0: KV's own
  FurtherKeys,      // how many more keys are to be read with this one; see `further-keys.h`
  KnownKeys,        // a number by which the keys of such a read are known once they were decoded; 0: none
  Entry,            // 1: the metadata is that of a cache entry, whose numbers and texts follow
  Created,
  KeyDigestAddress,
  KeyDigestLength,
  // Waiting with an entry to put, or Done with one that was found.
  FreshMs,
  StaleMs,
  ErrorMs,
  LoadMs,
  Negative,
  TagsAddress,
  TagsLength,
  // Done.
  Outcome,
  Failure,  // an ErrorCode, or -1
  Allowed,
  Limit,
  Remaining,
  ResetAt,
  RetryAfterMs,  // -1: never
  Reason,
  Scope,
  Exact,
  TicketOpening,   // of an attempt that was counted
  TicketSequence,  // 0: none was counted
  WriteInMs,       // -1: the counter need not be written
  Place,           // of the counter that decided, for `checkKnownLimit`
  Born,
  Shard,  // of State::Ask: the number by which the key's object is chosen
  FromMemory,
  Corrupt,
  RevokedBefore,
  ExpiresAt,  // of a session whose end is put off
  NameAddress,
  NameLength,
  EntryState,
  AgeMs,     // -1: unknown
  Began,     // the tier's stamp of when the call began
  Released,  // after any entry: how many payloads the host must drop before it keeps another
  // Refused.
  ReasonAddress,
  ReasonLength,
  Actual,  // NaN: none
  Count,
};

/// The numbers that the shim reads after a call, at one address for the life of the instance.
class Reply {
 public:
  const double* address() const { return fields_.data(); }

  void set(Field field, double value) { fields_[static_cast<std::size_t>(field)] = value; }
  void set(Field field, std::size_t value) { set(field, static_cast<double>(value)); }
  void set(Field address, Field length, std::string_view text);

  /// Shows a text whose owner goes before the shim has read it.
  void keep(Field address, Field length, std::string text);

  State refuse(const Error& error);
  void verdict(const RateLimitVerdict& verdict);

 private:
  std::array<double, static_cast<std::size_t>(Field::Count)> fields_ = {};
  std::string kept_;
};

/// The one reply of this instance.
Reply& reply();

/// What the call that has just ended would have remembered, until the next entry.
extern std::optional<Offer> offered;

}  // namespace codex::bindings
