#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "bindings/text-buffer.h"
#include "wasm/kv/kv-store.h"

namespace codex::bindings {

/// Where the further keys of a read cross, at one address for the life of the instance: out, two numbers for each key, its
/// address and its length; back, one number for each, the length of the text in the text buffer, or -1 where there is none.
class FurtherKeys {
 public:
  const std::int32_t* address() const { return numbers_.data(); }

  void show(std::span<const std::string_view> keys);
  /// The texts found, which stand next in the buffer.
  std::span<const std::optional<std::string_view>> take(std::size_t count, TextBuffer& buffer);

 private:
  std::array<std::int32_t, 2 * kMaxFurtherKeys> numbers_ = {};
  std::array<std::optional<std::string_view>, kMaxFurtherKeys> texts_ = {};
};

/// The one of this instance.
FurtherKeys& furtherKeys();

}  // namespace codex::bindings
