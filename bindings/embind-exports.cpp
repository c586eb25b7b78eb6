// What the linker looks for in Emscripten's file of embind, all of it, or it takes that file as well: that one registers
// thirty types (texts, views, JavaScript values), each with its JavaScript, and has `sprintf` name what is not registered.

#include <emscripten/bind.h>

extern "C" {

/// Names a type that is not registered; there is none.
const char* __getTypeName(const std::type_info*) { return nullptr; }

/// Keeps the registrations for other threads; there are none.
void _embind_register_bindings(emscripten::internal::InitFunc*) {}
}
