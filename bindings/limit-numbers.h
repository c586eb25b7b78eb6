#pragma once

#include <cstddef>

#include "bindings/numbers.h"
#include "wasm/ratelimit/attempts.h"

// How what is known of a caller crosses as numbers, between the isolate and the object that knows it.
namespace codex::bindings {

/// Attempts take so many numbers: whether there is a state and its three, what refunds belong to, how many were counted since, which of
/// them were taken back, and until when the caller is blocked.
inline constexpr std::size_t kAttemptsNumbers = 8;

Attempts attemptsIn(const Numbers& numbers, std::size_t first);
void putAttempts(const Attempts& attempts, Numbers& numbers, std::size_t first);

/// A ticket that came back from the caller. One that names nothing is nobody's.
LimitTicket ticketOf(double opening, double sequence);

}  // namespace codex::bindings
