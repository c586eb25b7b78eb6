#pragma once

#include <optional>
#include <string_view>

#include "wasm/memory/memory.h"
#include "wasm/session/session-names.h"
#include "wasm/session/session-record.h"

// Sessions in the isolate's memory, by their tokens. What is revoked in this isolate leaves at once.
namespace codex {

/// Finds a session that has been in memory for `maxAge` at most, has not ended, and is no older than `maxStale`: where its payload
/// is. Cost: nothing.
std::optional<Slot> recallSession(Tier& tier, StoreId store, std::string_view token, Instant now, Millis maxAge,
                                  Millis maxStale);

/// What memory should keep of a session that may be shown. The names have a user.
Offer offerOf(const SessionNames& names, const Arrival& arrival, Instant expiresAt, const SessionStamps& stamps, Instant now);

void forgetSession(Tier& tier, const SessionNames& names);
/// Looks at every entry.
void forgetUser(Tier& tier, const StoreKey& watermark);

}  // namespace codex
