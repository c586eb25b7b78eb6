#include "wasm/memory/write-governor.h"

#include <algorithm>

namespace codex::governor {
namespace {

/// Between two writes of a key.
constexpr Millis kInterval{1000};

/// What a request has for its work after the answer is 30 s (Cloudflare's documentation of waitUntil); some of it is the last
/// try's own.
constexpr Millis kLongest{25'000};

/// Somebody elsewhere wrote the key: a second on it is free again, unless others wait too.
constexpr Millis kAfterRefusal{1000};
constexpr Millis kAfterFailure{200};
constexpr int kMostTries = 4;

/// What is left of a span that began then and lasts so long.
Millis leftOf(Instant end, Instant now, Millis span) {
  const Millis left = end - now;
  return left > Millis{0} && left <= span ? left : Millis{0};
}

}  // namespace

Millis waitForTurn(const Pace& pace, Instant now) {
  return std::max(leftOf(pace.answered + kInterval, now, kInterval), leftOf(pace.claimedUntil, now, kLongest));
}

Instant claimFrom(Instant now, Millis operationTimeout) { return now + std::min(operationTimeout + kInterval, kLongest); }

std::optional<Millis> retryIn(bool rateLimited, int tries, Millis spent, double u) {
  if (tries >= kMostTries) return std::nullopt;
  const Millis least = (rateLimited ? kAfterRefusal : kAfterFailure) * (1 << (tries - 1));
  const Millis wait = least + Millis{static_cast<std::int64_t>(static_cast<double>(least.count()) * u / 2)};
  if (spent + wait > kLongest) return std::nullopt;
  return wait;
}

}  // namespace codex::governor
