#include "wasm/ratelimit/shared-count.h"

#include <algorithm>

namespace codex {

using fixed_window::Count;

std::optional<Count> SharedCount::window(const RateLimitRule& rule, Instant now) const {
  return fixed_window::live(window_, rule, now);
}

void SharedCount::open(const Count& window, std::int64_t inStore) {
  window_ = window;
  inStore_ = inStore;
  onItsWay_ = 0;
  ++opening_;
}

void SharedCount::adopt(const Count& read, const RateLimitRule& rule, Instant now) {
  if (!fixed_window::live(read, rule, now)) return;
  if (!window(rule, now)) return open(read, read.count);

  window_.resetAt = std::min(window_.resetAt, read.resetAt);
  const std::int64_t maybeOurs = writes_ > 0 ? std::max(inStore_, onItsWay_) : inStore_;
  if (read.count <= maybeOurs) return;
  // With writes under way the read may hold them or not; counting them once is enough.
  window_.count = writes_ > 0 ? std::max(window_.count, read.count) : window_.count + (read.count - inStore_);
  inStore_ = read.count;
}

void SharedCount::count(const Count& next) {
  if (next.resetAt != window_.resetAt) return open(next, 0);
  window_.count = next.count;
}

void SharedCount::refund(const Write& write, std::int64_t cost) {
  if (write.opening == opening_) window_.count = std::max<std::int64_t>(0, window_.count - cost);
}

void SharedCount::close() {
  window_ = {0, kEarliest};
  inStore_ = 0;
  ++opening_;
}

SharedCount::Write SharedCount::beginWrite() {
  ++writes_;
  onItsWay_ = std::max(onItsWay_, window_.count);
  return {window_, opening_};
}

void SharedCount::endWrite(const Write& write, bool refused) {
  if (writes_ > 0) --writes_;  // none where the counter was evicted while the write was under way
  if (writes_ == 0) onItsWay_ = 0;
  if (!refused && write.opening == opening_) inStore_ = std::max(inStore_, write.count.count);
}

}  // namespace codex
