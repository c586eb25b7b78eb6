// What `new` and `delete` take from and give to. The C library's allocator, which is three times the size, stays away only if the
// linker finds all of them here.

#include <algorithm>
#include <cstdint>

#include "bindings/heap.h"

/// Where the linker lets free memory begin.
extern "C" std::byte __heap_base;

namespace codex::bindings {
namespace {

/// What of WebAssembly's memory no data and no stack takes.
struct LinearMemory {
  std::byte* begin() const {
    const auto base = reinterpret_cast<std::uintptr_t>(&__heap_base);
    return reinterpret_cast<std::byte*>((base + 7) / 16 * 16 + 8);
  }

  void reach(const std::byte* end) const {
    constexpr std::size_t kPage = 65'536;
    const std::size_t wanted = (reinterpret_cast<std::uintptr_t>(end) + kPage - 1) / kPage;
    const std::size_t had = __builtin_wasm_memory_size(0);
    if (wanted <= had) return;
    // A quarter more, since the host has to look at its views anew each time.
    for (const std::size_t pages : {std::max(wanted, had + had / 4), wanted}) {
      if (__builtin_wasm_memory_grow(0, pages - had) != SIZE_MAX) return;
    }
    std::abort();
  }
};

constinit Heap<LinearMemory> heap{LinearMemory{}};

}  // namespace
}  // namespace codex::bindings

using codex::bindings::heap;

void* operator new(std::size_t bytes) { return heap.take(bytes); }
void* operator new[](std::size_t bytes) { return heap.take(bytes); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  if (alignment > std::align_val_t{16}) std::abort();
  return heap.take(bytes);
}
void operator delete(void* memory) noexcept { heap.giveBack(memory); }
void operator delete[](void* memory) noexcept { heap.giveBack(memory); }
void operator delete(void* memory, std::size_t) noexcept { heap.giveBack(memory); }
void operator delete[](void* memory, std::size_t) noexcept { heap.giveBack(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { heap.giveBack(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { heap.giveBack(memory); }
