#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace codex {

using Millis = std::chrono::duration<std::int64_t, std::milli>;
using Seconds = std::chrono::duration<std::int64_t>;

/// Unix time in milliseconds. The core never reads a clock: every instant is an argument.
using Instant = std::chrono::time_point<std::chrono::system_clock, Millis>;

/// The range of a JavaScript `Date`, +-8.64e15 ms (ECMA-262, 21.4.1.1). Every instant that enters is held to it, so that
/// adding any duration the core knows cannot overflow.
inline constexpr Instant kEarliest{Millis{-8'640'000'000'000'000}};
inline constexpr Instant kLatest{Millis{8'640'000'000'000'000}};

/// The instant that a stored number stands for, held to that range.
constexpr Instant instantOf(std::int64_t unixMillis) { return std::clamp(Instant{Millis{unixMillis}}, kEarliest, kLatest); }

/// What the clocks of other isolates may be ahead of the one that revokes or deletes: what they made so shortly after it counts as
/// older.
inline constexpr Millis kClockSkew{2000};

}  // namespace codex
