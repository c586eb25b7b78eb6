#include "wasm/ratelimit/algorithms.h"

#include <algorithm>
#include <array>

#include "wasm/json/fields.h"
#include "wasm/kv/limits.h"
#include "wasm/memory/siphash.h"
#include "wasm/ratelimit/fixed-window.h"
#include "wasm/ratelimit/gcra.h"
#include "wasm/ratelimit/sliding-window.h"

namespace codex {
namespace {

/// A number of a stored state, under its name.
struct Stored {
  std::string_view name;
  std::int64_t LimitState::* number;
};

constexpr std::array kFixedWindow = {Stored{"count", &LimitState::count}, Stored{"resetAt", &LimitState::mark}};
constexpr std::array kSlidingWindow = {Stored{"window", &LimitState::mark}, Stored{"count", &LimitState::count},
                                       Stored{"previous", &LimitState::previous}};
constexpr std::array kGcra = {Stored{"tat", &LimitState::mark}, Stored{"part", &LimitState::count}};

std::span<const Stored> storedForm(LimitAlgorithm algorithm) {
  switch (algorithm) {
    case LimitAlgorithm::SlidingWindow:
      return kSlidingWindow;
    case LimitAlgorithm::Gcra:
      return kGcra;
    default:
      return kFixedWindow;
  }
}

}  // namespace

std::int64_t phaseOf(std::string_view key, const RateLimitRule& rule) {
  if (rule.algorithm != LimitAlgorithm::SlidingWindow) return 0;
  return static_cast<std::int64_t>(siphash({}, key) % static_cast<std::uint64_t>(rule.window.count()));
}

LimitDecision decide(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase, std::int64_t cost,
                     Instant now) {
  switch (rule.algorithm) {
    case LimitAlgorithm::SlidingWindow:
      return sliding_window::decide(state, rule, phase, cost, now);
    case LimitAlgorithm::Gcra:
      return gcra::decide(state, rule, cost, now);
    default:
      return fixed_window::decide(state, rule, cost, now);
  }
}

std::optional<LimitState> without(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                                  std::int64_t cost, Instant now) {
  if (rule.algorithm == LimitAlgorithm::Gcra) {
    const std::int64_t left = gcra::ahead(state, rule, now);
    if (left == 0) return std::nullopt;
    return gcra::at(std::max<std::int64_t>(0, left - cost * rule.window.count()), rule, now);
  }
  std::optional<LimitState> open = rule.algorithm == LimitAlgorithm::SlidingWindow
                                       ? sliding_window::rolled(state, rule, phase, now)
                                       : fixed_window::live(state, rule, now);
  if (!open || open->mark != state->mark) return std::nullopt;
  open->count = std::max<std::int64_t>(0, open->count - cost);
  return open;
}

std::string encode(const LimitState& state, const RateLimitRule& rule) {
  std::string text;
  text.reserve(72);
  for (const Stored& field : storedForm(rule.algorithm)) {
    text += text.empty() ? "{\"" : ",\"";
    text += field.name;
    text += "\":";
    json::appendNumber(text, state.*field.number);
  }
  text += '}';
  return text;
}

std::optional<LimitState> decode(std::string_view text, const RateLimitRule& rule) {
  const std::span<const Stored> form = storedForm(rule.algorithm);
  std::array<std::optional<std::int64_t>, 3> numbers;
  std::array<json::Field, 3> wanted;
  for (std::size_t i = 0; i < form.size(); ++i) wanted[i] = {.name = form[i].name, .number = &numbers[i]};
  if (!json::readFields(text, std::span(wanted).first(form.size()))) return std::nullopt;
  LimitState state;
  for (std::size_t i = 0; i < form.size(); ++i) {
    if (!numbers[i]) return std::nullopt;
    state.*form[i].number = *numbers[i];
  }
  // A fixed window is full from the limit on, however much stands there; the others cannot have counted so far.
  const std::int64_t most = rule.algorithm == LimitAlgorithm::FixedWindow     ? json::kMaxExactInteger
                            : rule.algorithm == LimitAlgorithm::SlidingWindow ? kMaxLimit
                                                                              : std::max<std::int64_t>(0, rule.limit - 1);
  const bool ranged = state.count >= 0 && state.count <= most && state.previous >= 0 && state.previous <= kMaxLimit &&
                      state.mark >= kEarliest.time_since_epoch().count() && state.mark <= kLatest.time_since_epoch().count();
  return ranged ? std::optional(state) : std::nullopt;
}

Seconds storedTtl(Instant resetAt, Instant now) {
  constexpr Seconds kSkew{5};
  return std::max(kv::kMinTtl, std::chrono::ceil<Seconds>(resetAt - now)) + kSkew;
}

}  // namespace codex
