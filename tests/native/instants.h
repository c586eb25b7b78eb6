#pragma once

#include <cstdint>

#include "wasm/time.h"

namespace codex::testing {

/// Where the clock of a test begins: 2026-01-01T00:00:00.000Z.
inline constexpr Instant kStart{Millis{1'767'225'600'000}};

inline constexpr std::int64_t unixMs(Instant instant) { return instant.time_since_epoch().count(); }

}  // namespace codex::testing
