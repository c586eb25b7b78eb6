#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace codex::bindings {

/// Memory for whoever asks, from a region that grows at its end. What is given back is kept by its size for the next who asks for
/// as much, and is never joined with what lies beside it: the same few sizes come again and again, so that nothing has to be
/// looked for. Sizes are rounded up, by an eighth on average and never by more than a quarter from 64 bytes on.
///
/// A region says where it begins, at 8 bytes past a multiple of 16, and makes usable what lies below an end, or does not
/// return. What is handed out is a multiple of 16.
template <class Region>
class Heap {
 public:
  static constexpr std::size_t kMostBytes = std::size_t{1} << 26;

  explicit constexpr Heap(Region region) : region_(region) {}

  void* take(std::size_t bytes) {
    if (bytes > kMostBytes - kHeaderBytes) std::abort();
    const Size size = sizeOf(bytes + kHeaderBytes);
    if (Unused* const again = unused_[size.index]) {
      unused_[size.index] = again->next;
      return again;
    }
    if (top_ == nullptr) top_ = region_.begin();
    std::byte* const memory = top_ + kHeaderBytes;
    top_ += size.bytes;
    region_.reach(top_);
    *(new (memory - kHeaderBytes) std::uint32_t) = size.index;
    return memory;
  }

  void giveBack(void* memory) {
    if (memory == nullptr) return;
    const std::uint32_t index = *reinterpret_cast<const std::uint32_t*>(static_cast<std::byte*>(memory) - kHeaderBytes);
    unused_[index] = new (memory) Unused{unused_[index]};
  }

 private:
  /// What stands where memory is kept for the next.
  struct Unused {
    Unused* next;
  };

  struct Size {
    std::uint32_t index;
    std::size_t bytes;
  };

  static constexpr std::size_t kHeaderBytes = 8;
  static constexpr int kLeastBits = 4;
  static constexpr int kStepBits = 3;  // eight sizes up to 128 bytes, then four to each doubling
  static constexpr std::size_t kSizes = (27 - kStepBits - kLeastBits) << kStepBits;

  static Size sizeOf(std::size_t bytes) {
    const int bits = std::max(static_cast<int>(std::bit_width(bytes - 1)) - kStepBits, kLeastBits);
    const std::size_t steps = ((bytes - 1) >> bits) + 1;
    return {static_cast<std::uint32_t>((static_cast<std::size_t>(bits - kLeastBits) << kStepBits) + steps - 1), steps << bits};
  }

  Region region_;
  std::byte* top_ = nullptr;
  std::array<Unused*, kSizes> unused_ = {};
};

}  // namespace codex::bindings
