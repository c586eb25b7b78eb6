#include "wasm/ratelimit/sliding-window.h"

#include <algorithm>

namespace codex::sliding_window {
namespace {

/// Where an instant lies: in which window, and how far into it.
struct Place {
  std::int64_t window;
  std::int64_t elapsed;
};

Place placeOf(const RateLimitRule& rule, std::int64_t phase, Instant now) {
  const std::int64_t length = rule.window.count();
  const std::int64_t at = now.time_since_epoch().count() + phase;
  const std::int64_t window = at / length - (at % length < 0 ? 1 : 0);  // rounded down, also before 1970
  return {window, at - window * length};
}

bool inRange(std::int64_t count) { return count >= 0 && count <= kMaxLimit; }

}  // namespace

std::optional<LimitState> rolled(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                                 Instant now) {
  if (!state || !inRange(state->count) || !inRange(state->previous)) return std::nullopt;
  const std::int64_t window = placeOf(rule, phase, now).window;
  if (state->mark == window || state->mark == window + 1) return state;
  if (state->mark == window - 1) return LimitState{window, 0, state->count};
  return std::nullopt;
}

// Every product lies below 2^63: counts and costs are at most 10^9, a window has at most 2.7 * 10^9 ms, and at most three
// such products are added.
LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost,
                     Instant now) {
  const std::int64_t length = rule.window.count();
  const Place place = placeOf(rule, phase, now);
  const std::optional<LimitState> known = rolled(state, rule, phase, now);
  LimitState next = known.value_or(LimitState{.mark = place.window});
  // A window that has not begun by this clock is at its beginning, and ends a window later.
  const bool begun = next.mark <= place.window;
  const std::int64_t left = begun ? length - place.elapsed : length;
  const std::int64_t ends = begun ? left : 2 * length - place.elapsed;

  const std::int64_t whole = rule.limit * length;
  const std::int64_t carried = next.previous * left;
  const bool allowed =
      cost == 0 || (cost <= rule.limit && next.count <= rule.limit && next.count * length + carried + cost * length <= whole);
  std::optional<Millis> retryAfter;
  if (allowed) {
    retryAfter = Millis{0};
  } else if (cost <= rule.limit) {
    const std::int64_t room = rule.limit - cost;
    const std::int64_t spare = room - next.count;
    // Either enough of the previous window passes out of sight in this one, or enough of this one does in the next.
    const std::int64_t wait = spare >= 0 && next.previous > 0
                                  ? ends - spare * length / next.previous
                                  : ends + (next.count <= room ? 0 : length - room * length / next.count);
    retryAfter = Millis{wait};
  }
  if (allowed) next.count += cost;

  const std::int64_t remaining =
      next.count > rule.limit ? 0 : std::max<std::int64_t>(0, whole - next.count * length - carried) / length;
  const std::int64_t counts = next.count > 0 ? ends + length : next.previous > 0 ? ends : 0;
  const bool opens = !state || !known || known->mark != state->mark;
  return {allowed, remaining, now + Millis{counts}, retryAfter, next, opens};
}

}  // namespace codex::sliding_window
