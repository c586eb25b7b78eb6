#pragma once

#include <coroutine>
#include <cstdint>
#include <memory>
#include <vector>

#include "bindings/reply.h"
#include "wasm/async/task.h"
#include "wasm/cache/cache.h"
#include "wasm/kv/kv-store.h"
#include "wasm/ratelimit/rate-limiter.h"
#include "wasm/session/session-cache.h"

namespace codex::bindings {

/// Writes the outcome of a call into the reply, by kind.
void report(const RateLimitVerdict& verdict);
void report(const LimitWritten& written);
void report(const Result<Instant>& result);
void report(SessionAnswer& answer);
void report(CacheAnswer& answer);
/// Writes what a look-up found, in KV or in memory.
void describe(entry::State state, const std::optional<Millis>& age, const entry::Windows& windows, Millis loadTime);

/// The name of a suspended call. Both numbers must match: a slot is used again, under a new generation.
struct SlotName {
  std::uint32_t index;
  std::uint32_t generation;
};

/// Where suspended calls wait for the host, each in a slot of its own.
///
/// Entering a call or answering one runs its coroutine until it waits for the next operation, which is then described in the
/// reply, or ends. No coroutine resumes another call's. A call whose request has died is never answered; it is destroyed
/// once its deadline has passed, on a later entry.
class Mailbox {
 public:
  /// Reclaims the calls whose deadline is over. `wall` is the host's real clock, whatever clock the caller decides by.
  void sweep(Instant wall);

  /// The store of a new call, to hand to its coroutine.
  KvStore& open(Instant deadline);
  /// Runs the coroutine made for the store last opened.
  template <class T>
  State run(Task<T> call) {
    Slot& slot = *slots_[opened_];
    const typename Task<T>::Handle frame = call.release();
    slot.frame = frame;
    slot.report = [](std::coroutine_handle<> ended) {
      codex::bindings::report(*Task<T>::Handle::from_address(ended.address()).promise().value);
    };
    frame.resume();
    return settle(opened_);
  }

  /// Hands an answer to the call of that name, if it still waits.
  State answer(SlotName name, Instant deadline, const KvAnswer& answer);

  std::size_t callsWaiting() const { return slots_.size() - free_.size(); }
  /// Answers that found no call waiting, since the instance was made.
  std::uint32_t answersDropped() const { return answersDropped_; }

 private:
  struct Slot final : KvStore {
    void begin(KvOperation& operation) override { waiting = &operation; }

    Slot() = default;
    Slot(const Slot&) = delete;
    Slot& operator=(const Slot&) = delete;
    ~Slot() override {
      if (frame) frame.destroy();
    }

    std::coroutine_handle<> frame;  // of the call's own task
    void (*report)(std::coroutine_handle<>) = nullptr;
    KvOperation* waiting = nullptr;
    Instant deadline = kEarliest;
    std::uint32_t generation = 0;
    bool open = false;
  };

  State settle(std::uint32_t index);
  void close(std::uint32_t index);

  std::vector<std::unique_ptr<Slot>> slots_;  // by pointers: coroutines hold on to the address of their slot
  std::vector<std::uint32_t> free_;
  std::uint32_t opened_ = 0;
  std::uint32_t generations_ = 0;
  std::uint32_t answersDropped_ = 0;
  Instant swept_ = kEarliest;
};

}  // namespace codex::bindings
