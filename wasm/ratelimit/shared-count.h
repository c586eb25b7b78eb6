#pragma once

#include <cstdint>
#include <optional>

#include "wasm/ratelimit/fixed-window.h"

namespace codex {

/// What one isolate knows of a counter that other isolates write too, on a store that cannot count.
///
/// Everything admitted here is in `window()` at once, whatever the store says, so one isolate never admits more than the
/// limit. A read adds what others have counted: it is told apart from what this isolate wrote itself by remembering the
/// highest count that the store may hold from here.
class SharedCount {
 public:
  /// A write under way, and which of this counter's windows it belongs to.
  struct Write {
    fixed_window::Count count;
    std::uint32_t opening;
  };

  /// The window as this isolate sees it, if one is open.
  std::optional<fixed_window::Count> window(const RateLimitRule& rule, Instant now) const;

  /// Whether the window is over, or none was opened.
  bool endedBy(Instant now) const { return now >= window_.resetAt; }

  /// Takes in what a read found. The earlier end wins, so that isolates which opened a window each agree on one.
  void adopt(const fixed_window::Count& read, const RateLimitRule& rule, Instant now);

  /// Records a decision's state.
  void count(const fixed_window::Count& next);

  /// Takes back what was admitted in the window that this write was to record.
  void refund(const Write& write, std::int64_t cost);

  /// Forgets the window. Writes under way keep their place, so that what they leave behind is recognised.
  void close();

  /// Begins a write of the window as it stands.
  Write beginWrite();
  /// The write has ended. `refused` when it certainly did not land (KV answered 429); otherwise it may have.
  void endWrite(const Write& write, bool refused);

 private:
  void open(const fixed_window::Count& window, std::int64_t inStore);

  fixed_window::Count window_{0, kEarliest};
  std::int64_t inStore_ = 0;   // the highest count the store is known, or must be feared, to hold
  std::int64_t onItsWay_ = 0;  // the highest count among writes under way
  std::int32_t writes_ = 0;    // writes under way
  std::uint32_t opening_ = 0;  // counts the windows opened here
};

}  // namespace codex
