#include "wasm/ratelimit/rate-limiter.h"

#include <array>
#include <utility>

#include "wasm/json/fields.h"
#include "wasm/ratelimit/algorithms.h"

namespace codex {
namespace {

using Counter = LimitTable::Counter;

/// The counter under which a call began, unless it was evicted meanwhile: another may stand in its place.
class Place {
 public:
  Place(LimitTable& table, const StoreKey& key, const Counter& counter)
      : table_(table), key_(key), rule_(counter.rule()), born_(counter.born) {}
  Counter* counter() const {
    Counter* const found = table_.find(key_, rule_);
    return found != nullptr && found->born == born_ ? found : nullptr;
  }

 private:
  LimitTable& table_;
  const StoreKey& key_;
  RateLimitRule rule_;
  std::uint64_t born_;
};

/// A write in the counter's books, which are put right even if the call dies while it waits.
class WriteUnderWay {
 public:
  WriteUnderWay(LimitTable& table, const StoreKey& key, Counter& counter, Instant now)
      : place_(table, key, counter), write_(counter.beginWrite()) {
    counter.pace.noteWrite(now);
  }
  ~WriteUnderWay() { end(true, true); }
  WriteUnderWay(const WriteUnderWay&) = delete;
  WriteUnderWay& operator=(const WriteUnderWay&) = delete;

  const LimitState& state() const { return write_.state; }
  Counter* counter() const { return place_.counter(); }
  void end(bool landed, bool lost) {
    if (std::exchange(ended_, true)) return;
    if (Counter* const still = counter()) still->endWrite(write_, landed, lost);
  }

 private:
  Place place_;
  LimitCounter::Write write_;
  bool ended_ = false;
};

/// Whose record it is stands in the metadata, so that the value stays the spec's.
std::string metadataOf(const RateLimitRule& rule) {
  std::string text = R"({"p":")";
  text += fingerprint(rule);
  text += R"("})";
  return text;
}

/// Whether a record was counted by another rule. One that does not say is taken for the spec's.
bool isForeign(std::string_view metadata, const RateLimitRule& rule) {
  std::optional<std::string> print;
  const std::array<json::Field, 1> wanted = {{{.name = "p", .text = &print}}};
  return !metadata.empty() && json::readFields(metadata, wanted) && print && *print != fingerprint(rule);
}

/// Takes in what a read found. False where the record is no counter.
bool adopt(Counter& counter, const KvAnswer& read) {
  std::optional<Block> block;
  if (!read.also.empty() && read.also.front()) block = decodeBlock(*read.also.front());
  counter.known.adopt(block, read.now);
  counter.block(counter.known.until());

  if (!*read.outcome || isForeign((*read.outcome)->metadata, counter.rule())) return true;
  const std::optional<LimitState> stored = decode((*read.outcome)->text, counter.rule());
  if (stored) counter.adopt(*stored, read.now);
  return stored.has_value();
}

/// Puts a block where everybody reads it, or deletes it where there is none; nobody does where they do not ask the store.
Task<Result<Instant>> putBlock(KvStore& store, LimitAuthority authority, std::string key, std::optional<Block> block,
                               Instant now) {
  const Instant until = block ? block->until : now;
  if (authority != LimitAuthority::Kv) co_return until;
  KvRequest request{.verb = KvVerb::Delete, .key = key};
  std::string value;
  if (block) {
    value = encodeBlock(*block);
    request.verb = KvVerb::Put;
    request.value = value;
    request.ttl = storedTtl(until, now);
  }
  const KvAnswer answer = co_await store.perform(request);
  if (!answer.outcome) co_return std::unexpected(answer.outcome.error());
  co_return until;
}

/// Writes the counter as it stands.
Task<LimitWritten> write(LimitTable& table, KvStore& store, const StoreKey& key, RateLimitRule rule, Instant now) {
  Counter& counter = *table.find(key, rule);
  const std::uint64_t began = table.stamp();
  WriteUnderWay underWay(table, key, counter, now);
  const std::string value = encode(underWay.state(), rule);
  const std::string metadata = metadataOf(rule);
  const Instant resetAt = decide(underWay.state(), rule, phaseOf(key.text, rule), 0, now).resetAt;
  const KvAnswer put = co_await store.perform({.verb = KvVerb::Put,
                                               .kind = KvValue::Record,
                                               .key = key.text,
                                               .value = value,
                                               .metadata = metadata,
                                               .ttl = storedTtl(resetAt, now)});
  const bool contended = !put.outcome && put.outcome.error().code == ErrorCode::StoreRateLimited;
  underWay.end(!contended, !put.outcome.has_value());
  if (!contended && table.forgottenSince(key, began)) {
    // A reset came first, and this write may stand there all the same, even where it seems to have failed.
    co_await store.perform({.verb = KvVerb::Delete, .key = key.text});
  }
  LimitWritten written;
  if (!put.outcome) written.error = put.outcome.error().code;
  if (contended) {
    if (Counter* const still = underWay.counter()) written.writeIn = still->pace.promiseWrite(put.now);
  }
  co_return written;
}

}  // namespace

