#pragma once

#include <emscripten/bind.h>

namespace codex::bindings {

/// Exports a function, in the place of `emscripten::function`, which makes one more of each: the one that converts what
/// crosses. Arguments and results are numbers (`type-exports.cpp`), and the host calls the function itself.
template <class Returned, class... Arguments>
void function(const char* name, Returned (*exported)(Arguments...)) {
  using namespace emscripten::internal;
  static constexpr TYPEID types[] = {TypeID<Returned>::get(), TypeID<Arguments>::get()...};
  constexpr const char* kNoSignature = "";
  constexpr GenericFunction kNoInvoker = nullptr;
  _embind_register_function(name, sizeof...(Arguments) + 1, types, kNoSignature, kNoInvoker,
                            reinterpret_cast<GenericFunction>(exported), false, false);
}

}  // namespace codex::bindings
