#include "bindings/limit-input.h"

#include <utility>

#include "wasm/kv/key.h"
#include "wasm/memory/siphash.h"

namespace codex::bindings {
namespace {

/// The key last handed to the host with `State::Ask`.
std::string askedKey;

/// The prefix that was found good last, which is nearly always that of the next call.
std::string goodPrefix;

}  // namespace

Named named;

bool name(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost) {
  const auto refused = [](const Error& error) {
    refuse(error);
    return false;
  };
  const Result<std::int64_t> costs = attemptCost(cost);
  if (!costs) return refused(costs.error());
  const Result<RateLimitRule> rule = rateLimitRule(limit, windowSeconds, static_cast<LimitAlgorithm>(algorithm), burst);
  if (!rule) return refused(rule.error());
  named.prefix = textBuffer().next(prefix).head;
  if (named.prefix.empty() || named.prefix != goodPrefix) {
    if (const std::optional<Error> error = key::checkPrefix(named.prefix)) return refused(*error);
    goodPrefix = named.prefix;
  }
  named.identifier = textBuffer().next(identifier);
  named.attempt.key.store = caller.store;
  named.attempt.rule = *rule;
  named.attempt.cost = *costs;
  key::writeForLimit(named.attempt.key.text, named.prefix, named.identifier);
  return true;
}

LimitAttempt attemptOnStore() {
  named.attempt.blockKey = key::forBlock(named.prefix, named.identifier);
  return named.attempt;
}

int ask(std::string key) {
  askedKey = std::move(key);
  reply().set(Field::KeyAddress, Field::KeyLength, askedKey);
  reply().set(Field::Shard, static_cast<double>(siphash({}, askedKey) & 0xFFFF'FFFFU));
  return number(State::Ask);
}

}  // namespace codex::bindings
