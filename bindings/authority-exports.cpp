// The rate limits of a Durable Object. It shares this instance with the Worker and touches nothing of it but the pure policies: what
// it knows of a caller comes in as numbers and goes out as numbers.

#include "bindings/embind-exports.h"
#include "bindings/isolate.h"
#include "bindings/limit-numbers.h"
#include "wasm/ratelimit/algorithms.h"
#include "wasm/ratelimit/block.h"

namespace codex::bindings {
namespace {

/// The rule of a request, and the shift of its key's windows.
struct Ruled {
  RateLimitRule rule;
  std::int64_t phase;
};

Result<Ruled> ruled(int key, double limit, double windowSeconds, int algorithm, double burst) {
  const Result<RateLimitRule> rule = rateLimitRule(limit, windowSeconds, static_cast<LimitAlgorithm>(algorithm), burst);
  if (!rule) return std::unexpected(rule.error());
  return Ruled{*rule, phaseOf(textBuffer().next(key).head, *rule)};
}

/// Decides an attempt on what the numbers hold, and puts there what is known after it.
int judgeAttempt(int key, double limit, double windowSeconds, int algorithm, double burst, double cost, bool counts,
                 double now) {
  textBuffer().clear();
  const Result<Ruled> input = ruled(key, limit, windowSeconds, algorithm, burst);
  const Result<std::int64_t> costs = attemptCost(cost);
  if (!input || !costs) return refuse(input ? costs.error() : input.error());
  Attempts attempts = attemptsIn(numbers(), 0);
  report(judge(attempts, input->rule, input->phase, *costs, counts, toInstant(now)));
  putAttempts(attempts, numbers(), 0);
  return number(State::Done);
}

/// Takes an attempt back from what the numbers hold. The outcome is whether there was anything to take back.
int takeBackAttempt(int key, double limit, double windowSeconds, int algorithm, double burst, double cost, double opening,
                    double sequence, double now) {
  textBuffer().clear();
  const Result<Ruled> input = ruled(key, limit, windowSeconds, algorithm, burst);
  const Result<std::int64_t> costs = attemptCost(cost);
  if (!input || !costs) return refuse(input ? costs.error() : input.error());
  Attempts attempts = attemptsIn(numbers(), 0);
  const bool taken = refund(attempts, input->rule, input->phase, ticketOf(opening, sequence), *costs, toInstant(now));
  reply().set(Field::Outcome, taken ? 1.0 : 0.0);
  putAttempts(attempts, numbers(), 0);
  return number(State::Done);
}

/// When a block of so many seconds ends.
int blockEnd(double seconds, double now) {
  const Result<Millis> length = blockLength(seconds);
  if (!length) return refuse(length.error());
  reply().set(Field::ResetAt, static_cast<double>((toInstant(now) + *length).time_since_epoch().count()));
  return number(State::Done);
}

unsigned numbersAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(numbers().address())); }

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(authority) {
  using codex::bindings::function;

  function("numbersAddress", &numbersAddress);
  function("judgeAttempt", &judgeAttempt);
  function("takeBackAttempt", &takeBackAttempt);
  function("blockEnd", &blockEnd);
}
