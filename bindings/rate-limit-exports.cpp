// Deciding attempts.

#include "bindings/embind-exports.h"
#include "bindings/limit-input.h"

namespace codex::bindings {
namespace {

/// Packs what a client asks of all its attempts into the number that every call takes.
unsigned limitPolicy(int authority, int onUnavailable, bool shadow, bool governed, bool defers) {
  return static_cast<unsigned>(authority) | (static_cast<unsigned>(onUnavailable) << 2) | (shadow ? 16U : 0U) |
         (governed ? 32U : 0U) | (defers ? 64U : 0U);
}

int checkLimit(int prefix, int identifier, double limit, double windowSeconds, int algorithm, double burst, double cost,
               bool counts, unsigned packed) {
  if (!name(prefix, identifier, limit, windowSeconds, algorithm, burst, cost)) return kRefused;
  LimitAttempt& attempt = named.attempt;
  attempt.counts = counts;
  const LimitPolicy policy = policyOf(packed);
  if (const auto verdict = decideHere(isolate->limits, attempt, policy, caller.now)) return done(*verdict);
  if (isObject(policy.authority)) return ask(attempt.key.text);
  return call(attempt.key.text,
              [&](KvStore& store) { return codex::checkLimit(isolate->limits, store, attemptOnStore(), policy, caller.now); });
}

/// The same by the counter that decided last time, which spares the texts, and `enter`. Dropped where it cannot: it was evicted, or somebody
/// has to be asked.
int checkKnownLimit(unsigned place, double born, double cost, bool counts, unsigned packed, double now) {
  LimitTable::Counter* const counter = isolate->limits.at(place, static_cast<std::uint64_t>(born));
  if (counter == nullptr) return number(State::Dropped);
  const Result<std::int64_t> attemptCosts = attemptCost(cost);
  if (!attemptCosts) return refuse(attemptCosts.error());
  const auto verdict = decideBy(isolate->limits, *counter, *attemptCosts, counts, policyOf(packed), toInstant(now));
  return verdict ? done(*verdict) : number(State::Dropped);
}

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(rate_limit) {
  using codex::bindings::function;

  function("limitPolicy", &limitPolicy);
  function("checkLimit", &bindings::checkLimit);
  function("checkKnownLimit", &checkKnownLimit);
}
