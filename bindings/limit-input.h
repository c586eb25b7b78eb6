#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bindings/isolate.h"

// What the exports of the rate limits share. A rule is four numbers (limit, window in seconds, algorithm, burst or NaN), a
// client's policy one.
namespace codex::bindings {

/// What a client asks of all its attempts; packed by `limitPolicy`.
inline LimitPolicy policyOf(unsigned packed) {
  return {.authority = static_cast<LimitAuthority>(packed & 3U),
          .onUnavailable = static_cast<OnUnavailable>((packed >> 2) & 3U),
          .shadow = (packed & 16U) != 0,
          .governed = (packed & 32U) != 0,
          .defers = (packed & 64U) != 0};
}

/// Who attempts what: the texts of a call, and its rule. One for all calls, which copy what they need for longer: making a key
/// anew each time would be the dearest part of a decision in memory.
struct Named {
  std::string_view prefix;
  InputText identifier;
  LimitAttempt attempt;
};
extern Named named;

/// Reads who attempts what. Whether it may be: if not, the reply says why, and the call is refused.
bool name(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost = 1);
inline constexpr int kRefused = static_cast<int>(State::Refused);

/// The attempt for a call that goes to the store.
LimitAttempt attemptOnStore();

/// Ends a call whose object is to be asked: shows the key, and the number by which its object is chosen.
int ask(std::string key);

inline int done(const RateLimitVerdict& verdict) {
  report(verdict);
  return number(State::Done);
}

}  // namespace codex::bindings
