#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/attempts.h"

namespace codex {

/// What one isolate knows of a caller under one rule, where other isolates count too and the store cannot.
///
/// Everything admitted here counts at once, whatever the store says, so one isolate never admits more than the limit. A read
/// adds what others have counted: in a window it is told apart from what this isolate wrote itself by remembering the highest
/// count that the store may hold from here; of two TATs the later holds both.
class LimitCounter {
 public:
  LimitCounter(const RateLimitRule& rule, std::int64_t phase) : rule_(rule), phase_(phase) {}

  /// A write under way, and to which window it belongs.
  struct Write {
    LimitState state;
    std::int64_t opening;
  };

  const RateLimitRule& rule() const { return rule_; }
  const Attempts& attempts() const { return attempts_; }

  /// Decides an attempt and, where it is to be counted and passes, counts it.
  RateLimitVerdict judge(std::int64_t cost, bool counts, Instant now);
  /// Whether an attempt of that cost would be denied.
  bool denies(std::int64_t cost, Instant now) const;
  bool refund(const LimitTicket& ticket, std::int64_t cost, Instant now);

  /// Takes in what a read found.
  void adopt(const LimitState& read, Instant now);
  /// Takes in what an authority that knows everything has answered, in place of what was known.
  void replace(const Attempts& attempts) { attempts_ = attempts; }
  /// Forgets the attempts. Writes under way keep their place, so that what they leave behind is recognised.
  void close();

  void block(Instant until) { attempts_.blockedUntil = until; }
  bool blocked(Instant now) const { return now < attempts_.blockedUntil; }

  /// Whether something was counted that no write has taken along.
  bool unwritten() const { return unwritten_ && attempts_.state; }
  /// Begins a write of the state as it stands, of which there must be one.
  Write beginWrite();
  /// The write has ended. `landed`: it may be in the store now. `lost`: it may not.
  void endWrite(const Write& write, bool landed, bool lost);

  /// Whether nothing counts or blocks any more.
  bool endedBy(Instant now) const;

 private:
  void open(const LimitState& state, std::int64_t inStore, Instant now);
  void merge(std::int64_t read);
  void adoptWindow(LimitState read, std::optional<LimitState> known, Instant now);

  RateLimitRule rule_;
  std::int64_t phase_;
  Attempts attempts_;
  std::int64_t inStore_ = 0;   // the highest count of this window that the store is known, or must be feared, to hold
  std::int64_t onItsWay_ = 0;  // the highest count among writes under way
  std::int32_t writes_ = 0;    // writes under way
  bool unwritten_ = false;
};

}  // namespace codex
