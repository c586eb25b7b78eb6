#include "wasm/cache/entry.h"

#include <algorithm>
#include <cmath>

#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"
#include "wasm/memory/siphash.h"

namespace codex::entry {
namespace {

constexpr double kLongestSeconds = static_cast<double>(kv::kMaxTtl.count());
constexpr Millis kLongest = kv::kMaxTtl;

/// A whole number of milliseconds that JSON carries intact (RFC 8259, 6).
bool isExact(double number) {
  return std::abs(number) <= static_cast<double>(json::kMaxExactInteger) && number == std::trunc(number);
}

/// A span of ours; none where somebody else wrote something else.
Millis span(double ms) {
  return isExact(ms) ? std::clamp(Millis{static_cast<std::int64_t>(ms)}, Millis{0}, kLongest) : Millis{0};
}

Millis toMillis(double seconds) { return Millis{static_cast<std::int64_t>(std::clamp(seconds, 0.0, kLongestSeconds) * 1000)}; }

Error notFinite(std::string_view reason) { return {ErrorCode::InvalidArgument, reason}; }

}  // namespace

std::optional<Envelope> read(const Facts& facts) {
  if (!isExact(facts.created) || !isExact(facts.fresh)) return std::nullopt;
  return Envelope{
      .created = instantOf(static_cast<std::int64_t>(facts.created)),
      .windows = {std::min(Millis{static_cast<std::int64_t>(facts.fresh)}, kLongest), span(facts.stale), span(facts.error)},
      .loadTime = span(facts.loadTime),
      .negative = facts.negative == 1,
      .readable = facts.version == 0,
      .tags = facts.tags,
      .keyDigest = facts.keyDigest};
}

Result<std::optional<Lifetime>> lifetime(const Terms& terms, bool negative, bool keepsMetadata) {
  if (!std::isfinite(terms.ttl)) return std::unexpected(notFinite("ttlSeconds must be a finite number of seconds"));
  if (!std::isfinite(terms.negativeTtl)) {
    return std::unexpected(notFinite("negativeTtlSeconds must be a finite number of seconds"));
  }
  if (!std::isfinite(terms.stale)) {
    return std::unexpected(notFinite("staleWhileRevalidateSeconds must be a finite number of seconds"));
  }
  if (!std::isfinite(terms.error)) return std::unexpected(notFinite("staleIfErrorSeconds must be a finite number of seconds"));
  const double ttl = negative ? terms.negativeTtl : terms.ttl;
  if (ttl <= 0) return std::optional<Lifetime>{};
  const Windows windows{std::max(Millis{1}, toMillis(ttl)), toMillis(terms.stale), toMillis(terms.error)};
  // A second to spare, so that KV never forgets before the envelope says so.
  const Seconds kept = keepsMetadata ? std::chrono::ceil<Seconds>(windows.fresh + windows.stale + windows.error) + Seconds{1}
                                     : std::chrono::ceil<Seconds>(windows.fresh);
  return Lifetime{windows, std::clamp(kept, kv::kMinTtl, kv::kMaxTtl)};
}

Millis jittered(Millis fresh, std::string_view key, Instant created) {
  constexpr std::int64_t kShare = 20;
  const auto instant = static_cast<std::uint64_t>(created.time_since_epoch().count());
  const auto most = static_cast<std::uint64_t>(fresh.count() / kShare);
  return fresh - Millis{static_cast<std::int64_t>(siphash({instant, 0}, key) % (most + 1))};
}

State stateOf(const std::optional<Envelope>& envelope, std::string_view keyDigest, Instant now) {
  const std::string_view foundDigest = envelope ? envelope->keyDigest : std::string_view();
  if (foundDigest != keyDigest) return State::Miss;
  if (!envelope) return State::Fresh;
  if (!envelope->readable) return State::Miss;
  const Millis age = ageOf(*envelope, now);
  const auto& [fresh, stale, error] = envelope->windows;
  if (age <= fresh) return State::Fresh;
  if (age <= fresh + stale) return State::Stale;
  return age <= fresh + stale + error ? State::ErrorOnly : State::Miss;
}

bool refreshesEarly(const Windows& windows, Millis loadTime, Millis age, double chance) {
  if (loadTime <= Millis{0}) return false;
  const auto fresh = static_cast<double>(windows.fresh.count());
  const double ahead = std::min(static_cast<double>(loadTime.count()) * chance, fresh / 4);
  return static_cast<double>(age.count()) + ahead >= fresh;
}

Millis ageOf(const Envelope& envelope, Instant now) { return std::max(Millis{0}, now - envelope.created); }

}  // namespace codex::entry
