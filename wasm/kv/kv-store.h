#pragma once

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "wasm/cache/entry.h"
#include "wasm/error.h"
#include "wasm/kv/limits.h"
#include "wasm/session/session-record.h"
#include "wasm/time.h"

namespace codex {

enum class KvVerb { Get, Put, Delete };

/// Who holds the value of an operation.
enum class KvValue {
  Text,     // its text crosses: counters and watermarks, whose format the core owns
  Record,   // its text crosses with its metadata: counters, which say by which rule they were counted
  Payload,  // it stays with the host, which has it under this call: cache entries, whose metadata crosses as numbers
  Session,  // it stays with the host, which parses it and hands over what the session rules ask for
};

/// One operation on one key. What is absent is zero and stands in one piece, so that it is cleared at once.
struct KvRequest {
  KvVerb verb;
  KvValue kind = KvValue::Text;
  /// Lives, at one address and unchanged, until its call ends: the host remembers what it decoded there.
  std::string_view key;
  std::string_view value = {};
  /// JSON, or empty for none.
  std::string_view metadata = {};
  Seconds ttl{0};
  /// How long KV's edge may serve this read from its own cache; 0 means KV's default.
  Seconds cacheTtl{0};
  /// More keys, at most `kMaxFurtherKeys`, to be read at once with `key` for their texts: one bulk read where the store has
  /// that. They live as long as `key` must.
  std::span<const std::string_view> also = {};
  /// Where not 0, a number that all these keys have had and will have for themselves: the host need decode them once only.
  std::uint64_t knownKeys = 0;
  /// The metadata of a cache entry, which the host writes as JSON from its numbers.
  const entry::Envelope* entry = nullptr;
};

/// KV reads at most 100 keys in bulk (developers.cloudflare.com/kv/api/read-key-value-pairs).
inline constexpr std::size_t kMaxFurtherKeys = 99;

/// What a read found. The views last until the reader next waits.
struct KvRecord {
  std::string_view text = {};
  /// JSON, or empty where there is none or the store keeps none.
  std::string_view metadata = {};
  const SessionFacts* session = nullptr;
  const entry::Facts* entry = nullptr;
};

/// The answer to an operation: nothing for an absent key and for writes, and when it came.
struct KvAnswer {
  Result<std::optional<KvRecord>> outcome;
  Instant now;
  /// What the further keys hold, in their order; only where the read went well.
  std::span<const std::optional<std::string_view>> also = {};
};

class KvStore;

/// An operation under way: awaited in the frame of the coroutine that asks, in the expression that makes it, since it refers to the
/// request there.
class [[nodiscard]] KvOperation {
 public:
  KvOperation(KvStore& store, const KvRequest& request) : store_(store), request_(request) {}
  KvOperation(const KvOperation&) = delete;
  KvOperation& operator=(const KvOperation&) = delete;

  const KvRequest& request() const { return request_; }

  /// Hands the answer over and runs the waiter on. Not from within `KvStore::begin`.
  void answer(const KvAnswer& answer) {
    answer_ = &answer;  // read at once, when the waiter goes on
    waiter_.resume();
  }

  bool await_ready() const noexcept { return false; }
  inline void await_suspend(std::coroutine_handle<> waiter);
  KvAnswer await_resume() const { return *answer_; }

 private:
  KvStore& store_;
  const KvRequest& request_;
  const KvAnswer* answer_ = nullptr;
  std::coroutine_handle<> waiter_;
};

/// A key-value store that answers later: Workers KV through the mailbox, a fake in the tests.
/// Errors of an answer: StoreUnavailable, StoreRateLimited; both may leave a write undone or done.
class KvStore {
 public:
  virtual ~KvStore() = default;
  /// Notes the operation; answers it later, once, unless the call is reclaimed first.
  virtual void begin(KvOperation& operation) = 0;

  KvOperation perform(const KvRequest& request) { return KvOperation(*this, request); }
};

void KvOperation::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  store_.begin(*this);
}

}  // namespace codex
