// What Emscripten has JavaScript do, done here, so that the module imports nothing.

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <new>

extern "C" {

[[noreturn]] void _abort_js() { __builtin_trap(); }

/// A quarter more than there is, so that memory is seldom grown; what is wanted, where that would pass the maximum.
int emscripten_resize_heap(std::size_t wanted) {
  constexpr std::size_t kPage = 65'536;
  const std::size_t had = __builtin_wasm_memory_size(0);
  const std::size_t missing = (wanted + kPage - 1) / kPage - had;
  const auto grow = [](std::size_t pages) { return __builtin_wasm_memory_grow(0, pages) != static_cast<std::size_t>(-1); };
  return grow(std::max(missing, had / 4)) || grow(missing) ? 1 : 0;
}
}

/// The library's own asks a handler for more, which nobody sets. Without memory the instance ends.
void* operator new(std::size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) std::abort();
  return memory;
}