Task<RateLimitVerdict> checkLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, LimitPolicy policy, Instant now) {
  Counter* counter = &table.touch(attempt.key, attempt.rule, now);
  std::optional<ErrorCode> unreadable;
  bool corrupt = false;
  bool asked = false;
  if (!policy.governed || counter->pace.readDue(now) || counter->blocked(now)) {
    asked = true;
    const std::uint64_t began = table.stamp();
    const std::array<std::string_view, 1> also = {attempt.blockKey};
    const KvAnswer read = co_await store.perform(
        {.verb = KvVerb::Get, .kind = KvValue::Record, .key = attempt.key.text, .cacheTtl = kv::kMinCacheTtl, .also = also});
    now = read.now;
    counter = &table.touch(attempt.key, attempt.rule, now);
    if (!read.outcome) {
      unreadable = read.outcome.error().code;
    } else {
      counter->pace.noteRead(now);
      if (!table.forgottenSince(attempt.key, began)) corrupt = !adopt(*counter, read);
    }
  }

  // Where the caller's own answer takes the store's place, there is no decision to count.
  const bool counts = attempt.counts && (!unreadable || policy.onUnavailable == OnUnavailable::Local);
  RateLimitVerdict verdict = decided(table, *counter, attempt.cost, counts, policy, now);
  verdict.fromMemory = !asked;
  verdict.corrupt = corrupt;
  // A store that cannot be read is not written to: the count there may be higher than the one known here.
  if (unreadable) {
    degrade(verdict, policy, *unreadable);
  } else if (!writesNow(policy) || !verdict.ticket || (policy.governed && counter->pace.untilWrite(now) > Millis{0})) {
    // A denial writes nothing, not even what an earlier attempt could not.
    promiseWrite(*counter, policy, verdict, now);
  } else {
    const LimitWritten written = co_await write(table, store, attempt.key, attempt.rule, now);
    if (policy.defers) verdict.writeIn = written.writeIn;
    const bool failed = written.error && *written.error != ErrorCode::StoreRateLimited;
    if (failed && policy.onUnavailable == OnUnavailable::Deny) {
      if (Counter* const still = table.find(attempt.key, attempt.rule)) still->refund(*verdict.ticket, attempt.cost, now);
      verdict.ticket.reset();
    }
    if (failed) degrade(verdict, policy, *written.error);
  }
  show(verdict, policy);
  co_return verdict;
}

Task<LimitWritten> writeLimit(LimitTable& table, KvStore& store, StoreKey key, RateLimitRule rule, Instant now) {
  Counter* const counter = table.find(key, rule);
  if (counter == nullptr || !counter->unwritten() || counter->endedBy(now)) {
    if (counter != nullptr) counter->pace.releasePromise();
    co_return LimitWritten{};
  }
  if (const Millis wait = counter->pace.untilWrite(now); wait > Millis{0}) co_return LimitWritten{.writeIn = wait};
  counter->pace.releasePromise();
  co_return co_await write(table, store, key, rule, now);
}

Task<Result<Instant>> blockLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, Millis length, LimitPolicy policy,
                                 Instant now) {
  const Block block{now, now + length};
  table.touch(attempt.key, attempt.rule, now);
  table.each(attempt.key, [&](Counter& counter) {
    counter.known.block(block);
    counter.block(block.until);
    table.rank(counter, true);
  });
  return putBlock(store, policy.authority, std::move(attempt.blockKey), block, now);
}

Task<Result<Instant>> unblockLimit(LimitTable& table, KvStore& store, LimitAttempt attempt, LimitPolicy policy, Instant now) {
  table.touch(attempt.key, attempt.rule, now);
  table.each(attempt.key, [&](Counter& counter) {
    counter.known.lift(now);
    counter.block(kEarliest);
    table.rank(counter, counter.denies(1, now));
  });
  return putBlock(store, policy.authority, std::move(attempt.blockKey), std::nullopt, now);
}

Task<Result<Instant>> resetLimit(LimitTable& table, KvStore& store, StoreKey key, LimitAuthority authority, Instant now) {
  table.forget(key);
  if (authority != LimitAuthority::Kv) co_return now;
  const KvAnswer answer = co_await store.perform({.verb = KvVerb::Delete, .key = key.text});
  table.forget(key);
  if (!answer.outcome) co_return std::unexpected(answer.outcome.error());
  co_return answer.now;
}

}  // namespace codex
