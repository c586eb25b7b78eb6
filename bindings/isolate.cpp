#include "bindings/isolate.h"

#include <cmath>

#include "wasm/json/fields.h"

namespace codex::bindings {
namespace {

constexpr std::size_t kLimitCounters = 16'384;
constexpr std::size_t kKnownRevocations = 4'096;

}  // namespace

std::unique_ptr<Isolate, Kept> isolate;
Caller caller;

Isolate::Isolate(HashSeed seed) : limits(kLimitCounters, seed), tier(seed), sessions(kKnownRevocations, seed, tier) {}

Instant toInstant(double unixMs) {
  if (std::isnan(unixMs)) return kEarliest;
  const double bounded = std::clamp(unixMs, static_cast<double>(kEarliest.time_since_epoch().count()),
                                    static_cast<double>(kLatest.time_since_epoch().count()));
  return Instant{Millis{static_cast<std::int64_t>(bounded)}};
}

SessionFacts nextFacts(unsigned wellTyped, int token, int sessionUserId, int userId, int expiresAt, int role) {
  TextBuffer& buffer = textBuffer();
  SessionFacts facts{.wellTyped = wellTyped};
  facts.token = buffer.nextHead(token);
  facts.sessionUserId = buffer.next(sessionUserId);
  facts.userId = buffer.next(userId);
  facts.expiresAt = buffer.nextHead(expiresAt);
  facts.role = buffer.nextHead(role);
  return facts;
}

SessionStamps stampsOf(double loadedAt, double consultedAt, double touchedAt) {
  const auto stamp = [](double ms) {
    const bool whole = std::abs(ms) <= static_cast<double>(json::kMaxExactInteger) && std::trunc(ms) == ms;
    return whole ? std::optional(toInstant(ms)) : std::nullopt;
  };
  return {stamp(loadedAt), stamp(consultedAt), stamp(touchedAt)};
}

}  // namespace codex::bindings
