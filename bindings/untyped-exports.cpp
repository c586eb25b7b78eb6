// Exports as they ship: WebAssembly knows their types, and the host converts nothing.

#include "bindings/embind-exports.h"

namespace codex::bindings {

void registerFunction(const char* name, std::span<const emscripten::internal::TYPEID>,
                      emscripten::internal::GenericFunction exported) {
  emscripten::internal::_embind_register_function(name, 0, nullptr, "", nullptr, exported, false, false);
}

}  // namespace codex::bindings
