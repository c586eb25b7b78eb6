#include "bindings/limit-numbers.h"

#include <algorithm>

#include "wasm/json/fields.h"

namespace codex::bindings {
namespace {

constexpr double kMaxExact = static_cast<double>(json::kMaxExactInteger);

std::int64_t exact(double value) { return value >= -kMaxExact && value <= kMaxExact ? static_cast<std::int64_t>(value) : 0; }

std::uint32_t bits(double value) { return value >= 0 && value <= 4'294'967'295.0 ? static_cast<std::uint32_t>(value) : 0; }

}  // namespace

Attempts attemptsIn(const Numbers& numbers, std::size_t first) {
  Attempts attempts;
  if (numbers.at(first) != 0) {
    attempts.state = LimitState{exact(numbers.at(first + 1)), exact(numbers.at(first + 2)), exact(numbers.at(first + 3))};
  }
  attempts.opening = exact(numbers.at(first + 4));
  attempts.sequence = bits(numbers.at(first + 5));
  attempts.refunded = bits(numbers.at(first + 6));
  const std::int64_t until = exact(numbers.at(first + 7));
  attempts.blockedUntil = std::clamp(Instant{Millis{until}}, kEarliest, kLatest);
  return attempts;
}

void putAttempts(const Attempts& attempts, Numbers& numbers, std::size_t first) {
  double* const out = numbers.address() + first;
  const LimitState state = attempts.state.value_or(LimitState{});
  out[0] = attempts.state ? 1 : 0;
  out[1] = static_cast<double>(state.mark);
  out[2] = static_cast<double>(state.count);
  out[3] = static_cast<double>(state.previous);
  out[4] = static_cast<double>(attempts.opening);
  out[5] = static_cast<double>(attempts.sequence);
  out[6] = static_cast<double>(attempts.refunded);
  out[7] = static_cast<double>(attempts.blockedUntil.time_since_epoch().count());
}

LimitTicket ticketOf(double opening, double sequence) { return {exact(opening), bits(sequence)}; }

}  // namespace codex::bindings
