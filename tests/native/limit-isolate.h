#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/native/choices.h"
#include "tests/native/fake-store.h"
#include "tests/native/running-call.h"
#include "wasm/ratelimit/algorithms.h"
#include "wasm/ratelimit/rate-limiter.h"

namespace codex::testing {

/// Five attempts in a quarter of an hour, by each algorithm.
inline constexpr RateLimitRule kLogin{5, std::chrono::minutes{15}};
inline constexpr RateLimitRule kSlidingLogin{5, std::chrono::minutes{15}, LimitAlgorithm::SlidingWindow};
inline constexpr RateLimitRule kGcraLogin{5, std::chrono::minutes{15}, LimitAlgorithm::Gcra};
inline constexpr Instant kEnd = kStart + kLogin.window;

inline const std::string kKey = "rl:login:203.0.113.7";
inline const std::string kBlockKey = "rl:login:%b:203.0.113.7";

/// On KV, where the host can write after the answer.
inline constexpr LimitPolicy kKv{};
/// On KV, where it cannot.
inline constexpr LimitPolicy kInline{.defers = false};
/// On a store that is no KV: each attempt reads, and each that passes writes.
inline constexpr LimitPolicy kPlain{.governed = false, .defers = false};
inline constexpr LimitPolicy kMemory{.authority = LimitAuthority::Memory};

/// An attempt that was decided at once, or is under way.
class Attempting {
 public:
  explicit Attempting(const RateLimitVerdict& verdict) : here_(verdict) {}
  explicit Attempting(std::unique_ptr<RunningCall<RateLimitVerdict>> call) : call_(std::move(call)) {}

  bool done() const { return here_ || call_->done(); }
  const RateLimitVerdict& result() const { return here_ ? *here_ : call_->result(); }

 private:
  std::optional<RateLimitVerdict> here_;
  std::unique_ptr<RunningCall<RateLimitVerdict>> call_;
  friend class LimitIsolate;
  bool heard_ = false;
};

/// An isolate in front of the fake: its table, the calls in flight in it, and a host that does what verdicts ask for.
class LimitIsolate {
 public:
  explicit LimitIsolate(FakeStore& store, const LimitPolicy& decidedBy = kKv, int place = 0, std::size_t capacity = 64)
      : policy(decidedBy), store_(store), place_(place), table_(capacity, HashSeed{1, 2}) {}

  RateLimitRule rule = kLogin;
  LimitPolicy policy;
  std::string key = kKey;

  /// Begins an attempt as the host does: by memory if that will do, by the store otherwise.
  Attempting& begin(std::int64_t cost = 1, bool counts = true) {
    LimitAttempt attempt = named();
    attempt.cost = cost;
    attempt.counts = counts;
    if (const auto verdict = decideHere(table_, attempt, policy, store_.now())) {
      attempts_.push_back(std::make_unique<Attempting>(*verdict));
    } else {
      attempts_.push_back(std::make_unique<Attempting>(
          run<RateLimitVerdict>([&](KvStore& kv) { return checkLimit(table_, kv, attempt, policy, store_.now()); })));
    }
    hear();
    return *attempts_.back();
  }
  RateLimitVerdict check(std::int64_t cost = 1) { return answered(begin(cost)); }
  RateLimitVerdict peek() { return answered(begin(1, false)); }

  LimitWritten refund(const LimitTicket& ticket, std::int64_t cost = 1) {
    const LimitWritten written = refundLimit(table_, {0, key}, rule, ticket, cost, policy, store_.now());
    promised(written.writeIn);
    return written;
  }

  RunningCall<Result<Instant>>& beginReset() {
    return change([&](KvStore& kv) { return resetLimit(table_, kv, {0, key}, policy.authority, store_.now()); });
  }
  Result<Instant> block(Millis length) {
    return answered(change([&](KvStore& kv) { return blockLimit(table_, kv, named(), length, policy, store_.now()); }));
  }
  Result<Instant> unblock() {
    return answered(change([&](KvStore& kv) { return unblockLimit(table_, kv, named(), policy, store_.now()); }));
  }
  Result<Instant> reset() { return answered(beginReset()); }

