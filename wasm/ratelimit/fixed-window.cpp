#include "wasm/ratelimit/fixed-window.h"

#include <algorithm>
#include <array>

#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"

namespace codex::fixed_window {

std::optional<Count> live(const std::optional<Count>& stored, const RateLimitRule& rule, Instant now) {
  if (!stored || stored->count < 0 || now >= stored->resetAt || stored->resetAt > now + rule.window) return std::nullopt;
  return stored;
}

Decision decide(const std::optional<Count>& live, const RateLimitRule& rule, std::int64_t cost, Instant now) {
  Count next = live.value_or(Count{0, now + rule.window});
  const bool allowed = cost == 0 || cost <= rule.limit - std::min(next.count, rule.limit);
  if (allowed) next.count += cost;

  std::optional<Millis> retryAfter;
  if (allowed) {
    retryAfter = Millis{0};
  } else if (cost <= rule.limit) {
    retryAfter = next.resetAt - now;
  }
  return {allowed, std::max<std::int64_t>(0, rule.limit - next.count), next.resetAt, retryAfter, next};
}

std::string encode(const Count& count) { return pieces(count).text(); }

std::optional<Count> decode(std::string_view text) {
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> resetAt;
  const std::array<json::Field, 2> wanted = {{{.name = "count", .number = &count}, {.name = "resetAt", .number = &resetAt}}};
  if (!json::readFields(text, wanted) || !count || !resetAt || *count < 0) return std::nullopt;
  const Instant end{Millis{*resetAt}};
  if (end < kEarliest || end > kLatest) return std::nullopt;
  return Count{*count, end};
}

Seconds storedTtl(Instant resetAt, Instant now) {
  constexpr Seconds kSkew{5};
  return std::max(kv::kMinTtl, std::chrono::ceil<Seconds>(resetAt - now)) + kSkew;
}

}  // namespace codex::fixed_window
