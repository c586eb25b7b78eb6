// What the host does about the memory tier itself. Payloads stand in an array of its own, by slot.

#include "bindings/embind-exports.h"
#include "bindings/isolate.h"

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

double memoryBytes() { return static_cast<double>(isolate->tier.bytes()); }
unsigned memoryEntries() { return static_cast<unsigned>(isolate->tier.entries()); }

}  // namespace
}  // namespace codex::bindings

using namespace codex::bindings;

EMSCRIPTEN_BINDINGS(memory) {
  using codex::bindings::function;

  function("raiseMemory", &raiseMemory);
  function("remember", &remember);
  function("releasedAddress", &releasedAddress);
  function("drained", &drained);
  function("memoryBytes", &memoryBytes);
  function("memoryEntries", &memoryEntries);
}