  /// Begins the writes that verdicts asked for and whose time has come.
  void beginWrites() {
    std::vector<Instant> later;
    std::vector<Instant> due;
    hear();
    for (const Instant at : promises_) (at <= store_.now() ? due : later).push_back(at);
    promises_ = std::move(later);
    for (std::size_t i = 0; i < due.size(); ++i) {
      writes_.push_back(run<LimitWritten>([&](KvStore& kv) { return writeLimit(table_, kv, {0, key}, rule, store_.now()); }));
    }
    hear();
  }
  /// Lets the host write, and time pass, until nothing more is asked for or it gives up.
  void writeAll() {
    hear();
    for (int round = 0; round < 10 && !promises_.empty(); ++round) {
      if (promises_.front() > store_.now()) store_.advance(promises_.front() - store_.now());
      beginWrites();
      store_.answerAll();
      hear();
    }
  }
  /// Writes that were promised, and when the next is due.
  const std::vector<Instant>& promises() {
    hear();
    return promises_;
  }
  /// What is left of a promise when the request that made it dies.
  void breakPromises() {
    hear();
    promises_.clear();
  }

  /// What happens to calls whose requests have died.
  void reclaim(std::size_t index) { attempts_[index].reset(); }
  void reclaimWrite(std::size_t index) { writes_[index].reset(); }
  void reclaimWaiting() {
    for (const std::size_t index : alive()) reclaim(index);
    for (auto& write : writes_) write.reset();
  }
  std::vector<std::size_t> alive() const {
    std::vector<std::size_t> indexes;
    for (std::size_t i = 0; i < attempts_.size(); ++i) {
      if (attempts_[i] && !attempts_[i]->done()) indexes.push_back(i);
    }
    return indexes;
  }

  LimitTable& table() { return table_; }
  LimitAttempt named() const { return {.key = {0, key}, .blockKey = kBlockKey, .rule = rule}; }
  std::int64_t admitted() const {
    std::int64_t count = 0;
    for (const auto& attempt : attempts_) count += attempt && attempt->done() && attempt->result().allowed ? 1 : 0;
    return count;
  }
  const std::vector<std::unique_ptr<Attempting>>& attempts() const { return attempts_; }
  std::size_t writes() const { return writes_.size(); }

 private:
  template <class T, class Make>
  std::unique_ptr<RunningCall<T>> run(Make make) {
    return std::make_unique<RunningCall<T>>(store_, make, std::string(), place_);
  }
  template <class Make>
  RunningCall<Result<Instant>>& change(Make make) {
    return *changes_.emplace_back(run<Result<Instant>>(make));
  }
  RateLimitVerdict answered(const Attempting& attempt) {
    store_.answerAll();
    hear();
    return attempt.result();
  }
  Result<Instant> answered(const RunningCall<Result<Instant>>& call) {
    store_.answerAll();
    return call.result();
  }
  void promised(const std::optional<Millis>& writeIn) {
    if (writeIn) promises_.push_back(store_.now() + *writeIn);
  }
  /// Hears what ended calls ask for.
  void hear() {
    for (std::size_t i = heard_; i < attempts_.size(); ++i) {
      const auto& attempt = attempts_[i];
      if (attempt && !attempt->done()) continue;
      if (attempt && !std::exchange(attempt->heard_, true)) promised(attempt->result().writeIn);
      if (i == heard_) ++heard_;
    }
    for (auto& write : writes_) {
      if (!write || !write->done()) continue;
      promised(write->result().writeIn);
      write.reset();
    }
    while (!writes_.empty() && !writes_.back()) writes_.pop_back();
  }

  FakeStore& store_;
  int place_;
  LimitTable table_;
  std::vector<std::unique_ptr<Attempting>> attempts_;
  std::vector<std::unique_ptr<RunningCall<LimitWritten>>> writes_;
  std::vector<std::unique_ptr<RunningCall<Result<Instant>>>> changes_;
  std::vector<Instant> promises_;
  std::size_t heard_ = 0;  // what stands before has been heard
};

/// Answers what waits in an order of the choices' own, each operation landing at a moment of its own.
inline void answerInAnyOrder(FakeStore& store, Choices& choices) {
  while (store.waiting() > 0) {
    const std::size_t next = choices.among(store.waiting());
    if (store.landed(next) || choices.among(2) == 0) {
      store.answer(next);
    } else {
      store.land(next);
    }
  }
}

/// A stored fixed window.
inline std::string stored(std::int64_t count, Instant resetAt = kEnd) {
  return encode({.mark = unixMs(resetAt), .count = count}, kLogin);
}

inline std::optional<std::int64_t> countIn(const FakeStore& store) {
  const auto record = store.at(kKey);
  const auto state = record ? decode(record->value, kLogin) : std::nullopt;
  return state ? std::optional(state->count) : std::nullopt;
}

}  // namespace codex::testing
