#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/instants.h"
#include "tests/native/limit-bounds.h"
#include "wasm/ratelimit/algorithms.h"

namespace codex::testing {

inline std::int64_t upTo(Choices& choices, std::int64_t most) {
  return static_cast<std::int64_t>(choices.among(static_cast<std::size_t>(most) + 1));
}

/// A rule of small numbers or of the largest there are.
inline RateLimitRule anyRule(Choices& choices, LimitAlgorithm algorithm) {
  const std::array limits = {std::int64_t{0}, std::int64_t{1},   std::int64_t{5},    kMaxLimit - 1,
                             kMaxLimit,       upTo(choices, 12), upTo(choices, 1000)};
  const std::array windows = {
      std::int64_t{1},    std::int64_t{7},       std::int64_t{1000},      kMaxWindow.count() - 1,
      kMaxWindow.count(), 1 + upTo(choices, 20), 1 + upTo(choices, 5000), 1 + upTo(choices, kMaxWindow.count() - 1)};
  RateLimitRule rule{limits[choices.among(limits.size())], Millis{windows[choices.among(windows.size())]}, algorithm};
  if (algorithm == LimitAlgorithm::Gcra && rule.limit > 0) {
    const Wide refill = (Wide{kMaxRefill.count()} + 1) * rule.limit - 1;
    const std::int64_t largest = static_cast<std::int64_t>(std::min<Wide>(kMaxLimit, refill / rule.window.count()));
    const std::array bursts = {std::int64_t{1}, rule.limit, largest,
                               1 + upTo(choices, std::min<std::int64_t>(largest, 20) - 1)};
    rule.burst = std::min(largest, bursts[choices.among(bursts.size())]);
    const Result<RateLimitRule> checked =
        rateLimitRule(static_cast<double>(rule.limit), static_cast<double>(rule.window.count()) / 1000, algorithm,
                      static_cast<double>(rule.burst));
    EXPECT_TRUE(checked && *checked == rule) << rule.limit << " in " << rule.window.count() << ", burst " << rule.burst;
  }
  return rule;
}

inline Instant anyStart(Choices& choices) {
  const std::array starts = {kStart, Instant{}, Instant{Millis{-1}}, Instant{Millis{-5'000'000'000}}, kEarliest, kLatest};
  return starts[choices.among(starts.size())];
}

/// A cost, often one at the edge of what passes.
inline std::int64_t anyCost(Choices& choices, const RateLimitRule& rule, std::int64_t remaining) {
  const std::array costs = {std::int64_t{0}, std::int64_t{1}, std::int64_t{1}, remaining, remaining + 1,
                            rule.limit,      rule.burst,      rule.burst + 1,  kMaxLimit, 1 + upTo(choices, 10)};
  return std::min(kMaxLimit, costs[choices.among(costs.size())]);
}

/// Random traffic under one rule, as time goes on. What the algorithm decides, and what it says of the future, is held against
/// the contract, the bound, and a model that is obviously right: `allows(cost, now)`, `admit(cost, now)`, `remaining(now)`.
template <class Model>
void expectAgreement(Choices& choices, Model& model, const RateLimitRule& rule, std::int64_t phase, int steps) {
  std::optional<LimitState> stored;
  std::vector<Admitted> log;
  Instant now = anyStart(choices);
  LimitDecision last = decide(stored, rule, phase, 0, now);
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    SCOPED_TRACE(::testing::Message() << "step " << step << ", " << rule.limit << " in " << rule.window.count() << " ms, burst "
                                      << rule.burst << ", now " << unixMs(now));
    const std::int64_t wait = last.retryAfter.value_or(Millis{0}).count();
    const std::array jumps = {std::int64_t{0},
                              std::int64_t{0},
                              std::int64_t{1},
                              rule.window.count() - 1,
                              wait,
                              std::max(wait, std::int64_t{1}) - 1,
                              rule.window.count(),
                              rule.window.count() + 1,
                              (last.resetAt - now).count(),
                              upTo(choices, rule.window.count())};
    now = std::min(kLatest, now + Millis{jumps[choices.among(jumps.size())]});
    const std::int64_t cost = anyCost(choices, rule, last.remaining);
    const LimitDecision decision = expectContract(stored, rule, phase, cost, now);
    EXPECT_EQ(decision.allowed, model.allows(cost, now)) << "cost " << cost;
    if (decision.allowed) model.admit(cost, now);
    EXPECT_EQ(decision.remaining, model.remaining(now));
    last = decision;
    if (!decision.allowed || cost == 0) continue;
    stored = decision.next;
    // What is stored and read back is what was decided.
    if (stored->mark <= unixMs(kLatest)) {
      EXPECT_EQ(decode(encode(*stored, rule), rule), stored);
    }
    log.push_back({now, cost, decision.resetAt});
  }
  expectWithinBound(log, rule, phase);
}

/// A state of which no more is known than that each number is one that can be read.
inline std::optional<LimitState> anyState(Choices& choices, const RateLimitRule& rule, std::int64_t phase, Instant now) {
  if (choices.among(8) == 0) return std::nullopt;
  constexpr std::int64_t kMost = 9'007'199'254'740'991;
  const std::int64_t at = unixMs(now);
  const std::int64_t window = windowAt(now, rule, phase);
  const std::int64_t length = rule.window.count();
  const std::array marks = {at,
                            at - 1,
                            at + 1,
                            at + length,
                            at + length + 1,
                            at + length - 1,
                            window,
                            window - 1,
                            window + 1,
                            window - 2,
                            window + 2,
                            kMost,
                            -kMost,
                            unixMs(kLatest),
                            at - length,
                            at + upTo(choices, length),
                            at + 5000 + length};
  const std::array counts = {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, rule.limit, rule.limit - 1,
                             rule.limit + 1,  kMaxLimit,       kMaxLimit + 1,    kMost,      upTo(choices, rule.limit)};
  return LimitState{marks[choices.among(marks.size())], counts[choices.among(counts.size())],
                    counts[choices.among(counts.size())]};
}

/// The contract for whatever state is found, also one that a skewed clock or an attacker has left, and wherever the clock
/// jumps to.
inline void expectContractOfAnyState(Choices& choices, LimitAlgorithm algorithm, int steps) {
  for (int step = 0; step < steps && !::testing::Test::HasFailure(); ++step) {
    const RateLimitRule rule = anyRule(choices, algorithm);
    const std::int64_t phase =
        algorithm == LimitAlgorithm::SlidingWindow ? upTo(choices, rule.window.count() - 1) : std::int64_t{0};
    const Instant now = anyStart(choices);
    const std::optional<LimitState> state = anyState(choices, rule, phase, now);
    const std::int64_t cost = anyCost(choices, rule, upTo(choices, rule.limit));
    const LimitState shown = state.value_or(LimitState{});
    SCOPED_TRACE(::testing::Message() << "step " << step << ", " << rule.limit << " in " << rule.window.count() << " ms, burst "
                                      << rule.burst << ", now " << unixMs(now) << ", cost " << cost << ", state " << shown.mark
                                      << ' ' << shown.count << ' ' << shown.previous);
    const LimitDecision decision = expectContract(state, rule, phase, cost, now);
    // The clock goes back, to before anything that was counted.
    const Instant earlier = std::max(kEarliest, now - Millis{upTo(choices, 2 * rule.window.count() + 10'000)});
    expectContract(decision.next, rule, phase, cost, earlier);
  }
}

}  // namespace codex::testing
