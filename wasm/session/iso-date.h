#pragma once

#include <optional>
#include <string_view>

#include "wasm/time.h"

namespace codex {

/// Reads an ISO 8601 date-time as `Date.prototype.toISOString` writes it and databases usually do: `2026-11-22`, then
/// optionally `T` or a space, `hh:mm`, `:ss`, a fraction, and `Z` or `+hh:mm`. Years may be signed and six digits long
/// (ECMA-262, 21.4.1.32). Without an offset the time is UTC, which is the time zone of every Worker. The result lies
/// within the range of a `Date`; anything else is nothing.
std::optional<Instant> parseIsoDate(std::string_view text);

}  // namespace codex
