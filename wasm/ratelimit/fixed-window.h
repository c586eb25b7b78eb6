#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/rate-limit-rule.h"
#include "wasm/time.h"

// A window that opens at the first attempt and counts until it ends: the spec's algorithm. At most `limit` attempts pass in
// a window, so at most twice as many in any interval of its length.
namespace codex::fixed_window {

/// What is counted, and when the window ends: it has ended at the instant `resetAt`.
struct Count {
  std::int64_t count;
  Instant resetAt;

  bool operator==(const Count&) const = default;
};

/// The count if it belongs to a window that is open under this rule. A window that would end later than a window opened now
/// comes from a skewed clock, another rule or an attacker, and counts as absent.
std::optional<Count> live(const std::optional<Count>& stored, const RateLimitRule& rule, Instant now);

struct Decision {
  bool allowed;
  std::int64_t remaining;  // the largest cost that would still pass
  Instant resetAt;
  std::optional<Millis> retryAfter;  // 0 when allowed; nothing when waiting will never help
  Count next;                        // the state after the attempt; unchanged by a denial
};

/// Decides an attempt of `cost` (0 or more) against the live count.
Decision decide(const std::optional<Count>& live, const RateLimitRule& rule, std::int64_t cost, Instant now);

/// The stored form: `{"count":4,"resetAt":1767225600000}`, as the spec writes it.
std::string encode(const Count& count);

/// The same, in pieces.
inline constexpr NumberedText::Pieces kPieces = {R"({"count":)", R"(,"resetAt":)", "}"};
inline NumberedText pieces(const Count& count) { return {&kPieces, {count.count, count.resetAt.time_since_epoch().count()}}; }

/// Reads a stored count; nothing where the text is not one (C8: such a value counts as absent).
std::optional<Count> decode(std::string_view text);

/// How long KV should keep the record: past the end of the window, whatever the skew, and never under KV's 60 s.
Seconds storedTtl(Instant resetAt, Instant now);

}  // namespace codex::fixed_window
