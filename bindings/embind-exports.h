#pragma once

#include <emscripten/bind.h>

#include <span>

namespace codex::bindings {

/// Tells the host of an export: what it returns, and what it takes. Only who declares the exports has a use for the types.
void registerFunction(const char* name, std::span<const emscripten::internal::TYPEID> types,
                      emscripten::internal::GenericFunction exported);

/// Exports a function, in the place of `emscripten::function`, which makes one more of each: the one that converts what
/// crosses. Arguments and results are numbers (`type-exports.cpp`), and the host calls the function itself.
template <class Returned, class... Arguments>
void function(const char* name, Returned (*exported)(Arguments...)) {
  using namespace emscripten::internal;
  static constexpr TYPEID types[] = {TypeID<Returned>::get(), TypeID<Arguments>::get()...};
  registerFunction(name, types, reinterpret_cast<GenericFunction>(exported));
}

}  // namespace codex::bindings
