// Rate limits. A rule is four numbers (limit, window in seconds, algorithm, burst or NaN), a client's policy one.

#include <emscripten/bind.h>

#include "bindings/isolate.h"
#include "bindings/limit-numbers.h"
#include "wasm/kv/key.h"
#include "wasm/memory/siphash.h"
#include "wasm/ratelimit/attempts.h"

namespace codex::bindings {
namespace {

/// The key last handed to the host with `State::Ask`.
std::string askedKey;

/// Packs what a client asks of all its attempts into the number that every call takes.
unsigned limitPolicy(int authority, int onUnavailable, bool shadow, bool governed, bool defers) {
  return static_cast<unsigned>(authority) | (static_cast<unsigned>(onUnavailable) << 2) | (shadow ? 16U : 0U) |
         (governed ? 32U : 0U) | (defers ? 64U : 0U);
}

LimitPolicy policyOf(unsigned packed) {
  return {.authority = static_cast<LimitAuthority>(packed & 3U),
          .onUnavailable = static_cast<OnUnavailable>((packed >> 2) & 3U),
          .shadow = (packed & 16U) != 0,
          .governed = (packed & 32U) != 0,
          .defers = (packed & 64U) != 0};
}

/// Who attempts what: the texts of a call, and its rule.
struct Named {
  std::string_view prefix;
  InputText identifier;
  LimitAttempt attempt;

  std::string blockKey() const { return key::forBlock(prefix, identifier); }
};

Result<Named> named(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst) {
  const Result<RateLimitRule> rule = rateLimitRule(limit, windowSeconds, static_cast<LimitAlgorithm>(algorithm), burst);
  if (!rule) return std::unexpected(rule.error());
  const std::string_view prefixText = textBuffer().next(prefix).head;
  const InputText identifierText = textBuffer().next(identifier);
  Result<std::string> key = key::forLimit(prefixText, identifierText);
  if (!key) return std::unexpected(key.error());
  return Named{prefixText, identifierText, {.key = inStore(std::move(*key)), .rule = *rule}};
}

int done(const RateLimitVerdict& verdict) {
  report(verdict);
  return number(State::Done);
}

int done(const LimitWritten& written) {
  report(written);
  return number(State::Done);
}

bool isObject(const LimitPolicy& policy) {
  return policy.authority == LimitAuthority::Durable || policy.authority == LimitAuthority::Fast;
}

int ask(std::string key) {
  askedKey = std::move(key);
  reply().set(Field::KeyAddress, Field::KeyLength, askedKey);
  reply().set(Field::Shard, static_cast<double>(siphash({}, askedKey) & 0xFFFF'FFFFU));
  return number(State::Ask);
}

/// Runs a change, which the object must hear of too where there is one.
template <class Make>
int change(const std::string& key, const LimitPolicy& policy, Make make) {
  if (!isObject(policy)) return call({}, std::move(make));
  std::string asked = key;
  call({}, std::move(make));
  return ask(std::move(asked));
}

/// Refuses what `checkLimit` would refuse, and does nothing else.
int vetLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost) {
  const Result<std::int64_t> attemptCosts = attemptCost(cost);
  if (!attemptCosts) return refuse(attemptCosts.error());
  const Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  return input ? number(State::Done) : refuse(input.error());
}

int checkLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost,
               bool counts, unsigned packed) {
  const Result<std::int64_t> attemptCosts = attemptCost(cost);
  if (!attemptCosts) return refuse(attemptCosts.error());
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!input) return refuse(input.error());
  LimitAttempt& attempt = input->attempt;
  attempt.cost = *attemptCosts;
  attempt.counts = counts;
  const LimitPolicy policy = policyOf(packed);
  if (const auto verdict = decideHere(isolate->limits, attempt, policy, caller.now)) return done(*verdict);
  if (isObject(policy)) return ask(std::move(attempt.key.text));
  attempt.blockKey = input->blockKey();
  return call(attempt.key.text, [&](KvStore& store) {
    return codex::checkLimit(isolate->limits, store, std::move(attempt), policy, caller.now);
  });
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
  const Result<std::int64_t> attemptCosts = attemptCost(cost);
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!attemptCosts || !input) return refuse(attemptCosts ? input.error() : attemptCosts.error());
  LimitAttempt& attempt = input->attempt;
  attempt.cost = *attemptCosts;
  attempt.counts = counts;
  const LimitPolicy policy = policyOf(packed);
  if (!reached) return done(decideAlone(isolate->limits, attempt, policy, ErrorCode::StoreUnavailable, caller.now));
  return done(settle(isolate->limits, attempt, policy, answered(attempt.rule), attemptsIn(numbers(), 7), caller.now));
}

int writeLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst) {
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!input) return refuse(input.error());
  LimitAttempt& attempt = input->attempt;
  return call(attempt.key.text, [&](KvStore& store) {
    return codex::writeLimit(isolate->limits, store, std::move(attempt.key), attempt.rule, caller.now);
  });
}

int refundLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost,
                double opening, double sequence, unsigned packed) {
  const Result<std::int64_t> attemptCosts = attemptCost(cost);
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!attemptCosts || !input) return refuse(attemptCosts ? input.error() : attemptCosts.error());
  const LimitAttempt& attempt = input->attempt;
  const LimitTicket ticket = ticketOf(opening, sequence);
  const LimitPolicy policy = policyOf(packed);
  const LimitWritten written =
      codex::refundLimit(isolate->limits, attempt.key, attempt.rule, ticket, *attemptCosts, policy, caller.now);
  return isObject(policy) ? ask(attempt.key.text) : done(written);
}

int blockLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double seconds,
               unsigned packed) {
  const Result<Millis> length = blockLength(seconds);
  if (!length) return refuse(length.error());
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!input) return refuse(input.error());
  LimitAttempt& attempt = input->attempt;
  attempt.blockKey = input->blockKey();
  const LimitPolicy policy = policyOf(packed);
  return change(attempt.key.text, policy, [&](KvStore& store) {
    return codex::blockLimit(isolate->limits, store, std::move(attempt), *length, policy, caller.now);
  });
}

int unblockLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, unsigned packed) {
  Result<Named> input = named(prefix, identifier, limit, windowSeconds, algorithm, burst);
  if (!input) return refuse(input.error());
  LimitAttempt& attempt = input->attempt;
  attempt.blockKey = input->blockKey();
  const LimitPolicy policy = policyOf(packed);
  return change(attempt.key.text, policy, [&](KvStore& store) {
    return codex::unblockLimit(isolate->limits, store, std::move(attempt), policy, caller.now);
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

EMSCRIPTEN_BINDINGS(rate_limit) {
  using emscripten::enum_;
  using emscripten::enum_value_type;
  using emscripten::function;

  enum_<LimitAlgorithm>("Algorithm", enum_value_type::number)
      .value("fixed-window", LimitAlgorithm::FixedWindow)
      .value("sliding-window", LimitAlgorithm::SlidingWindow)
      .value("gcra", LimitAlgorithm::Gcra);
  enum_<LimitAuthority>("Authority", enum_value_type::number)
      .value("kv", LimitAuthority::Kv)
      .value("memory", LimitAuthority::Memory)
      .value("durable", LimitAuthority::Durable)
      .value("fast", LimitAuthority::Fast);
  enum_<OnUnavailable>("OnUnavailable", enum_value_type::number)
      .value("local", OnUnavailable::Local)
      .value("deny", OnUnavailable::Deny)
      .value("allow", OnUnavailable::Allow);
  enum_<LimitReason>("Reason", enum_value_type::number)
      .value("ok", LimitReason::Ok)
      .value("limit", LimitReason::Limit)
      .value("blocked", LimitReason::Blocked)
      .value("degraded", LimitReason::Degraded)
      .value("shadow", LimitReason::Shadow);
  enum_<LimitScope>("Scope", enum_value_type::number)
      .value("isolate", LimitScope::Isolate)
      .value("colo", LimitScope::Colo)
      .value("global", LimitScope::Global);

  function("limitPolicy", &limitPolicy);
  function("vetLimit", &vetLimit);
  function("checkLimit", &bindings::checkLimit);
  function("settleLimit", &settleLimit);
  function("writeLimit", &bindings::writeLimit);
  function("refundLimit", &bindings::refundLimit);
  function("blockLimit", &bindings::blockLimit);
  function("unblockLimit", &bindings::unblockLimit);
  function("resetLimit", &bindings::resetLimit);
}
