#include "bindings/further-keys.h"

#include <cstddef>
#include <cstdlib>

namespace codex::bindings {

void FurtherKeys::show(std::span<const std::string_view> keys) {
  if (keys.size() > kMaxFurtherKeys) std::abort();
  for (std::size_t i = 0; i < keys.size(); ++i) {
    numbers_[2 * i] = static_cast<std::int32_t>(reinterpret_cast<std::uintptr_t>(keys[i].data()));
    numbers_[2 * i + 1] = static_cast<std::int32_t>(keys[i].size());
  }
}

std::span<const std::optional<std::string_view>> FurtherKeys::take(std::size_t count, TextBuffer& buffer) {
  if (count > kMaxFurtherKeys) std::abort();
  for (std::size_t i = 0; i < count; ++i) {
    texts_[i] = numbers_[i] < 0 ? std::nullopt : std::optional(buffer.nextHead(numbers_[i]));
  }
  return {texts_.data(), count};
}

namespace {
constinit FurtherKeys instance;
}  // namespace

FurtherKeys& furtherKeys() { return instance; }

}  // namespace codex::bindings
