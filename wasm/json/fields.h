#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace codex::json {

/// A field wanted from an object. Filled with what stands there last, as `JSON.parse` would have it; left empty where the
/// field is absent or holds something else.
struct Field {
  std::string_view name;
  std::optional<std::int64_t>* number = nullptr;  // whole numbers that a double holds exactly
  std::optional<std::string>* text = nullptr;
};

/// The largest whole number that JSON carries between programs intact (RFC 8259, 6).
inline constexpr std::int64_t kMaxExactInteger = 9'007'199'254'740'991;

/// Reads the wanted fields of the object that `text` is; nested values are passed over. False where the text is no JSON
/// object; what was filled by then means nothing.
bool readFields(std::string_view text, std::span<const Field> wanted);

/// Appends a whole number as JSON writes it.
void appendNumber(std::string& text, std::int64_t number);

}  // namespace codex::json
