#include "tests/native/limit-bounds.h"

#include <gtest/gtest.h>

#include "tests/native/instants.h"
#include "wasm/ratelimit/algorithms.h"

namespace codex::testing {
namespace {

void expectFixed(const std::vector<Admitted>& log, const RateLimitRule& rule) {
  for (std::size_t first = 0; first < log.size(); ++first) {
    Wide inWindow = 0;
    for (std::size_t i = first; i < log.size() && log[i].at < log[first].resetAt; ++i) inWindow += log[i].cost;
    EXPECT_TRUE(inWindow <= rule.limit) << "in the window of attempt " << first;
  }
}

void expectSliding(const std::vector<Admitted>& log, const RateLimitRule& rule, std::int64_t phase) {
  const Wide length = rule.window.count();
  for (std::size_t last = 0; last < log.size(); ++last) {
    const std::int64_t window = windowAt(log[last].at, rule, phase);
    const Wide elapsed = Wide{unixMs(log[last].at)} + phase - Wide{window} * length;
    Wide current = 0;
    Wide previous = 0;
    for (std::size_t i = last + 1; i-- > 0;) {
      const std::int64_t its = windowAt(log[i].at, rule, phase);
      if (its < window - 1) break;
      (its == window ? current : previous) += log[i].cost;
    }
    EXPECT_TRUE(current * length + previous * (length - elapsed) <= rule.limit * length) << "with attempt " << last;
  }
}

void expectGcra(const std::vector<Admitted>& log, const RateLimitRule& rule) {
  for (std::size_t first = 0; first < log.size(); ++first) {
    Wide passed = 0;
    for (std::size_t i = first; i < log.size(); ++i) {
      passed += log[i].cost;
      const Wide refilled = Wide{(log[i].at - log[first].at).count()} * rule.limit / rule.window.count();
      EXPECT_TRUE(passed <= rule.burst + refilled) << "from attempt " << first << " to " << i;
    }
  }
}

}  // namespace

std::int64_t windowAt(Instant at, const RateLimitRule& rule, std::int64_t phase) {
  const Wide length = rule.window.count();
  const Wide shifted = Wide{unixMs(at)} + phase;
  Wide window = shifted / length;
  while (window * length > shifted) --window;
  return static_cast<std::int64_t>(window);
}

void expectWithinBound(const std::vector<Admitted>& log, const RateLimitRule& rule, std::int64_t phase) {
  switch (rule.algorithm) {
    case LimitAlgorithm::FixedWindow:
      return expectFixed(log, rule);
    case LimitAlgorithm::SlidingWindow:
      return expectSliding(log, rule, phase);
    case LimitAlgorithm::Gcra:
      return expectGcra(log, rule);
  }
}

LimitDecision expectContract(const std::optional<LimitState>& state, const RateLimitRule& rule, std::int64_t phase,
                             std::int64_t cost, Instant now) {
  const auto passes = [&](const std::optional<LimitState>& known, std::int64_t asked, Instant at) {
    return decide(known, rule, phase, asked, at).allowed;
  };
  const std::int64_t most = rule.limit == 0 ? 0 : rule.burst;
  const LimitDecision decision = decide(state, rule, phase, cost, now);
  EXPECT_TRUE(passes(state, 0, now));
  EXPECT_TRUE(cost > 0 || decision.allowed);

  EXPECT_GE(decision.remaining, 0);
  EXPECT_LE(decision.remaining, most);
  EXPECT_TRUE(passes(decision.next, decision.remaining, now)) << decision.remaining << " should pass";
  EXPECT_FALSE(passes(decision.next, decision.remaining + 1, now)) << decision.remaining + 1 << " should not";
  if (!decision.allowed) {
    EXPECT_TRUE(passes(state, decision.remaining, now)) << "a denial changes nothing";
    EXPECT_FALSE(passes(state, decision.remaining + 1, now)) << "a denial changes nothing";
  }

  if (decision.allowed) {
    EXPECT_LE(cost, most);
    EXPECT_EQ(decision.retryAfter, Millis{0});
  } else if (cost > most) {
    EXPECT_EQ(decision.retryAfter, std::nullopt);
  } else if (decision.retryAfter) {
    EXPECT_GT(*decision.retryAfter, Millis{0});
    EXPECT_TRUE(passes(state, cost, now + *decision.retryAfter)) << "after " << decision.retryAfter->count() << " ms";
    EXPECT_FALSE(passes(state, cost, now + *decision.retryAfter - Millis{1})) << "1 ms before " << decision.retryAfter->count();
  } else {
    ADD_FAILURE() << "waiting helps, and the decision says it does not";
  }

  EXPECT_GE(decision.resetAt, now);
  EXPECT_TRUE(passes(decision.next, most, decision.resetAt)) << "everything passes from " << unixMs(decision.resetAt);
  if (decision.remaining < most) {
    EXPECT_FALSE(passes(decision.next, most, decision.resetAt - Millis{1})) << "and not a millisecond earlier";
  }
  return decision;
}

}  // namespace codex::testing
