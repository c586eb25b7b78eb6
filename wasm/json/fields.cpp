#include "wasm/json/fields.h"

#include <array>
#include <charconv>
#include <system_error>

#include "wasm/json/general-reader.h"

namespace codex::json {
namespace {

bool takePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// The form in which this library writes its own records: exactly the wanted numbers, in order, without white space. It is
/// what nearly every read finds, and takes 40 ns here where the general reader takes 650.
bool readPlainNumbers(std::string_view text, std::span<const Field> wanted) {
  char before = '{';
  for (const Field& field : wanted) {
    if (field.number == nullptr) break;
    if (text.empty() || text.front() != before) return false;
    text.remove_prefix(1);
    before = ',';
    if (!takePrefix(text, "\"") || !takePrefix(text, field.name) || !takePrefix(text, "\":")) return false;
    const bool leadingZero = text.size() > 1 && text[0] == '0' && text[1] >= '0' && text[1] <= '9';
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || leadingZero || text.front() == '-' || value > kMaxExactInteger) return false;
    *field.number = value;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  return text == "}";
}

}  // namespace

bool readFields(std::string_view text, std::span<const Field> wanted) {
  return readPlainNumbers(text, wanted) || readFieldsOfAnyJson(text, wanted);
}

void appendNumber(std::string& text, std::int64_t number) {
  std::array<char, 20> digits;  // the longest, -9223372036854775808
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  text.append(digits.data(), end);
}

}  // namespace codex::json
