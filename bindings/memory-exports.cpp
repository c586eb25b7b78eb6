// What the host does about the memory tier itself. Payloads stand in an array of its own, by slot.

#include "bindings/embind-exports.h"
#include "bindings/isolate.h"
#include "wasm/memory/write-governor.h"

namespace codex::bindings {
namespace {

void raiseMemory(double bytes) { isolate->tier.raiseBound(static_cast<std::uint64_t>(bytes)); }

/// Remembers what the call that has just ended offers: the slot for its payload, or -1.
int remember(double payloadBytes) {
  const std::optional<Offer> offer = std::exchange(offered, std::nullopt);
  const std::optional<Slot> slot = offer ? take(isolate->tier, *offer, static_cast<std::uint64_t>(payloadBytes)) : std::nullopt;
  leave(State::Done);
  return slot ? static_cast<int>(*slot) : -1;
}

/// The slots whose payloads the host must drop; then it says that it has.
unsigned releasedAddress() { return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(isolate->tier.released().data())); }
void drained() { isolate->tier.drained(); }

/// Milliseconds that a write of a key has to wait for its turn.
double waitForTurn(double answered, double claimedUntil, double now) {
  return static_cast<double>(governor::waitForTurn({toInstant(answered), toInstant(claimedUntil)}, toInstant(now)).count());
}

/// Until when a write that begins now is taken for being under way.
double claimFrom(double now, double operationTimeoutMs) {
  const Instant until = governor::claimFrom(toInstant(now), toDuration<Millis>(operationTimeoutMs));
  return static_cast<double>(until.time_since_epoch().count());
}

/// Milliseconds until a write that failed is tried again, or -1: it is given up.
double retryIn(bool rateLimited, int tries, double spentMs, double u) {
  const auto wait = governor::retryIn(rateLimited, tries, toDuration<Millis>(spentMs), u);
  return wait ? static_cast<double>(wait->count()) : -1.0;
}

double memoryBytes() { return static_cast<double>(isolate->tier.bytes()); }
unsigned memoryEntries() { return static_cast<unsigned>(isolate->tier.entries()); }

}  // namespace
}  // namespace codex::bindings

using namespace codex;
using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(memory) {
  using codex::bindings::function;

  function("raiseMemory", &raiseMemory);
  function("remember", &remember);
  function("releasedAddress", &releasedAddress);
  function("drained", &drained);
  function("waitForTurn", &bindings::waitForTurn);
  function("claimFrom", &bindings::claimFrom);
  function("retryIn", &bindings::retryIn);
  function("memoryBytes", &memoryBytes);
  function("memoryEntries", &memoryEntries);
}
