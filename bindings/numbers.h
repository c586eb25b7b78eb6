#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace codex::bindings {

/// Where a call with many numbers finds them, at one address for the life of the instance. The shim writes them before it
/// enters.
class Numbers {
 public:
  static constexpr std::size_t kMost = 16;

  double* address() { return numbers_.data(); }
  double at(std::size_t index) const { return numbers_.at(index); }
  std::int64_t whole(std::size_t index) const { return static_cast<std::int64_t>(numbers_.at(index)); }

 private:
  std::array<double, kMost> numbers_ = {};
};

/// The ones of this instance.
Numbers& numbers();

}  // namespace codex::bindings
