// The types that an export may take and return, for the declarations that are generated of the module; with any other these
// cannot be generated, and the build fails. WebAssembly passes each of them as it is, so the module that ships need not know.

#include <limits>

#include "bindings/embind-exports.h"

using namespace emscripten::internal;

namespace {

template <class T>
void registerInteger(const char* name) {
  _embind_register_integer(TypeID<T>::get(), name, sizeof(T), std::numeric_limits<T>::min(), std::numeric_limits<T>::max());
}

}  // namespace

namespace codex::bindings {

void registerFunction(const char* name, std::span<const TYPEID> types, GenericFunction exported) {
  constexpr const char* kNoSignature = "";
  constexpr GenericFunction kNoInvoker = nullptr;
  _embind_register_function(name, static_cast<unsigned>(types.size()), types.data(), kNoSignature, kNoInvoker, exported, false,
                            false);
}

}  // namespace codex::bindings

EMSCRIPTEN_BINDINGS(types) {
  _embind_register_void(TypeID<void>::get(), "void");
  _embind_register_bool(TypeID<bool>::get(), "bool", true, false);
  registerInteger<int>("int");
  registerInteger<unsigned>("unsigned int");
  _embind_register_float(TypeID<double>::get(), "double", sizeof(double));
}
