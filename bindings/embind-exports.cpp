// What embind needs besides the exports themselves. Emscripten's own file of it registers thirty types more (texts, views,
// JavaScript values), each with its JavaScript, and has `sprintf` name what is not registered.

#include <emscripten/bind.h>

#include <limits>

using namespace emscripten::internal;

namespace {

template <class T>
void registerInteger(const char* name) {
  _embind_register_integer(TypeID<T>::get(), name, sizeof(T), std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
}

}  // namespace

/// The types that an export may take and return; with any other the declarations cannot be generated and the build fails.
EMSCRIPTEN_BINDINGS(types) {
  _embind_register_void(TypeID<void>::get(), "void");
  _embind_register_bool(TypeID<bool>::get(), "bool", true, false);
  registerInteger<int>("int");
  registerInteger<unsigned>("unsigned int");
  _embind_register_float(TypeID<double>::get(), "double", sizeof(double));
}

// The functions of Emscripten's file, all that the linker may look for, or it takes that file as well.
extern "C" {

/// Names a type that is not registered; there is none.
const char* __getTypeName(const std::type_info*) { return nullptr; }

/// Keeps the registrations for other threads; there are none.
void _embind_register_bindings(InitFunc*) {}
}
