// Exports as they ship: functions in the order in which they are registered, and nothing else. WebAssembly knows their types; their
// names, and the constants, are read from the declared module when the package is built (`scripts/lib/shim.mjs`). The compiler works
// the list out, so that a start has nothing to do.

#include <array>

#include "bindings/embind-exports.h"

using namespace emscripten::internal;

namespace {

constinit std::array<GenericFunction, 64> registered = {};
constinit std::size_t count = 0;

}  // namespace

extern "C" {

const GenericFunction* functions() { return registered.data(); }

void _embind_register_constant(const char*, TYPEID, double) {}
}

namespace codex::bindings {

void registerFunction(const char*, std::span<const TYPEID>, GenericFunction function) { registered.at(count++) = function; }

}  // namespace codex::bindings
