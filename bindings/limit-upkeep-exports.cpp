// What is done about attempts besides deciding them: seldom, so small rather than fast.

#include "bindings/embind-exports.h"
#include "bindings/limit-input.h"
#include "bindings/limit-numbers.h"
#include "wasm/kv/key.h"

namespace codex::bindings {
namespace {

/// Runs a change, which the object must hear of too where there is one.
template <class Make>
int change(const std::string& key, const LimitPolicy& policy, Make make) {
  const bool asks = isObject(policy.authority);
  std::string asked(asks ? std::string_view(key) : std::string_view());
  const int state = call({}, std::move(make));
  return asks ? ask(std::move(asked)) : state;
}

/// Refuses what `checkLimit` would refuse, and does nothing else.
int vetLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost) {
  return name(prefix, identifier, limit, windowSeconds, algorithm, burst, cost) ? number(State::Done) : kRefused;
}

/// What the numbers hold of an authority's answer, before the attempts; see `limit-numbers.h`.
RateLimitVerdict answered(const RateLimitRule& rule) {
  const Numbers& in = numbers();
  RateLimitVerdict verdict{.allowed = in.at(0) != 0,
                           .limit = rule.limit,
                           .remaining = in.whole(1),
                           .resetAt = toInstant(in.at(2)),
                           .retryAfter = in.at(3) < 0 ? std::nullopt : std::optional(toDuration<Millis>(in.at(3))),
                           .reason = static_cast<LimitReason>(in.whole(4))};
  if (in.at(6) > 0) verdict.ticket = LimitTicket{in.whole(5), static_cast<std::uint32_t>(in.whole(6))};
  return verdict;
}

/// Takes in what the authority answered, or with a failure, that it did not.
int settleLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost,
                bool counts, unsigned packed, bool reached) {
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst, cost)) return kRefused;
  LimitAttempt& attempt = named.attempt;
  attempt.counts = counts;
  const LimitPolicy policy = policyOf(packed);
  if (!reached) return done(decideAlone(isolate->limits, attempt, policy, ErrorCode::StoreUnavailable, caller.now));
  return done(settle(isolate->limits, attempt, policy, answered(attempt.rule), attemptsIn(numbers(), 7), caller.now));
}

int writeLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst) {
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst)) return kRefused;
  LimitAttempt& attempt = named.attempt;
  return call(attempt.key.text,
              [&](KvStore& store) { return codex::writeLimit(isolate->limits, store, attempt.key, attempt.rule, caller.now); });
}

int refundLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost,
                double opening, double sequence, unsigned packed) {
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst, cost)) return kRefused;
  const LimitAttempt& attempt = named.attempt;
  const LimitTicket ticket = ticketOf(opening, sequence);
  const LimitPolicy policy = policyOf(packed);
  report(codex::refundLimit(isolate->limits, attempt.key, attempt.rule, ticket, attempt.cost, policy, caller.now));
  return isObject(policy.authority) ? ask(attempt.key.text) : number(State::Done);
}

int blockLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double seconds,
               unsigned packed) {
  const Result<Millis> length = blockLength(seconds);
  if (!length) return refuse(length.error());
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst)) return kRefused;
  const LimitPolicy policy = policyOf(packed);
  return change(named.attempt.key.text, policy, [&](KvStore& store) {
    return codex::blockLimit(isolate->limits, store, attemptOnStore(), *length, policy, caller.now);
  });
}

int unblockLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, unsigned packed) {
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst)) return kRefused;
  const LimitPolicy policy = policyOf(packed);
  return change(named.attempt.key.text, policy, [&](KvStore& store) {
    return codex::unblockLimit(isolate->limits, store, attemptOnStore(), policy, caller.now);
  });
}

int resetLimit(int prefix, int identifier, unsigned packed) {
  const std::string_view prefixText = textBuffer().next(prefix).head;
  Result<std::string> key = key::forLimit(prefixText, textBuffer().next(identifier));
  if (!key) return refuse(key.error());
  const LimitPolicy policy = policyOf(packed);
  return change(*key, policy, [&](KvStore& store) {
    return codex::resetLimit(isolate->limits, store, inStore(*key), policy.authority, caller.now);
  });
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(limit_upkeep) {
  using codex::bindings::function;

  function("vetLimit", &vetLimit);
  function("settleLimit", &settleLimit);
  function("writeLimit", &bindings::writeLimit);
  function("refundLimit", &bindings::refundLimit);
  function("blockLimit", &bindings::blockLimit);
  function("unblockLimit", &bindings::unblockLimit);
  function("resetLimit", &bindings::resetLimit);
}
