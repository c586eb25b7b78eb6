#include "wasm/ratelimit/limit-counter.h"

#include <algorithm>

#include "wasm/ratelimit/algorithms.h"
#include "wasm/ratelimit/fixed-window.h"
#include "wasm/ratelimit/gcra.h"
#include "wasm/ratelimit/sliding-window.h"

namespace codex {

RateLimitVerdict LimitCounter::judge(std::int64_t cost, bool counts, Instant now) {
  const std::int64_t opening = attempts_.opening;
  RateLimitVerdict verdict = codex::judge(attempts_, rule_, phase_, cost, counts, now);
  if (verdict.ticket) unwritten_ = true;
  if (attempts_.opening != opening) inStore_ = onItsWay_ = 0;
  return verdict;
}

bool LimitCounter::denies(std::int64_t cost, Instant now) const {
  return cost > 0 && (blocked(now) || !decide(attempts_.state, rule_, phase_, cost, now).allowed);
}

bool LimitCounter::refund(const LimitTicket& ticket, std::int64_t cost, Instant now) {
  const bool taken = codex::refund(attempts_, rule_, phase_, ticket, cost, now);
  if (taken) unwritten_ = true;
  return taken;
}

void LimitCounter::adopt(const LimitState& read, Instant now) {
  switch (rule_.algorithm) {
    case LimitAlgorithm::FixedWindow: {
      const std::optional<LimitState> theirs = fixed_window::live(read, rule_, now);
      if (!theirs) return;
      std::optional<LimitState> ours = fixed_window::live(attempts_.state, rule_, now);
      // The earlier end wins, so that isolates which opened a window each agree on one.
      if (ours) ours->mark = std::min(ours->mark, theirs->mark);
      return adoptWindow(*theirs, ours, now);
    }
    case LimitAlgorithm::SlidingWindow: {
      const std::optional<LimitState> theirs = sliding_window::rolled(read, rule_, phase_, now);
      if (!theirs) return;
      const std::optional<LimitState> ours = sliding_window::rolled(attempts_.state, rule_, phase_, now);
      if (ours && ours->mark != attempts_.state->mark) open(*ours, 0, now);
      return adoptWindow(*theirs, ours, now);
    }
    case LimitAlgorithm::Gcra:
      if (gcra::ahead(read, rule_, now) <= gcra::ahead(attempts_.state, rule_, now)) return;
      if (gcra::ahead(attempts_.state, rule_, now) == 0) return open(read, 0, now);
      attempts_.state = read;
  }
}

void LimitCounter::adoptWindow(LimitState read, std::optional<LimitState> known, Instant now) {
  if (!known) return open(read, read.count, now);
  if (rule_.algorithm == LimitAlgorithm::SlidingWindow && known->mark != read.mark) {
    // One of the two clocks has passed the boundary before the other: what counts there is told by the later window.
    if (known->mark > read.mark) {
      known->previous = std::max(known->previous, read.count);
    } else {
      // All that counts here still, of the window before too: nobody knows by how much that clock is ahead.
      const std::int64_t ours = rule_.limit - decide(known, rule_, phase_, 0, now).remaining;
      read.previous = std::max(read.previous, ours);
      return open(read, read.count, now);
    }
    attempts_.state = known;
    return;
  }
  known->previous = std::max(known->previous, read.previous);
  attempts_.state = known;
  merge(read.count);
}

/// Adds what others have counted in this window.
void LimitCounter::merge(std::int64_t read) {
  const std::int64_t maybeOurs = writes_ > 0 ? std::max(inStore_, onItsWay_) : inStore_;
  if (read <= maybeOurs) return;
  std::int64_t& count = attempts_.state->count;
  // With writes under way the read may hold them or not; counting them once is enough.
  count = std::min(kMaxLimit, writes_ > 0 ? std::max(count, read) : count + (read - inStore_));
  inStore_ = read;
}

void LimitCounter::open(const LimitState& state, std::int64_t inStore, Instant now) {
  attempts_.state = state;
  attempts_.opening = std::max<std::int64_t>(attempts_.opening + 1, now.time_since_epoch().count());
  attempts_.sequence = 0;
  attempts_.refunded = 0;
  inStore_ = inStore;
  onItsWay_ = 0;
}

void LimitCounter::close() {
  attempts_.state.reset();
  ++attempts_.opening;
  attempts_.sequence = 0;
  inStore_ = 0;
  unwritten_ = false;
}

LimitCounter::Write LimitCounter::beginWrite() {
  ++writes_;
  unwritten_ = false;
  onItsWay_ = std::max(onItsWay_, attempts_.state->count);
  return {*attempts_.state, attempts_.opening};
}

void LimitCounter::endWrite(const Write& write, bool landed, bool lost) {
  --writes_;
  if (writes_ == 0) onItsWay_ = 0;
  if (write.opening != attempts_.opening) return;
  if (landed) inStore_ = std::max(inStore_, write.state.count);
  if (lost) unwritten_ = true;
}

bool LimitCounter::endedBy(Instant now) const {
  if (blocked(now)) return false;
  const LimitDecision idle = decide(attempts_.state, rule_, phase_, 0, now);
  return idle.resetAt <= now || (idle.opens && idle.next.count == 0 && idle.next.previous == 0);
}

}  // namespace codex
